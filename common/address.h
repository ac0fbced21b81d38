/*
 * Network addresses as 16 bytes: IPv6, or IPv4 mapped into it (::ffff:a.b.c.d).
 */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <stdint.h>

#define ADDRESS_SIZE 16
#define ADDRESS_TEXT_SIZE 46

/* What counts as one client: an IPv4 address, or an IPv6 /64, since it may choose the rest. */
void address_client(const uint8_t address[ADDRESS_SIZE], uint8_t client[ADDRESS_SIZE]);

/* For people: IPv4 as a.b.c.d. Returns text. */
const char *address_text(const uint8_t address[ADDRESS_SIZE], char text[ADDRESS_TEXT_SIZE]);

#endif
