/*
 * The board's seqlock: see board.h.
 */
#include "proto/board.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "common/log.h"

#define READ_TRIES 100000

struct board {
	uint32_t version;
	_Atomic uint32_t sequence; /* odd: being changed */
	struct board_state state;
};

static_assert(sizeof(struct board) <= BOARD_SIZE, "the board is one page");

struct board *
board_map(int fd, bool writable)
{
	struct board *board = mmap(NULL, BOARD_SIZE, PROT_READ | (writable ? PROT_WRITE : 0),
	    MAP_SHARED, fd, 0);

	if (board == MAP_FAILED)
		fatal("mmap of the board");
	if (writable)
		board->version = BOARD_VERSION;
	return (board);
}

void
board_publish(struct board *board, const struct board_state *state)
{
	uint32_t sequence = atomic_load_explicit(&board->sequence, memory_order_relaxed);

	atomic_store_explicit(&board->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(&board->state, state, sizeof(*state));
	atomic_store_explicit(&board->sequence, sequence + 2, memory_order_release);
}

bool
board_read(const struct board *board, struct board_state *state)
{
	int try;

	for (try = 0; try < READ_TRIES; try++) {
		uint32_t before = atomic_load_explicit(&board->sequence, memory_order_acquire);

		if (before & 1)
			continue;
		memcpy(state, &board->state, sizeof(*state));
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&board->sequence, memory_order_relaxed) == before) {
			/* Names are ended whatever the page says. */
			state->leader_id[BOARD_NAME_MAX - 1] = '\0';
			state->leader_addr[BOARD_NAME_MAX - 1] = '\0';
			return (true);
		}
	}
	memset(state, 0, sizeof(*state));
	return (false);
}
