/*
 * Who a client is.  http can not tell: it asks auth once for each pair of
 * credentials, and keeps the ticket.  The cache is keyed by a keyed hash of the
 * Authorization header, so it holds no password, and the header itself is wiped
 * as soon as it was sent to auth or found here.  What auth did not know is not
 * kept: it is asked again.
 *
 * A new generation on the board voids every ticket at once.  One that turns out to
 * be void while its request is under way is given back to auth, which renews it if
 * its user is still the same; that ticket is for this request alone.
 */
#include "proc/http/tickets.h"

#include <sys/random.h>

#include "common/log.h"
#include "common/siphash.h"
#include "proc/http/answer.h"
#include "proc/http/basic.h"
#include "proc/http/handler.h"
#include "proc/http/http.h"
#include "proc/http/job.h"
#include "proc/http/server.h"
#include "proc/http/wipe.h"
#include "proto/perm.h"

#define RENEWALS_MAX 50 /* of one request's ticket: auth may hear of a generation a moment late */
#define TICKET_USE_MS (5 * 60 * 1000) /* well within the life auth gives it */

void
tickets_init(struct http *http)
{
	if (getrandom(http->ticket_secret, sizeof(http->ticket_secret), 0) !=
	    sizeof(http->ticket_secret))
		fatal("getrandom");
}

static h2o_iovec_t *
authorization(h2o_req_t *req)
{
	ssize_t i = h2o_find_header(&req->headers, H2O_TOKEN_AUTHORIZATION, -1);

	return (i == -1 ? NULL : &req->headers.entries[i].value);
}

static struct ticket_entry *
entry_of(struct http *http, const uint64_t key[2])
{
	return (&http->tickets[key[0] % TICKET_CACHE]);
}

static void
take_entry(struct job *job, const struct ticket_entry *entry)
{
	job->perms = entry->perms;
	memcpy(job->ticket, entry->ticket, entry->len);
	job->ticket_len = entry->len;
}

/* NULL, and the request is answered, if it can not be asked now. */
static struct chan *
auth_to_ask(struct job *job)
{
	struct chan *auth = proc_peer(&job->http->proc, ROLE_AUTH, 0);

	if (auth != NULL && chan_queued(auth) <= MIB)
		return (auth);
	answer_error(job, 503, "credentials can not be checked now");
	return (NULL);
}

static void
ask_auth(struct job *job)
{
	struct chan *auth = auth_to_ask(job);
	h2o_iovec_t *header = authorization(job->req);
	struct basic basic = { 0 };
	struct msg_auth_check check = { 0 };
	uint8_t address[16], scratch[BASIC_SCRATCH_MAX];

	if (auth == NULL)
		return;
	if (header != NULL)
		(void)basic_parse(header->base, header->len, scratch, sizeof(scratch), &basic);
	server_address(job->req, address);
	check.request = job->id;
	check.address.data = address;
	check.address.len = sizeof(address);
	check.user.data = (const uint8_t *)basic.user;
	check.user.len = basic.user_len;
	check.password.data = (const uint8_t *)basic.password;
	check.password.len = basic.password_len;
	check.ticket.data = job->ticket;
	check.ticket.len = job->ticket_len;
	auth->secret = true;
	msg_auth_check_send(auth, &check, -1);
	explicit_bzero(scratch, sizeof(scratch));
	wipe_authorization(job->req);
	job_wait(job, &job->http->auth_wait, JOB_AUTH);
	job_hold(job);
}

/* The ticket of who sent the same header before; whether it is still good. */
static bool
find_ticket(struct job *job)
{
	struct http *http = job->http;
	h2o_iovec_t *header = authorization(job->req);
	struct ticket_entry *entry;
	uint8_t hash[16];

	siphash128(http->ticket_secret, header != NULL ? header->base : "",
	    header != NULL ? header->len : 0, hash);
	memcpy(job->auth_key, hash, sizeof(hash));
	entry = entry_of(http, job->auth_key);
	if (entry->len == 0 || memcmp(entry->key, hash, sizeof(hash)) != 0)
		return (false);
	take_entry(job, entry);
	return (entry->generation >= http_state(http)->generation &&
		http_now_ns() / 1000000 < entry->until_ms);
}

bool
tickets_get(struct job *job)
{
	if (!job->http->conf.auth)
		job->perms = PERM_ALL;
	else if (!find_ticket(job)) {
		ask_auth(job);
		return (false);
	}
	wipe_authorization(job->req);
	return (true);
}

void
tickets_on_result(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	const struct msg_auth_result *result = &msg->auth_result;
	struct job *job = job_find(http, result->request);
	struct ticket_entry entry = { .generation = result->generation, .perms = result->perms };

	if (job == NULL || job->phase != JOB_AUTH || result->ticket.len > sizeof(entry.ticket))
		return;
	job_unwait(job);
	memcpy(entry.key, job->auth_key, sizeof(entry.key));
	memcpy(entry.ticket, result->ticket.data, result->ticket.len);
	entry.len = (uint8_t)result->ticket.len;
	entry.until_ms = http_now_ns() / 1000000 + TICKET_USE_MS;
	if (result->known)
		*entry_of(http, job->auth_key) = entry;
	take_entry(job, &entry);
	handler_authorized(job);
}

/* Who sends the same header again is asked about again. */
static void
forget(struct job *job)
{
	struct ticket_entry *entry = entry_of(job->http, job->auth_key);

	if (memcmp(entry->key, job->auth_key, sizeof(entry->key)) == 0)
		entry->until_ms = 0;
}

void
tickets_renew(struct job *job)
{
	struct msg_auth_renew renew = { .request = job->id };
	struct chan *auth;

	forget(job);
	if (++job->renewals > RENEWALS_MAX) {
		answer_empty(job, 401, job->route->content_type);
		return;
	}
	if ((auth = auth_to_ask(job)) == NULL)
		return;
	renew.ticket.data = job->ticket;
	renew.ticket.len = job->ticket_len;
	msg_auth_renew_send(auth, &renew, -1);
	job_wait(job, &job->http->auth_wait, JOB_AUTH);
	job_hold(job);
}
