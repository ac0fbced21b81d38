/*
 * The words that messages are made of: what their enum8 fields mean.
 */
#ifndef PROTO_IPC_WORDS_H
#define PROTO_IPC_WORDS_H

#include "common/sigscheme.h" /* how a handshake is signed */

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

#endif
