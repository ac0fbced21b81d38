/*
 * Which handshakes failed, and why, for the operator of a client that is turned away.
 */
#ifndef PROC_HTTP_TLS_LOG_H
#define PROC_HTTP_TLS_LOG_H

#include <openssl/ssl.h>

/*
 * Logs the failure that is in OpenSSL's error queue, which stays as it is.  `fd` is the
 * connection's socket; `common_name` is what a client's certificate must bear, "" for any.
 * At most a line a second: the next one has the number of those that were left out.
 */
void tls_log_failure(const SSL *, int fd, const char *common_name);

#endif
