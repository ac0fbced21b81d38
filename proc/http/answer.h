/*
 * What clients get: status, headers, body.  Each function but answer_headers()
 * and answer_served_by() ends the job; texts and bodies are copied.
 */
#ifndef PROC_HTTP_ANSWER_H
#define PROC_HTTP_ANSWER_H

#include <stddef.h>

#include "proc/http/reply.h"

#define STANDING_MAX 6 /* headers that every answer has */

struct http;
struct job;

/* Prepares the headers of every answer; to be called after the settings came. */
void answer_init(struct http *);
/* Status and headers of an answer whose body the caller streams; NULL: no Content-Type. */
void answer_headers(struct job *, int status, const char *content_type);
void answer_body(struct job *, int status, const char *content_type, const void *, size_t);
void answer_empty(struct job *, int status, const char *content_type);
/* What is wrong below the interface: no headers of ours, and the connection is closed. */
void answer_protocol_error(struct job *, int status, const char *text);
/* "text error": text/plain, nosniff, a newline behind it. */
void answer_error(struct job *, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 200 with {"results":[],"error":...}. */
void answer_envelope_error(struct job *, const char *text);
/* The form of its envelope: what the request asked for, and the time until now. */
struct reply answer_reply(const struct job *);
/* Adds the header that names this node; before the others are sent. */
void answer_served_by(struct job *);
/* The words behind a status, as Go has them. */
const char *answer_reason(int status);

#endif
