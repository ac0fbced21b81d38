/* Confines a connection; see connection.h. */
#include "proc/sql/connection.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>

#include "common/limits.h"
#include "proc/sql/functions.h"

static int value_max = SQL_LENGTH_MAX;

void
connection_set_value_max(int64_t max)
{
	assert(max > 0 && max <= INT_MAX);
	value_max = (int)max;
}

int
connection_value_max(void)
{
	return (value_max);
}

int
connection_confine(sqlite3 *db)
{
	static const struct {
		int option, value;
	} settings[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};
	size_t i;
	int rc;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, value_max);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, value_max);
	sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SQL_LIKE_PATTERN_MAX);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 1); /* VACUUM needs one */
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	/* As SQLite has it, and rqlite; a distribution's may have more. */
	sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, SQL_VARIABLES_MAX);
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		rc = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
		if (rc != SQLITE_OK)
			return (rc);
	}
	return (functions_register(db));
}
