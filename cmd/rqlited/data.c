/*
 * The data directory: made with narrow modes whatever the umask, locked against
 * a second start, and divided so that each worker finds only its own part.
 *
 * DATA is 0700 and stays the starter's.  Started as root, raft owns DATA/raft
 * (0700), sql owns DATA/db (2750, readers' group), and each is locked up there
 * by chroot; what another user left there goes over to them.  Otherwise all is
 * one user's and Landlock alone separates.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/log.h"

#define ID_BASE 65100 /* of the ids used where no such users exist: a range that systems reserve */

static const struct {
	const char *user;
	const char *directory; /* below DATA; NULL: needs no files */
} places[ROLE__COUNT] = {
	[ROLE_HTTP] = { "_rqlited_http", NULL },
	[ROLE_AUTH] = { "_rqlited_auth", NULL },
	[ROLE_KEY] = { "_rqlited_key", NULL },
	[ROLE_RAFT] = { "_rqlited_raft", "raft" },
	[ROLE_SQL] = { "_rqlited_sql", "db" },
	[ROLE_READ] = { "_rqlited_read", "db" },
};

uid_t
data_uid(enum role role)
{
	const struct passwd *pw = getpwnam(places[role].user);

	return (pw != NULL ? pw->pw_uid : (uid_t)(ID_BASE + role));
}

gid_t
data_gid(enum role role)
{
	const struct passwd *pw = getpwnam(places[role].user);

	return (pw != NULL ? pw->pw_gid : (gid_t)(ID_BASE + role));
}

const char *
data_directory(const struct master *master, enum role role)
{
	static char path[4096];

	if (places[role].directory == NULL)
		return (NULL);
	(void)snprintf(path, sizeof(path), "%s/%s", master->flags->data_dir, places[role].directory);
	return (path);
}

/* The directory and its missing parents. */
static int
make_path(const char *path, struct error *error)
{
	char part[4096];
	char *slash;

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return (error_set(error, "mkdir %s: name too long", path));
	for (slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) == -1 && errno != EEXIST)
			return (error_set_errno(error, "mkdir %s", part));
		*slash = '/';
	}
	if (mkdir(part, 0700) == -1 && errno != EEXIST)
		return (error_set_errno(error, "mkdir %s", part));
	return (0);
}

/*
 * A file that another user left, as after a first start without root or before the
 * workers' users were made.  What is no plain file, or is one elsewhere too, stays as it is.
 */
static void
hand_over_file(int dir, const char *name, uid_t uid, gid_t gid)
{
	/* Readers need the database, and of what SQLite keeps beside it what has its name. */
	mode_t mode = strncmp(name, "db.sqlite", 9) == 0 ? 0640 : 0600;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    (st.st_uid != uid || st.st_gid != gid) &&
	    (fchown(fd, uid, gid) == -1 || fchmod(fd, mode) == -1))
		log_warn("hand over %s", name);
	close(fd);
}

static int
hand_over(int dir, const char *path, uid_t uid, gid_t gid, struct error *error)
{
	int copy = dup(dir);
	DIR *entries = copy != -1 ? fdopendir(copy) : NULL;
	const struct dirent *entry;

	if (entries == NULL) {
		if (copy != -1)
			close(copy);
		return (error_set_errno(error, "open %s", path));
	}
	while ((entry = readdir(entries)) != NULL)
		hand_over_file(dir, entry->d_name, uid, gid);
	closedir(entries);
	return (0);
}

/* A directory of one worker, owned and moded as it must be, also if it was there before. */
static int
make_part(const struct master *master, enum role role, gid_t gid, mode_t mode, struct error *error)
{
	const char *path = data_directory(master, role);
	int fd;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return (error_set_errno(error, "mkdir %s", path));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return (error_set_errno(error, "open %s", path));
	if (master->root && fchown(fd, data_uid(role), gid) == -1) {
		close(fd);
		return (error_set_errno(error, "chown %s", path));
	}
	if (master->root && hand_over(fd, path, data_uid(role), gid, error) == -1) {
		close(fd);
		return (-1);
	}
	if (fchmod(fd, master->root ? mode : 0700) == -1) {
		close(fd);
		return (error_set_errno(error, "chmod %s", path));
	}
	close(fd);
	return (0);
}

static int
take_lock(struct master *master, struct error *error)
{
	char path[4096];
	int locked;

	(void)snprintf(path, sizeof(path), "%s/lock", master->flags->data_dir);
	master->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (master->lock == -1)
		return (error_set_errno(error, "open %s", path));
	while ((locked = flock(master->lock, LOCK_EX | LOCK_NB)) == -1 && listen_patience())
		continue;
	if (locked == -1)
		return (error_set(error, "data directory %s is in use by another rqlited (its lock is held)",
		    master->flags->data_dir));
	return (0);
}

/*
 * rqlite keeps its log in raft.db: such a directory is another program's.  One that all
 * users share would be closed to them, and a wish for other members must not go unheard.
 */
static int
refuse_foreign(const struct master *master, struct error *error)
{
	char path[4096];
	struct stat st;

	if (stat(master->flags->data_dir, &st) == 0 && (st.st_mode & S_ISVTX) != 0)
		return (error_set(error,
		    "%s is shared by all users (it has the sticky bit): rqlited needs a directory "
		    "of its own",
		    master->flags->data_dir));
	(void)snprintf(path, sizeof(path), "%s/raft/peers.json", master->flags->data_dir);
	if (access(path, F_OK) == 0)
		return (error_set(error,
		    "recovery by %s is not supported by this version: remove the file to start "
		    "with the members of before",
		    path));

	(void)snprintf(path, sizeof(path), "%s/raft.db", master->flags->data_dir);
	if (access(path, F_OK) == 0)
		return (error_set(error,
		    "%s was written by rqlite, whose format this version does not read: "
		    "start with an empty directory and load a backup",
		    master->flags->data_dir));
	return (0);
}

/* For people: the database where rqlite has it. */
static void
link_database(const struct master *master)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/db.sqlite", master->flags->data_dir);
	if (symlink("db/db.sqlite", path) == -1 && errno != EEXIST)
		log_warn("symlink %s", path);
}

/* Without root, what a node left that was started as root or by someone else is closed to us. */
static int
refuse_others(const struct master *master, enum role role, struct error *error)
{
	const char *path = data_directory(master, role);
	struct stat st;

	if (master->root || lstat(path, &st) == -1 || st.st_uid == geteuid())
		return (0);
	return (error_set(error,
	    "%s is of user %u, not of user %u: start the node as root again, or have root "
	    "hand the files over (chown -R)",
	    path, (unsigned)st.st_uid, (unsigned)geteuid()));
}

/* A directory that is there: a file in its place is told from one that is closed to us. */
static int
check_access(const struct master *master, struct error *error)
{
	char inside[4096];

	(void)snprintf(inside, sizeof(inside), "%s/.", master->flags->data_dir);
	if (access(inside, R_OK | W_OK | X_OK) == -1)
		return (error_set_errno(error, "%s", master->flags->data_dir));
	if (refuse_others(master, ROLE_RAFT, error) == -1 ||
	    refuse_others(master, ROLE_SQL, error) == -1)
		return (-1);
	return (refuse_foreign(master, error));
}

/* Whether a directory that is not there can be made: by what is there of its path. */
static int
check_parent(const char *path, struct error *error)
{
	char part[4096];
	char *slash;

	(void)snprintf(part, sizeof(part), "%s", path);
	do {
		if ((slash = strrchr(part, '/')) == NULL)
			return (0);
		slash[slash == part ? 1 : 0] = '\0';
	} while (access(part, W_OK | X_OK) == -1 && errno == ENOENT);
	if (access(part, W_OK | X_OK) == -1)
		return (error_set_errno(error, "mkdir %s", path));
	return (0);
}

int
data_check(const struct master *master, struct error *error)
{
	struct stat st;

	if (stat(master->flags->data_dir, &st) == -1 && errno == ENOENT)
		return (check_parent(master->flags->data_dir, error));
	return (check_access(master, error));
}

int
data_prepare(struct master *master, struct error *error)
{
	if (make_path(master->flags->data_dir, error) == -1 || check_access(master, error) == -1 ||
	    take_lock(master, error) == -1)
		return (-1);
	if (chmod(master->flags->data_dir, 0700) == -1)
		return (error_set_errno(error, "chmod %s", master->flags->data_dir));
	if (make_part(master, ROLE_RAFT, data_gid(ROLE_RAFT), 0700, error) == -1 ||
	    make_part(master, ROLE_SQL, data_gid(ROLE_READ), 02750, error) == -1)
		return (-1);
	link_database(master);
	return (0);
}
