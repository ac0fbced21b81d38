/*
 * Network addresses as 16 bytes: IPv6, or IPv4 mapped into it (::ffff:a.b.c.d).
 */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <sys/socket.h>

#include <stdint.h>

#define ADDRESS_SIZE 16
#define ADDRESS_TEXT_SIZE 46
#define ADDRESS_PORT_TEXT_SIZE (ADDRESS_TEXT_SIZE + 8)

/* What counts as one client: an IPv4 address, or an IPv6 /64, since it may choose the rest. */
void address_client(const uint8_t address[ADDRESS_SIZE], uint8_t client[ADDRESS_SIZE]);

/* Of an IPv4 or IPv6 socket; of another kind, all zero. */
void address_from(const struct sockaddr_storage *, uint8_t address[ADDRESS_SIZE]);

/* For people: IPv4 as a.b.c.d. Returns text. */
const char *address_text(const uint8_t address[ADDRESS_SIZE], char text[ADDRESS_TEXT_SIZE]);
/* With its port: "192.0.2.7:4711", "[2001:db8::9]:4711".  Returns text. */
const char *address_port_text(const struct sockaddr_storage *, char text[ADDRESS_PORT_TEXT_SIZE]);

#endif
