/*
 * Commands too long for one message: raft holds what has come of them, and says
 * how much more may come.
 */
#ifndef PROC_RAFT_UPLOAD_H
#define PROC_RAFT_UPLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "proc/raft/origin.h"
#include "proto/ipc.h"

/* A command in memory of the entries: its bytes, behind room for the entry's head. */
struct serve_held {
	uint8_t *data;
	void *owner;
	size_t size; /* without the head */
};

struct upload {
	TAILQ_ENTRY(upload) entry;
	struct origin origin;
	uint8_t ticket[IPC_TICKET_MAX];
	size_t ticket_len;
	size_t size;
	struct serve_held held; /* owner NULL: it waits for memory */
	size_t got;
	size_t room; /* told so far, of all: got <= room <= size */
};

TAILQ_HEAD(upload_list, upload);

#endif
