/*
 * The auth worker: knows the credentials, tells http who a client is, and seals
 * what that client may do into tickets.  It has no network and no files; what
 * http says is hostile.
 *
 * A captured auth gives passwords and tickets away; that is why it does nothing
 * else.
 */
#include <sys/random.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/address.h"
#include "common/counters.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/siphash.h"
#include "proc/auth/credentials.h"
#include "proc/auth/throttle.h"
#include "proc/frame/loop.h"
#include "proto/ticket.h"

#define TICKET_LIFE_MS (10 * 60 * 1000) /* http asks again after it */

static const struct sandbox auth_sandbox = {
	.role = "auth",
	.promises = "stdio",
	.sets = SANDBOX_STDIO,
	.open_max = 64,
};

struct auth {
	struct proc proc;
	char *path; /* for messages only */
	char *join_as; /* the user this node joins others as, or empty */
	int file; /* of the credentials, until read */
	struct credentials *credentials;
	struct credentials *next; /* prepared by a reload, not in force */
	struct throttle throttle;
	struct ticket_key keys[TICKET__COUNT];
	uint8_t mark_key[SIPHASH_SIZE]; /* of users' marks in tickets; nobody else has it */
	struct counters *counters;
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static const struct proc_setting settings[] = {
	{ "auth", SETTING_TEXT, offsetof(struct auth, path) },
	{ "join-as", SETTING_TEXT, offsetof(struct auth, join_as) },
};

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct auth *auth = state;

	switch (kind) {
	case FILE_CREDENTIALS:
		if (auth->file != -1)
			close(auth->file);
		auth->file = fd;
		return;
	case FILE_TICKET_KEY: {
		struct ticket_key *key = &auth->keys[role == ROLE_RAFT ? TICKET_RAFT : TICKET_READ];

		if (pread(fd, key->bytes, sizeof(key->bytes), 0) != sizeof(key->bytes))
			fatalx("no ticket key");
		break;
	}
	case FILE_COUNTERS:
		auth->counters = counters_map(fd, true);
		break;
	default:
		fatalx("unexpected descriptor");
	}
	close(fd);
}

/* A node that is to join as somebody must not join as nobody in silence. */
static int
check_join_as(const struct auth *auth, const struct credentials *credentials, struct error *error)
{
	const char *password;
	size_t len;

	if (auth->join_as[0] == '\0')
		return (0);
	return (credentials_join_as(credentials, auth->join_as, &password, &len, error));
}

/* Reads the file that was handed over last. */
static struct credentials *
read_credentials(struct auth *auth, struct error *error)
{
	struct credentials *credentials = NULL;

	if (auth->file == -1) {
		(void)error_set(error, "open %s: the file can not be opened", auth->path);
		return (NULL);
	}
	if (credentials_read(auth->file, auth->path, &credentials, error) == -1)
		credentials = NULL;
	else if (check_join_as(auth, credentials, error) == -1)
		credentials_free(&credentials);
	if (credentials != NULL)
		credentials_mark(credentials, auth->mark_key);
	close(auth->file);
	auth->file = -1;
	return (credentials);
}

/* Sealed by us, and not at its end. */
static bool
is_good_ticket(const struct auth *auth, const struct ipc_bytes *sealed, struct ticket *ticket)
{
	return (ticket_open_whole(sealed->data, sealed->len, auth->keys, ticket) == 0 &&
		now_ms() < ticket->expires_ms);
}

/*
 * Whether the client was let in as this user lately, with the secret of now: it is
 * not for the wrong passwords of others that it shall be kept out, when http or a
 * reload has it asked again.  A captured http gains nothing: it has seen that
 * password.
 */
static bool
is_vouched_for(const struct auth *auth, const struct msg_auth_check *check)
{
	struct ticket ticket;

	return (is_good_ticket(auth, &check->ticket, &ticket) &&
		credentials_is_mark_of(auth->credentials, ticket.user,
		    (const char *)check->user.data, check->user.len));
}

/* What a login was worth, and the ticket for it. */
static void
decide(struct auth *auth, const struct msg_auth_check *check, struct login *login)
{
	struct credentials_claim claim = { (const char *)check->user.data, check->user.len,
		(const char *)check->password.data, check->password.len };
	uint8_t address[ADDRESS_SIZE] = { 0 };
	char text[ADDRESS_TEXT_SIZE];
	uint32_t failures;

	memcpy(address, check->address.data, check->address.len);
	if (claim.user_len > 0 && !is_vouched_for(auth, check) &&
	    !throttle_allows(&auth->throttle, address, now_ms())) {
		struct credentials_claim nobody = { "", 0, "", 0 };

		credentials_login(auth->credentials, &nobody, login);
		login->result = CREDENTIALS_THROTTLED;
		return;
	}
	credentials_login(auth->credentials, &claim, login);
	if (login->result != CREDENTIALS_WRONG)
		return;
	failures = throttle_fail(&auth->throttle, address, now_ms());
	if (failures > 0)
		log_info("%u failed logins from %s", failures, address_text(address, text));
}

static void
answer(struct auth *auth, struct chan *chan, struct ticket *ticket, struct msg_auth_result *result)
{
	uint8_t sealed[TICKET_SIZE];

	ticket->generation = auth->proc.generation;
	ticket_mint(ticket, auth->keys, sealed);
	result->perms = ticket->perms;
	result->generation = ticket->generation;
	result->ticket.data = sealed;
	result->ticket.len = sizeof(sealed);
	msg_auth_result_send(chan, result, -1);
}

static void
on_auth_check(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct auth *auth = state;
	struct ticket ticket = { .expires_ms = now_ms() + TICKET_LIFE_MS };
	struct msg_auth_result result = { .request = msg->auth_check.request };
	struct login login;

	decide(auth, &msg->auth_check, &login);
	ticket.perms = login.perms;
	ticket.user = login.user;
	/* Of a wrong password nothing is remembered: the next may be right. */
	result.known = login.result == CREDENTIALS_OK || login.result == CREDENTIALS_ANONYMOUS;
	answer(auth, chan, &ticket, &result);
}

/*
 * A ticket that a new generation made void while its request was under way.  It is
 * worth what its user may do now, and not a moment longer than it was: for that
 * the password has to be shown.  One that we did not seal is worth nobody's.
 */
static void
on_auth_renew(void *state, struct chan *chan, const union msg *msg, int fd)
{
	const struct msg_auth_renew *renew = &msg->auth_renew;
	struct auth *auth = state;
	struct ticket old = { 0 }, ticket = { .expires_ms = now_ms() + TICKET_LIFE_MS };
	struct msg_auth_result result = { .request = renew->request };
	struct login login;

	if (!is_good_ticket(auth, &renew->ticket, &old))
		old.user = TICKET_NOBODY;
	credentials_renew(auth->credentials, old.user, &login);
	ticket.perms = login.perms;
	ticket.user = login.user;
	if (login.user != TICKET_NOBODY)
		ticket.expires_ms = old.expires_ms;
	answer(auth, chan, &ticket, &result);
}

static int
reload(void *state, uint64_t generation, struct error *error)
{
	struct auth *auth = state;

	credentials_free(&auth->next);
	auth->next = read_credentials(auth, error);
	return (auth->next != NULL ? 0 : -1);
}

static void
reloaded(void *state, bool commit)
{
	struct auth *auth = state;

	if (commit && auth->next != NULL) {
		credentials_free(&auth->credentials);
		auth->credentials = auth->next;
		auth->next = NULL;
	}
	credentials_free(&auth->next);
}

static const struct proc_handler handlers[] = {
	{ MSG_AUTH_CHECK, on_auth_check },
	{ MSG_AUTH_RENEW, on_auth_renew },
};

static void
auth_init(struct auth *auth)
{
	struct error error;

	if (getrandom(auth->mark_key, sizeof(auth->mark_key), 0) != (ssize_t)sizeof(auth->mark_key))
		fatal("getrandom");
	auth->credentials = read_credentials(auth, &error);
	if (auth->credentials == NULL)
		proc_fail(&auth->proc, "failed to get credential store: %s", error.text);
	throttle_init(&auth->throttle, now_ms());
}

int
main(void)
{
	static struct auth auth;
	static const struct proc_gather gather = { settings, sizeof(settings) / sizeof(settings[0]),
		on_file };
	static const struct proc_ops ops = { .reload = reload, .reloaded = reloaded };

	auth.file = -1;
	proc_hello(&auth.proc, ROLE_AUTH);
	proc_gather(&auth.proc, &gather, &auth);
	auth_init(&auth);
	proc_loop_make(&auth.proc);
	proc_confine(&auth.proc, &auth_sandbox);
	return (proc_run(&auth.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0])));
}
