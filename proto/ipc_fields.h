/*
 * What each message of ipc_list.h carries, and how large that may be.
 *
 * F(kind, name, bound): u8 u16 u32 u64 i64 bool8 have no bound (0); enum8 is
 * below its bound (ipc_words.h); bytes and text are at most so long.
 */
#ifndef PROTO_IPC_FIELDS_H
#define PROTO_IPC_FIELDS_H

#include "common/limits.h"

#define IPC_TEXT_MAX 4096
#define IPC_USER_MAX 1024
#define IPC_PASSWORD_MAX 4096
#define IPC_TICKET_MAX 512
#define IPC_SIGN_MAX 1024
#define IPC_STATUS_MAX (60 * KIB)
#define IPC_CONF_MAX (60 * KIB)

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
/* Why the node can not go on; the master says it and exits with status 1. */
#define failed_FIELDS(F) F(text, reason, IPC_TEXT_MAX)
/* An http worker that did not read; the channel is closed, and only a new one gets another. */
#define gave_up_FIELDS(F) F(u8, number, 0) F(u32, incarnation, 0)
#define reload_FIELDS(F) F(u64, generation, 0)
#define drained_FIELDS(F) F(bool8, good, 0) F(text, reason, IPC_TEXT_MAX)
#define reloaded_FIELDS(F) F(u64, generation, 0) F(bool8, commit, 0)

/* `ticket`: what the same user and password were worth before; empty if http has none. */
#define auth_check_FIELDS(F)							\
	F(u64, request, 0) F(bytes, address, 16)				\
	F(bytes, user, IPC_USER_MAX) F(bytes, password, IPC_PASSWORD_MAX)	\
	F(bytes, ticket, IPC_TICKET_MAX)
/* A ticket of an older generation; the answer is nobody's if its user is not the same any more. */
#define auth_renew_FIELDS(F) F(u64, request, 0) F(bytes, ticket, IPC_TICKET_MAX)
/* `known`: http may keep it for who sends the same credentials again. */
#define auth_result_FIELDS(F)							\
	F(u64, request, 0) F(bool8, known, 0) F(u32, perms, 0)			\
	F(u64, generation, 0) F(bytes, ticket, IPC_TICKET_MAX)
#define key_sign_FIELDS(F)							\
	F(u64, request, 0) F(bytes, id, 32) F(enum8, scheme, SIGSCHEME__ASKED)	\
	F(bytes, content, IPC_SIGN_MAX)
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
/* Said now and then, and at once when an index is reached that raft asked for. */
#define applied_FIELDS(F) F(u64, index, 0) F(u64, chain, 0)
#define applied_ask_FIELDS(F) F(u64, index, 0)
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
#define status_ask_FIELDS(F) F(u64, request, 0)
#define status_FIELDS(F) F(u64, request, 0) F(text, json, IPC_STATUS_MAX)

#endif
