/*
 * The core's inputs and questions; included by core.h, which explains their use.
 */
#ifndef PROC_RAFT_CORE_INPUT_H
#define PROC_RAFT_CORE_INPUT_H

#include "proc/raft/core/core.h"

/* What there is to do; true if anything.  Taking it makes room for more: ask until it is false. */
bool core_ready(struct core *, struct core_ready *);

/* Time has come to `now`; a clock that steps back is taken as standing still. */
void core_tick(struct core *, uint64_t now);
/* When the next tick has something to do; UINT64_MAX: never by itself. */
uint64_t core_deadline(const struct core *);

/* A message from the node message->from (the connection vouches for it). Borrowed. */
void core_receive(struct core *, const struct peer_message *);
/* The connection to a node was made, or has closed, or was refused (its process is dead). */
void core_peer_opened(struct core *, uint64_t peer);
void core_peer_closed(struct core *, uint64_t peer);

/* First configuration of a new cluster at index 1, term 1; the same on all its nodes. */
enum core_error core_bootstrap(struct core *, const struct peer_configuration *);

/*
 * Proposes an entry (COMMAND and the opaque types); its index goes to *index and
 * its term is the current one.  On CORE_OK the core owns entry->data by way of
 * ops.release; else it stays the caller's.  It is committed when ready.commit
 * reaches the index in the same term; lost if another term's entry gets there.
 */
enum core_error core_propose(struct core *, struct peer_entry *, uint64_t *index);

/* The log is durable up to `index`, whose term is `term` (stale news is ignored). */
void core_persisted(struct core *, uint64_t index, uint64_t term);
/* The state machine has applied up to `index` with this chain hash. */
void core_applied(struct core *, uint64_t index, uint64_t chain);
/* The log is about to drop its front: `index`, applied, is its base now.  Before the entries go. */
void core_compacted(struct core *, uint64_t index);

/* Asks for an index to read at, which comes in ready.reads with the token. */
enum core_error core_read_index(struct core *, uint64_t token);

/*
 * Changes of members, one at a time; *index is the entry whose commitment makes
 * it so.  A member added as PEER_VOTER joins as PEER_JOINING and is promoted when
 * it has caught up.
 */
enum core_error core_member_add(struct core *, const struct peer_member *, uint64_t *index);
enum core_error core_member_promote(struct core *, uint64_t id, uint64_t *index);
enum core_error core_member_remove(struct core *, uint64_t id, uint64_t *index);

/* Hands leadership over; target 0: the most advanced voter. An event tells the end. */
enum core_error core_transfer(struct core *, uint64_t target);

/*
 * Leader: a snapshot at (index, term) for a peer that wants one is pinned: offers
 * it.  False if the peer or the leadership is gone, or core_configuration_at() has
 * no answer for the index.
 */
bool core_snapshot_offer(struct core *, uint64_t peer, uint64_t index, uint64_t term);
/* Leader: its content is sent (or failed): appends go on behind it, or it is wanted again. */
void core_snapshot_sent(struct core *, uint64_t peer, bool good);
/*
 * Follower: the snapshot of an INSTALL event is durable, database and log (what
 * follows (index, term) in the log is kept if it is there, else the log is
 * empty with that base).  The core decides the same by the same rule.
 */
void core_snapshot_installed(struct core *, uint64_t index, uint64_t term, uint64_t chain);
/* Follower: it came to nothing; the leader offers another. */
void core_snapshot_failed(struct core *);

/* An entry of the window, NULL if it has left it (then the log has it). */
const struct peer_entry *core_entry(const struct core *, uint64_t index);
/* Term of an entry or of the base; 0 if it is not held. */
uint64_t core_term_at(const struct core *, uint64_t index);
void core_status(const struct core *, struct core_status *);
/* The latest configuration, committed or not. */
const struct peer_configuration *core_members(const struct core *);
/* The one in force at base <= index <= applied; NULL: there is none. Good until the next call. */
const struct peer_configuration *core_configuration_at(struct core *, uint64_t index);
const char *core_error_text(enum core_error);

#endif
