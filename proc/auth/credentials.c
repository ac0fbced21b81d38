/*
 * The table of users, and the decision about a name and a password.
 *
 * Passwords are compared by a keyed hash, in constant time; who is unknown, or
 * has no password, is compared with nothing that can match, at the same cost.
 * A crypt(3) hash is slow by design: what a user was once let in with is
 * remembered as a keyed hash, one per user, until the next generation.
 */
#include "proc/auth/credentials_private.h"

#include <sys/queue.h>
#include <sys/random.h>

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/siphash.h"
#include "proto/perm.h"
#include "proto/ticket.h"

#define BUCKETS 1024

struct user {
	SLIST_ENTRY(user) entry;
	struct cred_text name;
	struct cred_text password;
	struct cred_text hash;
	uint8_t tag[SIPHASH_SIZE]; /* of the clear password, or of the last one found right */
	bool has_tag;
	uint32_t perms;
	uint64_t mark;
};

SLIST_HEAD(bucket, user);

struct credentials {
	uint8_t key[SIPHASH_KEY_SIZE];
	struct bucket buckets[BUCKETS];
	uint32_t count;
	uint32_t everybody; /* permissions of "*" */
	const struct user *decoy; /* whose hash an unknown user is compared with, or NULL */
	struct crypt_data crypt; /* 32 KB: not for the stack */
};

struct credentials *
credentials_new(void)
{
	struct credentials *credentials = calloc(1, sizeof(*credentials));

	if (credentials == NULL)
		fatal("credentials");
	if (getrandom(credentials->key, sizeof(credentials->key), 0) !=
	    (ssize_t)sizeof(credentials->key))
		fatal("getrandom");
	return (credentials);
}

static void
user_free(struct user *user)
{
	explicit_bzero(user, sizeof(*user));
	free(user);
}

void
credentials_free(struct credentials **credentials)
{
	struct user *user;

	if (*credentials == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while ((user = SLIST_FIRST(&(*credentials)->buckets[i])) != NULL) {
			SLIST_REMOVE_HEAD(&(*credentials)->buckets[i], entry);
			user_free(user);
		}
	explicit_bzero(*credentials, sizeof(**credentials));
	free(*credentials);
	*credentials = NULL;
}

static void
tag_of(const struct credentials *credentials, const char *password, size_t len,
    uint8_t tag[SIPHASH_SIZE])
{
	siphash128(credentials->key, password, len, tag);
}

static struct bucket *
bucket_of(const struct credentials *credentials, const char *name, size_t len)
{
	uint8_t hash[SIPHASH_SIZE];

	siphash128(credentials->key, name, len, hash);
	return ((struct bucket *)&credentials->buckets[(hash[0] | hash[1] << 8) % BUCKETS]);
}

static struct user *
find_user(const struct credentials *credentials, const char *name, size_t len)
{
	struct user *user;

	SLIST_FOREACH (user, bucket_of(credentials, name, len), entry)
		if (user->name.len == len && memcmp(user->name.bytes, name, len) == 0)
			return (user);
	return (NULL);
}

/* The hash part behind the last '$': of this length, and of crypt's alphabet. */
static bool
ends_with_hash(const char *hash, size_t len)
{
	const char *last = strrchr(hash, '$') + 1;

	return (strlen(last) == len &&
		strspn(last, "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
		    len);
}

static int
check_sha512(const char *hash, struct error *error)
{
	const char *rest = hash + 3;

	if (strncmp(rest, "rounds=", 7) == 0) {
		char *end;
		unsigned long rounds = strtoul(rest + 7, &end, 10);

		if (*end != '$' || rounds < 1000)
			return (
			    error_set(error, "password_hash is not a complete sha512crypt hash"));
		if (rounds > 250000)
			return (error_set(
			    error, "password_hash costs too much: at most 250000 rounds"));
		rest = end + 1;
	}
	if (strchr(rest, '$') == NULL || strchr(rest, '$') != strrchr(rest, '$') ||
	    !ends_with_hash(hash, 86))
		return (error_set(error, "password_hash is not a complete sha512crypt hash"));
	return (0);
}

/* $y$j<N><r>$salt$hash: N from '.' to 'B' (cost 7), block size as crypt_gensalt makes it. */
static int
check_yescrypt(const char *hash, struct error *error)
{
	const char *params = hash + 3, *salt;

	if (strlen(params) < 4 || params[0] != 'j' || params[3] != '$' ||
	    (params[2] != '5' && params[2] != 'T') || params[1] == '$')
		return (error_set(
		    error, "password_hash has yescrypt parameters that are not supported"));
	if (strchr("./0123456789AB", params[1]) == NULL)
		return (error_set(error, "password_hash costs too much: at most yescrypt cost 7"));
	salt = params + 4;
	if (strchr(salt, '$') == NULL || strchr(salt, '$') != strrchr(salt, '$') ||
	    !ends_with_hash(hash, 43))
		return (error_set(error, "password_hash is not a complete yescrypt hash"));
	return (0);
}

int
credentials_check_hash(const char *hash, struct error *error)
{
	if (strncmp(hash, "$y$", 3) == 0)
		return (check_yescrypt(hash, error));
	if (strncmp(hash, "$6$", 3) == 0)
		return (check_sha512(hash, error));
	return (
	    error_set(error, "password_hash must be a yescrypt ($y$) or sha512crypt ($6$) hash"));
}

static int
check_entry(
    const struct credentials *credentials, const struct cred_entry *entry, struct error *error)
{
	struct error inner;

	if (entry->hash.len == 0)
		return (0);
	if (entry->password.len > 0)
		return (
		    error_set(error, "user \"%.100s\": either password or password_hash, not both",
			entry->name.bytes));
	if (strlen(entry->hash.bytes) != entry->hash.len)
		return (error_set(
		    error, "user \"%.100s\": password_hash contains a NUL", entry->name.bytes));
	if (credentials_check_hash(entry->hash.bytes, &inner) == -1)
		return (error_set(error, "user \"%.100s\": %.300s", entry->name.bytes, inner.text));
	return (0);
}

static const struct user *
any_hashed(const struct credentials *credentials)
{
	const struct user *user;

	for (size_t i = 0; i < BUCKETS; i++)
		SLIST_FOREACH (user, &credentials->buckets[i], entry)
			if (user->hash.len > 0)
				return (user);
	return (NULL);
}

int
credentials_add(
    struct credentials *credentials, const struct cred_entry *entry, struct error *error)
{
	struct user *user = find_user(credentials, entry->name.bytes, entry->name.len);

	if (check_entry(credentials, entry, error) == -1)
		return (-1);
	if (user == NULL) {
		if (credentials->count == CREDENTIALS_USERS_MAX)
			return (error_set(error, "more than %d users", CREDENTIALS_USERS_MAX));
		if ((user = calloc(1, sizeof(*user))) == NULL)
			fatal("credentials");
		user->name = entry->name;
		credentials->count++;
		SLIST_INSERT_HEAD(
		    bucket_of(credentials, user->name.bytes, user->name.len), user, entry);
	}
	user->password = entry->password;
	user->hash = entry->hash;
	user->perms = entry->perms;
	user->has_tag = entry->password.len > 0;
	if (user->has_tag)
		tag_of(credentials, user->password.bytes, user->password.len, user->tag);
	if (credentials->decoy == NULL && entry->hash.len > 0)
		credentials->decoy = user;
	else if (credentials->decoy == user && entry->hash.len == 0)
		credentials->decoy = any_hashed(credentials);
	if (strcmp(user->name.bytes, "*") == 0)
		credentials->everybody = user->perms;
	return (0);
}

size_t
credentials_count(const struct credentials *credentials)
{
	return (credentials->count);
}

/* Whether crypt(3) makes this user's hash of the password. */
static bool
hash_fits(
    struct credentials *credentials, const struct user *user, const struct credentials_claim *claim)
{
	char password[CRYPT_MAX_PASSPHRASE_SIZE];
	const char *made;
	size_t len = claim->password_len;
	bool fits;

	if (len >= sizeof(password) || memchr(claim->password, '\0', len) != NULL)
		len = 0; /* crypt(3) would see another password; an empty one never fits */
	memcpy(password, claim->password, len);
	password[len] = '\0';
	made = crypt_r(password, user->hash.bytes, &credentials->crypt);
	fits = len > 0 && made != NULL && strlen(made) == user->hash.len &&
	       equal_constant_time(made, user->hash.bytes, user->hash.len);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(&credentials->crypt, sizeof(credentials->crypt));
	return (fits);
}

/* user is NULL for an unknown one, who costs as much as any. */
static bool
password_fits(
    struct credentials *credentials, struct user *user, const struct credentials_claim *claim)
{
	static const uint8_t nothing[SIPHASH_SIZE];
	uint8_t tag[SIPHASH_SIZE];
	bool known = user != NULL && user->has_tag, fits;

	tag_of(credentials, claim->password, claim->password_len, tag);
	fits = equal_constant_time(tag, known ? user->tag : nothing, sizeof(tag)) && known;
	if (fits)
		return (true);
	if (user != NULL && user->hash.len > 0) {
		if (!hash_fits(credentials, user, claim))
			return (false);
		memcpy(user->tag, tag, sizeof(tag));
		user->has_tag = true;
		return (true);
	}
	if (credentials->decoy != NULL)
		(void)hash_fits(credentials, credentials->decoy, claim);
	return (false);
}

void
credentials_login(
    struct credentials *credentials, const struct credentials_claim *claim, struct login *login)
{
	struct user *user;

	*login = (struct login){ CREDENTIALS_ANONYMOUS, credentials->everybody, TICKET_NOBODY };
	if (claim->user_len == 0)
		return;
	user = find_user(credentials, claim->user, claim->user_len);
	if (user != NULL && strcmp(user->name.bytes, "*") == 0)
		user = NULL; /* everybody is no login */
	if (!password_fits(credentials, user, claim)) {
		login->result = CREDENTIALS_WRONG;
		return;
	}
	login->result = CREDENTIALS_OK;
	login->perms |= user->perms;
	login->user = user->mark;
}

/* Three hashes of fixed length: no byte can move from one text to the next. */
static uint64_t
mark_of(const struct user *user, const uint8_t key[16])
{
	uint8_t parts[3][SIPHASH_SIZE], hash[SIPHASH_SIZE];
	uint64_t mark;

	siphash128(key, user->name.bytes, user->name.len, parts[0]);
	siphash128(key, user->password.bytes, user->password.len, parts[1]);
	siphash128(key, user->hash.bytes, user->hash.len, parts[2]);
	siphash128(key, parts, sizeof(parts), hash);
	explicit_bzero(parts, sizeof(parts));
	memcpy(&mark, hash, sizeof(mark));
	return (mark != TICKET_NOBODY ? mark : 1);
}

void
credentials_mark(struct credentials *credentials, const uint8_t key[16])
{
	struct user *user;

	for (size_t i = 0; i < BUCKETS; i++)
		SLIST_FOREACH (user, &credentials->buckets[i], entry)
			user->mark = mark_of(user, key);
}

bool
credentials_is_mark_of(
    const struct credentials *credentials, uint64_t mark, const char *name, size_t len)
{
	const struct user *user = find_user(credentials, name, len);

	return (mark != TICKET_NOBODY && user != NULL && user->mark == mark);
}

void
credentials_renew(const struct credentials *credentials, uint64_t mark, struct login *login)
{
	const struct user *user;

	*login = (struct login){ CREDENTIALS_ANONYMOUS, credentials->everybody, TICKET_NOBODY };
	if (mark == TICKET_NOBODY)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		SLIST_FOREACH (user, &credentials->buckets[i], entry)
			if (user->mark == mark) {
				login->result = CREDENTIALS_OK;
				login->perms |= user->perms;
				login->user = mark;
			}
}

int
credentials_join_as(const struct credentials *credentials, const char *name, const char **password,
    size_t *password_len, struct error *error)
{
	const struct user *user = find_user(credentials, name, strlen(name));

	if (user == NULL)
		return (
		    error_set(error, "-join-as: no user \"%.100s\" in the credential file", name));
	if (user->password.len == 0)
		return (error_set(error,
		    "-join-as: user \"%.100s\" has no clear password in the credential file",
		    name));
	*password = user->password.bytes;
	*password_len = user->password.len;
	return (0);
}
