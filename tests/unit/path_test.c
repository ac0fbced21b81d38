/*
 * Routes: which path leads where, what it allows, and decoding of paths.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "proc/http/path.h"
#include "proto/perm.h"

#define JSON "application/json; charset=utf-8"
#define NONE -1

static int
endpoint(const char *path)
{
	const struct route *route = route_find(path, strlen(path));

	return (route != NULL ? (int)route->endpoint : NONE);
}

static void
test_exact(void **state)
{
	assert_int_equal(endpoint(""), ENDPOINT_ROOT);
	assert_int_equal(endpoint("/"), ENDPOINT_ROOT);
	assert_int_equal(endpoint("/console"), ENDPOINT_CONSOLE_REDIRECT);
	assert_int_equal(endpoint("/boot"), ENDPOINT_BOOT);
	assert_int_equal(endpoint("/snapshot"), ENDPOINT_SNAPSHOT);
	assert_int_equal(endpoint("/reap"), ENDPOINT_REAP);
	assert_int_equal(endpoint("/leader"), ENDPOINT_LEADER);
	assert_int_equal(endpoint("/licenses"), ENDPOINT_LICENSES);
	assert_int_equal(endpoint("/debug/vars"), ENDPOINT_VARS);
	assert_int_equal(endpoint("/metrics"), ENDPOINT_METRICS);
	assert_int_equal(endpoint("/boot/"), NONE);
	assert_int_equal(endpoint("/snapshots"), NONE);
	assert_int_equal(endpoint("/reap/x"), NONE);
	assert_int_equal(endpoint("/leaderx"), NONE);
	assert_int_equal(endpoint("/licensesx"), NONE);
	assert_int_equal(endpoint("/debug/vars/"), NONE);
	assert_int_equal(endpoint("/metricsx"), NONE);
}

static void
test_prefix(void **state)
{
	static const struct {
		const char *path;
		enum endpoint endpoint;
	} list[] = { { "/console/", ENDPOINT_CONSOLE }, { "/consolex", ENDPOINT_CONSOLE },
		{ "/db/execute", ENDPOINT_EXECUTE }, { "/db/executeX", ENDPOINT_EXECUTE },
		{ "/db/query", ENDPOINT_QUERY }, { "/db/queryXYZ", ENDPOINT_QUERY },
		{ "/db/query/anything", ENDPOINT_QUERY }, { "/db/request", ENDPOINT_REQUEST },
		{ "/db/backup/", ENDPOINT_BACKUP }, { "/db/load", ENDPOINT_LOAD },
		{ "/db/sqlx", ENDPOINT_SQL }, { "/remove/1", ENDPOINT_REMOVE },
		{ "/statusX", ENDPOINT_STATUS }, { "/nodes", ENDPOINT_NODES },
		{ "/readyz/x", ENDPOINT_READYZ }, { "/debug/pprof/heap", ENDPOINT_PPROF } };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(endpoint(list[i].path), list[i].endpoint);
}

static void
test_none(void **state)
{
	static const char *const list[] = { "/db", "/db/", "/db/xxx", "/xxx", "//db/query",
		"/DB/query", "/db/../db/query", "/db/quer", "/ui", "/join", "/db/join", "/notify",
		"/debug", "x", "/consol" };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(endpoint(list[i]), NONE);
	assert_null(route_find("\0", 1));
	assert_null(route_find("/boot\0", 6));
}

static void
check(const char *path, unsigned methods, uint32_t perms, const char *type)
{
	const struct route *route = route_find(path, strlen(path));

	assert_non_null(route);
	assert_int_equal(route->methods, methods);
	assert_int_equal(route->perms, perms);
	if (type == NULL)
		assert_null(route->content_type);
	else
		assert_string_equal(route->content_type, type);
}

static void
test_table(void **state)
{
	check("/", METHOD_ANY, 0, NULL);
	check("/console", METHOD_ANY, 0, NULL);
	check("/console/", METHOD_GET | METHOD_HEAD, PERM_UI, NULL);
	check("/db/execute", METHOD_POST, PERM_EXECUTE, JSON);
	check("/db/query", METHOD_GET | METHOD_POST, PERM_QUERY, JSON);
	check("/db/request", METHOD_POST, PERM_QUERY | PERM_EXECUTE, JSON);
	check("/db/backup", METHOD_GET, PERM_BACKUP, NULL);
	check("/db/load", METHOD_POST, PERM_LOAD, NULL);
	check("/db/sql", METHOD_GET | METHOD_POST, PERM_QUERY, JSON);
	check("/boot", METHOD_POST, PERM_LOAD, NULL);
	check("/snapshot", METHOD_POST, PERM_SNAPSHOT, NULL);
	check("/reap", METHOD_POST, PERM_SNAPSHOT, NULL);
	check("/remove", METHOD_DELETE, PERM_REMOVE, NULL);
	check("/status", METHOD_GET, PERM_STATUS, JSON);
	check("/nodes", METHOD_GET, PERM_STATUS, JSON);
	check("/leader", METHOD_GET | METHOD_POST, PERM_LEADER_OPS, JSON);
	check("/readyz", METHOD_GET, PERM_READY, NULL);
	check("/licenses", METHOD_GET, PERM_STATUS, "text/plain; charset=utf-8");
	check("/debug/vars", METHOD_ANY, PERM_STATUS, JSON);
	check("/debug/pprof", METHOD_ANY, PERM_STATUS, NULL);
	check("/metrics", METHOD_GET, PERM_STATUS, "text/plain; version=0.0.4; charset=utf-8");
}

static void
test_methods(void **state)
{
	static const char *const others[] = { "", "get", "PUT", "OPTIONS", "PATCH", "GETX", "GE",
		"HEAD ", "TRACE" };

	assert_int_equal(method_bit("GET", 3), METHOD_GET);
	assert_int_equal(method_bit("HEAD", 4), METHOD_HEAD);
	assert_int_equal(method_bit("POST", 4), METHOD_POST);
	assert_int_equal(method_bit("DELETE", 6), METHOD_DELETE);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(method_bit(others[i], strlen(others[i])), 0);
	assert_int_equal(METHOD_ANY & METHOD_GET, METHOD_GET);
}

static void
test_histograms(void **state)
{
	assert_int_equal(route_histogram(route_find("/db/execute", 11)), HISTOGRAM_EXECUTE);
	assert_int_equal(route_histogram(route_find("/db/query", 9)), HISTOGRAM_QUERY);
	assert_int_equal(route_histogram(route_find("/db/request", 11)), HISTOGRAM_REQUEST);
	assert_int_equal(route_histogram(route_find("/status", 7)), HISTOGRAM_OTHER);
}

static void
decodes(const char *raw, const char *decoded, size_t len)
{
	char out[64];

	assert_int_equal(path_decode(raw, strlen(raw), out), len);
	assert_memory_equal(out, decoded, len + 1);
}

static void
test_decode(void **state)
{
	static const char *const bad[] = { "%", "%2", "/db/%zz", "/db/%", "/%0g", "/%g0", "a%4", "%%41" };
	char out[16];

	decodes("", "", 0);
	decodes("/db/%71uery", "/db/query", 9);
	decodes("/a+b%2Bc", "/a+b+c", 6);
	decodes("%2f%2F", "//", 2);
	decodes("%2541", "%41", 3);
	decodes("/a%00b", "/a\0b", 4);
	decodes("%FF%ff", "\xff\xff", 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(path_decode(bad[i], strlen(bad[i]), out), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_decode),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
