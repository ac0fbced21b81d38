/*
 * What was built, and when: constants of one object, so that a new commit does
 * not compile everything anew.
 */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

/* The commit of the source tree, in 40 digits; "unknown" when it was built outside of git. */
extern const char version_commit[];
/* When this object was compiled, which is not earlier than its commit: "Nov 24 2026 14:02:11". */
extern const char version_build_time[];
/* The compiler's name, and the same with its version: "gcc", "gcc-12.2.0". */
extern const char version_compiler[];
extern const char version_toolchain[];

#endif
