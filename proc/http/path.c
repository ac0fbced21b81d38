/*
 * The table of routes: see path.h.  Paths are decoded once and never cleaned:
 * what is not a route to the letter is none.
 */
#include "proc/http/path.h"

#include <string.h>

#include "common/hex.h"
#include "proto/perm.h"

#define JSON "application/json; charset=utf-8"
#define TEXT "text/plain; charset=utf-8"
#define GET METHOD_GET
#define POST METHOD_POST

/* First match wins. */
static const struct route routes[] = {
	{ "/", false, METHOD_ANY, 0, NULL, ENDPOINT_ROOT },
	{ "", false, METHOD_ANY, 0, NULL, ENDPOINT_ROOT },
	{ "/console", false, METHOD_ANY, 0, NULL, ENDPOINT_CONSOLE_REDIRECT },
	{ "/console", true, GET | METHOD_HEAD, PERM_UI, NULL, ENDPOINT_CONSOLE },
	{ "/db/execute", true, POST, PERM_EXECUTE, JSON, ENDPOINT_EXECUTE },
	{ "/db/query", true, GET | POST, PERM_QUERY, JSON, ENDPOINT_QUERY },
	{ "/db/request", true, POST, PERM_QUERY | PERM_EXECUTE, JSON, ENDPOINT_REQUEST },
	{ "/db/backup", true, GET, PERM_BACKUP, NULL, ENDPOINT_BACKUP },
	{ "/db/load", true, POST, PERM_LOAD, NULL, ENDPOINT_LOAD },
	{ "/db/sql", true, GET | POST, PERM_QUERY, JSON, ENDPOINT_SQL },
	{ "/boot", false, POST, PERM_LOAD, NULL, ENDPOINT_BOOT },
	{ "/snapshot", false, POST, PERM_SNAPSHOT, NULL, ENDPOINT_SNAPSHOT },
	{ "/reap", false, POST, PERM_SNAPSHOT, NULL, ENDPOINT_REAP },
	{ "/remove", true, METHOD_DELETE, PERM_REMOVE, NULL, ENDPOINT_REMOVE },
	{ "/status", true, GET, PERM_STATUS, JSON, ENDPOINT_STATUS },
	{ "/nodes", true, GET, PERM_STATUS, JSON, ENDPOINT_NODES },
	{ "/leader", false, GET | POST, PERM_LEADER_OPS, JSON, ENDPOINT_LEADER },
	{ "/readyz", true, GET, PERM_READY, NULL, ENDPOINT_READYZ },
	{ "/licenses", false, GET, PERM_STATUS, TEXT, ENDPOINT_LICENSES },
	{ "/debug/vars", false, METHOD_ANY, PERM_STATUS, JSON, ENDPOINT_VARS },
	{ "/debug/pprof", true, METHOD_ANY, PERM_STATUS, NULL, ENDPOINT_PPROF },
	{ "/metrics", false, GET, PERM_STATUS, "text/plain; version=0.0.4; charset=utf-8",
	    ENDPOINT_METRICS },
};

int
path_decode(const char *raw, size_t len, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (raw[i] != '%') {
			out[n++] = raw[i];
			continue;
		}
		if (i + 2 >= len || hex_digit(raw[i + 1]) == -1 || hex_digit(raw[i + 2]) == -1)
			return (-1);
		out[n++] = (char)(hex_digit(raw[i + 1]) << 4 | hex_digit(raw[i + 2]));
		i += 2;
	}
	out[n] = '\0';
	return ((int)n);
}

const struct route *
route_find(const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		size_t n = strlen(routes[i].path);

		if ((routes[i].prefix ? len >= n : len == n) &&
		    memcmp(path, routes[i].path, n) == 0)
			return (&routes[i]);
	}
	return (NULL);
}

unsigned
method_bit(const char *method, size_t len)
{
	static const struct {
		const char *name;
		unsigned bit;
	} methods[] = { { "GET", METHOD_GET }, { "HEAD", METHOD_HEAD }, { "POST", METHOD_POST },
		{ "DELETE", METHOD_DELETE } };
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strlen(methods[i].name) == len && memcmp(methods[i].name, method, len) == 0)
			return (methods[i].bit);
	return (0);
}

enum histogram
route_histogram(const struct route *route)
{
	switch (route->endpoint) {
	case ENDPOINT_EXECUTE:
		return (HISTOGRAM_EXECUTE);
	case ENDPOINT_QUERY:
		return (HISTOGRAM_QUERY);
	case ENDPOINT_REQUEST:
		return (HISTOGRAM_REQUEST);
	default:
		return (HISTOGRAM_OTHER);
	}
}

const char *
route_path(enum endpoint endpoint)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].endpoint == endpoint)
			return (routes[i].path);
	return ("none");
}
