/*
 * The roles of our processes: the master, and a worker or more of each other.
 */
#ifndef PROTO_ROLE_H
#define PROTO_ROLE_H

enum role {
	ROLE_MASTER,
	ROLE_HTTP,
	ROLE_AUTH,
	ROLE_KEY,
	ROLE_RAFT,
	ROLE_SQL,
	ROLE_READ,
	ROLE__COUNT
};

/* "master", "http", ...; "?" past the last. */
const char *role_name(enum role);

#endif
