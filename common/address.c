/*
 * Network addresses: see address.h.
 */
#include "common/address.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdbool.h>
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

const char *
address_text(const uint8_t address[ADDRESS_SIZE], char text[ADDRESS_TEXT_SIZE])
{
	bool ipv4 = is_ipv4(address);

	if (inet_ntop(ipv4 ? AF_INET : AF_INET6, address + (ipv4 ? 12 : 0), text,
		ADDRESS_TEXT_SIZE) == NULL)
		text[0] = '\0';
	return (text);
}
