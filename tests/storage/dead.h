/*
 * fatal() and the log for programs that outlive the death of what they test:
 * instead of ending the process, fatal() calls a function of the test.
 */
#ifndef TESTS_STORAGE_DEAD_H
#define TESTS_STORAGE_DEAD_H

/* Gets the text of fatal(); does not return. */
extern void (*dead_hook)(const char *text);

#endif
