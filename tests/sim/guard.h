/*
 * How a simulated process dies: fatal() and a burnt fuse of the disk leave the
 * code under test with a long jump to where the guard was set.  Also stands in
 * for what would bring chance in from outside (getrandom) or print (log.h).
 */
#ifndef TESTS_SIM_GUARD_H
#define TESTS_SIM_GUARD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/rng.h"

enum guard_death { GUARD_LIVES, GUARD_FUSE, GUARD_FATAL };

struct guard {
	jmp_buf jump;
	bool set;
	char why[256]; /* of the last death by fatal(), or the last warning */
};

extern struct guard guard;
extern struct rng guard_entropy; /* what getrandom() gives out */

/*
 * GUARD_LIVES at first; the kind of death if the code between here and
 * guard_clear() died.
 */
#define guard_enter() (guard.set = true, (enum guard_death)setjmp(guard.jump))
void guard_clear(void);
/* The disk's fuse: see disk_faults. */
void guard_burn(void *);

#endif
