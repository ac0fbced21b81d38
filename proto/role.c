/*
 * Roles: see role.h.
 */
#include "proto/role.h"

const char *
role_name(enum role role)
{
	static const char *const names[ROLE__COUNT] = { "master", "http", "auth", "key", "raft",
		"sql", "read" };

	return (role < ROLE__COUNT ? names[role] : "?");
}
