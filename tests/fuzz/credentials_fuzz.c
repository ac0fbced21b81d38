/*
 * The credentials file: no text may crash the decoder, and what it accepts can
 * be asked and freed.
 */
#include <stdint.h>
#include <string.h>

#include "proc/auth/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct credentials_claim claim = { "bob", 3, "", 0 };
	struct credentials *credentials = NULL;
	struct error error;
	struct login login;

	if (credentials_decode((const char *)data, size, &credentials, &error) == -1)
		return (0);
	/* Nobody gets in with nothing; the empty password makes no hash. */
	if (memmem(data, size, "$y$", 3) == NULL && memmem(data, size, "$6$", 3) == NULL) {
		credentials_login(credentials, &claim, &login);
		if (login.result != CREDENTIALS_WRONG)
			__builtin_trap();
	}
	credentials_free(&credentials);
	return (0);
}
