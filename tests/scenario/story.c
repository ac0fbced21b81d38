/*
 * Runs stories: files of commands to the small world, each followed by `----` and
 * what came of it.  The whole transcript is compared.  With --rewrite it is
 * written into the file instead: then read the diff.
 *
 * A story is blocks parted by blank lines.  A block is comments (# ...), command
 * lines, a line `----`, and the transcript up to the next blank line.  README.md
 * lists the commands.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scenario/world.h"

#define WORDS_MAX 8
#define LINE_MAX_BYTES 512

struct story {
	struct world world;
	bool failed; /* a command that nobody knows */
};

struct words {
	uint32_t count;
	const char *at[WORDS_MAX];
};

static uint64_t
number(const struct words *words, uint32_t i)
{
	return (i < words->count ? strtoull(words->at[i], NULL, 10) : 0);
}

static struct world_node *
node_of(struct story *story, const struct words *words)
{
	uint64_t id = number(words, 1);

	assert(id >= 1 && id <= WORLD_NODES_MAX);
	return (&story->world.nodes[id]);
}

static void
say(struct story *story, enum core_error error)
{
	if (error != CORE_OK)
		fprintf(story->world.out, "refused: %s\n", core_error_text(error));
}

static void
do_nodes(struct story *story, const struct words *words)
{
	FILE *out = story->world.out;

	story->world.out = NULL;
	world_found(&story->world, (uint32_t)number(words, 1));
	story->world.out = out;
}

static void
do_empty(struct story *story, const struct words *words)
{
	world_add_empty(&story->world, number(words, 1));
}

/* Elects without telling how: for stories about something else. */
static void
do_elect(struct story *story, const struct words *words)
{
	FILE *out = story->world.out;

	story->world.out = NULL;
	world_expire(&story->world, number(words, 1));
	world_quiesce(&story->world);
	story->world.out = out;
	fprintf(out, "leader %" PRIu64 "\n", world_leader(&story->world));
}

static void
do_expire(struct story *story, const struct words *words)
{
	world_expire(&story->world, number(words, 1));
}

static void
do_pass(struct story *story, const struct words *words)
{
	world_pass(&story->world, number(words, 1));
}

static void
do_propose(struct story *story, const struct words *words)
{
	uint32_t i;

	for (i = 2; i < words->count; i++)
		say(story, world_propose(&story->world, number(words, 1), words->at[i]));
	world_settle(&story->world, number(words, 1));
}

static void
do_deliver(struct story *story, const struct words *words)
{
	size_t i;

	if (words->count == 1) {
		world_quiesce(&story->world);
		return;
	}
	/* deliver FROM TO: the first letter between them */
	for (i = 0; i < story->world.queue_len; i++)
		if (story->world.queue[i].m.from == number(words, 1) &&
		    story->world.queue[i].m.to == number(words, 2))
			break;
	if (!world_deliver(&story->world, i, words->count > 3))
		fprintf(story->world.out, "no such message\n");
}

static void
do_lose(struct story *story, const struct words *words)
{
	size_t i;

	for (i = story->world.queue_len; i-- > 0;)
		if ((words->count < 2 || story->world.queue[i].m.from == number(words, 1)) &&
		    (words->count < 3 || story->world.queue[i].m.to == number(words, 2)))
			world_drop(&story->world, i);
}

static void
set_cut(struct story *story, const struct words *words, bool cut)
{
	uint64_t a = number(words, 1), b;

	for (b = 1; b <= WORLD_NODES_MAX; b++)
		if (words->count < 3 || b == number(words, 2))
			story->world.cut[a][b] = story->world.cut[b][a] = cut;
}

static void
do_cut(struct story *story, const struct words *words)
{
	set_cut(story, words, true);
}

static void
do_heal(struct story *story, const struct words *words)
{
	set_cut(story, words, false);
}

static void
do_crash(struct story *story, const struct words *words)
{
	world_crash(&story->world, number(words, 1));
}

static void
do_start(struct story *story, const struct words *words)
{
	world_start(&story->world, number(words, 1));
}

static void
do_slow(struct story *story, const struct words *words)
{
	node_of(story, words)->slow = true;
}

static void
do_write(struct story *story, const struct words *words)
{
	world_write(&story->world, number(words, 1));
}

static void
do_close(struct story *story, const struct words *words)
{
	uint64_t id = number(words, 1), other;

	for (other = 1; other <= WORLD_NODES_MAX; other++) {
		struct world_node *node = &story->world.nodes[other];

		if (other == id || node->core == NULL ||
		    (words->count > 2 && other != number(words, 2)))
			continue;
		core_peer_closed(node->core, id);
		world_settle(&story->world, other);
	}
}

static void
do_read(struct story *story, const struct words *words)
{
	uint32_t i;

	for (i = 2; i < words->count; i++)
		say(story, core_read_index(node_of(story, words)->core, number(words, i)));
	world_settle(&story->world, number(words, 1));
}

static void
do_add(struct story *story, const struct words *words)
{
	struct peer_member member = { .id = number(words, 2), .suffrage = PEER_VOTER };
	uint64_t index;

	if (words->count > 3 && strcmp(words->at[3], "learner") == 0)
		member.suffrage = PEER_LEARNER;
	say(story, core_member_add(node_of(story, words)->core, &member, &index));
	world_settle(&story->world, number(words, 1));
}

static void
do_promote(struct story *story, const struct words *words)
{
	uint64_t index;

	say(story, core_member_promote(node_of(story, words)->core, number(words, 2), &index));
	world_settle(&story->world, number(words, 1));
}

static void
do_remove(struct story *story, const struct words *words)
{
	uint64_t index;

	say(story, core_member_remove(node_of(story, words)->core, number(words, 2), &index));
	world_settle(&story->world, number(words, 1));
}

static void
do_transfer(struct story *story, const struct words *words)
{
	say(story, core_transfer(node_of(story, words)->core, number(words, 2)));
	world_settle(&story->world, number(words, 1));
}

static void
do_compact(struct story *story, const struct words *words)
{
	struct world_node *node = node_of(story, words);

	world_compact(&story->world, node->id, node->applied);
}

static void
do_hand(struct story *story, const struct words *words)
{
	story->world.snapshots_by_hand = true;
}

static void
do_install(struct story *story, const struct words *words)
{
	world_install(&story->world, number(words, 1));
}

static void
do_sick(struct story *story, const struct words *words)
{
	node_of(story, words)->sick = true;
}

static void
do_quiet(struct story *story, const struct words *words)
{
	story->world.quiet = words->count < 2 || strcmp(words->at[1], "off") != 0;
}

static void
do_window(struct story *story, const struct words *words)
{
	story->world.config.window = (uint32_t)number(words, 1);
}

static void
do_show(struct story *story, const struct words *words)
{
	struct core_status status;
	uint64_t id;

	for (id = 1; id <= WORLD_NODES_MAX; id++) {
		struct world_node *node = &story->world.nodes[id];

		if (node->core == NULL || (words->count > 1 && id != number(words, 1)))
			continue;
		core_status(node->core, &status);
		fprintf(story->world.out,
		    "%" PRIu64 ": %s term %" PRIu64 " leader %" PRIu64 " last %" PRIu64 "/%" PRIu64
		    " disk %" PRIu64 " commit %" PRIu64 " applied %" PRIu64 "%s\n",
		    id, world_role(status.role), status.term, status.leader, status.last,
		    core_term_at(node->core, status.last), status.persisted, status.commit,
		    status.applied, status.voter ? "" : " no voter");
	}
}

static const struct command {
	const char *name;
	void (*run)(struct story *, const struct words *);
} commands[] = {
	{ "add", do_add },
	{ "close", do_close },
	{ "compact", do_compact },
	{ "crash", do_crash },
	{ "cut", do_cut },
	{ "deliver", do_deliver },
	{ "elect", do_elect },
	{ "empty", do_empty },
	{ "expire", do_expire },
	{ "hand", do_hand },
	{ "heal", do_heal },
	{ "install", do_install },
	{ "lose", do_lose },
	{ "nodes", do_nodes },
	{ "pass", do_pass },
	{ "promote", do_promote },
	{ "propose", do_propose },
	{ "quiet", do_quiet },
	{ "read", do_read },
	{ "remove", do_remove },
	{ "show", do_show },
	{ "sick", do_sick },
	{ "slow", do_slow },
	{ "start", do_start },
	{ "transfer", do_transfer },
	{ "window", do_window },
	{ "write", do_write },
};

static void
run_line(struct story *story, char *line)
{
	struct words words = { 0, { NULL } };
	char *save = NULL, *word;
	size_t i;

	for (word = strtok_r(line, " \t\n", &save); word != NULL && words.count < WORDS_MAX;
	     word = strtok_r(NULL, " \t\n", &save))
		words.at[words.count++] = word;
	if (words.count == 0)
		return;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, words.at[0]) == 0) {
			commands[i].run(story, &words);
			return;
		}
	}
	fprintf(stderr, "no command '%s'\n", words.at[0]);
	story->failed = true;
}

/* Copies the story, with each transcript as it is now: a block's commands run at its `----`. */
static void
run_story(struct story *story, FILE *in, FILE *out)
{
	char line[LINE_MAX_BYTES], kept[64][LINE_MAX_BYTES];
	bool in_transcript = false;
	size_t i, count = 0;

	story->world.out = out;
	while (fgets(line, sizeof(line), in) != NULL) {
		if (line[0] == '\n')
			in_transcript = false;
		if (in_transcript)
			continue;
		fputs(line, out);
		if (strcmp(line, "----\n") == 0) {
			in_transcript = true;
			for (i = 0; i < count; i++)
				run_line(story, kept[i]);
			count = 0;
		} else if (line[0] != '#' && line[0] != '\n' && count < 64) {
			memcpy(kept[count++], line, sizeof(line));
		}
	}
	if (count > 0) {
		fprintf(stderr, "commands after the last ----\n");
		story->failed = true;
	}
}

static char *
read_all(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	long size;

	if (file == NULL)
		return (NULL);
	if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
	    (text = malloc((size_t)size + 1)) != NULL) {
		rewind(file);
		*len = fread(text, 1, (size_t)size, file);
		text[*len] = '\0';
	}
	fclose(file);
	return (text);
}

/* The first line that differs, for a person to begin with. */
static void
explain(const char *path, const char *old, const char *new)
{
	uint32_t line = 1;
	const char *a = old, *b = new;

	while (*a != '\0' && *a == *b) {
		if (*a == '\n') {
			line++;
			old = a + 1;
			new = b + 1;
		}
		a++;
		b++;
	}
	printf("%s:%u:\n  recorded: %.*s\n  now:      %.*s\n", path, line, (int)strcspn(old, "\n"),
	    old, (int)strcspn(new, "\n"), new);
}

static bool
rewrite(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return (false);
	return ((fwrite(text, 1, len, file) == len) & (fclose(file) == 0));
}

static bool
run_file(const char *path, bool rewriting)
{
	static struct story story;
	char *old, *new = NULL;
	size_t old_len, new_len;
	FILE *in, *out;
	bool good;

	memset(&story, 0, sizeof(story));
	if ((old = read_all(path, &old_len)) == NULL ||
	    (in = fmemopen(old, old_len, "r")) == NULL ||
	    (out = open_memstream(&new, &new_len)) == NULL) {
		perror(path);
		exit(2);
	}
	world_init(&story.world, out);
	run_story(&story, in, out);
	world_fini(&story.world);
	fclose(in);
	fclose(out);
	good = !story.failed && old_len == new_len && memcmp(old, new, new_len) == 0;
	if (rewriting && !good && !story.failed)
		good = rewrite(path, new, new_len);
	else if (!good)
		explain(path, old, new);
	free(old);
	free(new);
	return (good);
}

int
main(int argc, char *argv[])
{
	bool rewriting = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
	int i, failed = 0;

	for (i = rewriting ? 2 : 1; i < argc; i++)
		if (!run_file(argv[i], rewriting))
			failed++;
	if (i == (rewriting ? 2 : 1)) {
		fprintf(stderr, "usage: story [--rewrite] FILE ...\n");
		return (2);
	}
	printf("%d of %d stories told otherwise\n", failed, argc - (rewriting ? 2 : 1));
	return (failed == 0 ? 0 : 1);
}
