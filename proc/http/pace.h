/*
 * How slowly a request may come in.  Pure: times are given.
 */
#ifndef PROC_HTTP_PACE_H
#define PROC_HTTP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PACE_HEAD_S 30 /* for a request's head */
#define PACE_BODY_S 60 /* for a body's first MiB, and again for each further one */

/*
 * Whether a request is to be given up: begun at `begin` (0: not begun), its body
 * at `body` (0: its head is not whole yet), of which `size` bytes are there.
 * Times are seconds of one clock.
 */
bool pace_is_slow(time_t begin, time_t body, size_t size, time_t now);

#endif
