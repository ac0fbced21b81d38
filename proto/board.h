/*
 * The board: one page that raft publishes and http reads, so that most
 * requests are routed without asking anybody.  raft maps it writable; http
 * holds a read-only description.  A reader sees one consistent state, also while
 * the writer is stopped in the midst of a change, and waits for nobody.
 *
 * http believes raft here as it does on its channel; nothing on the page is a
 * secret.
 */
#ifndef PROTO_BOARD_H
#define PROTO_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#define BOARD_VERSION 2
#define BOARD_NAME_MAX 256

enum board_role { BOARD_FOLLOWER, BOARD_CANDIDATE, BOARD_LEADER, BOARD_SHUTDOWN };

struct board_state {
	uint8_t open; /* the log is open and the database recovered */
	uint8_t ready; /* all that was acknowledged before is applied */
	uint8_t stalled; /* applying stands still: the machine failed */
	uint8_t voter;
	uint8_t role; /* enum board_role */
	uint64_t term;
	uint64_t commit;
	uint64_t applied;
	uint64_t last; /* last log index */
	uint64_t generation; /* of credentials: older tickets are void */
	uint64_t lease_until; /* CLOCK_MONOTONIC ns; UINT64_MAX: a sole voter's */
	uint64_t contact; /* CLOCK_MONOTONIC ns of the last word from a leader, 0: never */
	char leader_id[BOARD_NAME_MAX]; /* empty: none known */
	char leader_addr[BOARD_NAME_MAX]; /* its inter-node address */
};

struct board;

/* Maps the descriptor (which stays the caller's). Exits if it can't be done. */
struct board *board_map(int fd, bool writable);
void board_publish(struct board *, const struct board_state *);
/* Copies a consistent state; false, and all of it zero, if the writer never stops to change it. */
bool board_read(const struct board *, struct board_state *);
/* Size to give the page's file. */
#define BOARD_SIZE 4096

#endif
