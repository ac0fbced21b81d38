/*
 * What the TLS library has allocated: counted, so that what a crowd of handshakes
 * leaves free goes back to the system, and wiped where it held a client's words.
 */
#ifndef PROC_HTTP_TLS_MEMORY_H
#define PROC_HTTP_TLS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#define TLS_MEMORY_SLACK (16UL * 1024 * 1024) /* bytes, freed before any are given back */

/* Before any other use of the TLS library in the process; else, and out of memory, -1. */
int tls_memory_install(void);

/* What records were in buffers that are free now is gone.  Takes 1 us, or nothing if none was used. */
void tls_memory_wipe(void);

/* Bytes that the library holds now. */
size_t tls_memory_used(void);

/*
 * Now and then, when no one waits: it takes 25 ms for 100 MB.  True if the use
 * had fallen by TLS_MEMORY_SLACK from its highest since the last time that it was
 * true, and free memory was given back.
 */
bool tls_memory_give_back(void);

#endif
