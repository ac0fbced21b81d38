/*
 * DATA/node.json: who this node is, whatever its name or address become.  The
 * instance id stands in every file of the log, so that files of two nodes are
 * never mixed.
 */
#ifndef PROC_RAFT_IDENTITY_H
#define PROC_RAFT_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/file.h"

#define IDENTITY_SIZE 16

struct identity {
	uint8_t instance[IDENTITY_SIZE];
	uint8_t cluster[IDENTITY_SIZE]; /* zero until bootstrap or join */
};

/* The instance's first eight bytes as a number, never 0: who this node is to the consensus core. */
uint64_t identity_id(const struct identity *);
/* Reads it, or makes a new one, durable before it is used. */
int identity_open(struct file_dir *data, struct identity *, struct error *);
/* A new cluster begins with this node: draws its id, durable on return, unless it has one. */
int identity_bootstrap(struct file_dir *data, struct identity *, struct error *);

#endif
