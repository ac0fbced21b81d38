/*
 * Puts a whole new database in the place of what is there, or of nothing: made
 * as db.new and ledger.new, both flushed; then a flushed file `install` is the
 * point of no return, after which a start does the rest again, whatever was done:
 *
 *   unlink -wal and -shm; rename db.new, then ledger.new, each if it exists; flush
 *   the directory; (for a snapshot, raft cuts its log;) unlink `install`, flush
 *
 * Before that point a start removes db.new and ledger.new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/crc32c.h"
#include "common/log.h"
#include "proc/sql/sqlvfs.h"
#include "proc/sql/store_private.h"

#define DATABASE_NEW STORE_INCOMING
#define LEDGER_NEW "ledger.new"
#define INSTALL_NAME "install"
#define MAGIC 0x494c5152U /* "RQLI" */
#define VERSION 1
#define PATH_SIZE 4096

/* The file `install`. */
struct install_record {
	uint32_t magic;
	uint32_t version;
	uint64_t index; /* of the new database in the log; 0: an empty one */
	uint64_t term;
	uint64_t size; /* bytes of db.new */
	uint8_t sha256[32]; /* of db.new; zero for an empty one */
	uint32_t zero;
	uint32_t crc;
};

_Static_assert(sizeof(struct install_record) == 72, "no padding");

/* -1 with the error: it can not be opened, which is no reason to make another in its place. */
static int
exists(struct file_dir *dir, const char *name, struct error *error)
{
	int file = dir->ops->open(dir, name, O_RDONLY);

	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "db/%s", name));
	dir->ops->close(dir, file);
	return (1);
}

static int
remove_if_there(struct file_dir *dir, const char *name, struct error *error)
{
	if (dir->ops->unlink(dir, name) == -1 && errno != ENOENT)
		return (error_set_errno(error, "db/%s: unlink", name));
	return (0);
}

static int
rename_if_there(struct file_dir *dir, const char *from, const char *to, struct error *error)
{
	if (dir->ops->rename(dir, from, to) == -1 && errno != ENOENT)
		return (error_set_errno(error, "db/%s: rename", from));
	return (0);
}

static void
flush_names(struct file_dir *dir)
{
	if (dir->ops->sync_dir(dir) == -1)
		fatal_sync("db: sync of the directory");
}

/*
 * 1 if the point of no return was passed; -1 with the error if it can not be known:
 * half of the renames may be done.  A file that is short or torn was never flushed.
 */
static int
is_begun(struct file_dir *dir, struct install_record *record, struct error *error)
{
	int file = dir->ops->open(dir, INSTALL_NAME, O_RDONLY), result = 0;
	off_t size;

	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "db/" INSTALL_NAME));
	memset(record, 0, sizeof(*record));
	size = dir->ops->size(dir, file);
	if (size >= (off_t)sizeof(*record))
		result = file_read(dir, file, record, sizeof(*record), 0);
	if (size == -1 || result == -1)
		result = error_set_errno(error, "db/" INSTALL_NAME);
	dir->ops->close(dir, file);
	if (result == -1)
		return (-1);
	return (record->magic == MAGIC && record->version == VERSION &&
		record->crc == crc32c(0, record, offsetof(struct install_record, crc)));
}

/*
 * A start does this again, before it renames: after a failed flush the record is in
 * the page cache only.  In place, so that what is on the disk already stays whole.
 */
static int
begin(struct file_dir *dir, struct install_record *record, struct error *error)
{
	int file, result;

	flush_names(dir); /* db.new and ledger.new have theirs */
	record->magic = MAGIC;
	record->version = VERSION;
	record->crc = crc32c(0, record, offsetof(struct install_record, crc));
	file = dir->ops->open(dir, INSTALL_NAME, O_RDWR | O_CREAT);
	if (file == -1)
		return (error_set_errno(error, "db/" INSTALL_NAME));
	result = file_write(dir, file, record, sizeof(*record), 0);
	if (result == -1)
		(void)error_set_errno(error, "db/" INSTALL_NAME);
	else if (dir->ops->sync(dir, file) == -1)
		fatal_sync("db: sync of " INSTALL_NAME);
	dir->ops->close(dir, file);
	if (result == 0)
		flush_names(dir);
	return (result);
}

static int
rename_files(struct file_dir *dir, struct error *error)
{
	if (remove_if_there(dir, WAL_NAME, error) == -1 ||
	    remove_if_there(dir, SHM_NAME, error) == -1 ||
	    rename_if_there(dir, DATABASE_NEW, DATABASE_NAME, error) == -1 ||
	    rename_if_there(dir, LEDGER_NEW, LEDGER_NAME, error) == -1)
		return (-1);
	flush_names(dir);
	return (0);
}

int
install_end(struct file_dir *dir, struct error *error)
{
	int there = exists(dir, INSTALL_NAME, error);

	if (there != 1)
		return (there);
	if (remove_if_there(dir, INSTALL_NAME, error) == -1)
		return (-1);
	flush_names(dir);
	return (0);
}

static int
remove_unfinished(struct file_dir *dir, struct error *error)
{
	static const char *const names[] = { INSTALL_NAME, DATABASE_NEW, DATABASE_NEW "-wal",
		DATABASE_NEW "-shm", DATABASE_NEW "-journal", LEDGER_NEW };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (remove_if_there(dir, names[i], error) == -1)
			return (-1);
	return (0);
}

/* An empty database that is in WAL mode already: the switch writes page 1 in place. */
static int
make_database(const struct store_config *config, struct error *error)
{
	size_t len = strlen(config->path);
	char name[PATH_SIZE];
	sqlite3 *db = NULL;
	int rc;

	(void)snprintf(name, sizeof(name), "%s%s" DATABASE_NEW, config->path,
	    len > 0 && config->path[len - 1] == '/' ? "" : "/");
	sqlvfs_set_guard(SQLVFS_OPEN);
	rc = sqlite3_open_v2(
	    name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
		    db, "PRAGMA journal_mode=WAL; PRAGMA user_version=0", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK)
		(void)error_set(error, "db/" DATABASE_NEW ": %s", sqlite3_errstr(rc));
	(void)sqlite3_close(db);
	sqlvfs_set_guard(SQLVFS_CLOSED);
	return (rc == SQLITE_OK ? 0 : -1);
}

static int
flush_database(struct file_dir *dir, uint64_t *size, struct error *error)
{
	int file = dir->ops->open(dir, DATABASE_NEW, O_RDWR);

	if (file == -1)
		return (error_set_errno(error, "db/" DATABASE_NEW));
	if (dir->ops->sync(dir, file) == -1)
		fatal_sync("db: sync of " DATABASE_NEW);
	*size = (uint64_t)dir->ops->size(dir, file);
	dir->ops->close(dir, file);
	return (0);
}

/* db.new, with a ledger that begins with `base`, takes the place of what is there. */
static int
install(const struct store_config *config, const struct ledger_record *base, struct error *error)
{
	struct file_dir *dir = config->dir;
	struct install_record record = { .index = base->index, .term = base->term };
	uint64_t size = store_scaled(config, LEDGER_SIZE);

	if (flush_database(dir, &record.size, error) == -1)
		return (-1);
	if (ledger_create(dir, LEDGER_NEW, base, size < LEDGER_SIZE_MIN ? LEDGER_SIZE_MIN : size) ==
	    -1)
		return (error_set_errno(error, "db/" LEDGER_NEW));
	if (begin(dir, &record, error) == -1)
		return (-1);
	return (rename_files(dir, error));
}

static int
create(const struct store_config *config, struct error *error)
{
	struct ledger_record base = { .kind = LEDGER_BASE };

	return (make_database(config, error) == -1 ? -1 : install(config, &base, error));
}

int
store_install(
    const struct store_config *config, const struct store_position *at, struct error *error)
{
	struct ledger_record base = { .kind = LEDGER_BASE,
		.flags = LEDGER_INSTALLED,
		.index = at->index,
		.term = at->term,
		.chain = at->chain,
		.rowid = at->rowid,
		.changes = at->changes,
		.total = at->total };

	return (install(config, &base, error));
}

int
install_prepare(const struct store_config *config, struct error *error)
{
	struct file_dir *dir = config->dir;
	struct install_record record;
	int begun = is_begun(dir, &record, error), database, ledger;

	if (begun == -1)
		return (-1);
	if (begun == 1)
		return (begin(dir, &record, error) == -1 ? -1 : rename_files(dir, error));
	database = exists(dir, DATABASE_NAME, error);
	ledger = database == -1 ? -1 : exists(dir, LEDGER_NAME, error);
	if (ledger == -1 || remove_unfinished(dir, error) == -1)
		return (-1);
	if (database && ledger)
		return (0);
	if (database)
		return (error_set(error,
		    "db/" LEDGER_NAME " is missing, but db/" DATABASE_NAME
		    " is there: nothing says which log index it is at. " WHAT_TO_DO));
	if (ledger)
		return (error_set(error, "db/" DATABASE_NAME " is missing, but db/" LEDGER_NAME
					 " is there. " WHAT_TO_DO));
	return (create(config, error));
}
