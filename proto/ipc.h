/*
 * The messages between our processes, all of them: who may say what to whom,
 * how large it may be, and whether a descriptor comes along.  The list is the
 * architecture: codecs, dispatch checks, the fuzz target and the test of
 * forbidden pairs follow from it, and so does the set of sockets the master
 * makes.
 *
 * On the wire: fields in order, integers little-endian, no padding; `bytes` and
 * `text` are a u32 length and the bytes.  A decoded view points into the frame
 * and dies when the handler returns.  IPC has no version: both ends of a
 * channel come from one build, which HELLO checks.
 */
#ifndef PROTO_IPC_H
#define PROTO_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/chan.h"
#include "common/limits.h"

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

const char *role_name(enum role);

#define IPC_TEXT_MAX 4096
#define IPC_USER_MAX 1024
#define IPC_PASSWORD_MAX 4096
#define IPC_TICKET_MAX 512
#define IPC_SIGN_MAX 1024
#define IPC_STATUS_MAX (60 * KIB)
#define IPC_CONF_MAX (60 * KIB)

/*	name		type-name	from		to		fd	*/
#define IPC_LIST(X)								\
	/* Life cycle: the master and each worker. */				\
	X(HELLO,	hello,		MASTER,		WORKERS,	FD_NONE)	\
	X(HELLO_BACK,	hello_back,	WORKERS,	MASTER,		FD_NONE)	\
	X(CONF,		conf,		MASTER,		WORKERS,	FD_NONE)	\
	X(CONF_FILE,	conf_file,	MASTER,		WORKERS,	FD_ONE)	\
	X(PEER,		peer,		MASTER,		WORKERS,	FD_ONE)	\
	X(GATHERED,	gathered,	MASTER,		WORKERS,	FD_NONE)	\
	X(READY,	ready,		WORKERS,	MASTER,		FD_NONE)	\
	X(STOP,		stop,		MASTER,		WORKERS,	FD_NONE)	\
	X(STOPPED,	stopped,	WORKERS,	MASTER,		FD_NONE)	\
	X(PING,		ping,		MASTER,		WORKERS,	FD_NONE)	\
	X(PONG,		pong,		WORKERS,	MASTER,		FD_NONE)	\
	X(FAILED,	failed,		WORKERS,	MASTER,		FD_NONE)	\
	/* Reload in two phases: prepare (after its CONF_FILEs), then commit. */ \
	X(RELOAD,	reload,		MASTER,		WORKERS,	FD_NONE)	\
	X(DRAINED,	drained,	WORKERS,	MASTER,		FD_NONE)	\
	X(RELOADED,	reloaded,	MASTER,		WORKERS,	FD_NONE)	\
	/* Who a request's sender is. */					\
	X(AUTH_CHECK,	auth_check,	HTTP,		AUTH,		FD_NONE)	\
	X(AUTH_RESULT,	auth_result,	AUTH,		HTTP,		FD_NONE)	\
	/* Signatures with keys that http does not have. */			\
	X(KEY_SIGN,	key_sign,	HTTP,		KEY,		FD_NONE)	\
	X(KEY_SIGNED,	key_signed,	KEY,		HTTP,		FD_NONE)	\
	X(KEY_HELD,	key_held,	KEY,		HTTP,		FD_NONE)	\
	/* A write's way, and a barrier's. */					\
	X(EXECUTE,	execute,	HTTP,		RAFT,		FD_NONE)	\
	X(EXECUTE_BEGIN, execute_begin,	HTTP,		RAFT,		FD_NONE)	\
	X(EXECUTE_MORE,	execute_more,	RAFT,		HTTP,		FD_NONE)	\
	X(EXECUTE_PART,	execute_part,	HTTP,		RAFT,		FD_NONE)	\
	X(BARRIER,	barrier,	HTTP,		RAFT,		FD_NONE)	\
	X(READ_INDEX,	read_index,	HTTP,		RAFT,		FD_NONE)	\
	X(READ_AT,	read_at,	RAFT,		HTTP,		FD_NONE)	\
	X(REFUSED,	refused,	RAFT,		HTTP,		FD_NONE)	\
	X(APPLY,	apply,		RAFT,		SQL,		FD_NONE)	\
	X(APPLIED,	applied,	SQL,		RAFT,		FD_NONE)	\
	X(STALLED,	stalled,	SQL,		RAFT,		FD_NONE)	\
	X(BASE,		base,		SQL,		RAFT,		FD_NONE)	\
	X(RESULT,	result,		SQL | READ,	HTTP,		FD_NONE)	\
	/* Recovery crosses two workers. */					\
	X(PICKED,	picked,		SQL,		RAFT,		FD_NONE)	\
	X(LOG_OK,	log_ok,		RAFT,		SQL,		FD_NONE)	\
	X(OPENED,	opened,		SQL,		RAFT | MASTER,	FD_NONE)	\
	/* A read's way. */							\
	X(QUERY,	query,		HTTP,		READ,		FD_NONE)	\
	X(CREDIT,	credit,		HTTP,		READ,		FD_NONE)	\
	X(CANCEL,	cancel,		HTTP,		READ,		FD_NONE)	\
	/* /status, in parts. */						\
	X(STATUS_ASK,	status_ask,	HTTP,		MASTER | RAFT | SQL, FD_NONE)	\
	X(STATUS,	status,		MASTER | RAFT | SQL, HTTP,	FD_NONE)

/*
 * Payloads.  F(kind, name, bound): u8 u16 u32 u64 i64 bool8 have no bound (0);
 * enum8 is below its bound; bytes and text are at most so long.
 */
#define hello_FIELDS(F)								\
	F(enum8, role, ROLE__COUNT) F(u8, number, 0) F(u32, incarnation, 0)	\
	F(text, build, 128) F(u32, revision, 0)
#define hello_back_FIELDS(F)							\
	F(enum8, role, ROLE__COUNT) F(text, build, 128) F(u32, revision, 0)
/* A named setting; which names a role knows is its own table. */
#define conf_FIELDS(F) F(text, name, 64) F(text, value, IPC_CONF_MAX)
#define conf_file_FIELDS(F)							\
	F(enum8, kind, FILE__COUNT) F(enum8, role, ROLE__COUNT) F(u8, number, 0)
#define peer_FIELDS(F)								\
	F(enum8, role, ROLE__COUNT) F(u8, number, 0) F(u32, incarnation, 0)
#define gathered_FIELDS(F) F(u64, generation, 0)
#define ready_FIELDS(F) F(text, sandbox, IPC_TEXT_MAX)
#define stop_FIELDS(F) F(u32, deadline_ms, 0)
#define stopped_FIELDS(F) F(u8, unused, 0)
#define ping_FIELDS(F) F(u64, serial, 0)
#define pong_FIELDS(F) F(u64, serial, 0)
/* Why the node can not go on; the master says it and exits with status 1 if `final`. */
#define failed_FIELDS(F) F(bool8, final, 0) F(text, reason, IPC_TEXT_MAX)
#define reload_FIELDS(F) F(u64, generation, 0)
#define drained_FIELDS(F) F(bool8, good, 0) F(text, reason, IPC_TEXT_MAX)
#define reloaded_FIELDS(F) F(u64, generation, 0) F(bool8, commit, 0)

#define auth_check_FIELDS(F)							\
	F(u64, request, 0) F(bytes, address, 16)				\
	F(bytes, user, IPC_USER_MAX) F(bytes, password, IPC_PASSWORD_MAX)
#define auth_result_FIELDS(F)							\
	F(u64, request, 0) F(bool8, known, 0) F(u32, perms, 0)			\
	F(u64, generation, 0) F(bytes, ticket, IPC_TICKET_MAX)
#define key_sign_FIELDS(F)							\
	F(u64, request, 0) F(bytes, id, 32) F(enum8, alg, KEY_ALG__COUNT)		\
	F(bytes, block, IPC_SIGN_MAX)
#define key_signed_FIELDS(F) F(u64, request, 0) F(bytes, signature, IPC_SIGN_MAX)
/* The key of a generation, by the hash of its public half; empty: it could not be read. */
#define key_held_FIELDS(F) F(u64, generation, 0) F(bytes, id, 32)

#define execute_FIELDS(F)							\
	F(u64, request, 0) F(bytes, ticket, IPC_TICKET_MAX)			\
	F(bytes, command, COMMAND_WHOLE_MAX)
/*
 * A longer command comes in parts: its size is told, raft says how much it has room
 * for, and that much is sent, until it is complete.  An empty part gives it up.
 */
#define execute_begin_FIELDS(F)							\
	F(u64, request, 0) F(bytes, ticket, IPC_TICKET_MAX) F(u32, size, 0)
#define execute_more_FIELDS(F) F(u64, request, 0) F(u32, room, 0)
#define execute_part_FIELDS(F) F(u64, request, 0) F(bytes, part, COMMAND_PART_MAX)
#define barrier_FIELDS(F) F(u64, request, 0) F(bytes, ticket, IPC_TICKET_MAX)
/* One for all reads that wait; `request` names the lot. */
#define read_index_FIELDS(F) F(u64, request, 0)
/* Applied here up to `index`; logged: an entry of its own carried it. */
#define read_at_FIELDS(F) F(u64, request, 0) F(u64, index, 0) F(bool8, logged, 0)
#define refused_FIELDS(F)							\
	F(u64, request, 0) F(enum8, reason, REFUSED__COUNT) F(text, text, 512)
#define apply_FIELDS(F)								\
	F(u64, index, 0) F(u64, term, 0) F(enum8, type, ENTRY__COUNT)		\
	F(u8, worker, 0) F(u32, incarnation, 0) F(u64, request, 0)		\
	F(bytes, entry, COMMAND_MAX)
#define applied_FIELDS(F) F(u64, index, 0) F(u64, chain, 0)
/* Applying stopped (true) or goes on: the machine failed, no entry did. */
#define stalled_FIELDS(F) F(bool8, stalled, 0) F(text, cause, 512)
#define base_FIELDS(F) F(u64, index, 0) F(u64, term, 0)
#define result_FIELDS(F)							\
	F(u64, request, 0) F(enum8, status, RESULT__COUNT) F(u64, index, 0)	\
	F(text, error, 1024) F(bytes, body, RESULT_PART_MAX)

#define picked_FIELDS(F)							\
	F(u64, index, 0) F(u64, term, 0) F(u64, chain, 0) F(bool8, installed, 0)	\
	F(u64, base, 0)
#define log_ok_FIELDS(F) F(u64, last, 0)
#define opened_FIELDS(F) F(u64, index, 0) F(u64, chain, 0)

#define query_FIELDS(F)								\
	F(u64, request, 0) F(enum8, mode, QUERY__COUNT)				\
	F(bytes, ticket, IPC_TICKET_MAX) F(bytes, command, COMMAND_MAX)
#define credit_FIELDS(F) F(u64, request, 0) F(u32, size, 0)
#define cancel_FIELDS(F) F(u64, request, 0)
#define status_ask_FIELDS(F) F(u64, request, 0) F(bytes, ticket, IPC_TICKET_MAX)
#define status_FIELDS(F) F(u64, request, 0) F(text, json, IPC_STATUS_MAX)

/* What a descriptor of CONF_FILE is. */
enum ipc_file {
	FILE_LISTENER,
	FILE_BOARD,
	FILE_COUNTERS,	    /* of (role, number); writable if it is the receiver's own */
	FILE_HTTP_CERT,
	FILE_HTTP_KEY,
	FILE_HTTP_CA,
	FILE_CREDENTIALS,
	FILE_LOCK,
	FILE_TICKET_KEY,    /* of verifier `role`: to auth both, to raft and read their own */
	FILE_SESSION_KEY,   /* of TLS session tickets, the same for all http workers */
	FILE_RAFT_LISTENER,
	FILE_DATA,	    /* DATA itself, for identity (raft) */
	FILE__COUNT
};

enum key_alg { KEY_ALG_RSA, KEY_ALG_ECDSA, KEY_ALG__COUNT };

enum ipc_refused {
	REFUSED_NO_LEADER,    /* 503 leader not found */
	REFUSED_NOT_OPEN,     /* envelope error "store not open" */
	REFUSED_NOT_READY,    /* envelope error "store not ready" */
	REFUSED_BUSY,	      /* 503, too much waits */
	REFUSED_DISK,	      /* 503 with the cause */
	REFUSED_TICKET,	      /* 401, ask auth again */
	REFUSED_LOST,	      /* envelope error: leadership lost while committing log */
	REFUSED_LARGE,	      /* 413 */
	REFUSED__COUNT
};

enum ipc_entry_type { ENTRY_NOP, ENTRY_COMMAND, ENTRY__COUNT };

enum ipc_result {
	RESULT_PART,	 /* more follows */
	RESULT_DONE,	 /* the last bytes of "results" */
	RESULT_ERROR,	 /* `error` is the envelope's; no results */
	RESULT_NEEDS_LOG, /* a request that writes: send it to raft */
	RESULT_TICKET,	 /* 401, ask auth again */
	RESULT_AGAIN,	 /* the database is not open here yet */
	RESULT_BUSY,	 /* too many reads wait */
	RESULT__COUNT
};

enum ipc_query {
	QUERY_QUERY,   /* /db/query: run it */
	QUERY_REQUEST, /* /db/request: run it if nothing writes */
	QUERY_ANALYZE, /* /db/sql */
	QUERY_CHECK,   /* is the database there: read's own SELECT 1, no ticket, no command */
	QUERY__COUNT
};

struct ipc_bytes {
	const uint8_t *data;
	size_t len;
};

#define IPC_TYPE_u8 uint8_t
#define IPC_TYPE_u16 uint16_t
#define IPC_TYPE_u32 uint32_t
#define IPC_TYPE_u64 uint64_t
#define IPC_TYPE_i64 int64_t
#define IPC_TYPE_bool8 bool
#define IPC_TYPE_enum8 uint8_t
#define IPC_TYPE_bytes struct ipc_bytes
#define IPC_TYPE_text struct ipc_bytes

#define IPC_MEMBER(kind, name, bound) IPC_TYPE_##kind name;
#define IPC_STRUCT(NAME, type, from, to, fd) struct msg_##type { type##_FIELDS(IPC_MEMBER) };
IPC_LIST(IPC_STRUCT)

#define IPC_ENUM(NAME, type, from, to, fd) MSG_##NAME,
enum msg_type { IPC_LIST(IPC_ENUM) MSG__COUNT };

#define IPC_UNION(NAME, type, from, to, fd) struct msg_##type type;
union msg { IPC_LIST(IPC_UNION) };

/* `msg_TYPE_send(chan, &m, fd)` queues one; fd (taken) exactly where the list says so, else -1. */
#define IPC_SEND(NAME, type, from, to, fd) \
	void msg_##type##_send(struct chan *, const struct msg_##type *, int);
IPC_LIST(IPC_SEND)

struct ipc_entry {
	const char *name;
	unsigned from; /* set of roles */
	unsigned to;
	bool fd;
	size_t max; /* bytes of payload */
	bool (*decode)(union msg *, const uint8_t *, size_t);
	void (*encode)(struct buf *, const union msg *);
};

/* The table; NULL past its end. */
const struct ipc_entry *ipc_entry(unsigned type);
/*
 * Decodes a frame that came from a peer of role `from` to us, `to`.  NULL, or
 * what is wrong with it: the peer is compromised or broken.
 */
const char *ipc_decode(const struct frame *, enum role from, enum role to, union msg *);
/* The largest payload that may come from a role to another: no frame between them is longer. */
size_t ipc_payload_max(enum role from, enum role to);
/* Whether any message goes between two roles, either way: then they need a channel. */
bool ipc_has_edge(enum role, enum role);
/* A number that changes whenever the list does. */
uint32_t ipc_revision(void);

static inline struct ipc_bytes
ipc_text(const char *s)
{
	struct ipc_bytes bytes = { (const uint8_t *)s, s == NULL ? 0 : strlen(s) };

	return (bytes);
}

#endif
