/*
 * What store.c (life and commits), recover.c (start) and checkpoint.c share.
 */
#ifndef PROC_SQL_STORE_PRIVATE_H
#define PROC_SQL_STORE_PRIVATE_H

#include "proc/sql/ledger.h"
#include "proc/sql/store.h"
#include "proc/sql/walscan.h"

#define WAL_HEAD_SIZE 32
#define FRAME_HEAD_SIZE 24

/* Seeded bugs, which the storage tests must find. */
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
	struct ledger_record picked;
	struct ledger_record base;
	struct ledger_record floor;
	bool has_pick, has_base, has_floor;
	struct store_position position;
	uint32_t page_size;
	int frames; /* of the WAL after the last commit */
	int checkpointed_frames; /* when the last checkpoint was incomplete: try again beyond */
	struct ledger_record last; /* the latest record's view of the WAL */
	bool has_reserve;
};

/* recover.c */
int recover_create(const struct store_config *, struct error *);
int recover_pick(struct store *, struct error *);
int recover_cut(struct store *, struct error *);

/* store.c */
int store_exec(struct store *, const char *sql);
/* Fills in what the WAL says of the last commit, and appends. */
int store_append_record(struct store *, enum ledger_kind);

/* checkpoint.c */
int checkpoint_seal(struct store *);

#endif
