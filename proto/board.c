/*
 * The board's lock: see board.h.
 *
 * The state is there twice, and the sequence says which of the two to read: the
 * writer changes the one that nobody is sent to.  It may stop anywhere, as where the
 * scheduler takes its core away, and readers still find a whole state.
 */
#include "proto/board.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "common/log.h"

#define READ_TRIES 1000 /* each is for nothing only if the writer was quicker */

struct board {
	uint32_t version;
	_Atomic uint32_t sequence; /* even: states[0] is to be read, odd: states[1] */
	struct board_state states[2];
};

static_assert(sizeof(struct board) <= BOARD_SIZE, "the board is one page");

struct board *
board_map(int fd, bool writable)
{
	struct board *board =
	    mmap(NULL, BOARD_SIZE, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, 0);

	if (board == MAP_FAILED)
		fatal("mmap of the board");
	if (writable)
		board->version = BOARD_VERSION;
	return (board);
}

/* A writer that died may have left it odd, with states[0] torn. */
void
board_publish(struct board *board, const struct board_state *state)
{
	uint32_t sequence = atomic_load_explicit(&board->sequence, memory_order_relaxed) & ~1U;

	atomic_store_explicit(&board->sequence, sequence + 1, memory_order_release);
	atomic_thread_fence(memory_order_release);
	memcpy(&board->states[0], state, sizeof(*state));
	atomic_store_explicit(&board->sequence, sequence + 2, memory_order_release);
	atomic_thread_fence(memory_order_release);
	memcpy(&board->states[1], state, sizeof(*state));
}

bool
board_read(const struct board *board, struct board_state *state)
{
	int try;

	for (try = 0; try < READ_TRIES; try++) {
		uint32_t before = atomic_load_explicit(&board->sequence, memory_order_acquire);

		memcpy(state, &board->states[before & 1], sizeof(*state));
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
