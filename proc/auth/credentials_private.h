/*
 * Between the decoder of the credentials file and the table it fills.
 */
#ifndef PROC_AUTH_CREDENTIALS_PRIVATE_H
#define PROC_AUTH_CREDENTIALS_PRIVATE_H

#include "proc/auth/cred_json.h"
#include "proc/auth/credentials.h"

/* One element of the file. What it does not name is empty. */
struct cred_entry {
	struct cred_text name;
	struct cred_text password; /* clear; empty: none */
	struct cred_text hash; /* crypt(3); empty: none */
	uint32_t perms;
};

/* An empty table with a key of its own. */
struct credentials *credentials_new(void);

/*
 * Adds an entry, or replaces that of the same name.  The entry is copied.
 * Refuses hashes that are not of the two supported kinds, or cost too much.
 */
int credentials_add(struct credentials *, const struct cred_entry *, struct error *);

/* Whether a crypt(3) hash is one we take; -1 and why not. */
int credentials_check_hash(const char *hash, struct error *);

#endif
