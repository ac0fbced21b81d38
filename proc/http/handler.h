/*
 * Takes requests in: framing, parameters, route, permission, method.
 */
#ifndef PROC_HTTP_HANDLER_H
#define PROC_HTTP_HANDLER_H

#include <stdint.h>

#include <h2o.h>

struct http;
struct job;

/* h2o's handler of every request.  Always 0: each is answered, now or later. */
int handler_on_request(h2o_handler_t *, h2o_req_t *);
/*
 * After each turn of the loop, before work_turn(): takes in requests of HTTP/2, which are
 * only noted before.  Returns how many milliseconds the next turn may wait for events.
 */
int32_t handler_turn(struct http *);
/* Who it is was found out (job->perms): the request goes on, or is refused. */
void handler_authorized(struct job *);

#endif
