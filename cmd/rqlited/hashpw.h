/*
 * rqlited -hash-password: makes the "password_hash" of a credentials file.
 */
#ifndef RQLITED_HASHPW_H
#define RQLITED_HASHPW_H

/*
 * Asks for a password twice on the terminal, without echo, or takes the first
 * line of standard input if that is none, and prints a yescrypt hash on
 * standard output.  Returns the status to exit with.
 */
int hashpw_main(void);

#endif
