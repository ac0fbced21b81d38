/*
 * Counters of the marks, in test builds.
 */
#include "proc/raft/core/mark.h"

#ifdef CORE_MARKS
#define CORE_MARK_NAME(name) #name,

uint64_t core_marks[CORE_MARK__COUNT];
const char *const core_mark_names[CORE_MARK__COUNT] = { CORE_MARK_LIST(CORE_MARK_NAME) };
#else
typedef int core_marks_are_not_counted; /* ISO C wants a declaration in each file */
#endif
