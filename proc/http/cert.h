/*
 * The certificate of HTTPS: at start, and its renewal by a reload.
 */
#ifndef PROC_HTTP_CERT_H
#define PROC_HTTP_CERT_H

#include "proc/frame/frame.h"

struct http;

void cert_init(struct http *);
/* Certificate, CA or session key, as a descriptor that this takes. */
void cert_on_file(struct http *, enum ipc_file, int fd);
/* RELOAD: all files of it are sent; DRAINED follows when the new context is made, or can not be. */
void cert_on_reload(void *http, struct chan *, const union msg *, int fd);
/* RELOADED: the new context is used, or dropped. */
void cert_on_reloaded(void *http, struct chan *, const union msg *, int fd);
/* KEY_HELD: which key `key` holds. */
void cert_on_key_held(void *http, struct chan *, const union msg *, int fd);

#endif
