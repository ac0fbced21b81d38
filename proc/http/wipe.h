/*
 * Wipes clients' passwords from h2o's memory, as soon as nobody needs them.
 */
#ifndef PROC_HTTP_WIPE_H
#define PROC_HTTP_WIPE_H

#include <h2o.h>

/* To be called before the first connection; a fault is fatal. */
void wipe_init(void);

/*
 * The Authorization headers of a request that is handed to us, or is not answered
 * yet: the values, and the bytes that they came in.  What a client has put into the
 * table of its HTTP/2 connection, to name it again, stays there as long as that.
 */
void wipe_authorization(h2o_req_t *);

#endif
