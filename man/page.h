/*
 * Reading a manual page line by line, for the programs that hold it against the
 * code.
 */
#ifndef MAN_PAGE_H
#define MAN_PAGE_H

#include <stddef.h>

/* The whole file as a text, to be freed; exits if it can not be read. */
char *page_read(const char *path);

/* Takes the next line off *rest, ended where its newline was; NULL at the end. */
char *page_line(char **rest);

#endif
