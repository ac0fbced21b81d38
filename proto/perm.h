/*
 * Permissions: their names in the credentials file, and their bits in tickets.
 * `all` is every bit; a user has those of `*` besides its own.
 */
#ifndef PROTO_PERM_H
#define PROTO_PERM_H

/* clang-format off */
#define PERM_LIST(X)			\
	X(EXECUTE, "execute")		\
	X(QUERY, "query")		\
	X(LOAD, "load")			\
	X(BACKUP, "backup")		\
	X(SNAPSHOT, "snapshot")		\
	X(STATUS, "status")		\
	X(READY, "ready")		\
	X(LEADER_OPS, "leader-ops")	\
	X(UI, "ui")			\
	X(REMOVE, "remove")		\
	X(JOIN, "join")			\
	X(JOIN_READ_ONLY, "join-read-only") /* also named join-read-replica */
/* clang-format on */

#define PERM_NUMBER(name, text) PERM_NUMBER_##name,
enum perm_number { PERM_LIST(PERM_NUMBER) PERM__COUNT };

#define PERM_BIT(name, text) PERM_##name = 1 << PERM_NUMBER_##name,
enum perm { PERM_LIST(PERM_BIT) PERM_ALL = (1 << PERM__COUNT) - 1 };

#endif
