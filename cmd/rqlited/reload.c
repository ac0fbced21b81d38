/*
 * Re-reading the credentials, certificates and keys: on SIGHUP, and when a file
 * of a certificate pair was seen to change (stat, once a second).
 *
 * Two phases: every worker concerned gets its files anew and says whether they
 * are good; only if all are, the new generation is committed everywhere, which
 * voids all tickets.  That it was is said once everyone has it: who reads the line
 * may rely on it.  A bad file changes nothing.  The master never reads a key or
 * the credentials itself.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"

#define RELOAD_LIMIT_MS 5000

static void
watch(struct master *master, size_t i, const char *path, enum ipc_file kind, enum role to)
{
	if (path[0] == '\0')
		return;
	master->watched[i].path = path;
	master->watched[i].kind = kind;
	master->watched[i].to = to;
}

/* Remembers what a file looks like now; true if it looked otherwise before. */
static bool
look(struct watched *watched)
{
	struct stat st;
	bool changed;

	if (watched->path == NULL || stat(watched->path, &st) == -1)
		return (false);
	changed = st.st_dev != watched->device || st.st_ino != watched->inode ||
	    st.st_size != watched->size || st.st_mtim.tv_sec != watched->mtime.tv_sec ||
	    st.st_mtim.tv_nsec != watched->mtime.tv_nsec;
	watched->device = st.st_dev;
	watched->inode = st.st_ino;
	watched->size = st.st_size;
	watched->mtime = st.st_mtim;
	return (changed);
}

void
reload_init(struct master *master)
{
	size_t i;

	watch(master, 0, master->flags->auth, FILE_CREDENTIALS, ROLE_AUTH);
	watch(master, 1, master->flags->http_cert, FILE_HTTP_CERT, ROLE_HTTP);
	watch(master, 2, master->flags->http_key, FILE_HTTP_KEY, ROLE_KEY);
	watch(master, 3, master->flags->http_ca_cert, FILE_HTTP_CA, ROLE_HTTP);
	for (i = 0; i < WATCHED_MAX; i++)
		(void)look(&master->watched[i]);
}

/* Certificates are picked up without a signal; the credentials only with one. */
static bool
certificates_changed(struct master *master)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < WATCHED_MAX; i++)
		if (master->watched[i].kind != FILE_CREDENTIALS && look(&master->watched[i]))
			changed = true;
	return (changed);
}

static bool
takes_part(const struct worker *worker)
{
	return (worker->state == WORKER_READY &&
	    (worker->role == ROLE_AUTH || worker->role == ROLE_KEY || worker->role == ROLE_HTTP));
}

static void
begin(struct master *master)
{
	struct msg_reload reload = { master->generation + 1 };
	size_t i;

	master->reload = RELOAD_DRAIN;
	master->reload_asked = false;
	master->reload_ms = master_now_ms();
	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		worker->drained = !takes_part(worker);
		worker->drained_good = true;
		if (worker->drained)
			continue;
		wire_reload_files(master, worker);
		msg_reload_send(&worker->chan, &reload, -1);
	}
}

/* Of a reload that was committed: who has not said yet that it knows? */
static bool
is_settling(const struct master *master)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++)
		if (master->workers[i].settling && master->workers[i].state != WORKER_DEAD)
			return (true);
	return (false);
}

static void
check_settled(struct master *master)
{
	bool late = master_now_ms() - master->reload_ms > RELOAD_LIMIT_MS;

	if (!late && is_settling(master))
		return;
	master->reload = RELOAD_NONE;
	log_as("rqlited", "credentials, certificates and keys were read again%s",
	    is_settling(master) ? ", but not every worker has said that it uses them" : "");
}

/* Tells a worker how the reload ended, and asks for an answer behind it. */
static void
tell_end(struct master *master, struct worker *worker, const struct msg_reloaded *reloaded)
{
	struct msg_ping ping = { master->settle };

	msg_reloaded_send(&worker->chan, reloaded, -1);
	msg_ping_send(&worker->chan, &ping, -1);
	worker->settling = true;
	(void)chan_flush_wait(&worker->chan, 100);
}

/* Keys before those who use them: the order in which the list below is told. */
static void
finish(struct master *master, bool commit)
{
	static const enum role order[] = { ROLE_KEY, ROLE_AUTH, ROLE_RAFT, ROLE_READ, ROLE_HTTP };
	struct msg_reloaded reloaded = { master->generation + 1, commit };
	size_t step, i;

	if (commit)
		master->generation++;
	master->settle = ++master->pings;
	master->reload = commit ? RELOAD_SETTLE : RELOAD_NONE;
	master->reload_ms = master_now_ms();
	for (step = 0; step < sizeof(order) / sizeof(order[0]); step++)
		for (i = 0; i < master->nworkers; i++)
			if (master->workers[i].role == order[step] &&
			    master->workers[i].state != WORKER_DEAD)
				tell_end(master, &master->workers[i], &reloaded);
	if (!commit)
		log_as("rqlited", "reload refused, the files in use stay in use");
}

void
reload_pong(struct master *master, struct worker *worker, uint64_t serial)
{
	if (serial >= master->settle)
		worker->settling = false;
	if (master->reload == RELOAD_SETTLE)
		check_settled(master);
}

void
reload_drained(struct master *master, struct worker *worker, const struct msg_drained *drained)
{
	bool good = true;
	size_t i;

	if (master->reload != RELOAD_DRAIN)
		return;
	worker->drained = true;
	worker->drained_good = drained->good;
	if (!drained->good)
		log_as("rqlited", "reload: %s: %.*s", role_name(worker->role), (int)drained->reason.len,
		    (const char *)drained->reason.data);
	for (i = 0; i < master->nworkers; i++) {
		if (!master->workers[i].drained)
			return;
		good = good && master->workers[i].drained_good;
	}
	finish(master, good);
}

void
reload_tick(struct master *master)
{
	if (master->reload == RELOAD_DRAIN) {
		if (master_now_ms() - master->reload_ms > RELOAD_LIMIT_MS) {
			log_as("rqlited", "reload: a worker did not answer");
			finish(master, false);
		}
		return;
	}
	if (master->reload == RELOAD_SETTLE)
		check_settled(master);
	else if (certificates_changed(master) || master->reload_asked)
		begin(master);
}
