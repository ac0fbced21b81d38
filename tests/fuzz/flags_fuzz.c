/*
 * The command line, as words between NULs: any is parsed or refused with a
 * text and a status, and what is accepted satisfies the ranges.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/rqlited/flags_private.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[WORDS_MAX] = { text }, *out = NULL;
	struct flags flags;
	int argc = 1, status;
	size_t out_len = 0;
	FILE *file;

	if (text == NULL)
		return (0);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t at = 0; at < size && argc < WORDS_MAX; at += strlen(text + at) + 1)
		argv[argc++] = text + at;
	if ((file = open_memstream(&out, &out_len)) == NULL)
		abort();
	status = flags_parse_to(argc, argv, &flags, file);
	fclose(file);
	if (status == FLAGS_GO ? out_len != 0 : out_len == 0 || status < 0 || status > 2)
		__builtin_trap();
	if (status == FLAGS_GO && !flags.hash_password &&
	    (flags.http_workers < 1 || flags.http_workers > HTTP_WORKERS_MAX ||
		flags.data_dir[0] != '/'))
		__builtin_trap();
	flags_fini(&flags);
	free(out);
	free(text);
	return (0);
}
