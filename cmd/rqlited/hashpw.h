/*
 * -hash-password: reads a password without echo and prints a hash for the
 * credentials file.
 */
#ifndef RQLITED_HASHPW_H
#define RQLITED_HASHPW_H

/* Returns the exit status. */
int hashpw_main(void);

#endif
