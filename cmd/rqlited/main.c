/*
 * rqlited: a distributed SQLite server.  This is the master's start: flags,
 * checks, sockets, the data directory, then supervise.c's loop.
 *
 * What can fail for a reason an operator can mend fails here, before any worker
 * runs, with a text that says what, where and why.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/check.h"
#include "cmd/rqlited/hashpw.h"
#include "cmd/rqlited/master.h"
#include "cmd/rqlited/relay.h"
#include "cmd/rqlited/reload.h"
#include "common/counters.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/version.h"
#include "proto/board.h"

#define LOG_PATIENCE_MS 100 /* for a line of ours; it is lost if nobody takes it by then */
#define SESSION_KEY_SIZE 80 /* OpenSSL's ticket keys */

static const char logo[] = "            _ _ _           _\n"
			   "  _ __ __ _| (_) |_ ___  __| |\n"
			   " | '__/ _` | | | __/ _ \\/ _` |   SQLite, on every node the same.\n"
			   " | | | (_| | | | ||  __/ (_| |   Privileges, in no process more than it needs.\n"
			   " |_|  \\__, |_|_|\\__\\___|\\__,_|\n"
			   "         |_|\n";

/* A nameless file, optionally with random bytes that only its readers learn. */
static int
make_page(const char *name, size_t size, size_t secret)
{
	uint8_t bytes[SESSION_KEY_SIZE];
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1)
		fatal("memfd %s", name);
	if (fchmod(fd, 0600) == -1)
		fatal("fchmod %s", name);
	if (secret > 0) {
		if (getrandom(bytes, secret, 0) != (ssize_t)secret ||
		    pwrite(fd, bytes, secret, 0) != (ssize_t)secret)
			fatal("random key");
		explicit_bzero(bytes, sizeof(bytes));
	}
	return (fd);
}

static void
add_worker(struct master *master, enum role role, unsigned number)
{
	struct worker *worker = &master->workers[master->nworkers++];

	worker->role = role;
	worker->number = number;
	worker->counters = make_page("counters", COUNTERS_PAGE_SIZE, 0);
	worker->pulse = pulse_of_other(counters_map(worker->counters, false));
}

static void
list_workers(struct master *master)
{
	const struct flags *flags = master->flags;
	unsigned i;

	for (i = 0; i < (unsigned)flags->http_workers; i++)
		add_worker(master, ROLE_HTTP, i);
	if (flags->auth[0] != '\0')
		add_worker(master, ROLE_AUTH, 0);
	if (flags->http_cert[0] != '\0')
		add_worker(master, ROLE_KEY, 0);
	add_worker(master, ROLE_RAFT, 0);
	add_worker(master, ROLE_SQL, 0);
	for (i = 0; i < (unsigned)flags->read_workers; i++)
		add_worker(master, ROLE_READ, i);
}

static void
make_pages(struct master *master)
{
	master->board = make_page("board", BOARD_SIZE, 0);
	master->look = board_map(master->board, false);
	master->ticket_keys[0] = make_page("ticket-raft", 16, 16);
	master->ticket_keys[1] = make_page("ticket-read", 16, 16);
	master->session_key = make_page("session", SESSION_KEY_SIZE, SESSION_KEY_SIZE);
}

/*
 * Where the workers are: in the build folder, in the libexec beside our sbin (also of an
 * installation that was moved or staged), else where they were to be installed.
 */
static const char *
find_libexec(void)
{
	static const char *const places[] = { "../../proc", "../libexec/rqlited" };
	static char path[4200];
	char self[4096], worker[4300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return (LIBEXEC_WORKERS);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", self, places[i]);
		(void)snprintf(worker, sizeof(worker), "%s/rqlited-http", path);
		if (access(worker, X_OK) == 0)
			return (path);
	}
	return (LIBEXEC_WORKERS);
}

static void
log_start(int argc, char **argv)
{
	struct buf line = BUF_INIT;
	int i;

	for (i = 0; i < argc; i++) {
		buf_add_text(&line, i > 0 ? " " : "");
		buf_add_text(&line, argv[i]);
	}
	buf_add_u8(&line, '\0');
	log_as("rqlited",
	    "rqlited starting, version %s, SQLite %s, commit %s, compiler (toolchain) %s, "
	    "compiler (command) %s",
	    RQLITED_VERSION, sqlite3_libversion(), version_commit, version_toolchain,
	    version_compiler);
	log_as("rqlited", "launch command: %s", (const char *)buf_bytes(&line));
	buf_fini(&line);
}

static void
log_https(const struct flags *flags)
{
	const char *name = flags->http_verify_common_name;

	log_as("http", "secure HTTPS server enabled with cert %s, key %s%s%s, mutual TLS %s%s%s%s",
	    flags->http_cert, flags->http_key, flags->http_ca_cert[0] != '\0' ? ", CA cert " : "",
	    flags->http_ca_cert, flags->http_verify_client ? "enabled" : "disabled",
	    name[0] != '\0' ? ", required client CN \"" : "", name, name[0] != '\0' ? "\"" : "");
}

/* What is about to be served, and as what kind of node. */
static void
log_prospect(const struct flags *flags, bool fresh)
{
	log_as("rqlited", fresh ? "no preexisting node state detected in %s, node may be bootstrapping" :
	    "preexisting node state detected in %s", flags->data_dir);
	if (flags->http_cert[0] != '\0')
		log_https(flags);
	log_as("http", "service listening on %s", flags->http_addr);
	if (flags->join[0] != '\0')
		log_as("rqlited", "-join is not supported by this version yet: "
				  "this node will not have a leader");
	else if (fresh)
		log_as("rqlited", "bootstrapping single new node");
}

/* Descriptors for every connection an http worker may hold, as far as the system lets. */
static void
raise_open_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int
die(const char *what, const struct error *error)
{
	log_as("rqlited", "%s%s", what, error->text);
	return (1);
}

/* What confines workers is there, or it is said once what is not. */
static int
check_sandbox(const struct flags *flags, struct error *error)
{
	if (strcmp(flags->sandbox, "off") == 0 || sandbox_log_missing() ||
	    strcmp(flags->sandbox, "require") != 0)
		return (0);
	return (error_set(error, "sandbox: Landlock is missing, and -sandbox=require was given"));
}

static int
start(struct master *master, int argc, char **argv)
{
	const struct flags *flags = master->flags;
	struct error error;
	char what[512];
	bool fresh;
	char path[4096];

	(void)!write(STDOUT_FILENO, logo, sizeof(logo) - 1);
	log_start(argc, argv);
	master->raft_listener = listen_tcp(flags->raft_addr, &error);
	if (master->raft_listener == -1) {
		(void)snprintf(what, sizeof(what), "failed to listen on %s: ", flags->raft_addr);
		return (die(what, &error));
	}
	log_as("mux", "mux serving on %s, advertising %s", flags->raft_addr, flags->raft_adv_addr);
	/* What can be found wrong without the data directory is, before it is made. */
	if (spawn_check(master, &error) == -1 || check_sandbox(flags, &error) == -1 ||
	    flags_check_files(flags, &error) == -1)
		return (die("", &error));
	master->listener = listen_tcp(flags->http_addr, &error);
	if (master->listener == -1)
		return (die("failed to start HTTP server: ", &error));
	if (data_prepare(master, &error) == -1)
		return (die("failed to open data directory: ", &error));
	(void)snprintf(path, sizeof(path), "%s/node.json", flags->data_dir);
	fresh = access(path, F_OK) == -1;
	log_prospect(flags, fresh);
	make_pages(master);
	relay_init(master);
	list_workers(master);
	reload_init(master);
	return (supervise(master));
}

static void
on_early_stop(int sig)
{
	_exit(0);
}

/*
 * Until the loop takes signals over there is nothing to stop in order, and nothing to
 * read again.
 */
static void
expect_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGTERM, on_early_stop);
	(void)signal(SIGINT, on_early_stop);
}

/* One that the starter closed would become a socket or the lock, and get the log's lines. */
static void
hold_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		(void)close(fd);
}

int
main(int argc, char **argv)
{
	static struct flags flags;
	static struct master master;
	int status;

	hold_standard_descriptors();
	log_init("rqlited", LOG_INFO);
	status = flags_parse(argc, argv, &flags);
	if (status != FLAGS_GO)
		return (status);
	if (flags.hash_password)
		return (hashpw_main());
	umask(077);
	master.flags = &flags;
	master.libexec = find_libexec();
	master.root = geteuid() == 0;
	master.generation = 1;
	if (flags.check)
		return (check_main(&master));
	expect_signals();
	log_set_patience(LOG_PATIENCE_MS);
	/* Without root nothing here needs more rights than exec gives; with it, users are changed. */
	if (!master.root)
		(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	raise_open_limit();
	return (start(&master, argc, argv));
}
