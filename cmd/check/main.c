/*
 * rqlited-check: reads the files that the flags name as the workers do at a
 * start, and says what is wrong with the first that can not be used.
 *
 * A program of its own, so that the master never has code that reads a key or
 * a password.  `rqlited -check` runs it with the operator's rights; what it
 * reads is the operator's own.  Its arguments are the values of -auth,
 * -join-as, -http-cert, -http-key, -http-ca-cert, -http-verify-common-name and,
 * as true or false, -http-verify-client.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "proc/auth/credentials.h"
#include "proc/http/tls.h"
#include "proc/key/sign.h"

#define PEM_MAX (4 * 1024 * 1024)

enum argument { AUTH = 1, JOIN_AS, CERT, KEY, CA, NAME, VERIFY, ARGUMENTS };

/* Nothing is served: no handshake asks for a signature. */
static int
ask_nobody(void *arg, const struct shadowkey_request *request, uint8_t *out)
{
	return (-1);
}

static int
open_file(const char *path, struct error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return (fd != -1 ? fd : error_set_errno(error, "open %s", path));
}

static int
check_credentials(const char *path, const char *join_as, struct error *error)
{
	struct credentials *credentials;
	const char *password;
	size_t len;
	int fd = open_file(path, error), result;

	if (fd == -1 || credentials_read(fd, path, &credentials, error) == -1)
		return (-1);
	(void)close(fd);
	result = join_as[0] == '\0'
		     ? 0
		     : credentials_join_as(credentials, join_as, &password, &len, error);
	credentials_free(&credentials);
	return (result);
}

/* A whole file; "" is that of no path, and so is one that is too long to be a chain. */
static int
read_pem(const char *path, char **text, size_t *len, struct error *error)
{
	ssize_t n = 0;
	int fd;

	*len = 0;
	if ((*text = malloc(PEM_MAX)) == NULL)
		fatal("malloc");
	if (path[0] == '\0')
		return (0);
	if ((fd = open_file(path, error)) == -1)
		return (-1);
	while (*len < PEM_MAX && (n = read(fd, *text + *len, PEM_MAX - *len)) > 0)
		*len += (size_t)n;
	(void)close(fd);
	if (n != 0)
		*len = 0;
	return (0);
}

static int
check_pair(char **argv, const struct sign_key *key, struct error *error)
{
	static const uint8_t ticket_keys[TLS_TICKET_KEYS_SIZE];
	struct tls_setup setup = {
		.ca_path = argv[CA],
		.common_name = argv[NAME],
		.key_id = sign_key_id(key),
		.ticket_keys = ticket_keys,
		.verify_client = strcmp(argv[VERIFY], "true") == 0,
		.http2 = true,
		.ask = ask_nobody,
	};
	char *cert, *ca;
	SSL_CTX *ctx;

	if (read_pem(argv[CERT], &cert, &setup.cert_len, error) == -1 ||
	    read_pem(argv[CA], &ca, &setup.ca_len, error) == -1)
		return (-1);
	setup.cert_pem = cert;
	setup.ca_pem = argv[CA][0] != '\0' ? ca : NULL;
	ctx = tls_ctx_new(&setup, error);
	free(cert);
	free(ca);
	SSL_CTX_free(ctx);
	return (ctx != NULL ? 0 : -1);
}

static int
check_https(char **argv, struct error *error)
{
	struct sign_key *key;
	int fd = open_file(argv[KEY], error), result;

	if (fd == -1 || sign_key_read(fd, argv[KEY], &key, error) == -1)
		return (-1);
	(void)close(fd);
	result = check_pair(argv, key, error);
	sign_key_free(&key);
	return (result);
}

int
main(int argc, char **argv)
{
	struct error error;

	log_init("rqlited", LOG_INFO);
	if (argc != ARGUMENTS)
		fatalx("this is run by rqlited -check");
	if (argv[AUTH][0] != '\0' && check_credentials(argv[AUTH], argv[JOIN_AS], &error) == -1) {
		log_info("file in question: %s", argv[AUTH]);
		fatalx("failed to get credential store: %s", error.text);
	}
	if (argv[CERT][0] != '\0' && check_https(argv, &error) == -1) {
		log_info("files in question: %s, %s%s%s", argv[CERT], argv[KEY],
		    argv[CA][0] != '\0' ? ", " : "", argv[CA]);
		fatalx("failed to start HTTP server: %s", error.text);
	}
	return (0);
}
