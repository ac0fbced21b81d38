/*
 * Re-reading the credentials, certificates and keys: on SIGHUP, and when a file
 * of a certificate pair was seen to change (stat, once a second).
 *
 * Two phases: every worker concerned gets its files anew and says whether they
 * are good; only if all are, the new generation is committed everywhere, which
 * voids all tickets.  That it was is said once everyone has it: who reads the line
 * may rely on it.  A bad file changes nothing, neither for who runs nor for a worker
 * that is born later: it gets what is in force, from a nameless copy that the kernel
 * makes.  The master never reads a key or the credentials itself.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "cmd/rqlited/reload.h"
#include "common/limits.h"
#include "common/log.h"

#define RELOAD_LIMIT_MS 5000
#define COPY_MAX (64 * MIB) /* more than any worker takes of such a file */

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

/* -1 if the file can not be copied whole. */
static int
copy_of(int file, const struct stat *st)
{
	int copy = memfd_create("watched", MFD_CLOEXEC);
	off_t left = st->st_size;
	ssize_t n = 1;

	if (copy == -1)
		return (-1);
	while (left > 0 && (n = sendfile(copy, file, NULL, (size_t)left)) > 0)
		left -= n;
	/* Who reads it is to see how closed the file was. */
	if (left == 0 && fchmod(copy, (st->st_mode & 0777) | 0600) == 0)
		return (copy);
	close(copy);
	return (-1);
}

/* The file as it is now; what can not be copied as it is: its reader says what is wrong. */
static int
take(const struct watched *watched)
{
	int file, copy = -1;
	struct stat st;

	if (watched->path == NULL)
		return (-1);
	file = open(watched->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file == -1) {
		log_warn("open %s", watched->path);
		return (-1);
	}
	if (fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)COPY_MAX)
		copy = copy_of(file, &st);
	if (copy == -1)
		return (file);
	close(file);
	return (copy);
}

static void
put_away(int *file)
{
	if (*file != -1)
		close(*file);
	*file = -1;
}

void
reload_init(struct master *master)
{
	size_t i;

	for (i = 0; i < WATCHED_MAX; i++)
		master->watched[i].held = master->watched[i].next = -1;

	watch(master, 0, master->flags->auth, FILE_CREDENTIALS, ROLE_AUTH);
	watch(master, 1, master->flags->http_cert, FILE_HTTP_CERT, ROLE_HTTP);
	watch(master, 2, master->flags->http_key, FILE_HTTP_KEY, ROLE_KEY);
	watch(master, 3, master->flags->http_ca_cert, FILE_HTTP_CA, ROLE_HTTP);
	for (i = 0; i < WATCHED_MAX; i++) {
		(void)look(&master->watched[i]);
		master->watched[i].held = take(&master->watched[i]);
	}
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
	return (worker->role == ROLE_AUTH || worker->role == ROLE_KEY || worker->role == ROLE_HTTP);
}

/* Who is being born gets the files in force: a reload waits for him. */
static bool
are_ready(const struct master *master)
{
	size_t i;

	for (i = 0; i < master->nworkers; i++)
		if (takes_part(&master->workers[i]) && master->workers[i].state != WORKER_READY)
			return (false);
	return (true);
}

static void
begin(struct master *master)
{
	struct msg_reload reload = { master->generation + 1 };
	size_t i;

	master->reload = RELOAD_DRAIN;
	master->reload_asked = false;
	master->reload_ms = master_now_ms();
	for (i = 0; i < WATCHED_MAX; i++)
		master->watched[i].next = take(&master->watched[i]);
	for (i = 0; i < master->nworkers; i++) {
		struct worker *worker = &master->workers[i];

		worker->drained = !takes_part(worker);
		worker->drained_good = true;
		if (worker->drained)
			continue;
		wire_files(master, worker, true);
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

/* What was read for a reload is in force from now on, or never will be. */
static void
settle_files(struct master *master, bool commit)
{
	size_t i;

	for (i = 0; i < WATCHED_MAX; i++) {
		struct watched *watched = &master->watched[i];

		if (commit && watched->next != -1) {
			put_away(&watched->held);
			watched->held = watched->next;
			watched->next = -1;
		}
		put_away(&watched->next);
	}
}

/* Keys before those who use them: the order in which the list below is told. */
static void
finish(struct master *master, bool commit)
{
	static const enum role order[] = { ROLE_KEY, ROLE_AUTH, ROLE_RAFT, ROLE_READ, ROLE_HTTP };
	struct msg_reloaded reloaded = { master->generation + 1, commit };
	size_t step, i;

	settle_files(master, commit);
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
}

static void
refuse(struct master *master)
{
	finish(master, false);
	log_as("rqlited", "reload refused, the files in use stay in use");
}

void
reload_worker_died(struct master *master, bool alone)
{
	if (master->reload == RELOAD_DRAIN) {
		/* The others forget what they have prepared, and it all begins anew. */
		if (alone)
			finish(master, false);
		else
			settle_files(master, false);
		master->reload_asked = true;
	}
	if (!alone)
		master->reload = RELOAD_NONE;
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
reload_name_files(const struct master *master, enum role role)
{
	const struct flags *flags = master->flags;
	const char *ca = flags->http_ca_cert;

	if (role == ROLE_AUTH)
		log_as("rqlited", "file in question: %s", flags->auth);
	else if ((role == ROLE_HTTP || role == ROLE_KEY) && flags->http_cert[0] != '\0')
		log_as("rqlited", "files in question: %s, %s%s%s", flags->http_cert,
		    flags->http_key, ca[0] != '\0' ? ", " : "", ca);
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
	if (!drained->good) {
		log_as("rqlited", "reload: %s: %.*s", role_name(worker->role), (int)drained->reason.len,
		    (const char *)drained->reason.data);
		reload_name_files(master, worker->role);
	}
	for (i = 0; i < master->nworkers; i++) {
		if (!master->workers[i].drained)
			return;
		good = good && master->workers[i].drained_good;
	}
	if (good)
		finish(master, true);
	else
		refuse(master);
}

void
reload_tick(struct master *master)
{
	if (master->reload == RELOAD_DRAIN) {
		if (master_now_ms() - master->reload_ms > RELOAD_LIMIT_MS) {
			log_as("rqlited", "reload: a worker did not answer");
			refuse(master);
		}
		return;
	}
	if (master->reload == RELOAD_SETTLE) {
		check_settled(master);
		return;
	}
	if (certificates_changed(master))
		master->reload_asked = true;
	if (master->reload_asked && are_ready(master))
		begin(master);
}
