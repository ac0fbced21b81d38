/*
 * Holds rqlited-auth(5) against the decoder: the example is good and lets in
 * whom it says, and every member and permission has its item.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "man/page.h"
#include "proc/auth/credentials.h"
#include "proto/perm.h"

static unsigned faults;

static void
expect(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s\n", what);
	faults++;
}

static void
expect_item(const char *text, const char *macro, const char *word)
{
	char line[128];

	(void)snprintf(line, sizeof(line), "\n.It %s %s\n", macro, word);
	expect(strstr(text, line) != NULL, word);
}

static void
expect_words(const char *text)
{
	static const char *const members[] = { "username", "password", "password_hash", "perms" };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		expect_item(text, "Va", members[i]);
#define EXPECT_PERM(name, word) expect_item(text, "Cm", word);
	PERM_LIST(EXPECT_PERM)
	expect_item(text, "Cm", "all");
	expect(strstr(text, "join-read-replica") != NULL, "join-read-replica");
}

static void
expect_login(
    struct credentials *credentials, const char *user, const char *password, uint32_t perms)
{
	struct credentials_claim claim = { user, strlen(user), password, strlen(password) };
	struct login login;

	credentials_login(credentials, &claim, &login);
	expect(login.perms == perms, user);
}

static void
expect_example(const char *text)
{
	const char *start = strstr(text, ".Bd -literal\n["), *end;
	uint32_t everybody = PERM_STATUS | PERM_READY;
	struct credentials *credentials = NULL;
	struct error error = { "the page has no example" };

	end = start == NULL ? NULL : strstr(start, "\n.Ed");
	if (end == NULL || credentials_decode(start + 13, (size_t)(end - start) - 13, &credentials,
			       &error) == -1) {
		expect(0, error.text);
		return;
	}
	expect(credentials_count(credentials) == 4, "the example has four users");
	expect_login(credentials, "bob", "secret1", PERM_ALL);
	expect_login(
	    credentials, "mary", "secret2", PERM_QUERY | PERM_BACKUP | PERM_JOIN | everybody);
	expect_login(credentials, "app", "secret3", PERM_QUERY | PERM_EXECUTE | everybody);
	expect_login(credentials, "app", "secret2", everybody);
	expect_login(credentials, "", "", everybody);
	credentials_free(&credentials);
}

int
main(int argc, char **argv)
{
	char *text;

	if (argc != 2)
		return (2);
	text = page_read(argv[1]);
	expect_words(text);
	expect_example(text);
	free(text);
	return (faults == 0 ? 0 : 1);
}
