/*
 * -check: what a start with these flags would find, and what would be in force.
 * Nothing is bound or created, and no worker started.
 *
 * Keys, certificates and credentials are read by rqlited-check, a program of its
 * own in the workers' directory: the master has no code that does.
 */
#include "cmd/rqlited/check.h"

#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"

/* Beside the workers; in the build folder, beside the master. */
static void
run_checker(const struct master *master)
{
	const struct flags *flags = master->flags;
	const char *verify = flags->http_verify_client ? "true" : "false";
	char path[4200];

	(void)snprintf(path, sizeof(path), "%s/rqlited-check", master->libexec);
	if (access(path, X_OK) == -1)
		(void)snprintf(
		    path, sizeof(path), "%s/../cmd/check/rqlited-check", master->libexec);
	(void)execl(path, path, flags->auth, flags->join_as, flags->http_cert, flags->http_key,
	    flags->http_ca_cert, flags->http_verify_common_name, verify, (char *)NULL);
	log_warn("cannot execute %s", path);
	_exit(1);
}

/* What is in the files; the checker has said what is wrong. */
static bool
files_are_good(const struct master *master)
{
	pid_t pid = fork();
	int status;

	if (pid == -1)
		fatal("fork");
	if (pid == 0)
		run_checker(master);
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			fatal("waitpid");
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int
check_main(const struct master *master)
{
	struct error error;
	bool offered;

	if (spawn_check(master, &error) == -1 || flags_check_files(master->flags, &error) == -1) {
		log_as("rqlited", "%s", error.text);
		return (1);
	}
	if (!files_are_good(master))
		return (1);
	if (data_check(master, &error) == -1) {
		log_as("rqlited", "failed to open data directory: %s", error.text);
		return (1);
	}
	printf("flags: good\nfiles: good\ndata directory: good\n");
	offered = sandbox_print_check(master->flags->sandbox_mode);
	printf("users: %s\n",
	    master->root
		? "each worker its own"
		: "not started as root: all workers share this user; they are kept apart by "
		  "Landlock and seccomp, not by users and chroot");
	return (offered ? 0 : 1);
}
