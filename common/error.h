/*
 * Why something from outside could not be done: a text for a person.  A
 * function that can fail for such a reason takes a struct error last, fills it
 * and returns -1, false or NULL; whoever decides what to do logs or answers.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

struct error {
	char text[512];
};

/* Sets the text; returns -1, so that `return (error_set(...))` reads well. */
int error_set(struct error *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* The same, with ": strerror(errno)" behind it. */
int error_set_errno(struct error *, const char *, ...) __attribute__((format(printf, 2, 3)));

#endif
