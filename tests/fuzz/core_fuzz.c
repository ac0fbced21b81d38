/*
 * A core that is fed by a hostile member: it may lose its leadership, its time and
 * its uncommitted entries, but not its head.  The input is u8 kind, then what the
 * kind needs: a frame's body with its u16 length, time that passes, or something
 * that its own side asks for.  Senders are made members of its cluster.
 */
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "proc/raft/core/core.h"

struct input {
	const uint8_t *data;
	size_t left;
};

static struct peer_entry entries[PEER_ENTRIES_MAX];
static uint64_t applied;

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
op_hold(void *arg, struct peer_entry *entry)
{
	if (entry->len == 0)
		return;
	if ((entry->owner = malloc(entry->len)) == NULL)
		abort();
	memcpy(entry->owner, entry->data, entry->len);
	entry->data = entry->owner;
}

static void
op_release(void *arg, struct peer_entry *entry)
{
	free(entry->owner);
}

/* The log that this core thinks it has is not there: whatever left the window is lost. */
static uint64_t
op_term(void *arg, uint64_t index)
{
	return (1);
}

static uint32_t
op_read(void *arg, uint64_t first, uint32_t cap, size_t bytes, struct peer_entry *out)
{
	return (0);
}

static struct core *
start(void)
{
	static struct core_start begin;
	struct core_config config = { .id = 1,
		.seed = 1,
		.window = 64,
		.window_bytes = 4096,
		.ops = { NULL, op_hold, op_release, op_term, op_read } };
	static struct peer_configuration members = { .count = 3,
		.members = { { .id = 1, .suffrage = PEER_VOTER },
		    { .id = 2, .suffrage = PEER_VOTER }, { .id = 3, .suffrage = PEER_VOTER } } };
	struct core *core = core_new(&config, &begin);

	if (core == NULL || core_bootstrap(core, &members) != CORE_OK)
		abort();
	applied = 0;
	return (core);
}

static void
settle(struct core *core)
{
	struct core_ready ready;

	while (core_ready(core, &ready)) {
		bool installs = false;
		uint64_t index = 0, term = 0;
		uint32_t i;

		for (i = 0; i < ready.nevents; i++) {
			if (ready.events[i].type != CORE_EVENT_INSTALL)
				continue;
			installs = true;
			index = ready.events[i].index;
			term = ready.events[i].term;
		}
		if (ready.first <= ready.last)
			core_persisted(core, ready.last, core_term_at(core, ready.last));
		if (ready.apply > applied) {
			applied = ready.apply;
			core_applied(core, applied, applied);
		}
		if (installs && index % 2 == 0) {
			applied = index;
			core_snapshot_installed(core, index, term, index);
		} else if (installs) {
			core_snapshot_failed(core);
		}
	}
}

static void
feed_frame(struct core *core, struct input *in)
{
	struct peer_message m;
	uint8_t *frame;
	uint32_t word;
	size_t len;

	if (in->left < 2)
		return;
	len = (size_t)in->data[0] | (size_t)in->data[1] << 8;
	in->data += 2;
	in->left -= 2;
	if (len > in->left)
		len = in->left;
	if ((frame = malloc(PEER_HEAD_SIZE + len)) == NULL)
		abort();
	word = (uint32_t)(len + 4);
	memcpy(frame, &word, 4);
	memcpy(frame + PEER_HEAD_SIZE, in->data, len);
	word = crc32c(0, in->data, len);
	memcpy(frame + 4, &word, 4);
	if (peer_decode(frame, PEER_HEAD_SIZE + len, &m, entries, PEER_ENTRIES_MAX) == 0) {
		m.from = 2 + m.from % 2;
		m.to = 1;
		core_receive(core, &m);
	}
	free(frame);
	in->data += len;
	in->left -= len;
}

static void
ask(struct core *core, uint8_t what)
{
	struct peer_entry entry = { .type = PEER_ENTRY_COMMAND };
	struct peer_member member = { .id = 2 + what % 5, .suffrage = PEER_VOTER };
	uint64_t index;

	switch (what % 7) {
	case 0:
		(void)core_propose(core, &entry, &index);
		break;
	case 1:
		(void)core_read_index(core, what);
		break;
	case 2:
		core_peer_closed(core, member.id);
		break;
	case 3:
		(void)core_member_add(core, &member, &index);
		break;
	case 4:
		(void)core_member_remove(core, member.id, &index);
		break;
	case 5:
		(void)core_transfer(core, member.id);
		break;
	default:
		(void)core_member_promote(core, member.id, &index);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct core *core = start();
	uint64_t now = 0;

	settle(core);
	while (in.left > 0) {
		uint8_t kind = *in.data++;

		in.left--;
		if (kind < 128) {
			feed_frame(core, &in);
		} else if (kind < 192) {
			now += (uint64_t)(kind - 127) * 20000000;
			core_tick(core, now);
		} else {
			ask(core, kind);
		}
		if (kind % 4 != 0)
			settle(core);
	}
	core_free(core);
	return (0);
}
