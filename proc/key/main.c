/*
 * The key worker: holds the private key of the HTTPS certificate and signs
 * handshakes for http, nothing else (sign.c refuses what no handshake contains).
 * What is signed it must be shown: digests are signed only in builds for a TLS
 * library that shows no more (SIGN_BLOCKS); in others such a request is no message.
 * It was handed the key file as a descriptor and knows no path.
 *
 * After a reload the former key stays for handshakes that are under way.
 */
#include <string.h>
#include <unistd.h>

#include "common/counters.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "proc/frame/loop.h"
#include "proc/key/sign.h"
#ifdef SIGN_BLOCKS
#include "proc/key/block.h"
#endif

static const struct sandbox key_sandbox = {
	.role = "key",
	.promises = "stdio",
	.sets = SANDBOX_STDIO,
	.open_max = 64,
};

enum slot { SLOT_FORMER, SLOT_CURRENT, SLOT_NEXT, SLOT__COUNT };

struct key {
	struct proc proc;
	char *path; /* for messages only */
	int file;
	struct sign_key *keys[SLOT__COUNT];
	struct counters *counters;
};

static const struct proc_setting settings[] = {
	{ "http-key", SETTING_TEXT, offsetof(struct key, path) },
};

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct key *key = state;

	if (kind == FILE_COUNTERS) {
		key->counters = counters_map(fd, true);
		close(fd);
	} else if (kind == FILE_HTTP_KEY) {
		if (key->file != -1)
			close(key->file);
		key->file = fd;
	} else
		fatalx("unexpected descriptor");
}

static int
read_key(struct key *key, enum slot slot, struct error *error)
{
	int result;

	sign_key_free(&key->keys[slot]);
	if (key->file == -1)
		return (error_set(error, "open %s: the file can not be opened", key->path));
	result = sign_key_read(key->file, key->path, &key->keys[slot], error);
	close(key->file);
	key->file = -1;
	return (result);
}

/* Tells an http worker which key a generation has: it checks that its certificate fits. */
static void
tell_held(struct key *key, struct chan *chan, uint64_t generation, enum slot slot)
{
	struct msg_key_held held = { generation, { NULL, 0 } };

	if (key->keys[slot] != NULL) {
		held.id.data = sign_key_id(key->keys[slot]);
		held.id.len = SHADOWKEY_ID_SIZE;
	}
	msg_key_held_send(chan, &held, -1);
}

static void
on_peer_new(void *state, struct chan *chan)
{
	struct key *key = state;

	tell_held(key, chan, key->proc.generation, SLOT_CURRENT);
}

static struct sign_key *
find_key(struct key *key, const struct ipc_bytes *id)
{
	size_t i;

	if (id->len != SHADOWKEY_ID_SIZE)
		return (NULL);
	for (i = 0; i < SLOT__COUNT; i++)
		if (key->keys[i] != NULL &&
		    memcmp(sign_key_id(key->keys[i]), id->data, id->len) == 0)
			return (key->keys[i]);
	return (NULL);
}

static int
sign_asked(struct sign_key *key, const struct shadowkey_request *request, uint8_t *out,
    struct error *error)
{
#ifdef SIGN_BLOCKS
	if (request->scheme >= SIGSCHEME__COUNT)
		return (sign_block(key, request, out, error));
#endif
	return (sign_content(key, request, out, error));
}

static void
on_key_sign(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct key *key = state;
	const struct msg_key_sign *ask = &msg->key_sign;
	struct shadowkey_request request = { ask->id.data, (enum sigscheme)ask->scheme,
		ask->content.data, ask->content.len };
	uint8_t signature[SHADOWKEY_BLOCK_MAX];
	struct msg_key_signed reply = { ask->request, { signature, 0 } };
	struct sign_key *with = find_key(key, &ask->id);
	struct error error;
	int n = -1;

	if (with != NULL) {
		n = sign_asked(with, &request, signature, &error);
		if (n == -1)
			fatalx("http %u asked for what no handshake contains: %s", chan->number,
			    error.text);
	}
	if (n > 0)
		reply.signature.len = (size_t)n;
	msg_key_signed_send(chan, &reply, -1);
}

static int
reload(void *state, uint64_t generation, struct error *error)
{
	struct key *key = state;
	int result = read_key(key, SLOT_NEXT, error);
	size_t i;

	for (i = 0; i < key->proc.npeers; i++)
		tell_held(key, key->proc.peers[i], generation, SLOT_NEXT);
	return (result);
}

static void
reloaded(void *state, bool commit)
{
	struct key *key = state;

	if (commit && key->keys[SLOT_NEXT] != NULL) {
		sign_key_free(&key->keys[SLOT_FORMER]);
		key->keys[SLOT_FORMER] = key->keys[SLOT_CURRENT];
		key->keys[SLOT_CURRENT] = key->keys[SLOT_NEXT];
		key->keys[SLOT_NEXT] = NULL;
	} else
		sign_key_free(&key->keys[SLOT_NEXT]);
}

static const struct proc_handler handlers[] = {
	{ MSG_KEY_SIGN, on_key_sign },
};

int
main(void)
{
	static struct key key;
	static const struct proc_gather gather = { settings, 1, on_file };
	static const struct proc_ops ops = {
		.peer_new = on_peer_new, .reload = reload, .reloaded = reloaded
	};
	struct error error;

	key.file = -1;
	proc_hello(&key.proc, ROLE_KEY);
	proc_gather(&key.proc, &gather, &key);
	if (read_key(&key, SLOT_CURRENT, &error) == -1)
		proc_fail(&key.proc, "failed to start HTTP server: %s", error.text);
	proc_loop_make(&key.proc);
	proc_confine(&key.proc, &key_sandbox);
	return (proc_run(&key.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
