/*
 * Makes a "password_hash" (yescrypt) of what is typed, twice where there is a
 * terminal.  The password is in this process's memory only, and wiped.
 */
#include "cmd/rqlited/hashpw.h"

#include <crypt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_MAX 1024

static int
ask(const char *prompt, char *out, size_t size)
{
	struct termios before, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &before) == 0;
	char *end;
	int ok;

	if (tty) {
		fprintf(stderr, "%s", prompt);
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	ok = fgets(out, (int)size, stdin) != NULL;
	if (tty) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fprintf(stderr, "\n");
	}
	if (!ok)
		return (-1);
	end = strchr(out, '\n');
	if (end != NULL)
		*end = '\0';
	return (tty ? 1 : 0);
}

static int
print_hash(const char *password)
{
	static struct crypt_data data;
	char salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash;

	if (crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)) == NULL) {
		fprintf(stderr, "rqlited: no salt could be made\n");
		return (1);
	}
	hash = crypt_r(password, salt, &data);
	if (hash == NULL || hash[0] == '*') {
		fprintf(stderr, "rqlited: this password can not be hashed\n");
		return (1);
	}
	printf("%s\n", hash);
	explicit_bzero(&data, sizeof(data));
	return (0);
}

int
hashpw_main(void)
{
	char first[PASSWORD_MAX], second[PASSWORD_MAX];
	int tty = ask("Password: ", first, sizeof(first));
	int status = 1;

	if (tty == -1 || first[0] == '\0')
		fprintf(stderr, "rqlited: no password given\n");
	else if (tty == 1 && (ask("Again: ", second, sizeof(second)) == -1 || strcmp(first, second) != 0))
		fprintf(stderr, "rqlited: the two differ\n");
	else
		status = print_hash(first);
	explicit_bzero(first, sizeof(first));
	explicit_bzero(second, sizeof(second));
	return (status);
}
