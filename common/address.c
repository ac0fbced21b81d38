/*
 * Network addresses: see address.h.
 */
#include "common/address.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
is_ipv4(const uint8_t address[ADDRESS_SIZE])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return (memcmp(address, mapped, sizeof(mapped)) == 0);
}

void
address_client(const uint8_t address[ADDRESS_SIZE], uint8_t client[ADDRESS_SIZE])
{
	memcpy(client, address, ADDRESS_SIZE);
	if (!is_ipv4(address))
		memset(client + 8, 0, 8);
}

void
address_from(const struct sockaddr_storage *ss, uint8_t address[ADDRESS_SIZE])
{
	memset(address, 0, ADDRESS_SIZE);
	if (ss->ss_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)ss)->sin6_addr, ADDRESS_SIZE);
	else if (ss->ss_family == AF_INET) {
		address[10] = address[11] = 0xff;
		memcpy(address + 12, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	}
}

const char *
address_text(const uint8_t address[ADDRESS_SIZE], char text[ADDRESS_TEXT_SIZE])
{
	bool ipv4 = is_ipv4(address);

	if (inet_ntop(ipv4 ? AF_INET : AF_INET6, address + (ipv4 ? 12 : 0), text,
		ADDRESS_TEXT_SIZE) == NULL)
		text[0] = '\0';
	return (text);
}

const char *
address_port_text(const struct sockaddr_storage *ss, char text[ADDRESS_PORT_TEXT_SIZE])
{
	/* The port stands in one place in both kinds. */
	unsigned port = ntohs(((const struct sockaddr_in *)ss)->sin_port);
	uint8_t address[ADDRESS_SIZE];
	char host[ADDRESS_TEXT_SIZE];

	address_from(ss, address);
	(void)snprintf(text, ADDRESS_PORT_TEXT_SIZE, is_ipv4(address) ? "%s:%u" : "[%s]:%u",
	    address_text(address, host), port);
	return (text);
}
