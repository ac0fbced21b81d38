/*
 * What siblings answer, on its way to clients: handlers of the frame.
 */
#ifndef PROC_HTTP_RESULT_H
#define PROC_HTTP_RESULT_H

#include "proc/frame/frame.h"

/* RESULT: of a reader or of sql, whole or in parts. */
void result_on_result(void *http, struct chan *, const union msg *, int fd);
/* READ_AT: applied here up to the index that reads had to wait for. */
void result_on_read_at(void *http, struct chan *, const union msg *, int fd);
/* REFUSED: raft did not take it, or lost it. */
void result_on_refused(void *http, struct chan *, const union msg *, int fd);
/* A sibling died: what it was asked is answered, or asked of another. */
void result_peer_gone(void *http, struct chan *);

#endif
