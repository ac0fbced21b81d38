/*
 * The consensus core: rules that a story can not show, for they need messages that
 * no honest node sends; its bounds; and storms, in which chance has its way
 * with a small world and safety is checked after each step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proc/raft/core/mark.h"
#include "tests/scenario/world.h"

#define STORM_STEPS 3000
#define STORM_TOKENS 4096
#define INDEX_MAX 20000
#define TERM_MAX 5000

static struct world world;

static void
setup_world(uint32_t nodes)
{
	world_init(&world, NULL);
	world_found(&world, nodes);
}

static void
elect(uint64_t id)
{
	world_expire(&world, id);
	world_quiesce(&world);
	assert_int_equal(world_leader(&world), id);
}

static void
end_world(void)
{
	world_fini(&world);
	assert_int_equal(world_held(), 0);
}

/* Hands node 1 a message; the last message it sends goes to *answer. */
static bool
ask(const struct peer_message *m, struct peer_message *answer)
{
	struct world_node *node = &world.nodes[1];
	struct core_ready ready;
	bool any = false;

	core_receive(node->core, m);
	while (core_ready(node->core, &ready)) {
		if (ready.nmessages > 0) {
			*answer = ready.messages[ready.nmessages - 1];
			any = true;
		}
		if (ready.first <= ready.last)
			core_persisted(
			    node->core, ready.last, core_term_at(node->core, ready.last));
	}
	return (any);
}

static void
vote_rules(void **state)
{
	struct peer_message answer,
	    m = { .type = PEER_VOTE, .from = 2, .to = 1, .term = 5, .index = 1, .log_term = 1 };
	struct core_status status;

	setup_world(3);
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.type, PEER_VOTE_REPLY);
	assert_int_equal(answer.flags, 0);
	assert_true(ask(&m, &answer)); /* asked again: the same answer */
	assert_int_equal(answer.flags, 0);
	m.from = 3; /* a second one in that term */
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, PEER_REFUSED);
	m.term = 6;
	m.index = 0; /* its log is shorter: the term is taken, the vote is not given */
	m.log_term = 0;
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, PEER_REFUSED);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.term, 6);
	m.term = 9;
	m.from = 7; /* no member: not even the term */
	m.index = 1;
	m.log_term = 1;
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, PEER_REFUSED);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.term, 6);
	m.index = 2; /* but its log may know of a configuration that ours does not */
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, 0);
	end_world();
}

static void
vote_is_ignored_while_a_leader_is_heard(void **state)
{
	struct peer_message answer,
	    m = { .type = PEER_VOTE, .from = 3, .to = 1, .term = 50, .index = 100, .log_term = 40 };
	struct core_status status;

	setup_world(3);
	elect(2);
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, PEER_REFUSED);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.term, 2);
	m.flags = PEER_TRANSFER; /* the leader wanted it */
	assert_true(ask(&m, &answer));
	assert_int_equal(answer.flags, 0);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.term, 50);
	end_world();
}

/* What a peer may not say: nothing comes of it. */
static void
lies_are_harmless(void **state)
{
	static const uint8_t junk[] = { 9, 9, 9 };
	struct peer_entry entry = {
		.term = 99, .type = PEER_ENTRY_COMMAND, .data = junk, .len = 3
	};
	struct peer_message answer, m = { .type = PEER_APPEND_REPLY,
		.from = 2,
		.to = 1,
		.term = 2,
		.index = 1000000,
		.round = 77777 };
	struct core_status status;

	setup_world(3);
	elect(1);
	(void)ask(&m, &answer); /* has what was never sent */
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.commit, 2);
	m.from = 9; /* a stranger's word on a higher term */
	m.term = 40;
	(void)ask(&m, &answer);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.role, CORE_LEADER);
	m = (struct peer_message){ .type = PEER_APPEND,
		.from = 2,
		.to = 1,
		.term = 2,
		.index = 2,
		.log_term = 2,
		.count = 1,
		.entries = &entry };
	(void)ask(&m, &answer); /* a second leader of this term */
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.last, 2);
	m.term = 3; /* an entry from a later term than its leader */
	(void)ask(&m, &answer);
	entry.term = 3;
	entry.type = PEER_ENTRY_CONFIGURATION; /* that does not decode */
	(void)ask(&m, &answer);
	core_status(world.nodes[1].core, &status);
	assert_int_equal(status.last, 2);
	m = (struct peer_message){ .type = PEER_SNAPSHOT,
		.from = 2,
		.to = 1,
		.term = 3,
		.index = 50,
		.log_term = 3,
		.conf_index = 2,
		.count = 1,
		.entries = &entry };
	(void)ask(&m, &answer);
	m.type = 200;
	(void)ask(&m, &answer);
	end_world();
}

static void
window_is_bounded(void **state)
{
	uint32_t accepted = 0;

	world_init(&world, NULL);
	world.config.window = 64;
	world.config.window_bytes = 1000;
	world_found(&world, 3);
	elect(1);
	world.nodes[1].slow = true; /* nothing is applied, so nothing leaves */
	while (world_propose(&world, 1, "x") == CORE_OK)
		accepted++;
	assert_in_range(accepted, 40, 64);
	world_settle(&world, 1);
	world_write(&world, 1);
	world_quiesce(&world);
	assert_int_equal(world_propose(&world, 1, "x"), CORE_OK);
	end_world();
}

static void
bytes_are_bounded(void **state)
{
	char large[400];
	uint32_t accepted = 0;

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	world_init(&world, NULL);
	world.config.window_bytes = 1000;
	world_found(&world, 1);
	world_expire(&world, 1);
	world.nodes[1].slow = true;
	while (world_propose(&world, 1, large) == CORE_OK)
		accepted++;
	assert_int_equal(accepted, 2);
	end_world();
}

static void
bootstrap_only_once(void **state)
{
	setup_world(1);
	assert_int_equal(
	    core_bootstrap(world.nodes[1].core, core_members(world.nodes[1].core)), CORE_NOT_EMPTY);
	world_expire(&world, 1);
	assert_int_equal(
	    core_member_remove(world.nodes[1].core, 1, &(uint64_t){ 0 }), CORE_LAST_VOTER);
	assert_int_equal(core_transfer(world.nodes[1].core, 0), CORE_NO_PEER);
	assert_int_equal(core_transfer(world.nodes[1].core, 1), CORE_IS_LEADER);
	end_world();
}

static void
reads_are_bounded(void **state)
{
	uint64_t token = 0;

	setup_world(3);
	elect(1);
	while (core_read_index(world.nodes[1].core, token) == CORE_OK)
		token++;
	assert_int_equal(token, CORE_READS_MAX);
	assert_int_equal(core_read_index(world.nodes[2].core, 1), CORE_NOT_LEADER);
	world_settle(&world, 1);
	world_quiesce(&world);
	assert_int_equal(core_read_index(world.nodes[1].core, token), CORE_OK);
	end_world();
}

static uint64_t answered;

static void
note_answer(struct world *w, uint64_t token, uint64_t index)
{
	answered++;
}

/* Reads wait for a round of two; one is removed, and nobody is left to answer. */
static void
reads_outlive_the_last_peer(void **state)
{
	uint64_t index;

	setup_world(2);
	world.on_read = note_answer;
	answered = 0;
	elect(1);
	assert_int_equal(core_member_remove(world.nodes[1].core, 2, &index), CORE_OK);
	assert_int_equal(core_read_index(world.nodes[1].core, 1), CORE_OK);
	world_settle(&world, 1);
	world.cut[1][2] = true;
	world_pass(&world, 2000);
	assert_int_equal(core_read_index(world.nodes[1].core, 2), CORE_OK);
	world_settle(&world, 1);
	assert_int_equal(answered, 2);
	assert_int_equal(world_leader(&world), 1);
	end_world();
	setup_world(2); /* the same, with the read there before the removal */
	world.on_read = note_answer;
	answered = 0;
	elect(1);
	world.cut[2][1] = true;
	assert_int_equal(core_read_index(world.nodes[1].core, 1), CORE_OK);
	world_settle(&world, 1);
	assert_int_equal(answered, 0);
	assert_int_equal(core_member_remove(world.nodes[1].core, 2, &index), CORE_OK);
	world_settle(&world, 1);
	world_pass(&world, 300);
	assert_int_equal(answered, 1);
	end_world();
}

static void
a_peer_without_answers_is_sent_no_more(void **state)
{
	uint32_t i;

	setup_world(3);
	elect(1);
	world.cut[3][1] = true; /* it hears, and is not heard */
	for (i = 0; i < 100; i++) {
		assert_int_equal(world_propose(&world, 1, "x"), CORE_OK);
		world_settle(&world, 1);
		world_quiesce(&world);
	}
	assert_in_range(world.nodes[3].last, 2 + 16, 2 + 48);
	world.cut[3][1] = false;
	world_pass(&world, 300);
	assert_int_equal(world.nodes[3].applied, 102);
	end_world();
}

static void
a_sick_node_is_found(void **state)
{
	setup_world(3);
	elect(1);
	world.nodes[3].sick = true;
	assert_int_equal(world_propose(&world, 1, "x"), CORE_OK);
	world_settle(&world, 1);
	world_pass(&world, 250); /* one heartbeat to hear of the commit, one to compare */
	assert_int_equal(world.diverged[1], 3);
	assert_int_equal(world.diverged[3], 1);
	assert_int_equal(world.diverged[2], 0);
	end_world();
}

static void
a_quiet_cluster_only_beats(void **state)
{
	uint64_t before;

	setup_world(3);
	elect(1);
	world_pass(&world, 200);
	before = world.messages;
	world_pass(&world, 1000); /* a heartbeat each 100 ms, to two, answered */
	assert_in_range(world.messages - before, 36, 44);
	end_world();
}

/* After the leader's process died: a leader within so many milliseconds, on links of 1 ms. */
static void
failover_is_fast(void **state)
{
	uint64_t run, id, ms, leader, slow = 0;

	for (run = 0; run < 100; run++) {
		setup_world(run % 2 == 0 ? 3 : 5);
		world_pass(&world, run);
		world_expire(&world, 1 + run % 3);
		world_quiesce(&world);
		leader = world_leader(&world);
		assert_int_not_equal(leader, 0);
		world_pass(&world, 150);
		world_crash(&world, leader);
		for (ms = 0; ms < 1000 && world_leader(&world) == 0; ms++) {
			for (id = 1; id <= WORLD_NODES_MAX; id++) /* not all see it at once */
				if (world.nodes[id].core != NULL && ms == (run + id) % 3)
					core_peer_closed(world.nodes[id].core, leader);
			world_pass(&world, 1);
		}
		if (ms > 10)
			slow++;
		assert_in_range(ms, 0, 50);
		end_world();
	}
	assert_in_range(slow, 0, 50); /* the median is within 10 ms */
}

/* --- storms --- */

struct storm {
	uint64_t random;
	uint32_t nodes;
	uint64_t leader_of[TERM_MAX];
	uint64_t term_of[INDEX_MAX]; /* of committed entries */
	uint64_t committed;
	uint64_t floor[STORM_TOKENS]; /* what was committed when a read was asked for */
	uint64_t tokens;
	uint64_t reads_answered;
};

static struct storm storm;

static uint64_t
draw(uint64_t below)
{
	storm.random = storm.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((storm.random >> 33) % below);
}

static void
on_read(struct world *w, uint64_t token, uint64_t index)
{
	if (index == 0)
		return;
	storm.reads_answered++;
	assert_true(index >= storm.floor[token % STORM_TOKENS]);
}

static void
check_node(const struct world_node *node)
{
	struct core_status status;
	uint64_t index, low;

	core_status(node->core, &status);
	assert_true(status.term < TERM_MAX && status.last < INDEX_MAX);
	if (status.role == CORE_LEADER) {
		if (storm.leader_of[status.term] == 0)
			storm.leader_of[status.term] = node->id;
		assert_int_equal(storm.leader_of[status.term], node->id);
	}
	low = status.commit > 40 ? status.commit - 40 : 1;
	for (index = low; index <= status.commit; index++) {
		uint64_t term = core_term_at(node->core, index);

		if (term == 0)
			continue; /* compacted */
		if (storm.term_of[index] == 0)
			storm.term_of[index] = term;
		assert_int_equal(storm.term_of[index], term);
	}
	if (status.commit > storm.committed)
		storm.committed = status.commit;
}

static void
check(void)
{
	uint64_t id;

	for (id = 1; id <= WORLD_NODES_MAX; id++)
		if (world.nodes[id].core != NULL)
			check_node(&world.nodes[id]);
	assert_int_equal(world.disagreements, 0);
}

static void
tick_all(uint64_t ms)
{
	uint64_t id;

	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		struct world_node *node = &world.nodes[id];

		node->now += ms * WORLD_MS;
		if (node->core == NULL)
			continue;
		core_tick(node->core, node->now);
		world_settle(&world, id);
	}
}

static void
change_members(struct world_node *node)
{
	struct peer_member member = { .id = 1 + draw(storm.nodes + 2),
		.suffrage = draw(3) == 0 ? PEER_LEARNER : PEER_VOTER };
	uint64_t index;

	if (draw(2) == 0) {
		if (!world.nodes[member.id].known)
			world_add_empty(&world, member.id);
		(void)core_member_add(node->core, &member, &index);
	} else if (draw(3) == 0) {
		(void)core_member_promote(node->core, member.id, &index);
	} else {
		(void)core_member_remove(node->core, member.id, &index);
	}
}

/* A process dies, or one connection does. */
static void
close_connections(struct world_node *node)
{
	uint64_t id, dead = 1 + draw(storm.nodes);

	core_peer_closed(node->core, dead);
	if (draw(3) == 0)
		return;
	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		if (id == dead || world.nodes[id].core == NULL)
			continue;
		core_peer_closed(world.nodes[id].core, dead);
		world_settle(&world, id);
	}
}

static void
act_on_disk(struct world_node *node)
{
	uint64_t dice = draw(6);

	if (dice < 2)
		world_crash(&world, node->id);
	else if (dice == 2)
		node->slow = true;
	else if (dice == 3 && node->applied > node->base && node->written >= node->applied &&
		 core_configuration_at(node->core, node->applied) != NULL)
		world_compact(&world, node->id, node->applied);
	else {
		node->slow = false;
		world_write(&world, node->id);
	}
}

static void
act_on_node(struct world_node *node)
{
	uint64_t dice = draw(100);

	if (node->core == NULL) {
		if (node->known && dice < 30)
			world_start(&world, node->id);
		return;
	}
	if (dice < 45) {
		(void)world_propose(&world, node->id, "some command");
	} else if (dice < 60) {
		storm.floor[storm.tokens % STORM_TOKENS] = storm.committed;
		if (core_read_index(node->core, storm.tokens) == CORE_OK)
			storm.tokens++;
	} else if (dice < 65) {
		world_expire(&world, node->id);
	} else if (dice < 72) {
		close_connections(node);
	} else if (dice < 80) {
		change_members(node);
	} else if (dice < 84) {
		(void)core_transfer(node->core, draw(storm.nodes + 1));
	} else if (dice < 94) {
		act_on_disk(node);
	}
	world_settle(&world, node->id);
}

static void
act(void)
{
	uint64_t dice = draw(100), a = 1 + draw(storm.nodes), b = 1 + draw(storm.nodes);

	while (world.queue_len > 200)
		world_drop(&world, draw(world.queue_len));
	if (dice < 60 && world.queue_len > 0)
		world_deliver(&world, draw(4) == 0 ? draw(world.queue_len) : 0, draw(20) == 0);
	else if (dice < 63 && world.queue_len > 0)
		world_drop(&world, draw(world.queue_len));
	else if (dice < 73)
		tick_all(1 + draw(60));
	else if (dice < 75)
		world.cut[a][b] = draw(3) == 0;
	else
		act_on_node(&world.nodes[1 + draw(storm.nodes + 2)]);
}

/* Peace returns: there must be a leader, and what all members have must be the same. */
static void
heal(uint64_t seed)
{
	struct core_status leader, status;
	uint64_t id, index;

	memset(world.cut, 0, sizeof(world.cut));
	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		struct world_node *node = &world.nodes[id];

		node->slow = false;
		if (node->core == NULL && node->known)
			world_start(&world, id);
		else if (node->core != NULL)
			world_write(&world, id);
	}
	world_pass(&world, 20000);
	check();
	if (world_leader(&world) == 0)
		fail_msg("no leader after healing, seed %llu", (unsigned long long)seed);
	core_status(world.nodes[world_leader(&world)].core, &leader);
	assert_int_equal(leader.commit, leader.last);
	for (index = 0; index < core_members(world.nodes[leader.leader].core)->count; index++) {
		id = core_members(world.nodes[leader.leader].core)->members[index].id;
		if (world.nodes[id].core == NULL)
			continue; /* added, but never was */
		core_status(world.nodes[id].core, &status);
		if (status.applied != leader.applied)
			fail_msg("node %llu stays behind, seed %llu", (unsigned long long)id,
			    (unsigned long long)seed);
	}
}

static void
run_storm(uint64_t seed)
{
	uint32_t i;

	memset(&storm, 0, sizeof(storm));
	storm.random = seed;
	storm.nodes = 1 + (uint32_t)(seed % 5);
	world_init(&world, getenv("STORM_TRACE") != NULL ? stdout : NULL);
	world.quiet = true;
	world.config.window = 64;
	world.on_read = on_read;
	world_found(&world, storm.nodes);
	for (i = 0; i < STORM_STEPS; i++) {
		act();
		check();
	}
	heal(seed);
	end_world();
}

static void
storms(void **state)
{
	const char *first = getenv("STORM_SEED"), *count = getenv("STORMS");
	uint64_t seed = first != NULL ? strtoull(first, NULL, 10) : 1;
	uint64_t end = seed + (count != NULL ? strtoull(count, NULL, 10) : 60);

	for (; seed < end; seed++) {
		if (first != NULL || count != NULL)
			print_message("storm %llu\n", (unsigned long long)seed);
		run_storm(seed);
	}
}

/* After all the others: a rule that was never at work was not tested. */
static void
every_rule_was_at_work(void **state)
{
	unsigned mark, idle = 0;

	for (mark = 0; mark < CORE_MARK__COUNT; mark++) {
		if (core_marks[mark] > 0)
			continue;
		print_message("never: %s\n", core_mark_names[mark]);
		idle++;
	}
	assert_int_equal(idle, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vote_rules),
		cmocka_unit_test(vote_is_ignored_while_a_leader_is_heard),
		cmocka_unit_test(lies_are_harmless),
		cmocka_unit_test(window_is_bounded),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(bootstrap_only_once),
		cmocka_unit_test(reads_are_bounded),
		cmocka_unit_test(reads_outlive_the_last_peer),
		cmocka_unit_test(a_peer_without_answers_is_sent_no_more),
		cmocka_unit_test(a_sick_node_is_found),
		cmocka_unit_test(a_quiet_cluster_only_beats),
		cmocka_unit_test(failover_is_fast),
		cmocka_unit_test(storms),
		cmocka_unit_test(every_rule_was_at_work),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
