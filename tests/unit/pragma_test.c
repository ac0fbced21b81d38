/*
 * Forbidden PRAGMAs: which statements are refused by how they begin.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proc/http/pragma.h"

/* Looks at a copy of its exact size, so that a sanitizer sees a byte too many. */
static bool
is_forbidden(const char *sql)
{
	size_t len = strlen(sql);
	char *exact = malloc(len > 0 ? len : 1);
	bool result;

	assert_non_null(exact);
	memcpy(exact, sql, len);
	result = pragma_is_forbidden(exact, len);
	free(exact);
	return (result);
}

static void
test_forbidden(void **state)
{
	static const char *const list[] = { "PRAGMA JOURNAL_MODE=DELETE", "PRAGMA journal_mode = wal",
		"  PRAGMA synchronous = NORMAL", "PRAGMA main.journal_mode = wal",
		"PRAGMA temp.synchronous=1", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint",
		"PRAGMA main.wal_checkpoint", "PRAGMA wal_autocheckpoint = 1000", "PRAGMA query_only=1",
		"PRAGMA main.query_only = 0", "pragma\tsynchronous\n=\n1", "PRAGMA   wal_checkpoint  ",
		"\n PRAGMA journal_mode=x", "PRAGMA journal_mode=DELETE; SELECT 1", "\f\r\v PRAGMA query_only=",
		"PRAGMA wal_checkpoints", "pRaGmA a_1.WAL_CheckPoint;" };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (!is_forbidden(list[i]))
			fail_msg("%s", list[i]);
}

static void
test_allowed(void **state)
{
	static const char *const list[] = { "", " ", "PRAGMA", "PRAGMA ", "PRAGMA journal_mode",
		"PRAGMA main.journal_mode", "PRAGMA synchronous", "PRAGMA query_only",
		"PRAGMA wal_autocheckpoint", "PRAGMA synchronous(1)", "/* c */ PRAGMA synchronous=1",
		"SELECT 1; PRAGMA synchronous=1", "PRAGMA main.wal_autocheckpoint=0",
		"PRAGMA \"synchronous\"=1", "PRAGMA user_version=42", "PRAGMA foreign_keys=1",
		"PRAGMAjournal_mode=1", "PRAGM journal_mode=1", "xPRAGMA journal_mode=1",
		"PRAGMA .journal_mode=1", "PRAGMA xjournal_mode=1", "PRAGMA journal_modes=1",
		"PRAGMA main.", "PRAGMA a.b.journal_mode=1", "PRAGMA journal_mode ", "PRAGMA wal_checkpoin" };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (is_forbidden(list[i]))
			fail_msg("%s", list[i]);
	assert_false(pragma_is_forbidden("PRAGMA \0journal_mode=1", 22));
	assert_false(pragma_is_forbidden("PRAGMA journal_mode=1", 19));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_allowed),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
