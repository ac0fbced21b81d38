/*
 * What a client asks the database to do, in the compact binary form that
 * travels from http to raft, into the log, and from there to sql; and from
 * http to read.  One command is one request: a list of SQL statements with
 * their parameters, and how its results are to be shown.
 *
 * The bytes are hostile wherever they are decoded.  A reader walks them with a
 * cursor and copies nothing: every text and blob it is handed points into the
 * command.  command_check() walks a whole command once; after it succeeded the
 * walk can not fail.
 *
 * Layout, little-endian:
 *	u8 version (1), u8 kind, u16 flags, i64 timeout_ns, u32 statements, then
 *	each statement: u32 sql length, sql bytes, u32 parameters, then
 *	each parameter: u8 type, u16 name length, name bytes (empty: positional),
 *	value: INTEGER and REAL 8 bytes; TEXT and BLOB u32 length, bytes; NULL none
 */
#ifndef PROTO_COMMAND_H
#define PROTO_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define COMMAND_VERSION 1
#define COMMAND_HEAD_SIZE 16

enum command_kind {
	COMMAND_EXECUTE = 1, /* /db/execute */
	COMMAND_QUERY = 2,   /* /db/query */
	COMMAND_REQUEST = 3, /* /db/request */
	COMMAND_KIND__COUNT
};

/* How to run it and how to print what comes out. */
enum command_flag {
	COMMAND_TRANSACTION = 1 << 0,
	COMMAND_TIMINGS = 1 << 1,
	COMMAND_PRETTY = 1 << 2,
	COMMAND_ASSOCIATIVE = 1 << 3,
	COMMAND_BLOB_ARRAY = 1 << 4,
	COMMAND_QUALIFY = 1 << 5, /* qualify_columns */
	COMMAND_STRONG = 1 << 6,  /* a request that goes through the log whatever it holds */
	COMMAND_KEEP_RANDOM = 1 << 7, /* /db/sql with norwrandom */
	COMMAND_KEEP_TIME = 1 << 8,   /* /db/sql with norwtime */
	COMMAND_FLAGS_ALL = (1 << 9) - 1
};

enum command_type {
	COMMAND_NULL = 0,
	COMMAND_INTEGER = 1,
	COMMAND_REAL = 2,
	COMMAND_TEXT = 3,
	COMMAND_BLOB = 4,
	COMMAND_TYPE__COUNT
};

struct command {
	enum command_kind kind;
	uint16_t flags;
	int64_t timeout_ns; /* db_timeout, <= 0: none */
	uint32_t statements;
	const uint8_t *pos; /* cursor: the next statement */
	const uint8_t *end;
};

struct command_statement {
	const char *sql; /* not terminated */
	uint32_t sql_len;
	uint32_t parameters;
	bool named; /* some parameter has a name */
	const uint8_t *pos; /* cursor: the next parameter */
	const uint8_t *end;
};

struct command_parameter {
	enum command_type type;
	const char *name; /* not terminated, without prefix */
	uint16_t name_len; /* 0: positional */
	int64_t integer;
	double real;
	const void *data; /* TEXT, BLOB */
	uint32_t len;
};

/* Encoding.  The buffer grows; an error is remembered in it (buf.h). */
void command_begin(struct buf *, enum command_kind, uint16_t flags, int64_t timeout_ns);
/* Sets the number of statements of the command that begins at offset `at` of the buffer. */
void command_set_statements(struct buf *, size_t at, uint32_t count);
void command_set_flags(struct buf *, size_t at, uint16_t flags);
/* Adds a statement; returns the offset to hand to command_set_parameters(). */
size_t command_add_statement(struct buf *, const char *sql, uint32_t len);
void command_set_parameters(struct buf *, size_t statement, uint32_t count);
void command_add_parameter(struct buf *, const struct command_parameter *);

/* Decodes the head; false if it is malformed.  The bytes must outlive the cursor. */
bool command_open(struct command *, const void *data, size_t len);
/* The next statement; false at the end or if it is malformed. Skips what is left of the former one. */
bool command_next(struct command *, struct command_statement *);
/* The next parameter of a statement; false at the end or if it is malformed. */
bool command_next_parameter(struct command_statement *, struct command_parameter *);
/* Walks all of it: true if it is well-formed to the last byte, and nothing is left over. */
bool command_check(const void *data, size_t len);

#endif
