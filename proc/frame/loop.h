/*
 * The libevent loop, for roles that add timers of their own to it.
 */
#ifndef PROC_FRAME_LOOP_H
#define PROC_FRAME_LOOP_H

#include "proc/frame/frame.h"

/* Makes proc->loop (a struct event_base) before proc_run(): must come before the sandbox. */
void proc_loop_make(struct proc *);

#endif
