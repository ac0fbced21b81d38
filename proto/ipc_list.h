/*
 * The messages between our processes, all of them: who may say what to whom,
 * and whether a descriptor comes along.  The list is the architecture: codecs,
 * dispatch checks, the fuzz target and the test of forbidden pairs follow from
 * it, and so does the set of sockets the master makes.  ipc_fields.h has what
 * each carries, ipc.c what the words of the columns mean.
 */
#ifndef PROTO_IPC_LIST_H
#define PROTO_IPC_LIST_H

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
	X(GAVE_UP,	gave_up,	SERVERS,	MASTER,		FD_NONE)	\
	/* Reload in two phases: prepare (after its CONF_FILEs), then commit. */ \
	X(RELOAD,	reload,		MASTER,		WORKERS,	FD_NONE)	\
	X(DRAINED,	drained,	WORKERS,	MASTER,		FD_NONE)	\
	X(RELOADED,	reloaded,	MASTER,		WORKERS,	FD_NONE)	\
	/* Who a request's sender is. */					\
	X(AUTH_CHECK,	auth_check,	HTTP,		AUTH,		FD_NONE)	\
	X(AUTH_RENEW,	auth_renew,	HTTP,		AUTH,		FD_NONE)	\
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
	X(APPLIED_ASK,	applied_ask,	RAFT,		SQL,		FD_NONE)	\
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

#endif
