/*
 * The workers' loop: a turn follows each round of messages, also when they never
 * stop coming and the turn before left work.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include <string.h>

#include "proc/frame/loop.h"

#define TURNS 100

struct worker {
	struct proc proc;
	struct chan asker; /* the other end of the peer's channel */
	unsigned turns;
	unsigned handled;
};

static void
ask(struct worker *worker)
{
	static const struct msg_auth_check check = { .request = 1 };

	msg_auth_check_send(&worker->asker, &check, -1);
	assert_int_equal(chan_flush_wait(&worker->asker, 1000), CHAN_OK);
}

/* There is always a next message before this one is done with. */
static void
on_auth_check(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct worker *worker = state;

	worker->handled++;
	assert_true(worker->handled <= worker->turns + 1);
	ask(worker);
}

static void
turn(void *state)
{
	struct worker *worker = state;

	worker->proc.more = true;
	if (++worker->turns == TURNS)
		worker->proc.done = true;
}

static void
join(struct chan *here, struct chan *there)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	chan_init(here, pair[0], FRAME_MAX);
	chan_init(there, pair[1], FRAME_MAX);
}

static void
test_a_turn_follows_each_round(void **state)
{
	static const struct proc_handler handlers[] = { { MSG_AUTH_CHECK, on_auth_check } };
	static const struct proc_ops ops = { .turn = turn };
	struct worker worker = { .proc = { .role = ROLE_AUTH } };
	struct chan control, master, peer;

	join(&control, &master);
	join(&peer, &worker.asker);
	control.role = ROLE_MASTER;
	peer.role = ROLE_HTTP;
	worker.proc.state = &worker;
	worker.proc.control = &control;
	worker.proc.peers[worker.proc.npeers++] = &peer;
	ask(&worker);
	assert_int_equal(proc_run(&worker.proc, &ops, handlers, 1), 0);
	assert_int_equal(worker.turns, TURNS);
	assert_true(worker.handled > 1);
	chan_fini(&control);
	chan_fini(&master);
	chan_fini(&peer);
	chan_fini(&worker.asker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_follows_each_round),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
