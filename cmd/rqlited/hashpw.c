/*
 * Reading a password and hashing it with crypt(3).  Runs alone, before anything
 * of the server exists, and wipes what it read.
 */
#include "cmd/rqlited/hashpw.h"

#include <crypt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/log.h"

/* crypt(3) takes one byte less than this. */
#define PASSWORD_MAX (CRYPT_MAX_PASSPHRASE_SIZE - 1)

/* One line without its end; -1 if there is none, it is too long or holds a NUL. */
static int
read_line(char *line, size_t cap)
{
	size_t len = 0;
	char c;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n == -1)
			return (-1);
		if (n == 0 && len == 0)
			return (-1);
		if (n == 0 || c == '\n')
			break;
		if (len + 1 == cap || c == '\0')
			return (-1);
		line[len++] = c;
	}
	line[len] = '\0';
	return (0);
}

/* Does nothing but end the read(2) that a signal comes into. */
static void
on_signal(int number)
{
}

/* Asks on the terminal; echo is on again whatever happens, ^C included. */
static int
ask(const char *prompt, char *line, size_t cap)
{
	struct sigaction end = { .sa_handler = on_signal }, on_int, on_term;
	struct termios before, quiet;
	int result;

	(void)fputs(prompt, stderr);
	if (tcgetattr(STDIN_FILENO, &before) == -1)
		return (-1);
	(void)sigaction(SIGINT, &end, &on_int);
	(void)sigaction(SIGTERM, &end, &on_term);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	result = read_line(line, cap);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	(void)fputc('\n', stderr);
	(void)sigaction(SIGINT, &on_int, NULL);
	(void)sigaction(SIGTERM, &on_term, NULL);
	return (result);
}

static int
read_password(char *password, size_t cap)
{
	char again[PASSWORD_MAX + 1];
	bool same;

	if (!isatty(STDIN_FILENO)) {
		if (read_line(password, cap) == -1) {
			log_warnx("no password of 1 to %d bytes on standard input", PASSWORD_MAX);
			return (-1);
		}
		return (0);
	}
	if (ask("Password: ", password, cap) == -1 ||
	    ask("Once more: ", again, sizeof(again)) == -1) {
		log_warnx("no password of 1 to %d bytes was typed", PASSWORD_MAX);
		explicit_bzero(again, sizeof(again));
		return (-1);
	}
	same = strcmp(password, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (!same) {
		log_warnx("the two passwords differ");
		return (-1);
	}
	return (0);
}

int
hashpw_main(void)
{
	static struct crypt_data data; /* 32 KB: not for the stack */
	char password[PASSWORD_MAX + 1], salt[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;

	if (read_password(password, sizeof(password)) == -1) {
		explicit_bzero(password, sizeof(password));
		return (1);
	}
	if (password[0] == '\0')
		log_warnx("an empty password never authenticates");
	else if (crypt_gensalt_rn("$y$", 0, NULL, 0, salt, sizeof(salt)) == NULL)
		log_warn("no salt can be made");
	else if ((hash = crypt_r(password, salt, &data)) == NULL || hash[0] == '*')
		log_warn("the password can not be hashed");
	explicit_bzero(password, sizeof(password));
	if (hash == NULL || hash[0] == '*')
		return (1);
	(void)printf("%s\n", hash);
	return (fflush(stdout) == 0 ? 0 : 1);
}
