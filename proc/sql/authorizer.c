/*
 * The authorizer callback and its list of PRAGMAs.  A PRAGMA that SQLite does
 * not know is ignored, as SQLite does; one that it knows must be on the list.
 */
#include "proc/sql/authorizer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proc/sql/tally.h"

enum rule {
	ALLOW,
	IGNORE, /* a hint about resources: accepted, without effect */
	REFUSE,
	FORBID, /* refused with the text that rqlite has for it */
};

/* Sorted by name: without an argument, with one. */
static const struct pragma {
	const char *name;
	enum rule read, write;
} pragmas[] = {
	{ "analysis_limit", ALLOW, ALLOW },
	{ "application_id", ALLOW, ALLOW },
	{ "auto_vacuum", ALLOW, REFUSE },
	{ "automatic_index", ALLOW, ALLOW },
	{ "busy_timeout", ALLOW, IGNORE },
	{ "cache_size", ALLOW, IGNORE },
	{ "cache_spill", ALLOW, IGNORE },
	{ "case_sensitive_like", ALLOW, ALLOW },
	{ "cell_size_check", ALLOW, ALLOW },
	{ "checkpoint_fullfsync", ALLOW, REFUSE },
	{ "collation_list", ALLOW, ALLOW },
	{ "compile_options", ALLOW, ALLOW },
	{ "count_changes", ALLOW, REFUSE },
	{ "data_store_directory", REFUSE, REFUSE },
	{ "data_version", ALLOW, REFUSE },
	{ "database_list", ALLOW, ALLOW },
	{ "default_cache_size", ALLOW, REFUSE },
	{ "defer_foreign_keys", ALLOW, ALLOW },
	{ "empty_result_callbacks", ALLOW, REFUSE },
	{ "encoding", ALLOW, IGNORE },
	{ "foreign_key_check", ALLOW, ALLOW },
	{ "foreign_key_list", ALLOW, ALLOW },
	{ "foreign_keys", ALLOW, ALLOW },
	{ "freelist_count", ALLOW, ALLOW },
	{ "full_column_names", ALLOW, REFUSE },
	{ "fullfsync", ALLOW, REFUSE },
	{ "function_list", ALLOW, ALLOW },
	{ "hard_heap_limit", REFUSE, REFUSE },
	{ "ignore_check_constraints", ALLOW, ALLOW },
	{ "incremental_vacuum", ALLOW, ALLOW },
	{ "index_info", ALLOW, ALLOW },
	{ "index_list", ALLOW, ALLOW },
	{ "index_xinfo", ALLOW, ALLOW },
	{ "integrity_check", ALLOW, ALLOW },
	{ "journal_mode", ALLOW, FORBID },
	{ "journal_size_limit", ALLOW, REFUSE },
	{ "legacy_alter_table", ALLOW, ALLOW },
	{ "lock_proxy_file", REFUSE, REFUSE },
	{ "lock_status", REFUSE, REFUSE },
	{ "locking_mode", ALLOW, REFUSE },
	{ "max_page_count", ALLOW, REFUSE },
	{ "mmap_size", ALLOW, IGNORE },
	{ "module_list", ALLOW, ALLOW },
	{ "optimize", ALLOW, ALLOW },
	{ "page_count", ALLOW, ALLOW },
	{ "page_size", ALLOW, IGNORE },
	{ "pragma_list", ALLOW, ALLOW },
	{ "query_only", ALLOW, FORBID },
	{ "quick_check", ALLOW, ALLOW },
	{ "read_uncommitted", ALLOW, ALLOW },
	{ "recursive_triggers", ALLOW, ALLOW },
	{ "reverse_unordered_selects", ALLOW, ALLOW },
	{ "schema_version", ALLOW, REFUSE },
	{ "secure_delete", ALLOW, REFUSE },
	{ "short_column_names", ALLOW, REFUSE },
	{ "shrink_memory", ALLOW, ALLOW },
	{ "soft_heap_limit", REFUSE, REFUSE },
	{ "stats", REFUSE, REFUSE },
	{ "synchronous", ALLOW, FORBID },
	{ "table_info", ALLOW, ALLOW },
	{ "table_list", ALLOW, ALLOW },
	{ "table_xinfo", ALLOW, ALLOW },
	{ "temp_store", ALLOW, REFUSE },
	{ "temp_store_directory", REFUSE, REFUSE },
	{ "threads", ALLOW, REFUSE },
	{ "trusted_schema", ALLOW, REFUSE },
	{ "user_version", ALLOW, ALLOW },
	{ "wal_autocheckpoint", ALLOW, FORBID },
	{ "wal_checkpoint", FORBID, FORBID },
	{ "writable_schema", ALLOW, REFUSE },
};

static int
compare_pragma(const void *key, const void *member)
{
	return (strcasecmp(key, ((const struct pragma *)member)->name));
}

static int
authorize_pragma(struct authorizer *a, const char *name, const char *argument)
{
	const struct pragma *p = bsearch(name, pragmas, sizeof(pragmas) / sizeof(pragmas[0]),
	    sizeof(pragmas[0]), compare_pragma);

	a->seen |= argument != NULL ? SEEN_PRAGMA | SEEN_PRAGMA_SET : SEEN_PRAGMA;
	if (a->batch && argument != NULL && !a->stepping)
		return (SQLITE_DENY);
	if (p == NULL)
		return (SQLITE_IGNORE);
	switch (argument != NULL ? p->write : p->read) {
	case ALLOW:
		return (SQLITE_OK);
	case IGNORE:
		return (SQLITE_IGNORE);
	case FORBID:
		a->seen |= SEEN_FORBIDDEN;
		return (SQLITE_DENY);
	case REFUSE:
		break;
	}
	return (SQLITE_DENY);
}

static int
authorize_function(struct authorizer *a, const char *name, const char *trigger)
{
	if (strcasecmp(name, "fts3_tokenizer") == 0)
		return (SQLITE_DENY);
	if (trigger != NULL &&
	    (strcasecmp(name, "changes") == 0 || strcasecmp(name, "total_changes") == 0))
		a->seen |= SEEN_COUNTERS;
	return (SQLITE_OK);
}

static int
authorize_table(const struct authorizer *a, const char *name)
{
	/*
	 * Tables that show what is no part of the replicated state: the connection,
	 * and lists in the order of hash tables, which depends on their history.
	 */
	static const char *const local[] = {
		"pragma_data_version",
		"pragma_database_list",
		"pragma_table_list",
		"pragma_function_list",
		"pragma_module_list",
		"pragma_collation_list",
	};
	size_t i;

	if (name == NULL)
		return (SQLITE_OK);
	/* Statements that are kept are those of other clients, with what they compare with. */
	if (strcasecmp(name, TALLY_MODULE) == 0 || strcasecmp(name, "sqlite_stmt") == 0)
		return (SQLITE_DENY);
	for (i = 0; a->writer && i < sizeof(local) / sizeof(local[0]); i++)
		if (strcasecmp(name, local[i]) == 0)
			return (SQLITE_DENY);
	return (SQLITE_OK);
}

static void
note_virtual(struct authorizer *a, const char *name)
{
	const char *p = (const char *)a->virtual_tables.data, *end = p + a->virtual_tables.len;

	for (; name != NULL && p < end; p += strlen(p) + 1)
		if (strcasecmp(p, name) == 0)
			a->seen |= SEEN_VIRTUAL;
}

static void
note_temporary(struct authorizer *a, int action, const char *database)
{
	switch (action) {
	case SQLITE_CREATE_TEMP_INDEX:
	case SQLITE_CREATE_TEMP_TABLE:
	case SQLITE_CREATE_TEMP_TRIGGER:
	case SQLITE_CREATE_TEMP_VIEW:
	case SQLITE_DROP_TEMP_INDEX:
	case SQLITE_DROP_TEMP_TABLE:
	case SQLITE_DROP_TEMP_TRIGGER:
	case SQLITE_DROP_TEMP_VIEW:
		a->seen |= SEEN_TEMP;
		break;
	default:
		if (database != NULL && strcasecmp(database, "temp") == 0)
			a->seen |= SEEN_TEMP;
	}
}

static int
authorize(void *arg, int action, const char *first, const char *second, const char *database,
    const char *trigger)
{
	struct authorizer *a = arg;

	if (a->internal)
		return (SQLITE_OK);
	note_temporary(a, action, database);
	switch (action) {
	case SQLITE_ATTACH:
		/* VACUUM attaches an unnamed database while it runs, VACUUM INTO a named one. */
		return (a->stepping && first != NULL && *first == '\0' ? SQLITE_OK : SQLITE_DENY);
	case SQLITE_DETACH:
		return (a->stepping ? SQLITE_OK : SQLITE_DENY);
	case SQLITE_PRAGMA:
		return (authorize_pragma(a, first, second));
	case SQLITE_FUNCTION:
		return (authorize_function(a, second, trigger));
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		/* Full-text tables use savepoints of their own while a statement runs. */
		if (!a->stepping)
			a->seen |= SEEN_TRANSACTION;
		return (SQLITE_OK);
	case SQLITE_ANALYZE:
		a->seen |= SEEN_ANALYZE;
		return (SQLITE_OK);
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
		note_virtual(a, first);
		return (authorize_table(a, first));
	case SQLITE_READ:
		return (authorize_table(a, first));
	default:
		return (SQLITE_OK);
	}
}

void
authorizer_install(struct authorizer *a, sqlite3 *db)
{
	sqlite3_set_authorizer(db, authorize, a);
}

int
authorizer_load_tables(struct authorizer *a, sqlite3 *db)
{
	static const char sql[] =
	    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage = 0";
	sqlite3_stmt *stmt = NULL;
	int rc;

	a->virtual_tables.len = 0;
	a->internal = true;
	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		buf_add_text(&a->virtual_tables, (const char *)sqlite3_column_text(stmt, 0));
		buf_add_u8(&a->virtual_tables, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	a->internal = false;
	return (rc == SQLITE_DONE ? SQLITE_OK : rc);
}

void
authorizer_fini(struct authorizer *a)
{
	buf_fini(&a->virtual_tables);
}

void
authorizer_reset_pragmas(struct authorizer *a, sqlite3 *db, bool foreign_keys)
{
	static const char *const resets[] = {
		"PRAGMA defer_foreign_keys=0",
		"PRAGMA ignore_check_constraints=0",
		"PRAGMA recursive_triggers=0",
		"PRAGMA case_sensitive_like=0",
		"PRAGMA automatic_index=1",
		"PRAGMA reverse_unordered_selects=0",
		"PRAGMA legacy_alter_table=0",
		"PRAGMA read_uncommitted=0",
		"PRAGMA cell_size_check=0",
		"PRAGMA analysis_limit=0",
	};
	size_t i;

	a->internal = true;
	for (i = 0; i < sizeof(resets) / sizeof(resets[0]); i++)
		sqlite3_exec(db, resets[i], NULL, NULL, NULL);
	sqlite3_exec(
	    db, foreign_keys ? "PRAGMA foreign_keys=1" : "PRAGMA foreign_keys=0", NULL, NULL, NULL);
	a->internal = false;
}
