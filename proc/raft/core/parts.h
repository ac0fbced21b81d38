/*
 * What each file of the core offers to the others, which all include this.
 */
#ifndef PROC_RAFT_CORE_PARTS_H
#define PROC_RAFT_CORE_PARTS_H

#include "proc/raft/core/state.h"

/* core.c: life, time, dispatch, what is handed to the caller */
struct peer_message *out_add(struct core *, enum peer_type, uint64_t to);
void out_event(struct core *, enum core_event_type, uint64_t peer, uint64_t index, uint64_t term);
struct core_read *out_read(struct core *);
uint64_t random_between(struct core *, uint64_t low, uint64_t high);
uint64_t add_time(uint64_t, uint64_t);

/* window.c: the recent entries in memory */
void window_append(struct core *, const struct peer_entry *);
bool window_has_room(struct core *, size_t len, uint32_t reserve);
void window_cut(struct core *, uint64_t index);
void window_clear(struct core *);
void window_trim(struct core *);
uint64_t window_floor(const struct core *);

/* vote.c: elections (thesis 3.4, 4.2.3, 9.6) */
void vote_become_follower(struct core *, uint64_t term, uint64_t leader);
void vote_reset_deadline(struct core *);
bool vote_may_stand(const struct core *);
void vote_on_deadline(struct core *);
void vote_campaign(struct core *, bool transfer);
void vote_leader_gone(struct core *);
void vote_on_prevote(struct core *, const struct peer_message *);
void vote_on_prevote_reply(struct core *, const struct peer_message *);
void vote_on_request(struct core *, const struct peer_message *);
void vote_on_reply(struct core *, const struct peer_message *);

/* append.c: the leader's side of replication (3.5, 10.2) */
void append_start(struct core *);
void append_begin_round(struct core *);
void append_all(struct core *);
void append_on_reply(struct core *, const struct peer_message *);
void append_reset_peer(struct core *, struct peer *);

/* follow.c: the follower's side */
void follow_append(struct core *, const struct peer_message *);
void follow_answer(struct core *, uint64_t round);
bool follow_leader(struct core *, const struct peer_message *);

/* commit.c: what is durable where, and so committed (3.6) */
void commit_to(struct core *, uint64_t index);
void commit_advance(struct core *);
uint64_t commit_quorum(const struct core *, uint64_t own, uint64_t (*value)(const struct peer *));
void commit_note_chain(struct core *, uint64_t index, uint64_t chain);
void commit_compare_chain(struct core *, uint64_t peer, uint64_t index, uint64_t chain);
const struct chain_point *commit_newest_chain(const struct core *);

/* read.c: read index and lease (6.4) */
void read_advance(struct core *);
void read_assign(struct core *);
void read_fail_all(struct core *);
uint64_t read_lease_until(const struct core *);

/* member.c: changes of members (chapter 4) */
void member_adopt(struct core *, uint64_t index, const struct peer_entry *);
void member_set(struct core *, const struct peer_configuration *latest);
void member_roll_back(struct core *, uint64_t cut);
void member_on_commit(struct core *);
void member_on_progress(struct core *, struct peer *);
void member_promote_joining(struct core *);
bool member_entry_is_good(const struct peer_entry *);
struct peer *member_peer(struct core *, uint64_t id);
void member_drop_peer(struct core *, struct peer *);

/* transfer.c: handing leadership over (3.10) */
void transfer_advance(struct core *);
void transfer_end(struct core *, bool good);
void transfer_retire(struct core *);
void transfer_on_timeout_now(struct core *, const struct peer_message *);

/* snapshot.c: offers and installations (chapter 5) */
void snapshot_want(struct core *, struct peer *);
void snapshot_repeat(struct core *, struct peer *);
void snapshot_on_offer(struct core *, const struct peer_message *);

#endif
