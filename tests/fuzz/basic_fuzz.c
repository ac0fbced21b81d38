/*
 * Basic credentials: what is found lies in the scratch, and its user has no
 * colon, however small the scratch is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/http/basic.h"
#include "proto/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(const uint8_t *data, size_t size, size_t scratch_size)
{
	uint8_t *scratch = malloc(scratch_size);
	struct basic basic;

	if (basic_parse((const char *)data, size, scratch, scratch_size, &basic)) {
		const char *end = (const char *)scratch + scratch_size;

		if (basic.user != (const char *)scratch ||
		    basic.password != basic.user + basic.user_len + 1 ||
		    basic.password + basic.password_len > end || basic.user_len > IPC_USER_MAX ||
		    basic.password_len > IPC_PASSWORD_MAX ||
		    memchr(basic.user, ':', basic.user_len) != NULL || basic.password[-1] != ':')
			__builtin_trap();
	} else if (basic.user_len != 0 || basic.password_len != 0 || basic.user != NULL)
		__builtin_trap();
	free(scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size, BASIC_SCRATCH_MAX);
	check(data, size, size / 2 + 1);
	return (0);
}
