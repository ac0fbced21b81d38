/*
 * See page.h.
 */
#include "man/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX (256 * 1024)

char *
page_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = malloc(PAGE_MAX + 1);
	size_t len;

	if (file == NULL || text == NULL) {
		fprintf(stderr, "%s can not be read\n", path);
		exit(1);
	}
	len = fread(text, 1, PAGE_MAX, file);
	text[len] = '\0';
	fclose(file);
	return (text);
}

char *
page_line(char **rest)
{
	return (**rest == '\0' ? NULL : strsep(rest, "\n"));
}
