/*
 * From the text of the credentials file to a table of users.
 *
 * Each element is decoded into an entry that starts empty: what rqlite does,
 * keeping what the element before had, gives an entry without "perms" those of
 * its neighbour.
 */
#include "proc/auth/credentials_private.h"

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/log.h"
#include "proto/perm.h"

static uint32_t
perm_of(const char *name)
{
#define PERM_MATCH(NAME, text)       \
	if (strcmp(name, text) == 0) \
		return (PERM_##NAME);
	PERM_LIST(PERM_MATCH)
#undef PERM_MATCH
	if (strcmp(name, "join-read-replica") == 0)
		return (PERM_JOIN_READ_ONLY);
	if (strcmp(name, "all") == 0)
		return (PERM_ALL);
	return (0);
}

/* "perms": an array of strings, or null. */
static int
decode_perms(struct cred_json *json, struct cred_entry *entry)
{
	struct cred_text name;
	int c = cred_json_peek(json), more, got;
	uint32_t perm;

	if (c == 'n')
		return (cred_json_skip(json));
	if (c != '[')
		return (cred_json_wrong_type(
		    json, "Go struct field Credential.perms of type []string"));
	entry->perms = 0;
	for (more = cred_json_open(json, ']'); more == 1; more = cred_json_more(json, ']')) {
		if ((got = cred_json_string_or_null(json, "perms", &name)) == -1)
			return (-1);
		perm = got == 1 ? perm_of(name.bytes) : 0;
		if (got == 1 && perm == 0)
			log_warnx(
			    "credentials: unknown permission \"%.100s\" is ignored", name.bytes);
		entry->perms |= perm;
	}
	return (more);
}

static int
decode_member(struct cred_json *json, struct cred_entry *entry)
{
	static const char *const fields[] = { "username", "password", "password_hash" };
	struct cred_text *const places[] = { &entry->name, &entry->password, &entry->hash };
	struct cred_text name, value;
	int got;

	if (cred_json_name(json, &name) == -1)
		return (-1);
	if (strcasecmp(name.bytes, "perms") == 0)
		return (decode_perms(json, entry));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcasecmp(name.bytes, fields[i]) != 0)
			continue;
		if ((got = cred_json_string_or_null(json, fields[i], &value)) == 1)
			*places[i] = value;
		explicit_bzero(&value, sizeof(value));
		return (got == -1 ? -1 : 0);
	}
	return (cred_json_skip(json));
}

static int
decode_entry(struct cred_json *json, struct cred_entry *entry)
{
	int c = cred_json_peek(json), more;

	if (c == 'n')
		return (cred_json_skip(json));
	if (c != '{')
		return (cred_json_wrong_type(json, "Go value of type auth.Credential"));
	for (more = cred_json_open(json, '}'); more == 1; more = cred_json_more(json, '}'))
		if (decode_member(json, entry) == -1)
			return (-1);
	return (more);
}

/* What an operator will want to know of an entry that is legal. */
static void
remark(const struct cred_entry *entry)
{
	bool everybody = strcmp(entry->name.bytes, "*") == 0;

	if (entry->name.len == 0)
		log_warnx("credentials: an entry without username is never used");
	else if (!everybody && entry->password.len == 0 && entry->hash.len == 0)
		log_warnx("credentials: user \"%.100s\" has no password and can not log in",
		    entry->name.bytes);
	if (everybody && (entry->perms & PERM_JOIN_READ_ONLY) != 0)
		log_warnx("credentials: \"*\" may join as a read replica: whoever reaches the "
			  "inter-node port gets the whole database");
}

static int
decode_element(struct cred_json *json, struct credentials *credentials)
{
	struct cred_entry *entry = calloc(1, sizeof(*entry));
	int result = -1;

	if (entry == NULL)
		fatal("credentials");
	if (decode_entry(json, entry) == -1)
		goto done;
	if (json->has_wrong_type) {
		*json->error = json->wrong_type;
		goto done;
	}
	remark(entry);
	if (entry->name.len > 0)
		result = credentials_add(credentials, entry, json->error);
	else
		result = 0;
done:
	explicit_bzero(entry, sizeof(*entry));
	free(entry);
	return (result);
}

/* Between elements: 1 if one follows, 0 at the end of the list. */
static int
next_element(struct cred_json *json, bool first)
{
	int c = cred_json_peek(json);

	if (c == -1)
		return (error_set(json->error, "EOF"));
	if (c == ']') {
		json->p++;
		return (0);
	}
	if (first)
		return (
		    c == '}' ? cred_json_unexpected(json, "looking for beginning of value") : 1);
	if (c == '}')
		return (cred_json_unexpected(json, "after array element"));
	if (c != ',')
		return (error_set(json->error, "expected comma after array element"));
	json->p++;
	return (1);
}

static int
decode_list(struct cred_json *json, struct credentials *credentials)
{
	int c = cred_json_peek(json), more;

	if (c == '{') {
		json->p++;
		return (cred_json_peek(json) == '}'
			    ? 0
			    : error_set(json->error, "not at beginning of value"));
	}
	if (c != '[') {
		/* A scalar is a legal first token; what misses is the list. */
		if (c != -1 && cred_json_skip(json) == -1)
			return (-1);
		return (error_set(json->error, "EOF"));
	}
	json->p++;
	for (more = next_element(json, true); more == 1; more = next_element(json, false))
		if (decode_element(json, credentials) == -1)
			return (-1);
	return (more);
}

int
credentials_decode(const char *text, size_t len, struct credentials **out, struct error *error)
{
	struct cred_json json = { .p = text, .end = text + len, .error = error };
	struct credentials *credentials;

	if (len > CREDENTIALS_FILE_MAX)
		return (error_set(error, "file is longer than %d bytes", CREDENTIALS_FILE_MAX));
	credentials = credentials_new();
	if (decode_list(&json, credentials) == -1) {
		credentials_free(&credentials);
		return (-1);
	}
	*out = credentials;
	return (0);
}

int
credentials_read(int fd, const char *path, struct credentials **out, struct error *error)
{
	char *text = malloc(CREDENTIALS_FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	struct stat st;
	int result = -1;

	if (text == NULL)
		fatal("credentials");
	/* Not permitted once confined; then it was said at start. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0137) != 0)
		log_warnx("%s: mode %03o is looser than 0640", path, (unsigned)st.st_mode & 0777);
	while (n > 0 && len < CREDENTIALS_FILE_MAX + 1) {
		n = read(fd, text + len, CREDENTIALS_FILE_MAX + 1 - len);
		if (n > 0)
			len += (size_t)n;
		else if (n == -1 && errno == EINTR)
			n = 1;
	}
	if (n == -1) {
		(void)error_set_errno(error, "read %s", path);
		/* The first letter of strerror() is small in these texts. */
		error->text[strlen("read : ") + strlen(path)] =
		    (char)tolower((unsigned char)error->text[strlen("read : ") + strlen(path)]);
	} else
		result = credentials_decode(text, len, out, error);
	explicit_bzero(text, CREDENTIALS_FILE_MAX + 1);
	free(text);
	return (result);
}
