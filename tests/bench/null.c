/*
 * Ceilings for the benchmark, built on the same h2o and the same system calls
 * as rqlited, doing nothing else:
 *	null PORT		a handler that answers 60 bytes of JSON
 *	null PORT flush FILE	the same, after pwrite + fdatasync of one block
 *	null PORT tls CERT KEY	the same as the first, over TLS with its own key
 */
#include <h2o.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096
#define BLOCKS 4096

static h2o_globalconf_t config;
static h2o_context_t ctx;
static h2o_accept_ctx_t accept_ctx;
static int flush_fd = -1;
static char block[BLOCK];

static void
flush_once(void)
{
	static unsigned at;

	if (pwrite(flush_fd, block, BLOCK, (off_t)(at++ % BLOCKS) * BLOCK) != BLOCK ||
	    fdatasync(flush_fd) == -1)
		abort();
}

static int
on_request(h2o_handler_t *handler, h2o_req_t *req)
{
	static h2o_generator_t generator;
	static const char body[] =
	    "{\"results\":[{\"last_insert_id\":123456,\"rows_affected\":1}]}";
	h2o_iovec_t iov = { (char *)(uintptr_t)body, sizeof(body) - 1 };

	if (flush_fd != -1)
		flush_once();
	req->res.status = 200;
	req->res.reason = "OK";
	req->res.content_length = iov.len;
	h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
	    "application/json; charset=utf-8", 31);
	h2o_start_response(req, &generator);
	h2o_send(req, &iov, 1, H2O_SEND_STATE_FINAL);
	return (0);
}

static void
on_accept(h2o_socket_t *listener, const char *error)
{
	h2o_socket_t *sock;
	int i;

	for (i = 0; i < 16 && (sock = h2o_evloop_socket_accept(listener)) != NULL; i++)
		h2o_accept(&accept_ctx, sock);
}

static int
listen_on(const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 || listen(fd, 1024) == -1) {
		perror("listen");
		exit(1);
	}
	return (fd);
}

static void
open_flush(const char *path)
{
	int i;

	flush_fd = open(path, O_RDWR | O_CREAT, 0600);
	for (i = 0; i < BLOCKS; i++)
		if (write(flush_fd, block, BLOCK) != BLOCK)
			exit(1);
	(void)fsync(flush_fd);
}

/* The protocol's options are those of rqlited: what differs is who holds the key. */
static void
use_tls(const char *cert, const char *key)
{
	accept_ctx.ssl_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_mode(accept_ctx.ssl_ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(accept_ctx.ssl_ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(accept_ctx.ssl_ctx, 1);
	if (SSL_CTX_use_certificate_chain_file(accept_ctx.ssl_ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(accept_ctx.ssl_ctx, key, SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "certificate or key\n");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	h2o_hostconf_t *host;
	h2o_socket_t *listener;

	if (argc < 2)
		return (2);
	signal(SIGPIPE, SIG_IGN);
	h2o_config_init(&config);
	config.server_name.len = 0;
	config.http1.req_timeout = 180 * 1000;
	host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
	h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof(h2o_handler_t))->on_req =
	    on_request;
	h2o_context_init(&ctx, h2o_evloop_create(), &config);
	accept_ctx.ctx = &ctx;
	accept_ctx.hosts = config.hosts;
	if (argc == 4 && strcmp(argv[2], "flush") == 0)
		open_flush(argv[3]);
	if (argc == 5 && strcmp(argv[2], "tls") == 0)
		use_tls(argv[3], argv[4]);
	listener =
	    h2o_evloop_socket_create(ctx.loop, listen_on(argv[1]), H2O_SOCKET_FLAG_DONT_READ);
	h2o_socket_read_start(listener, on_accept);
	for (;;)
		h2o_evloop_run(ctx.loop, INT32_MAX);
}
