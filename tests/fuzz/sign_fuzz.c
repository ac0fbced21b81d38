/*
 * What a captured http asks `key` to sign: nothing is signed but what these few lines
 * build again from its parts, a handshake of TLS 1.2 or 1.3.
 *
 * The first byte is the scheme, the second the key, the rest the content.
 */
#include <sys/mman.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "proc/key/sign.h"

#define KEYS 3

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct sign_key *keys[KEYS];

static EVP_PKEY *
make_key(int i)
{
	return (i == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(i == 1 ? "P-256" : "P-384"));
}

static void
make_signer(int i)
{
	EVP_PKEY *pkey = make_key(i);
	int fd = memfd_create("key", 0);
	FILE *file = fdopen(dup(fd), "w");
	struct error error;

	if (file == NULL || pkey == NULL ||
	    PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0 || sign_key_read(fd, "key", &keys[i], &error) == -1)
		abort();
	close(fd);
	EVP_PKEY_free(pkey);
}

/* Whether this is TLS 1.3's, but for the hash of the transcript at the end. */
static bool
is_tls13(const uint8_t *content, size_t len)
{
	static const char head[] =
	    "                                                                "
	    "TLS 1.3, server CertificateVerify";

	return ((len == sizeof(head) + 32 || len == sizeof(head) + 48) &&
		memcmp(content, head, sizeof(head)) == 0);
}

/* Whether after 64 bytes of randoms this is one of four beginnings, and the rest of a point. */
static bool
is_tls12(const uint8_t *content, size_t len)
{
	return ((len == 100 && memcmp(content + 64, "\x03\x00\x1d\x20", 4) == 0) ||
		(len == 133 && memcmp(content + 64, "\x03\x00\x17\x41\x04", 5) == 0) ||
		(len == 165 && memcmp(content + 64, "\x03\x00\x18\x61\x04", 5) == 0) ||
		(len == 201 && memcmp(content + 64, "\x03\x00\x19\x85\x04", 5) == 0));
}

/* Whether a key makes such signatures in TLS 1.3. */
static bool
is_scheme_of_tls13(int key, int scheme)
{
	return (key == 0 ? scheme <= 2 : scheme == (key == 1 ? 6 : 7));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[SHADOWKEY_BLOCK_MAX];
	struct shadowkey_request request;
	struct error error;
	int key, scheme;

	if (keys[0] == NULL)
		for (int i = 0; i < KEYS; i++)
			make_signer(i);
	if (size < 2)
		return (-1);
	scheme = data[0] % (SIGSCHEME_ECDSA_DIGEST + 1);
	key = data[1] % KEYS;
	request = (struct shadowkey_request){ sign_key_id(keys[key]), (enum sigscheme)scheme,
		data + 2, size - 2 };
	if (sign_content(keys[key], &request, out, &error) == -1)
		return (0);
	if ((scheme < 6) != (key == 0) || scheme > 8)
		__builtin_trap();
	if (!is_tls12(data + 2, size - 2) &&
	    !(is_tls13(data + 2, size - 2) && is_scheme_of_tls13(key, scheme)))
		__builtin_trap();
	return (0);
}
