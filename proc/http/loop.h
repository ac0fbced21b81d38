/*
 * The worker's channels in h2o's loop.
 */
#ifndef PROC_HTTP_LOOP_H
#define PROC_HTTP_LOOP_H

#include "proc/frame/frame.h"

/* Fills in how channels are attached, detached and updated; the rest of the ops is left as it is. */
void loop_ops(struct proc_ops *);

#endif
