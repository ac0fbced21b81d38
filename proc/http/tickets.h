/*
 * Who a client is, and what it may: auth's tickets, cached by a keyed hash of the
 * Authorization header.
 */
#ifndef PROC_HTTP_TICKETS_H
#define PROC_HTTP_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "proc/frame/frame.h"

#define TICKET_CACHE 1024

struct http;
struct job;

struct ticket_entry {
	uint64_t key[2];
	uint64_t generation;
	int64_t until_ms;
	uint32_t perms;
	uint8_t ticket[64];
	uint8_t len;
};

void tickets_init(struct http *);
/* Fills in the job's ticket and permissions; false: it waits for auth, or was answered. */
bool tickets_get(struct job *);
/* AUTH_RESULT: the job that waited goes on by handler_authorized(). */
void tickets_on_result(void *http, struct chan *, const union msg *, int fd);
/* A verifier did not accept the job's ticket: handler_authorized() with a new one, or an answer. */
void tickets_renew(struct job *);

#endif
