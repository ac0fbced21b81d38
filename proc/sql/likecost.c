/* The limits that LIKE and GLOB meet in the writer; see likecost.h. */
#include "proc/sql/likecost.h"

#include <string.h>

#include "common/limits.h"
#include "proc/sql/connection.h"

#define STEP 4 /* times what the patterns of one pair may have, those of the next may */

static void
set_limits(sqlite3 *db, int pattern_max, int length_max)
{
	sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, pattern_max);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, length_max);
}

/* The pattern that is allowed with the longest texts. */
static int
first_pattern(void)
{
	int pattern = (int)(SQL_LIKE_COST_MAX / (unsigned long)connection_value_max());

	if (pattern < SQL_LIKE_PATTERN_MIN)
		return (SQL_LIKE_PATTERN_MIN);
	return (pattern < SQL_LIKE_PATTERN_MAX ? pattern : SQL_LIKE_PATTERN_MAX);
}

void
likecost_begin(sqlite3 *db)
{
	set_limits(db, first_pattern(), connection_value_max());
}

static bool
is_too_complex(sqlite3 *db, int rc)
{
	return (rc == SQLITE_ERROR && strcmp(sqlite3_errmsg(db), LIKECOST_TEXT) == 0);
}

bool
likecost_again(sqlite3 *db, int rc, size_t text_len)
{
	int pattern = sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1);
	int length;

	if (pattern >= SQL_LIKE_PATTERN_MAX || !is_too_complex(db, rc))
		return (false);
	pattern = pattern * STEP < SQL_LIKE_PATTERN_MAX ? pattern * STEP : SQL_LIKE_PATTERN_MAX;
	length = (int)(SQL_LIKE_COST_MAX / (unsigned long)pattern);
	if (text_len > (size_t)length)
		return (false);
	set_limits(db, pattern, length < connection_value_max() ? length : connection_value_max());
	return (true);
}

bool
likecost_failed(sqlite3 *db, int rc)
{
	return ((rc & 0xff) == SQLITE_TOOBIG &&
		sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1) < connection_value_max());
}
