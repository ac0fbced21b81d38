/*
 * Coverage marks: each rule of the protocol counts how often it was at work, in
 * test builds (-DCORE_MARKS) only.  A test that never hit one has not tried it.
 */
#ifndef PROC_RAFT_CORE_MARK_H
#define PROC_RAFT_CORE_MARK_H

/* clang-format off */
#define CORE_MARK_LIST(X)						\
	X(sole_voter_elected) X(prevote_started) X(prevote_granted)	\
	X(prevote_refused_leader_known) X(prevote_refused_stale_log)	\
	X(prevote_yielded) X(prevote_lost) X(eager_election)		\
	X(vote_granted) X(vote_refused_twice) X(vote_refused_stale_log)	\
	X(vote_ignored_leader_known) X(vote_refused_not_member)		\
	X(vote_refused_not_voter) X(vote_for_transfer) X(election_won)	\
	X(election_lost) X(stepped_down_term) X(stepped_down_quorum)	\
	X(stale_term_ignored) X(stale_leader_told) X(append_refused_gap) \
	X(append_refused_conflict) X(conflict_cut) X(backed_up_by_hint)	\
	X(duplicate_append) X(window_full) X(pipeline_full)		\
	X(read_from_log) X(commit_waits_own_term) X(commit_behind_disk)	\
	X(commit_before_own_disk) X(ack_after_disk) X(read_round)	\
	X(read_rounds_shared) X(read_sole_voter) X(reads_lost)		\
	X(lease_extended) X(change_refused_term_open)			\
	X(change_refused_pending) X(learner_promoted) X(catch_up_round)	\
	X(configuration_rolled_back) X(removed_leader_steps_down)	\
	X(removed_follower_told) X(learner_not_counted)			\
	X(transfer_sent) X(transfer_failed) X(transfer_done)		\
	X(snapshot_wanted) X(snapshot_offered) X(snapshot_old)		\
	X(snapshot_not_needed) X(snapshot_installed)			\
	X(peer_probed) X(peer_pipelined) X(peer_lost_log) X(diverged) X(chain_agreed)
/* clang-format on */

#ifdef CORE_MARKS
#include <stdint.h>

#define CORE_MARK_ENUM(name) CORE_MARK_##name,
enum core_mark { CORE_MARK_LIST(CORE_MARK_ENUM) CORE_MARK__COUNT };

extern uint64_t core_marks[CORE_MARK__COUNT];
extern const char *const core_mark_names[CORE_MARK__COUNT];
#define CORE_MARK(name) (core_marks[CORE_MARK_##name]++)
#else
#define CORE_MARK(name) ((void)0)
#endif

#endif
