/*
 * A limit on what SQLite may allocate in this process.  Past it SQLite sees an
 * allocation fail, ends that statement with SQLITE_NOMEM and goes on.
 */
#ifndef PROC_SQL_MEMORY_H
#define PROC_SQL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Before any other use of SQLite in the process; `limit` in bytes, 0: none.  Returns an SQLite
 * code.
 */
int memory_install(size_t limit);
void memory_set_limit(size_t limit);
/* After a statement: what a large one has left free goes back to the system. */
void memory_give_back(void);
size_t memory_used(void);
/* How many allocations the limit has refused: so that its doing is told from a machine without memory. */
uint64_t memory_refusals(void);

#endif
