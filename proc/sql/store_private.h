/*
 * What store.c (life and commits), recover.c (start), install.c (a new database)
 * and checkpoint.c share.
 */
#ifndef PROC_SQL_STORE_PRIVATE_H
#define PROC_SQL_STORE_PRIVATE_H

#include "proc/sql/ledger.h"
#include "proc/sql/store.h"
#include "proc/sql/walscan.h"

#define DATABASE_NAME "db.sqlite"
#define WAL_NAME DATABASE_NAME "-wal"
#define SHM_NAME DATABASE_NAME "-shm"

#define WHAT_TO_DO                                                                        \
	"Restore this node from a backup; if other nodes have the data, remove its data " \
	"directory and let it join again"

#define LOCK_WAIT_MS 5000 /* readers hold what a writer needs for an instant only */

/* Rules left out on purpose, in builds of the storage tests that must notice it. */
#ifndef STORE_BUG
#define STORE_BUG 0
#endif
enum store_bug {
	STORE_BUG_NONE,
	STORE_BUG_NO_FLOOR,
	STORE_BUG_NO_LEDGER_SYNC,
	STORE_BUG_TRUNCATE_EARLY,
	STORE_BUG_NO_SEAL,
	STORE_BUG_SYNC_OFF,
	STORE_BUG_NO_SUMS,
};

struct store {
	struct store_config config;
	struct ledger ledger;
	sqlite3 *db;
	sqlite3_stmt *commit;
	struct ledger_record picked; /* by recovery */
	struct ledger_record base; /* the newest of its kind */
	struct ledger_record floor;
	bool has_pick, has_base, has_floor; /* of the three above; recovery only */
	struct store_position position;
	uint32_t page_size;
	uint32_t digest; /* of the picked frames */
	int frames; /* in the WAL after the last commit */
	bool is_named; /* and `position` is what all of them make */
	bool owes_record; /* the ledger does not say so yet */
	bool tail_known; /* `tail` is of the last frame */
	struct ledger_record tail;
	bool owes_base; /* the file is whole and flushed, BASE is not */
	bool owes_seal; /* the next write to the WAL would start it anew */
	int frames_tried; /* at the last checkpoint, if it was not completed; else 0 */
	uint64_t slots_tried; /* likewise in the ledger */
	bool has_reserve;
};

/* recover.c */
int recover_pick(struct store *, struct error *);
int recover_cut(struct store *, struct error *);

/* install.c: an interrupted installation is finished but for its end, a new database made. */
int install_prepare(const struct store_config *, struct error *);
/* raft's log agrees: the installation, if there was one, is over. */
int install_end(struct file_dir *, struct error *);

/* store.c */
int store_exec(struct store *, const char *sql);
/* SQLite's own file: closing another descriptor of it would drop SQLite's locks. */
int store_get_wal(struct store *, sqlite3_file **);
/* Sees to it that `tail` is what the WAL's last frame, of which there is one, says of itself. */
int store_read_tail(struct store *);
/* Adds what the WAL says of its last frame to the position, and appends the record. */
int store_append_record(struct store *, enum ledger_kind);
/* `size` as the configuration scales it. */
uint64_t store_scaled(const struct store_config *, uint64_t size);

#endif
