/*
 * What each file of the core offers to the others, which all include this.  Times are
 * ns of the core's clock; entries and peers are borrowed; on_... take a message that was
 * decoded, and of which nothing else is known.  What has no comment here has one where
 * it is defined.
 */
#ifndef PROC_RAFT_CORE_PARTS_H
#define PROC_RAFT_CORE_PARTS_H

#include "proc/raft/core/state.h"

/* core.c: life, time, dispatch, what is handed to the caller */
struct peer_message *out_add(struct core *, enum peer_type, uint64_t to);
/* Tells the caller; one of a type and peer that was not yet taken is overwritten. */
void out_event(struct core *, enum core_event_type, uint64_t peer, uint64_t index, uint64_t term);
struct core_read *out_read(struct core *);
uint64_t random_between(struct core *, uint64_t low, uint64_t high);
/* The sum, NEVER at most. */
uint64_t add_time(uint64_t, uint64_t);

/* window.c: the recent entries in memory */
void window_append(struct core *, const struct peer_entry *);
bool window_has_room(struct core *, size_t len, uint32_t reserve);
void window_cut(struct core *, uint64_t index);
/* Lets go of all of it, also of what is not durable. */
void window_clear(struct core *);
void window_trim(struct core *);
uint64_t window_floor(const struct core *);

/* vote.c: elections (thesis 3.4, 4.2.3, 9.6) */
/* Of `leader`, 0 if unknown; a newer term than this node's is taken, and its vote given up. */
void vote_become_follower(struct core *, uint64_t term, uint64_t leader);
/* Draws anew how long this node waits for a leader, or for the end of its election. */
void vote_reset_deadline(struct core *);
bool vote_may_stand(const struct core *);
void vote_on_deadline(struct core *);
/* Stands in a new term; at once elected if alone.  Only who vote_may_stand(), and no leader. */
void vote_campaign(struct core *, bool transfer);
/* The leader's connections closed: stands early, unless it may not. */
void vote_leader_gone(struct core *);
/* Questions and answers of any term: who asks too early, or lacks entries, gets no vote. */
void vote_on_prevote(struct core *, const struct peer_message *);
void vote_on_prevote_reply(struct core *, const struct peer_message *);
void vote_on_request(struct core *, const struct peer_message *);
void vote_on_reply(struct core *, const struct peer_message *);

/* append.c: the leader's side of replication (3.5, 10.2) */
void append_start(struct core *);
void append_begin_round(struct core *);
void append_all(struct core *);
/* From a peer of this term; the word of others is only looked at for a newer term. */
void append_on_reply(struct core *, const struct peer_message *);
/* Nothing is known to be on its way to the peer any more: one message at a time again. */
void append_reset_peer(struct core *, struct peer *);

/* follow.c: the follower's side */
/* Entries, or none.  Answers at once, or when what it took is durable. */
void follow_append(struct core *, const struct peer_message *);
/* Says how far the log is known to equal the leader's, and durable. */
void follow_answer(struct core *, uint64_t round);
bool follow_leader(struct core *, const struct peer_message *);

/* commit.c: what is durable where, and so committed (3.6) */
/* Never back; `index` is in the log. */
void commit_to(struct core *, uint64_t index);
void commit_advance(struct core *);
uint64_t commit_quorum(const struct core *, uint64_t own, uint64_t (*value)(const struct peer *));
/* The hash of what is applied up to `index`, for comparison with the others'. */
void commit_note_chain(struct core *, uint64_t index, uint64_t chain);
void commit_compare_chain(struct core *, uint64_t peer, uint64_t index, uint64_t chain);
/* Never NULL; index 0 before the first one. */
const struct chain_point *commit_newest_chain(const struct core *);

/* read.c: read index and lease (6.4) */
void read_advance(struct core *);
void read_assign(struct core *);
/* Leader no more: each read that waits is answered with index 0. */
void read_fail_all(struct core *);
uint64_t read_lease_until(const struct core *);

/* member.c: changes of members (chapter 4) */
void member_adopt(struct core *, uint64_t index, const struct peer_entry *);
/* Takes over a configuration, copied; peers that stay keep what is known of them. */
void member_set(struct core *, const struct peer_configuration *latest);
void member_roll_back(struct core *, uint64_t cut);
void member_on_commit(struct core *);
void member_on_progress(struct core *, struct peer *);
/* Proposes that one who has caught up becomes a voter, if a change may begin now. */
void member_promote_joining(struct core *);
/* Of any type: false only for a configuration that can not be read. */
bool member_entry_is_good(const struct peer_entry *);
/* NULL if there is none; until the next change of members. */
struct peer *member_peer(struct core *, uint64_t id);
/* The last one of the table takes its place. */
void member_drop_peer(struct core *, struct peer *);

/* transfer.c: handing leadership over (3.10) */
void transfer_advance(struct core *);
/* Tells the caller how it went. */
void transfer_end(struct core *, bool good);
void transfer_retire(struct core *);
/* Stands at once, unless the word is of another term or this node may not. */
void transfer_on_timeout_now(struct core *, const struct peer_message *);

/* snapshot.c: offers and installations (chapter 5) */
/* The log has not what the peer lacks: asks the caller for a snapshot to offer. */
void snapshot_want(struct core *, struct peer *);
void snapshot_repeat(struct core *, struct peer *);
/* Ignores what is malformed; answers an old one as if it were entries. */
void snapshot_on_offer(struct core *, const struct peer_message *);

#endif
