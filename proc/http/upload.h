/*
 * Commands too long for one message to raft, sent in parts as raft has room.
 */
#ifndef PROC_HTTP_UPLOAD_H
#define PROC_HTTP_UPLOAD_H

#include "proc/frame/frame.h"

struct job;

/* Takes the command from the scratch, to be sent when raft asks for it. */
void upload_keep(struct job *);
/* EXECUTE_MORE: raft has room; asking for more than there is is fatal. */
void upload_on_more(void *http, struct chan *, const union msg *, int fd);
/* The job ends: what was not sent will not be, and raft is told. */
void upload_drop(struct job *);

#endif
