/*
 * Confinement on Linux: Landlock for files, TCP ports and signals, then a
 * seccomp filter that lets a role's named sets of system calls pass, makes a
 * few that libc probes fail softly, and kills for everything else.
 *
 * The filter is built here from lists, without a library, so that what a role
 * may call can be read below.
 */
#ifdef __linux__

#include "common/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* Newer than Debian 12's headers. */
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#ifdef __x86_64__
#define AUDIT_ARCH_OURS AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define AUDIT_ARCH_OURS AUDIT_ARCH_AARCH64
#else
#error "no seccomp filter for this architecture"
#endif

static const int set_stdio[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_recvmsg, SYS_sendmsg, SYS_sendto,
	SYS_recvfrom, SYS_close, SYS_epoll_pwait, SYS_epoll_ctl, SYS_ppoll,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect, SYS_futex,
	SYS_clock_gettime, SYS_gettimeofday, SYS_clock_nanosleep, SYS_getrandom, SYS_getpid,
	SYS_getppid, SYS_gettid, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction,
	SYS_exit_group, SYS_exit, SYS_restart_syscall, SYS_sched_yield, SYS_dup,
	SYS_getrusage,
	/* qsort(3) asks how much memory there is before it sorts a long array. */
	SYS_sysinfo,
#ifdef __SANITIZE_ADDRESS__
	SYS_sigaltstack, /* the sanitizer looks for such a stack at each exit */
#endif
};

static const int set_files[] = {
	SYS_openat, SYS_newfstatat, SYS_fstat, SYS_pread64, SYS_pwrite64, SYS_pwritev,
	SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_fallocate, SYS_lseek, SYS_unlinkat,
	SYS_renameat2, SYS_fchown, SYS_fchmod, SYS_geteuid, SYS_fstatfs, SYS_statfs,
	SYS_getdents64, SYS_getcwd, SYS_renameat, SYS_mkdirat, SYS_faccessat, SYS_faccessat2,
#ifdef SYS_unlink
	SYS_unlink, SYS_rename, SYS_access, SYS_stat, SYS_lstat, SYS_readlink,
#endif
};

static const int set_files_read[] = {
	SYS_openat, SYS_newfstatat, SYS_fstat, SYS_pread64, SYS_lseek, SYS_geteuid, SYS_getcwd,
	SYS_faccessat, SYS_faccessat2,
#ifdef SYS_unlink
	SYS_access, SYS_stat, SYS_lstat, SYS_readlink,
#endif
};
static const int set_accept[] = { SYS_accept4, SYS_setsockopt, SYS_getsockopt, SYS_shutdown,
	SYS_getpeername, SYS_getsockname, SYS_epoll_create1 };

/* What libc or a library probes and can do without. */
static const int soft_access[] = { SYS_openat, SYS_newfstatat, SYS_socket,
#ifdef SYS_open
	SYS_open,
#endif
};
static const int soft_tty[] = { SYS_ioctl };

#define LIST(set) { set, sizeof(set) / sizeof((set)[0]) }
static const struct {
	const int *calls;
	size_t count;
} lists[] = { LIST(set_stdio), LIST(set_files), LIST(set_files_read), LIST(set_accept) };

#define FILTER_MAX 512
struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void
emit(struct filter *filter, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (filter->len == FILTER_MAX)
		fatalx("sandbox: filter too long");
	filter->code[filter->len++] = (struct sock_filter){ code, yes, no, k };
}

static void
emit_return(struct filter *filter, uint32_t action)
{
	emit(filter, BPF_RET | BPF_K, action, 0, 0);
}

/* If the system call is `nr`: return the action. */
static void
emit_call(struct filter *filter, int nr, uint32_t action)
{
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
	emit_return(filter, action);
}

static void
emit_load(struct filter *filter, size_t offset)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* mmap and mprotect must never make memory executable. */
static void
emit_no_exec(struct filter *filter, int nr)
{
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	emit_load(filter, offsetof(struct seccomp_data, args[2]));
	emit(filter, BPF_JMP | BPF_JSET | BPF_K, 4 /* PROT_EXEC */, 0, 1);
	emit_return(filter, SECCOMP_RET_ERRNO | EPERM);
	emit_load(filter, offsetof(struct seccomp_data, nr));
}

/* tgkill only for ourselves: abort() needs it. */
static void
emit_own_tgkill(struct filter *filter)
{
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4);
	emit_load(filter, offsetof(struct seccomp_data, args[0]));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1);
	emit_return(filter, SECCOMP_RET_ALLOW);
	emit_load(filter, offsetof(struct seccomp_data, nr));
}

#ifdef SANDBOX_TRAP
static const uint32_t forbidden = SECCOMP_RET_TRAP;
#else
static const uint32_t forbidden = SECCOMP_RET_KILL_PROCESS;
#endif

/* MSG_FASTOPEN connects: in `argument` of the call are its flags. */
static void
emit_no_fastopen(struct filter *filter, int nr, size_t argument)
{
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 4);
	emit_load(filter, offsetof(struct seccomp_data, args[0]) + argument * sizeof(uint64_t));
	emit(filter, BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
	emit_return(filter, forbidden);
	emit_load(filter, offsetof(struct seccomp_data, nr));
}

/* A filter would stay on a listening socket that is not ours alone. */
static void
emit_no_socket_filter(struct filter *filter)
{
	static const uint32_t options[] = { SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER,
		SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF };
	const uint8_t count = sizeof(options) / sizeof(options[0]);

	/* Of whatever level: no other has an option of these numbers that is of use. */
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 2 * count + 2);
	emit_load(filter, offsetof(struct seccomp_data, args[2]));
	for (uint8_t i = 0; i < count; i++)
		emit_call(filter, (int)options[i], forbidden);
	emit_load(filter, offsetof(struct seccomp_data, nr));
}

/*
 * fcntl for flags, locks and copies.  With F_SETOWN and F_SETSIG, which are above
 * those, the kernel would send any signal to any process of our user.
 */
static void
emit_fcntl(struct filter *filter)
{
	static_assert(F_SETLKW < F_SETOWN && F_SETOWN < F_SETSIG && F_SETSIG < F_DUPFD_CLOEXEC,
	    "what is not allowed is above");
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 5);
	emit_load(filter, offsetof(struct seccomp_data, args[1]));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, F_DUPFD_CLOEXEC, 1, 0);
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, F_SETOWN, 1, 0);
	emit_return(filter, SECCOMP_RET_ALLOW);
	emit_return(filter, forbidden);
}

static void
build_filter(struct filter *filter, const struct sandbox *sandbox)
{
	size_t i, n;

	emit_load(filter, offsetof(struct seccomp_data, arch));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_OURS, 1, 0);
	emit_return(filter, SECCOMP_RET_KILL_PROCESS);
	emit_load(filter, offsetof(struct seccomp_data, nr));
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
	emit_return(filter, SECCOMP_RET_KILL_PROCESS);
	emit_no_exec(filter, SYS_mmap);
	emit_no_exec(filter, SYS_mprotect);
	emit_own_tgkill(filter);
	emit_no_fastopen(filter, SYS_sendto, 3);
	emit_no_fastopen(filter, SYS_sendmsg, 2);
	emit_no_socket_filter(filter);
	emit_fcntl(filter);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if ((sandbox->sets & (1U << i)) == 0)
			continue;
		for (n = 0; n < lists[i].count; n++)
			emit_call(filter, lists[i].calls[n], SECCOMP_RET_ALLOW);
	}
	for (n = 0; n < sizeof(soft_access) / sizeof(soft_access[0]); n++)
		emit_call(filter, soft_access[n], SECCOMP_RET_ERRNO | EACCES);
	for (n = 0; n < sizeof(soft_tty) / sizeof(soft_tty[0]); n++)
		emit_call(filter, soft_tty[n], SECCOMP_RET_ERRNO | ENOTTY);
	emit_return(filter, forbidden);
}

#ifdef SANDBOX_TRAP
/* Names the forbidden call, for developers: async-signal-safe by write(2) alone. */
static void
on_sigsys(int sig, siginfo_t *info, void *context)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "sandbox: forbidden system call %d\n", info->si_syscall);

	(void)!write(STDERR_FILENO, line, (size_t)n);
	_exit(99);
}

static void
trap_install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	if (sigaction(SIGSYS, &action, NULL) == -1)
		fatal("sigaction");
}
#endif

static bool
enter_seccomp(const struct sandbox *sandbox)
{
	struct filter filter = { .len = 0 };
	struct sock_fprog prog;

	build_filter(&filter, sandbox);
	prog.len = filter.len;
	prog.filter = filter.code;
#ifdef SANDBOX_TRAP
	trap_install();
#endif
	return (
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) == 0);
}

/* The accesses an ABI knows; it refuses bits it does not know. */
static struct ruleset
landlock_handled(int abi)
{
	struct ruleset set = { (1ULL << 13) - 1, 0, 0 };

	if (abi >= 2)
		set.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		set.fs |= FS_TRUNCATE;
	if (abi >= 4)
		set.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		set.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		set.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
	return (set);
}

static uint64_t
rights_of(const char *rights, uint64_t handled)
{
	uint64_t fs = 0;

	if (strchr(rights, 'r') != NULL)
		fs |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (strchr(rights, 'w') != NULL)
		fs |= LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
	if (strchr(rights, 'c') != NULL)
		fs |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
	return (fs & handled);
}

static int
landlock_paths(int ruleset, const struct sandbox *sandbox, const char *directory, uint64_t handled)
{
	const struct sandbox_path *path;

	for (path = sandbox->paths; path < &sandbox->paths[SANDBOX_PATHS_MAX] && path->path != NULL;
	    path++) {
		struct landlock_path_beneath_attr attr = { 0 };
		char name[4096];
		int error;

		(void)snprintf(name, sizeof(name), "%s/%s", directory, path->path);
		attr.allowed_access = rights_of(path->rights, handled);
		attr.parent_fd = open(name, O_PATH | O_CLOEXEC | O_DIRECTORY);
		if (attr.parent_fd == -1)
			fatal("sandbox: %s", name);
		error = (int)syscall(
		    SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
		close(attr.parent_fd);
		if (error != 0)
			return (-1);
	}
	return (0);
}

/* Returns the ABI in force, 0 without Landlock. */
static int
enter_landlock(const struct sandbox *sandbox, const char *directory)
{
	static const size_t sizes[] = { 8, 8, 8, 8, 16, 16, 24 };
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	struct ruleset handled;
	int ruleset, error;

	if (abi < 1)
		return (0);
	handled = landlock_handled(abi);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizes[abi > 6 ? 6 : abi], 0);
	if (ruleset == -1)
		return (0);
	error = landlock_paths(ruleset, sandbox, directory, handled.fs);
	if (error == 0)
		error = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	close(ruleset);
	return (error == 0 ? abi : 0);
}

static void
set_limit(int resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == -1)
		fatal("sandbox: getrlimit");
	if (value < limit.rlim_max)
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) == -1)
		fatal("sandbox: setrlimit");
}

static void
enter_limits(const struct sandbox *sandbox)
{
	set_limit(RLIMIT_NOFILE, sandbox->open_max);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_NPROC, 0);
	if (!sandbox->writes_files)
		set_limit(RLIMIT_FSIZE, 0);
}

/* An empty directory that no longer has a name: where those live who need no files. */
static void
enter_empty_root(void)
{
	char path[] = "/tmp/rqlited-XXXXXX";

	if (mkdtemp(path) == NULL)
		fatal("sandbox: %s", path);
	if (chdir(path) == -1 || rmdir(path) == -1 || chroot(".") == -1)
		fatal("sandbox: chroot to an empty directory");
}

static void
drop_root(const struct sandbox_place *place)
{
	if (place->directory == NULL)
		enter_empty_root();
	else if (chroot(place->directory) == -1 || chdir("/") == -1)
		fatal("sandbox: chroot %s", place->directory);
	if (setgroups(1, &place->gid) == -1 ||
	    setresgid(place->gid, place->gid, place->gid) == -1 ||
	    setresuid(place->uid, place->uid, place->uid) == -1)
		fatal("sandbox: setresuid %u", (unsigned)place->uid);
	if (setuid(0) != -1 || setgid(0) != -1)
		fatalx("sandbox: root can be regained");
}

/*
 * The master's death must be ours: asked for after the change of user, which
 * clears it, and checked, since the master may have died before we asked.
 */
static void
die_with_parent(pid_t master)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
		fatal("sandbox: prctl");
	if (getppid() != master)
		fatalx("the master is gone");
}

void
sandbox_enter(const struct sandbox *sandbox, const struct sandbox_place *place, char *report,
    size_t size)
{
	const char *directory = place->directory;
	bool seccomp = false;
	int abi = 0;

	if (place->uid != 0) {
		drop_root(place);
		directory = directory != NULL ? "/" : NULL;
	}
	die_with_parent(place->master);
	enter_limits(sandbox);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || prctl(PR_SET_DUMPABLE, 0) == -1)
		fatal("sandbox: prctl");
	if (place->mode != SANDBOX_OFF) {
		abi = enter_landlock(sandbox, directory);
		seccomp = enter_seccomp(sandbox);
		if (!seccomp)
			fatal("sandbox: seccomp is missing (-sandbox=off runs without)");
		if (abi == 0 && place->mode == SANDBOX_REQUIRE)
			fatalx("sandbox: Landlock is missing, and -sandbox=require was given");
	}
	(void)snprintf(report, size, "seccomp %s, landlock %s%d, user %s, chroot %s",
	    seccomp ? "on" : "off", abi ? "abi " : "off ", abi, place->uid != 0 ? "own" : "shared",
	    place->uid != 0 ? "yes" : "no");
}

bool
sandbox_log_missing(void)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

	if (abi < 1)
		log_warnx("sandbox: Landlock is missing in this kernel: files are protected by "
			  "users, modes and chroot alone");
	else if (abi < 6)
		log_warnx("sandbox: Landlock has ABI %d in this kernel: no %ssignal scope (ABI 6)",
		    abi, abi < 4 ? "rules for TCP ports (ABI 4) and no " : "");
	return (abi >= 1);
}

bool
sandbox_print_check(enum sandbox_mode mode)
{
	int abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	uint32_t action = SECCOMP_RET_KILL_PROCESS;
	bool seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;

	printf("seccomp: %s\n", seccomp ? "yes" : "MISSING");
	if (abi < 1) {
		printf("landlock: MISSING: files are protected by modes and chroot alone\n");
		return (mode == SANDBOX_OFF || (seccomp && mode != SANDBOX_REQUIRE));
	}
	printf("landlock: abi %d%s%s\n", abi, abi < 4 ? ", no rules for TCP ports (abi 4)" : "",
	    abi < 6 ? ", no signal scope (abi 6)" : "");
	return (seccomp || mode == SANDBOX_OFF);
}

#endif
