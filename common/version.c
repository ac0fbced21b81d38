/*
 * The commit, from a header that the build makes of version_commit.h.in.
 */
#include "common/version.h"

#include "common/version_commit.h"

const char version_commit[] = VERSION_COMMIT;
/* The compiler takes SOURCE_DATE_EPOCH for it, where builds must be repeatable. */
const char version_build_time[] = __DATE__ " " __TIME__;

#ifdef __clang__
const char version_compiler[] = "clang";
const char version_toolchain[] = "clang-" __clang_version__;
#else
const char version_compiler[] = "gcc";
const char version_toolchain[] = "gcc-" __VERSION__;
#endif
