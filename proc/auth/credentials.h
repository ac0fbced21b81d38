/*
 * The credentials of one generation: who may log in, with what, to do what.
 * Read from the JSON file that -auth names (see rqlited-auth(5)); held by
 * `auth` alone.
 *
 * An entry without a password never authenticates.  A member missing in an
 * entry is empty; nothing is taken over from the entry before it.
 */
#ifndef PROC_AUTH_CREDENTIALS_H
#define PROC_AUTH_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define CREDENTIALS_FILE_MAX (1024 * 1024) /* bytes; longer files are refused */
#define CREDENTIALS_USERS_MAX 4096
#define CREDENTIALS_NAME_MAX 1024 /* bytes of a user name, password or permission */
#define CREDENTIALS_PASSWORD_MAX 1024
#define CREDENTIALS_NESTING_MAX 64 /* in members that are skipped */

struct credentials;

enum credentials_result {
	CREDENTIALS_OK, /* authenticated; also when there is no file */
	CREDENTIALS_ANONYMOUS, /* no user name was given */
	CREDENTIALS_WRONG, /* unknown user, wrong password, or a user that has none */
	CREDENTIALS_THROTTLED /* not looked at; never returned by credentials_login() */
};

struct login {
	enum credentials_result result;
	uint32_t perms; /* the user's and those of `*`; of `*` alone unless OK */
	uint64_t user; /* mark for the ticket, or TICKET_NOBODY */
};

/*
 * Decodes the text of a file.  On failure returns -1 and the text of
 * daemon start-up ("EOF", "invalid character ...").  What is legal and yet
 * probably a mistake is said with log_warnx().  The text is the caller's, who
 * should wipe it.
 */
int credentials_decode(const char *text, size_t len, struct credentials **, struct error *);

/*
 * The same from a descriptor (borrowed), with `path` for messages only; warns
 * if the mode is looser than 0640.
 */
int credentials_read(int fd, const char *path, struct credentials **, struct error *);

/* Wipes and frees; leaves NULL. */
void credentials_free(struct credentials **);

/* How many users can log in, for tests. */
size_t credentials_count(const struct credentials *);

/* What a client says of itself: as sent, no NUL at the end; a name of length 0 is nobody. */
struct credentials_claim {
	const char *user;
	size_t user_len;
	const char *password;
	size_t password_len;
};

/*
 * Decides about a claim.  Takes the same time for an unknown user
 * as for a wrong password.  A password_hash costs up to 60 ms the first time,
 * nothing once that password has been right.
 */
void credentials_login(struct credentials *, const struct credentials_claim *, struct login *);

/*
 * Gives each user a mark that nobody without the key can make or read: the same
 * in all generations as long as name, password and password_hash are.
 */
void credentials_mark(struct credentials *, const uint8_t key[16]);

/* Whether the user of this name has this mark. */
bool credentials_is_mark_of(
    const struct credentials *, uint64_t mark, const char *user, size_t user_len);

/*
 * What the user of a mark may do now, as if just logged in; nobody's login if there is
 * no such user any more.
 */
void credentials_renew(const struct credentials *, uint64_t mark, struct login *);

/*
 * The clear password of the -join-as user, borrowed; an error if the user is
 * unknown or has none in clear text.
 */
int credentials_join_as(const struct credentials *, const char *user, const char **password,
    size_t *password_len, struct error *);

#endif
