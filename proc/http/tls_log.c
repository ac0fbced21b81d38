/*
 * Lines about failed handshakes, with rqlite's texts where it has one.
 *
 * Whoever reaches the port can fail as often as he likes, and what he sends is not
 * in the line but as OpenSSL's name of the fault: so lines are few and short.
 */
#include "proc/http/tls_log.h"

#include <sys/socket.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "common/address.h"
#include "common/log.h"

static const char *
verify_text(long result)
{
	switch (result) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return ("certificate signed by unknown authority");
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return ("certificate has expired or is not yet valid");
	case X509_V_ERR_INVALID_PURPOSE:
		return ("certificate specifies an incompatible key usage");
	default:
		return (X509_verify_cert_error_string(result));
	}
}

static void
describe(const SSL *ssl, const char *common_name, char *out, size_t cap)
{
	unsigned long code = ERR_peek_last_error();
	long result = SSL_get_verify_result(ssl);
	const char *text = ERR_reason_error_string(code);

	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		(void)snprintf(out, cap, "tls: %s", text != NULL ? text : "unknown error");
	else if (ERR_GET_REASON(code) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		(void)snprintf(out, cap, "tls: client didn't provide a certificate");
	else if (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST)
		(void)snprintf(out, cap, "client sent an HTTP request to an HTTPS server");
	else if (ERR_GET_REASON(code) != SSL_R_CERTIFICATE_VERIFY_FAILED)
		(void)snprintf(out, cap, "tls: %s", text != NULL ? text : "unknown error");
	else if (result == X509_V_ERR_HOSTNAME_MISMATCH)
		(void)snprintf(out, cap,
		    "client did not provide any valid certificate that matches CN \"%s\"",
		    common_name);
	else
		(void)snprintf(
		    out, cap, "tls: failed to verify certificate: x509: %s", verify_text(result));
}

/* "192.0.2.1:4711"; "unknown" if the client is gone. */
static void
print_peer(int fd, char out[ADDRESS_PORT_TEXT_SIZE])
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &len) == -1)
		(void)snprintf(out, ADDRESS_PORT_TEXT_SIZE, "unknown");
	else
		(void)address_port_text(&peer, out);
}

void
tls_log_failure(const SSL *ssl, int fd, const char *common_name)
{
	static time_t logged;
	static unsigned long left_out;
	char peer[ADDRESS_PORT_TEXT_SIZE], why[512], more[64] = "";
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (logged == now.tv_sec + 1) {
		left_out++;
		return;
	}
	logged = now.tv_sec + 1; /* not 0, which is "never" */
	if (left_out > 0)
		(void)snprintf(more, sizeof(more), " (and %lu before)", left_out);
	left_out = 0;
	print_peer(fd, peer);
	describe(ssl, common_name, why, sizeof(why));
	log_as("rqlited", "http: TLS handshake error from %s: %s%s", peer, why, more);
}
