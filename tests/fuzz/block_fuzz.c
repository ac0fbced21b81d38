/*
 * What a captured http asks `key` to sign where TLS has blocks signed: of RSA blocks
 * near a right one, nothing is signed that differs from it in more than the digest.
 */
#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "proc/key/block.h"

#define SIZE 256 /* of a 2048-bit modulus */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct sign_key *key;

static void
make_signer(void)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	EVP_PKEY *pkey = NULL;
	int fd = memfd_create("key", 0);
	FILE *file = fdopen(dup(fd), "w");
	struct error error;

	if (file == NULL || EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, SIZE * 8) != 1 ||
	    EVP_PKEY_keygen(ctx, &pkey) != 1 ||
	    PEM_write_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0 ||
	    lseek(fd, 0, SEEK_SET) != 0 || sign_key_read(fd, "key", &key, &error) == -1)
		abort();
	close(fd);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
}

/* A block that is right but for what the input changes in it. */
static void
shape(uint8_t block[SIZE], const uint8_t *data, size_t size)
{
	static const uint8_t info[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };

	memset(block, 0xff, SIZE);
	block[0] = 0;
	block[1] = 1;
	block[SIZE - 52] = 0;
	memcpy(block + SIZE - 51, info, sizeof(info));
	for (size_t i = 0; i + 1 < size; i += 2)
		block[data[i]] = data[i + 1];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t block[SIZE], out[SHADOWKEY_BLOCK_MAX], good[SIZE];
	struct shadowkey_request request = {
		.scheme = SIGSCHEME_RSA_BLOCK, .content = block, .content_len = SIZE
	};
	struct error error;

	if (key == NULL)
		make_signer();
	if (size == SIZE)
		memcpy(block, data, SIZE);
	else
		shape(block, data, size);
	if (sign_block(key, &request, out, &error) == -1)
		return (0);
	/* Nothing but the digest may differ from the one right block; random bytes are no PSS. */
	shape(good, NULL, 0);
	if (memcmp(good, block, SIZE - 32) != 0)
		__builtin_trap();
	return (0);
}
