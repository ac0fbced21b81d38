/*
 * Tries from inside a role's confinement what the role must not do.
 *
 * Each act runs in a child of its own that enters the role's policy first; the
 * act must end as the table says: with that error, or with the death of the
 * child by that signal.  Some acts are allowed to some roles: they must succeed,
 * which shows that the policy is the role's and that the refusals are not those
 * of a child that can do nothing.
 *
 *	probe ROLE [UID]	one line an act; exit status 1 if any ended otherwise
 *
 * With a UID, root becomes that user first: then there are no users and no chroot
 * to keep the roles apart, and all must hold by seccomp and Landlock.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"

#define UID_BASE 65100
#define UID_SQL (UID_BASE + 5)

/* How an act ends: 0 (it works), an errno, or one of these. */
#define BY_SIGNAL(n) (1000 + (n))
#define KILLED BY_SIGNAL(SIGSYS)
#define NO_FILE 2000 /* not there (chroot) or not allowed (Landlock) */

#define EXIT_BASE 100 /* of a child's status: what exits with less did not get to the act */

/* The policies of proc, restated; tests/privsep/test_privsep.py compares them. */
static const struct sandbox roles[] = {
	{ .role = "http", .sets = SANDBOX_STDIO | SANDBOX_ACCEPT, .open_max = 65536 },
	{ .role = "auth", .sets = SANDBOX_STDIO, .open_max = 64 },
	{ .role = "key", .sets = SANDBOX_STDIO, .open_max = 64 },
	{ .role = "raft", .sets = SANDBOX_STDIO | SANDBOX_FILES | SANDBOX_ACCEPT,
	    .paths = { { ".", "rwc" } }, .open_max = 1024, .writes_files = true },
	{ .role = "sql", .sets = SANDBOX_STDIO | SANDBOX_FILES,
	    .paths = { { ".", "rwc" } }, .open_max = 64, .writes_files = true },
	{ .role = "read", .sets = SANDBOX_STDIO | SANDBOX_FILES_READ, .paths = { { ".", "r" } },
	    .open_max = 256 },
};

#define ROLES (sizeof(roles) / sizeof(roles[0]))

/* What a child finds: made before it is confined. */
static struct {
	int tcp;  /* a socket, not connected */
	int file; /* open for writing */
	void *page;
	char other[64]; /* /proc/PID/mem of the parent */
	struct sockaddr_in address;
} held;

/* An act returns -1 and sets errno, or it worked. */
static long
open_passwd(void)
{
	return (open("/etc/passwd", O_RDONLY));
}

static long
open_above(void)
{
	return (open("../../../../etc/passwd", O_RDONLY));
}

static long
open_memory_of_parent(void)
{
	return (open(held.other, O_RDWR));
}

static long
open_own(void)
{
	return (open("own", O_RDONLY));
}

static long
open_own_to_write(void)
{
	return (open("own", O_WRONLY));
}

static long
create_file(void)
{
	return (open("made", O_WRONLY | O_CREAT, 0600));
}

static long
write_file(void)
{
	return (write(held.file, "x", 1));
}

static long
make_socket(void)
{
	return (socket(AF_INET, SOCK_STREAM, 0));
}

static long
connect_socket(void)
{
	return (connect(held.tcp, (struct sockaddr *)&held.address, sizeof(held.address)));
}

/* A socket need not be connected by connect(). */
static long
connect_by_sendto(void)
{
	return (sendto(held.tcp, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&held.address,
	    sizeof(held.address)));
}

static long
connect_by_sendmsg(void)
{
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_name = &held.address, .msg_namelen = sizeof(held.address),
		.msg_iov = &iov, .msg_iovlen = 1 };

	return (sendmsg(held.tcp, &msg, MSG_FASTOPEN));
}

static long
bind_socket(void)
{
	return (bind(held.tcp, (struct sockaddr *)&held.address, sizeof(held.address)));
}

static long
accept_socket(void)
{
	return (accept4(held.tcp, NULL, NULL, 0));
}

static long
exec_shell(void)
{
	char name[] = "/bin/sh", *argv[] = { name, NULL };

	return (execve(name, argv, argv + 1));
}

static long
fork_child(void)
{
	return (fork());
}

static long
trace_parent(void)
{
	return (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static long
read_parent(void)
{
	struct iovec iov = { held.page, 1 };

	return (process_vm_readv(getppid(), &iov, 1, &iov, 1, 0));
}

static long
steal_descriptor(void)
{
	return (syscall(SYS_pidfd_open, getppid(), 0));
}

static long
kill_parent(void)
{
	return (kill(getppid(), SIGTERM));
}

static long
kill_thread_of_parent(void)
{
	return (syscall(SYS_tgkill, getppid(), getppid(), SIGTERM));
}

/* The kernel signals who "owns" a descriptor when it gets readable. */
static long
own_descriptor_by_parent(void)
{
	return (fcntl(held.tcp, F_SETOWN, getppid()));
}

static long
choose_signal(void)
{
	return (fcntl(held.tcp, F_SETSIG, SIGKILL));
}

/* Would stay on a listening socket that others share. */
static long
attach_filter(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { 1, &code };

	return (setsockopt(held.tcp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static long
lock_filter(void)
{
	int on = 1;

	return (setsockopt(held.tcp, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
}

static long
set_option(void)
{
	int on = 1;

	return (setsockopt(held.tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

static long
make_executable(void)
{
	return (mprotect(held.page, 4096, PROT_READ | PROT_EXEC));
}

static long
map_executable(void)
{
	return (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		    MAP_FAILED ? -1 : 0);
}

static long
regain_root(void)
{
	return (syscall(SYS_setuid, 0));
}

static long
regain_root_group(void)
{
	return (syscall(SYS_setresgid, 0, 0, 0));
}

static long
change_root(void)
{
	return (chroot("."));
}

static long
become_dumpable(void)
{
	return (prctl(PR_SET_DUMPABLE, 1));
}

static long
raise_limit(void)
{
	struct { unsigned long cur, max; } limit = { 1 << 20, 1 << 20 };

	return (syscall(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, &limit, NULL));
}

static long
make_namespace(void)
{
	return (syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
}

static long
make_ring(void)
{
	return (syscall(SYS_io_uring_setup, 1, NULL));
}

static long
make_memory_file(void)
{
	return (memfd_create("x", 0));
}

static long
load_program(void)
{
	return (syscall(SYS_bpf, 0, NULL, 0));
}

/* A 32-bit call has other numbers: its getpid is our writev, its execve our munmap. */
static long
call_as_32_bit(void)
{
#ifdef __x86_64__
	long result = 20 /* getpid */;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
	return (result > 0 ? 0 : -1);
#else
	return (-1);
#endif
}

/* Whether such calls are there at all, for who is not confined. */
static bool
has_32_bit(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(call_as_32_bit() == 0 ? 0 : 1);
	return (pid != -1 && waitpid(pid, &status, 0) == pid && status == 0);
}

static const struct act {
	const char *name;
	long (*run)(void);
	unsigned allowed; /* roles with one of these sets get `then` */
	int then;
	int otherwise;
} acts[] = {
	{ "open /etc/passwd", open_passwd, SANDBOX_FILES | SANDBOX_FILES_READ, NO_FILE, EACCES },
	{ "open a file above", open_above, SANDBOX_FILES | SANDBOX_FILES_READ, NO_FILE, EACCES },
	{ "open the parent's memory", open_memory_of_parent,
	    SANDBOX_FILES | SANDBOX_FILES_READ, NO_FILE, EACCES },
	{ "open its own file", open_own, SANDBOX_FILES | SANDBOX_FILES_READ, 0, EACCES },
	{ "open it for writing", open_own_to_write, SANDBOX_FILES, 0, EACCES },
	{ "create a file", create_file, SANDBOX_FILES, 0, EACCES },
	{ "write a file it holds", write_file, SANDBOX_FILES, 0, BY_SIGNAL(SIGXFSZ) },
	{ "socket", make_socket, 0, 0, EACCES },
	{ "connect", connect_socket, 0, 0, KILLED },
	{ "sendto MSG_FASTOPEN", connect_by_sendto, 0, 0, KILLED },
	{ "sendmsg MSG_FASTOPEN", connect_by_sendmsg, 0, 0, KILLED },
	{ "bind", bind_socket, 0, 0, KILLED },
	{ "accept", accept_socket, SANDBOX_ACCEPT, EINVAL, KILLED },
	{ "setsockopt TCP_NODELAY", set_option, SANDBOX_ACCEPT, 0, KILLED },
	{ "setsockopt SO_ATTACH_FILTER", attach_filter, 0, 0, KILLED },
	{ "setsockopt SO_LOCK_FILTER", lock_filter, 0, 0, KILLED },
	{ "execve", exec_shell, 0, 0, KILLED },
	{ "fork", fork_child, 0, 0, KILLED },
	{ "ptrace", trace_parent, 0, 0, KILLED },
	{ "process_vm_readv", read_parent, 0, 0, KILLED },
	{ "pidfd_open", steal_descriptor, 0, 0, KILLED },
	{ "kill", kill_parent, 0, 0, KILLED },
	{ "tgkill", kill_thread_of_parent, 0, 0, KILLED },
	{ "fcntl F_SETOWN", own_descriptor_by_parent, 0, 0, KILLED },
	{ "fcntl F_SETSIG", choose_signal, 0, 0, KILLED },
	{ "mprotect PROT_EXEC", make_executable, 0, 0, EPERM },
	{ "mmap PROT_EXEC", map_executable, 0, 0, EPERM },
	{ "setuid 0", regain_root, 0, 0, KILLED },
	{ "setresgid 0", regain_root_group, 0, 0, KILLED },
	{ "chroot", change_root, 0, 0, KILLED },
	{ "prctl PR_SET_DUMPABLE", become_dumpable, 0, 0, KILLED },
	{ "raise a limit", raise_limit, 0, 0, KILLED },
	{ "unshare", make_namespace, 0, 0, KILLED },
	{ "io_uring_setup", make_ring, 0, 0, KILLED },
	{ "memfd_create", make_memory_file, 0, 0, KILLED },
	{ "bpf", load_program, 0, 0, KILLED },
	{ "a 32-bit call", call_as_32_bit, 0, 0, KILLED },
};

/* In the child: confined as the role, tries the act; never returns. */
static void
try_confined(size_t role, const struct act *act, const char *directory)
{
	struct sandbox_place place = { .mode = SANDBOX_WARN, .master = getppid() };
	char report[256];

	if (roles[role].paths[0].path != NULL)
		place.directory = directory;
	if (getuid() == 0)
		place.uid = place.gid = (uid_t)(UID_BASE + 1 + role);
	else if (place.directory != NULL && chdir(directory) == -1)
		fatal("chdir %s", directory);
	sandbox_enter(&roles[role], &place, report, sizeof(report));
	errno = 0;
	_exit(act->run() == -1 ? EXIT_BASE + errno : EXIT_BASE);
}

/* How the act ended, in the table's terms; -1 if it was not reached. */
static int
try_act(size_t role, const struct act *act, const char *directory)
{
	pid_t pid = fork();
	int status;

	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		try_confined(role, act, directory);
	if (waitpid(pid, &status, 0) == -1)
		fatal("waitpid");
	if (WIFSIGNALED(status))
		return (BY_SIGNAL(WTERMSIG(status)));
	return (WEXITSTATUS(status) >= EXIT_BASE ? WEXITSTATUS(status) - EXIT_BASE : -1);
}

static void
print_end(int end)
{
	if (end == 0)
		printf("works");
	else if (end == -1)
		printf("was not reached");
	else if (end == NO_FILE)
		printf("no such file, or not allowed");
	else if (end > BY_SIGNAL(0))
		printf("death by SIG%s", sigabbrev_np(end - BY_SIGNAL(0)));
	else
		printf("%s", strerror(end));
}

static bool
check_act(size_t role, const struct act *act, const char *directory)
{
	int planned = roles[role].sets & act->allowed ? act->then : act->otherwise;
	int end = try_act(role, act, directory);
	bool good = end == planned || (planned == NO_FILE && (end == ENOENT || end == EACCES));

	printf("%s %s: %s: ", good ? "ok  " : "FAIL", roles[role].role, act->name);
	print_end(end);
	if (!good) {
		printf("; planned: ");
		print_end(planned);
	}
	printf("\n");
	return (good);
}

static int
make_file(const char *directory, const char *name, uid_t owner)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd == -1 || fchmod(fd, 0644) == -1 || (getuid() == 0 && fchown(fd, owner, owner) == -1))
		fatal("%s", path);
	return (fd);
}

/* A directory such as the role has, and what a child is given. */
static void
prepare(size_t role, char *directory)
{
	/* What `read` sees belongs to sql. */
	uid_t owner = roles[role].writes_files ? (uid_t)(UID_BASE + 1 + role) : UID_SQL;

	if (mkdtemp(directory) == NULL || chmod(directory, 0755) == -1 ||
	    (getuid() == 0 && chown(directory, owner, owner) == -1))
		fatal("%s", directory);
	close(make_file(directory, "own", owner));
	held.file = make_file(directory, "held", owner);
	held.tcp = socket(AF_INET, SOCK_STREAM, 0);
	held.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (held.tcp == -1 || held.page == MAP_FAILED)
		fatal("socket or mmap");
	held.address.sin_family = AF_INET;
	held.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)snprintf(held.other, sizeof(held.other), "/proc/%d/mem", (int)getpid());
}

static void
clean(const char *directory)
{
	static const char *const names[] = { "own", "held", "made" };
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(directory);
}

static void
become(const char *text)
{
	uid_t uid = (uid_t)strtoul(text, NULL, 10);

	if (getuid() == 0 && (setgroups(0, NULL) == -1 || setresgid(uid, uid, uid) == -1 ||
	    setresuid(uid, uid, uid) == -1))
		fatal("uid %s", text);
}

int
main(int argc, char *argv[])
{
	char directory[] = "/tmp/rqlited-probe-XXXXXX";
	size_t role, i, bad = 0;

	for (role = 0; argc >= 2 && role < ROLES; role++)
		if (strcmp(roles[role].role, argv[1]) == 0)
			break;
	if (argc < 2 || argc > 3 || role == ROLES)
		fatalx("usage: probe http|auth|key|raft|sql|read [UID]");
	if (argc == 3)
		become(argv[2]);
	if (getuid() != 0 && syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1) {
		printf("neither root nor Landlock: nothing confines files here\n");
		return (77);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare(role, directory);
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (acts[i].run == call_as_32_bit && !has_32_bit())
			printf("     %s: no 32-bit calls here\n", roles[role].role);
		else
			bad += !check_act(role, &acts[i], directory);
	}
	clean(directory);
	return (bad == 0 ? 0 : 1);
}
