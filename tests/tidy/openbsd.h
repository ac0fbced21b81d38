/*
 * What OpenBSD's headers declare and Linux's do not, so that the OpenBSD code is
 * at least compiled here (-fsyntax-only); it is not run.
 */
#ifndef TESTS_TIDY_OPENBSD_H
#define TESTS_TIDY_OPENBSD_H

int pledge(const char *promises, const char *execpromises);
int unveil(const char *path, const char *permissions);

#endif
