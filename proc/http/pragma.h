/*
 * PRAGMAs that no client may use, by how a statement begins (the authorizer in
 * sql and read stops the rest, however it is written).
 */
#ifndef PROC_HTTP_PRAGMA_H
#define PROC_HTTP_PRAGMA_H

#include <stdbool.h>
#include <stddef.h>

bool pragma_is_forbidden(const char *sql, size_t len);

#endif
