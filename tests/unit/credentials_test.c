/*
 * The credentials file: what is accepted, with what text the rest is refused,
 * and who is then let in.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <crypt.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/auth/credentials_private.h"
#include "proto/perm.h"
#include "proto/ticket.h"

static struct credentials *
decode(const char *text)
{
	struct credentials *credentials = NULL;
	struct error error = { "" };

	if (credentials_decode(text, strlen(text), &credentials, &error) == -1)
		print_message("%s: %s\n", text, error.text);
	assert_non_null(credentials);
	return (credentials);
}

static struct login
login(struct credentials *credentials, const char *user, const char *password)
{
	struct credentials_claim claim = { user, strlen(user), password, strlen(password) };
	struct login result;

	credentials_login(credentials, &claim, &result);
	return (result);
}

static void
expect(struct credentials *credentials, const char *user, const char *password, uint32_t perms)
{
	assert_int_equal(login(credentials, user, password).perms, perms);
}

static const struct {
	const char *text;
	const char *error;
} refused[] = {
	{ "", "EOF" },
	{ " \n\t", "EOF" },
	{ "null", "EOF" },
	{ "17", "EOF" },
	{ "\"a\"", "EOF" },
	{ "{\"username\":\"a\"}", "not at beginning of value" },
	{ "[", "EOF" },
	{ "[{\"username\":\"a\"}", "EOF" },
	{ "[{\"username\":\"a\"", "unexpected EOF" },
	{ "[{\"username\":\"a", "unexpected EOF" },
	{ "[{\"username\"", "unexpected EOF" },
	{ "[{\"username\":\"a\"},", "unexpected EOF" },
	{ "[{\"username\":\"a\"},]", "invalid character ']' looking for beginning of value" },
	{ "[{\"username\":\"a\"}}]", "invalid character '}' after array element" },
	{ "[{\"username\":\"a\"} {}]", "expected comma after array element" },
	{ "[{\"username\" \"a\"}]", "invalid character '\"' after object key" },
	{ "[{\"username\":\"a\" \"b\"}]", "invalid character '\"' after object key:value pair" },
	{ "[{username:1}]", "invalid character 'u' looking for beginning of object key string" },
	{ "[{\"username\":\"a\",}]",
	    "invalid character '}' looking for beginning of object key string" },
	{ "[{\"username\":'a'}]", "invalid character '\\'' looking for beginning of value" },
	{ "[{\"x\":tru}]", "invalid character '}' in literal" },
	{ "[{\"x\":01}]", "invalid character '1' after object key:value pair" },
	{ "[{\"x\":1.}]", "invalid character '}' in numeric literal" },
	{ "[{\"username\":\"a\nb\"}]", "invalid character '\\n' in string literal" },
	{ "[{\"username\":\"\\x\"}]", "invalid character 'x' in string escape code" },
	{ "[{\"username\":\"\\u12g4\"}]",
	    "invalid character 'g' in \\u hexadecimal character escape" },
	{ "[{\"username\":1}]", "json: cannot unmarshal number into Go struct field "
				"Credential.username of type "
				"string" },
	{ "[{\"username\":[1,{}]}]",
	    "json: cannot unmarshal array into Go struct field Credential.username of type "
	    "string" },
	{ "[{\"password\":true}]",
	    "json: cannot unmarshal bool into Go struct field Credential.password of type "
	    "string" },
	{ "[{\"perms\":\"all\"}]",
	    "json: cannot unmarshal string into Go struct field Credential.perms of type "
	    "[]string" },
	{ "[{\"perms\":[\"all\",7]}]",
	    "json: cannot unmarshal number into Go struct field Credential.perms of type "
	    "string" },
	{ "[5]", "json: cannot unmarshal number into Go value of type auth.Credential" },
	{ "[[]]", "json: cannot unmarshal array into Go value of type auth.Credential" },
	/* A syntax error behind a wrong type is what is said. */
	{ "[{\"username\":1]", "invalid character ']' after object key:value pair" },
	{ "[{\"username\":\"a\",\"password_hash\":\"x\"}]",
	    "user \"a\": password_hash must be a yescrypt ($y$) or sha512crypt ($6$) "
	    "hash" },
};

static void
test_refused(void **state)
{
	struct credentials *credentials = NULL;
	struct error error;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		error.text[0] = '\0';
		assert_int_equal(credentials_decode(refused[i].text, strlen(refused[i].text),
				     &credentials, &error),
		    -1);
		if (strcmp(error.text, refused[i].error) != 0)
			print_message("for: %s\n", refused[i].text);
		assert_string_equal(error.text, refused[i].error);
		assert_null(credentials);
	}
}

static void
test_accepted(void **state)
{
	static const struct {
		const char *text;
		size_t users;
	} rows[] = {
		{ "[]", 0 },
		{ "{}", 0 },
		{ " [ ] trailing text", 0 },
		{ "[null]", 0 },
		{ "[{}]", 0 },
		{ "[{\"username\":null,\"perms\":null}]", 0 },
		{ "[{\"username\":\"a\",\"perms\":[null,\"no such thing\"]}]", 1 },
		{ "[{\"username\":\"a\",\"more\":{\"x\":[1,-2.5e+3,[],{},{\"y\":null}],\"z\":true}}"
		  "]",
		    1 },
		{ "[{\"username\":\"a\"},{\"username\":\"b\"},{\"username\":\"a\"}]xyz", 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials *credentials = decode(rows[i].text);

		assert_int_equal(credentials_count(credentials), rows[i].users);
		credentials_free(&credentials);
		assert_null(credentials);
	}
}

/* The file of the manual, every kind of user. */
static void
test_example(void **state)
{
	struct credentials *credentials =
	    decode("[{\"username\":\"bob\",\"password\":\"secret1\",\"perms\":[\"all\"]},"
		   "{\"username\":\"mary\",\"password\":\"secret2\",\"perms\":[\"query\","
		   "\"backup\",\"join\"]},"
		   "{\"username\":\"*\",\"perms\":[\"status\",\"ready\",\"join-read-only\"]}]");
	uint32_t everybody = PERM_STATUS | PERM_READY | PERM_JOIN_READ_ONLY;

	assert_int_equal(login(credentials, "bob", "secret1").result, CREDENTIALS_OK);
	expect(credentials, "bob", "secret1", PERM_ALL);
	expect(credentials, "mary", "secret2", PERM_QUERY | PERM_BACKUP | PERM_JOIN | everybody);
	assert_int_equal(login(credentials, "mary", "wrong").result, CREDENTIALS_WRONG);
	expect(credentials, "mary", "wrong", everybody);
	assert_int_equal(login(credentials, "zoe", "secret2").result, CREDENTIALS_WRONG);
	expect(credentials, "zoe", "secret2", everybody);
	assert_int_equal(login(credentials, "", "secret2").result, CREDENTIALS_ANONYMOUS);
	expect(credentials, "", "", everybody);
	assert_int_equal(login(credentials, "*", "").result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "Mary", "secret2").result, CREDENTIALS_WRONG);
	credentials_free(&credentials);
}

/* A member that is missing is empty, whatever the entry before had. */
static void
test_no_inheritance(void **state)
{
	struct credentials *credentials =
	    decode("[{\"username\":\"admin\",\"password\":\"a\",\"perms\":[\"all\"]},"
		   "{\"username\":\"guest\",\"password\":\"g\"},{\"username\":\"other\",\"perms\":["
		   "\"query\"]},"
		   "{\"password\":\"x\"}]");

	expect(credentials, "admin", "a", PERM_ALL);
	expect(credentials, "guest", "g", 0);
	assert_int_equal(login(credentials, "guest", "g").result, CREDENTIALS_OK);
	assert_int_equal(login(credentials, "other", "a").result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "other", "g").result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "other", "").result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "admin", "x").result, CREDENTIALS_WRONG);
	credentials_free(&credentials);
}

static void
test_details(void **state)
{
	struct credentials *credentials = decode(
	    "[{\"USERNAME\":\"u\\u0041\\n\\ud83d\\ude00\\ud800x\",\"Password\":\"p:q\\u0000r\","
	    "\"PERMS\":[\"join-read-replica\"]},"
	    "{\"username\":\"twice\",\"password\":\"x\",\"perms\":[\"all\"]},"
	    "{\"username\":\"twice\",\"password\":\"y\",\"perms\":[\"status\"]},"
	    "{\"username\":\"empty\",\"password\":\"\",\"perms\":[\"all\"]},"
	    "{\"username\":\"case\",\"password\":\"z\",\"perms\":[\"Query\",\"ALL\"]},"
	    "{\"username\":\"bad\xc3(\",\"password\":\"z\",\"perms\":[\"ui\"]}]");
	struct credentials_claim claim = { "uA\n\xf0\x9f\x98\x80\xef\xbf\xbdx", 11, "p:q\0r", 5 };
	struct login result;

	credentials_login(credentials, &claim, &result);
	assert_int_equal(result.result, CREDENTIALS_OK);
	assert_int_equal(result.perms, PERM_JOIN_READ_ONLY);
	claim.password_len = 3;
	credentials_login(credentials, &claim, &result);
	assert_int_equal(result.result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "twice", "x").result, CREDENTIALS_WRONG);
	expect(credentials, "twice", "y", PERM_STATUS);
	assert_int_equal(login(credentials, "empty", "").result, CREDENTIALS_WRONG);
	expect(credentials, "case", "z", 0);
	expect(credentials, "bad\xef\xbf\xbd(", "z", PERM_UI);
	credentials_free(&credentials);
}

static void
test_bounds(void **state)
{
	size_t len = CREDENTIALS_FILE_MAX + 1;
	char *text = malloc(len + 1);
	struct credentials *credentials = NULL;
	struct error error;
	int n;

	assert_non_null(text);
	memset(text, ' ', len);
	assert_int_equal(credentials_decode(text, len, &credentials, &error), -1);
	text[0] = '[';
	text[1] = ']';
	assert_int_equal(credentials_decode(text, len - 1, &credentials, &error), 0);
	credentials_free(&credentials);

	n = snprintf(text, len, "[{\"username\":\"");
	memset(text + n, 'a', CREDENTIALS_NAME_MAX);
	memcpy(text + n + CREDENTIALS_NAME_MAX, "\"}]", 4);
	assert_int_equal(credentials_decode(text, strlen(text), &credentials, &error), 0);
	credentials_free(&credentials);
	memcpy(text + n + CREDENTIALS_NAME_MAX, "b\"}]", 5);
	assert_int_equal(credentials_decode(text, strlen(text), &credentials, &error), -1);

	n = snprintf(text, len, "[{\"x\":");
	memset(text + n, '[', 100000);
	assert_int_equal(credentials_decode(text, (size_t)n + 100000, &credentials, &error), -1);
	assert_string_equal(error.text, "exceeded max depth");
	free(text);
}

/* Every prefix of a good file is refused, and nothing reads past its end. */
static void
test_truncated(void **state)
{
	static const char good[] = "[{\"username\":\"b\\u00e9\",\"password\":\"s\",\"perms\":["
				   "\"all\",null],\"x\":[{\"y\":-1.5}]}]";
	struct credentials *credentials = NULL;
	struct error error;

	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		char *copy = malloc(len + 1); /* exact, so that a sanitizer sees a step too far */

		memcpy(copy, good, len);
		assert_int_equal(credentials_decode(copy, len, &credentials, &error), -1);
		free(copy);
	}
	assert_int_equal(credentials_decode(good, sizeof(good) - 1, &credentials, &error), 0);
	credentials_free(&credentials);
}

static unsigned hashed; /* calls of crypt_r(), which are what costs */

/* Stands before libcrypt's. */
char *
crypt_r(const char *password, const char *setting, struct crypt_data *data)
{
	char *(*real)(const char *, const char *, struct crypt_data *) = NULL;
	void *symbol = dlsym(RTLD_NEXT, "crypt_r");

	memcpy(&real, &symbol, sizeof(real));
	hashed++;
	return (real(password, setting, data));
}

/* One login, and how often it hashes. */
static void
check_login(struct credentials *credentials, const char *user, const char *password,
    enum credentials_result result, unsigned hashes)
{
	hashed = 0;
	assert_int_equal(login(credentials, user, password).result, result);
	assert_int_equal(hashed, hashes);
}

/* Hashes as crypt(3) makes them: slow once, then remembered; never for a wrong one. */
static void
test_hashes(void **state)
{
	static struct crypt_data data;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE], text[1024];
	const char *prefixes[] = { "$y$", "$6$" };

	for (int i = 0; i < 2; i++) {
		struct credentials *credentials;

		assert_non_null(crypt_gensalt_rn(
		    prefixes[i], i == 0 ? 5 : 100000, NULL, 0, salt, sizeof(salt)));
		(void)snprintf(text, sizeof(text),
		    "[{\"username\":\"a\",\"password_hash\":\"%s\",\"perms\":[\"query\"]},"
		    "{\"username\":\"c\",\"password\":\"clear\"}]",
		    crypt_r("secret", salt, &data));
		credentials = decode(text);
		assert_int_equal(login(credentials, "a", "Secret").result, CREDENTIALS_WRONG);
		assert_int_equal(login(credentials, "a", "").result, CREDENTIALS_WRONG);
		check_login(credentials, "a", "secret", CREDENTIALS_OK, 1);
		check_login(credentials, "a", "secret", CREDENTIALS_OK, 0);
		/* What is wrong costs as much for an unknown user, and one without hash. */
		check_login(credentials, "a", "wrong", CREDENTIALS_WRONG, 1);
		check_login(credentials, "nobody", "wrong", CREDENTIALS_WRONG, 1);
		check_login(credentials, "c", "wrong", CREDENTIALS_WRONG, 1);
		assert_int_equal(login(credentials, "c", "clear").result, CREDENTIALS_OK);
		credentials_free(&credentials);
	}
}

static char *
hash_of(const char *password)
{
	static struct crypt_data data;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];

	assert_non_null(crypt_gensalt_rn("$6$", 1000, NULL, 0, salt, sizeof(salt)));
	return (crypt_r(password, salt, &data));
}

/* Passwords that crypt(3) would take for others, and a hash that must open no door. */
static void
test_odd_passwords(void **state)
{
	struct credentials_claim cut = { "a", 1, "secret\0more", 11 };
	struct credentials *credentials;
	struct login result;
	struct error error;
	char text[1024];

	(void)snprintf(text, sizeof(text), "[{\"username\":\"a\",\"password_hash\":\"%s\"}]",
	    hash_of("secret"));
	credentials = decode(text);
	credentials_login(credentials, &cut, &result);
	assert_int_equal(result.result, CREDENTIALS_WRONG);
	assert_int_equal(login(credentials, "a", "secret").result, CREDENTIALS_OK);
	credentials_login(credentials, &cut, &result);
	assert_int_equal(result.result, CREDENTIALS_WRONG);
	credentials_free(&credentials);

	(void)snprintf(
	    text, sizeof(text), "[{\"username\":\"a\",\"password_hash\":\"%s\"}]", hash_of(""));
	credentials = decode(text);
	assert_int_equal(login(credentials, "a", "").result, CREDENTIALS_WRONG);
	credentials_free(&credentials);

	(void)snprintf(text, sizeof(text),
	    "[{\"username\":\"a\",\"password\":\"x\",\"password_hash\":\"%s\"}]", hash_of("x"));
	assert_int_equal(credentials_decode(text, strlen(text), &credentials, &error), -1);
	assert_string_equal(error.text, "user \"a\": either password or password_hash, not both");
}

/* What "*" stands for is everybody: nobody logs in by that name. */
static void
test_everybody_is_no_login(void **state)
{
	struct credentials *credentials =
	    decode("[{\"username\":\"*\",\"password\":\"s\",\"perms\":[\"query\"]}]");

	assert_int_equal(login(credentials, "*", "s").result, CREDENTIALS_WRONG);
	expect(credentials, "", "", PERM_QUERY);
	credentials_free(&credentials);
}

static void
test_hash_forms(void **state)
{
#define YES "LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK.StKYGt6KErmUYtioHreJd98oIugoNB6"
#define SHA                                               \
	"saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/" \
	"O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
	static const struct {
		const char *hash;
		int result;
	} rows[] = {
		{ "$y$j9T$" YES, 0 },
		{ "$y$jBT$" YES, 0 },
		{ "$y$jCT$" YES, -1 },
		{ "$y$jFT$" YES, -1 },
		{ "$y$j75$" YES, 0 },
		{ "$y$j9U$" YES, -1 },
		{ "$y$j9T$$" YES, -1 },
		{ "$y$j9T0$" YES, -1 },
		{ "$y$j9T$" YES "x", -1 },
		{ "$y$j9T$salt", -1 },
		{ "$y$", -1 },
		{ "$6$" SHA, 0 },
		{ "$6$rounds=250000$" SHA, 0 },
		{ "$6$rounds=250001$" SHA, -1 },
		{ "$6$rounds=1$" SHA, -1 },
		{ "$6$rounds=99999999999999999999$" SHA, -1 },
		{ "$6$" SHA "$", -1 },
		{ "$6$x", -1 },
		{ "$6$", -1 },
		{ "$5$" SHA, -1 },
		{ "$1$abc$def", -1 },
		{ "secret", -1 },
	};
	struct error error;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (credentials_check_hash(rows[i].hash, &error) != rows[i].result)
			print_message("for: %s\n", rows[i].hash);
		assert_int_equal(credentials_check_hash(rows[i].hash, &error), rows[i].result);
	}
}

static void
test_join_as(void **state)
{
	struct credentials *credentials;
	const char *password;
	size_t len;
	struct error error;

	credentials = decode("[{\"username\":\"bob\",\"password\":\"s\"},{\"username\":\"eve\"}]");
	assert_int_equal(credentials_join_as(credentials, "bob", &password, &len, &error), 0);
	assert_int_equal(len, 1);
	assert_memory_equal(password, "s", 1);
	assert_int_equal(credentials_join_as(credentials, "eve", &password, &len, &error), -1);
	assert_int_equal(credentials_join_as(credentials, "zoe", &password, &len, &error), -1);
	assert_string_equal(error.text, "-join-as: no user \"zoe\" in the credential file");
	credentials_free(&credentials);
}

static const uint8_t mark_key[16] = "a key of marks.";

/* The mark of the user a, whose password is p or hashed p; TICKET_NOBODY if p is not right. */
static uint64_t
mark_in(const char *text, const uint8_t key[16])
{
	struct credentials *credentials = decode(text);
	uint64_t mark;

	credentials_mark(credentials, key);
	mark = login(credentials, "a", "p").user;
	credentials_free(&credentials);
	return (mark);
}

static const char hashed_user[] = "[{\"username\":\"a\",\"perms\":[\"query\"],\"password_hash\":\"$"
				  "6$one$d58HUIfWqf3a2sQSXxTwSXGfbUP7dz5jE"
				  "9.TFqxBNVOSfnF5dMTGYeHDXeNR52XCxlWA1KUuE8npyC1dCqAhs.\"}]";

/* A mark is of name and secret alone, and of the key. */
static void
test_marks(void **state)
{
	uint64_t mark = mark_in("[{\"username\":\"a\",\"password\":\"p\"}]", mark_key);

	assert_true(mark != TICKET_NOBODY);
	assert_true(mark == mark_in("[{\"username\":\"b\",\"password\":\"q\"},{\"username\":\"*\"},"
				    "{\"username\":\"a\",\"password\":\"p\",\"perms\":[\"all\"]}]",
				mark_key));
	assert_true(mark != mark_in("[{\"username\":\"a\",\"password\":\"p\"}]",
				(const uint8_t *)"another, as long"));
}

/* Who may do what with the mark of a, whose password was p, after a change. */
static void
test_renewals(void **state)
{
	static const struct {
		const char *text;
		bool same;
		uint32_t perms;
	} rows[] = {
		{ "[{\"username\":\"a\",\"password\":\"p\",\"perms\":[\"query\"]}]", true,
		    PERM_QUERY },
		{ "[{\"username\":\"a\",\"password\":\"p\",\"perms\":[\"all\"]}]", true, PERM_ALL },
		{ "[{\"username\":\"*\",\"perms\":[\"ready\"]},"
		  "{\"username\":\"a\",\"password\":\"p\",\"perms\":[\"query\"]}]",
		    true, PERM_QUERY | PERM_READY },
		{ "[{\"username\":\"a\",\"password\":\"q\",\"perms\":[\"query\"]}]", false, 0 },
		{ "[{\"username\":\"a\",\"perms\":[\"query\"]}]", false, 0 },
		{ "[{\"username\":\"ap\",\"perms\":[\"query\"]}]", false, 0 },
		{ "[{\"username\":\"b\",\"password\":\"p\",\"perms\":[\"query\"]}]", false, 0 },
		{ "[{\"username\":\"*\",\"password\":\"p\",\"perms\":[\"ready\"]}]", false,
		    PERM_READY },
		{ "[]", false, 0 },
	};
	uint64_t mark = mark_in("[{\"username\":\"a\",\"password\":\"p\"}]", mark_key);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct credentials *credentials = decode(rows[i].text);
		struct login renewed;

		credentials_mark(credentials, mark_key);
		credentials_renew(credentials, mark, &renewed);
		assert_int_equal(
		    renewed.result, rows[i].same ? CREDENTIALS_OK : CREDENTIALS_ANONYMOUS);
		assert_int_equal(renewed.perms, rows[i].perms);
		assert_true(renewed.user == (rows[i].same ? mark : TICKET_NOBODY));
		credentials_free(&credentials);
	}
}

/* A hash is a secret like a password; nobody has no mark, also where none were made. */
static void
test_renewals_of_hashes(void **state)
{
	struct credentials *credentials = decode(hashed_user);
	struct login renewed;
	uint64_t mark;

	assert_int_equal(login(credentials, "", "").user, TICKET_NOBODY);
	credentials_renew(credentials, TICKET_NOBODY, &renewed);
	assert_int_equal(renewed.result, CREDENTIALS_ANONYMOUS);
	assert_int_equal(renewed.perms, 0);
	credentials_mark(credentials, mark_key);
	mark = login(credentials, "a", "p").user;
	assert_true(mark != TICKET_NOBODY);
	credentials_renew(credentials, mark, &renewed);
	assert_int_equal(renewed.perms, PERM_QUERY);
	assert_true(credentials_is_mark_of(credentials, mark, "a", 1));
	assert_false(credentials_is_mark_of(credentials, mark, "b", 1));
	assert_false(credentials_is_mark_of(credentials, mark + 1, "a", 1));
	assert_false(credentials_is_mark_of(credentials, TICKET_NOBODY, "a", 1));
	credentials_free(&credentials);
	/* The same password, hashed anew, or in clear: another secret. */
	assert_true(mark != mark_in("[{\"username\":\"a\",\"password\":\"p\"}]", mark_key));
	credentials = decode("[{\"username\":\"a\",\"password\":\"p\"}]");
	credentials_mark(credentials, mark_key);
	credentials_renew(credentials, mark, &renewed);
	assert_int_equal(renewed.result, CREDENTIALS_ANONYMOUS);
	credentials_free(&credentials);
}

static void
test_read(void **state)
{
	char path[] = "/tmp/credentials_test.XXXXXX";
	int fd = mkstemp(path);
	struct credentials *credentials = NULL;
	struct error error;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[{\"username\":\"a\"}]", 18), 18);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(credentials_read(fd, path, &credentials, &error), 0);
	assert_int_equal(credentials_count(credentials), 1);
	credentials_free(&credentials);
	close(fd);
	unlink(path);
	fd = open("/", O_RDONLY);
	assert_int_equal(credentials_read(fd, "/", &credentials, &error), -1);
	assert_string_equal(error.text, "read /: is a directory");
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_no_inheritance),
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_odd_passwords),
		cmocka_unit_test(test_everybody_is_no_login),
		cmocka_unit_test(test_hash_forms),
		cmocka_unit_test(test_join_as),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_renewals),
		cmocka_unit_test(test_renewals_of_hashes),
		cmocka_unit_test(test_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL) != 0);
}
