/*
 * Every bound of the system in one place, related to each other by assertions.
 * Sizes are bytes, times milliseconds, unless the name says otherwise.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <assert.h>

#define KIB (1024UL)
#define MIB (1024UL * 1024UL)

#define HTTP_WORKERS_MAX 16
#define READ_WORKERS_MAX 8
#define WORKERS_MAX (HTTP_WORKERS_MAX + READ_WORKERS_MAX + 8)

/* A request's way. */
#define BODY_MAX_DEFAULT (128 * MIB)    /* HTTP body */
#define BODIES_SUM_MAX (512 * MIB)      /* all bodies one http worker holds */
#define BODIES_SUM_MIN (64 * MIB)       /* and below this no body is refused for others' sake */
#define BODIES_SUM_TIMES 4              /* between them: so many bodies of the largest size */
#define COMMAND_MAX (64 * MIB)          /* a command in binary form */
#define COMMAND_WHOLE_MAX (256 * KIB)   /* in one message from http to raft; else in parts */
#define COMMAND_PART_MAX (64 * KIB)
#define COMMAND_WINDOW (1 * MIB)        /* parts on their way */
#define UPLOADS_SUM_MAX (128 * MIB)     /* commands that come in parts, in raft */
#define UPLOADS_MAX 256                 /* those and the ones that wait for it */
#define FRAME_OVERHEAD_MAX 1024         /* what a message adds to the bytes it carries */
#define FRAME_MAX (COMMAND_MAX + FRAME_OVERHEAD_MAX)
#define FRAME_SMALL_MAX (64 * KIB)      /* on channels that carry no commands */
#define REQUESTS_WAITING_MAX 16384      /* in one http worker; 503 past it */
#define JSON_DEPTH_MAX 10000
#define READERS_WAITING_MAX 16384       /* in raft; each may stand for many of one http worker */
#define STATEMENTS_MAX 1000000          /* in one request */
#define PARAMETERS_MAX 250000           /* given to one statement */
#define SQL_VARIABLES_MAX 32766         /* in one statement's text */

/* Results. */
#define ANALYZE_MAX (2 * MIB)           /* a command for /db/sql; its page can be 20 times as long */
#define RESULT_PART_MAX (60 * KIB)      /* a part of a long result */
#define RESULT_WINDOW (256 * KIB)       /* sent by read before http gave credit */
#define RESULT_STATEMENT_MAX (16 * MIB) /* rows a statement in sql may return */
#define RESULT_QUEUE_MAX (64 * MIB)     /* unsent results for one http, in sql or read */
#define ANSWER_QUEUE_MAX (8 * MIB)      /* unsent answers for one http, in auth, key or raft */

/* The log. */
#define LOG_SEGMENT_SIZE (16 * MIB)
#define LOG_BATCH_MAX (4 * MIB)         /* payload of a batch, unless one entry is larger */
#define LOG_BATCH_ENTRIES_MAX 4096
#define LOG_BLOCK 4096
#define DISK_SPARE (32 * MIB)           /* free space a write needs, besides twice its size */

/* The database: sizes of the WAL that call for something. */
#define WAL_IDLE (4 * MIB)              /* a checkpoint when nothing waits */
#define WAL_BUSY (16 * MIB)             /* a checkpoint */
#define WAL_AGAIN (8 * MIB)             /* growth after which one that readers stopped is tried again */
#define WAL_WAIT (64 * MIB)             /* wait a little for readers to leave */
#define WAL_INTERRUPT (256 * MIB)       /* interrupt long reads */
#define WAL_REFUSE (1024 * MIB)         /* refuse writes */
#define LOG_SINCE_BASE (64 * MIB)       /* log that calls for a checkpoint */
#define RESERVE_SIZE (16 * MIB)         /* ballast, given up when the disk is full */
#define RESERVE_ROOM 4                  /* times the ballast must be free before it is made */

/* Apply batches. */
#define APPLY_ENTRIES_MAX 256
#define APPLY_BYTES_MAX (1 * MIB)

/* SQL. */
#define SQL_LENGTH_MAX (64 * MIB)       /* any text or blob, and a statement */
#define SQL_LIKE_PATTERN_MAX 4096
#define SQL_LIKE_PATTERN_MIN 16 /* with the longest texts, in sql */
#define SQL_LIKE_COST_MAX (1024 * MIB) /* bytes of a text times bytes of its pattern, in sql */
#define SQL_WORDS_MAX 16384UL /* names and keywords in a statement */
#define SQL_BYTES_PER_STEP 64 /* a statement's text costs as much as opcodes */
#define SQL_STATEMENT_MEMORY_MAX (512 * MIB) /* what one may allocate in sql */
#define SQL_VM_STEPS_PER_MS 10000
#define SQL_VM_STEPS_DEFAULT 10000000000ULL

/* Times. */
#define WORKER_START_MS 10000           /* hello to sandbox */
#define WORKER_SILENT_MS 5000           /* unanswered ping */
#define READ_WAIT_MS 1000               /* for an http worker to read of what is queued for it */
#define SIGN_WAIT_MS 1000               /* http waiting for key */
#define STATUS_WAIT_MS 1000             /* http waiting for a part of /status */

static_assert(COMMAND_MAX < BODY_MAX_DEFAULT, "a command fits a body");
static_assert(COMMAND_MAX < UPLOADS_SUM_MAX, "the largest command fits raft");
static_assert(COMMAND_PART_MAX < COMMAND_WINDOW, "a part fits the window");
static_assert(COMMAND_PART_MAX <= COMMAND_WHOLE_MAX, "a command in parts has several");
static_assert(ANALYZE_MAX * 20 < RESULT_QUEUE_MAX, "a page of /db/sql fits the queue");
static_assert(RESULT_PART_MAX < FRAME_SMALL_MAX, "a part fits a small frame");
static_assert(RESULT_PART_MAX < RESULT_WINDOW, "a part fits the window");
static_assert(SQL_LENGTH_MAX * SQL_LIKE_PATTERN_MIN <= SQL_LIKE_COST_MAX, "LIKE is bounded");
static_assert(RESULT_STATEMENT_MAX < RESULT_QUEUE_MAX, "a result fits the queue");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats are written in native order");

#endif
