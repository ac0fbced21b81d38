/*
 * The identity file: see identity.h.  One line of JSON in a fixed form, written
 * by us alone; anything else is refused.
 */
#include "proc/raft/identity.h"

#include <sys/random.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"

#define NAME "node.json"
#define NAME_NEW "node.json.new"
#define FORMAT "{\"version\":1,\"instance\":\"%32[0-9a-f]\",\"cluster\":\"%32[0-9a-f]\"}%n"

static void
to_hex(const uint8_t *bytes, char *out)
{
	int i;

	for (i = 0; i < IDENTITY_SIZE; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool
from_hex(const char *text, uint8_t *out)
{
	int i;

	if (strlen(text) != 2 * IDENTITY_SIZE)
		return (false);
	for (i = 0; i < IDENTITY_SIZE; i++) {
		unsigned value;

		if (sscanf(text + 2 * i, "%2x", &value) != 1)
			return (false);
		out[i] = (uint8_t)value;
	}
	return (true);
}

static int
read_file(struct file_dir *data, int file, struct identity *identity, struct error *error)
{
	char text[256], instance[33], cluster[33];
	off_t size = data->ops->size(data, file);
	int used = 0;

	if (size <= 0 || size >= (off_t)sizeof(text) ||
	    file_read(data, file, text, (size_t)size, 0) == -1)
		return (error_set(error, NAME " can not be read"));
	text[size] = '\0';
	if (sscanf(text, FORMAT, instance, cluster, &used) != 2 || used == 0 ||
	    !from_hex(instance, identity->instance) || !from_hex(cluster, identity->cluster))
		return (error_set(error, NAME " is damaged or of another version: restore it from a backup "
					 "of this node"));
	return (0);
}

static int
write_file(struct file_dir *data, const struct identity *identity, struct error *error)
{
	int file = data->ops->open(data, NAME_NEW, O_RDWR | O_CREAT | O_TRUNC);
	char text[256], instance[33], cluster[33];
	int n;

	if (file == -1)
		return (error_set_errno(error, NAME_NEW));
	to_hex(identity->instance, instance);
	to_hex(identity->cluster, cluster);
	n = snprintf(text, sizeof(text), "{\"version\":1,\"instance\":\"%s\",\"cluster\":\"%s\"}\n", instance,
	    cluster);
	if (file_write(data, file, text, (size_t)n, 0) == -1)
		return (error_set_errno(error, NAME_NEW));
	if (data->ops->sync(data, file) == -1)
		fatal(NAME ": sync");
	data->ops->close(data, file);
	if (data->ops->rename(data, NAME_NEW, NAME) == -1)
		return (error_set_errno(error, NAME));
	if (data->ops->sync_dir(data) == -1)
		fatal("data directory: sync");
	return (0);
}

int
identity_open(struct file_dir *data, struct identity *identity, struct error *error)
{
	int file = data->ops->open(data, NAME, O_RDONLY);
	int result;

	memset(identity, 0, sizeof(*identity));
	if (file == -1 && errno != ENOENT)
		return (error_set_errno(error, NAME));
	if (file != -1) {
		result = read_file(data, file, identity, error);
		data->ops->close(data, file);
		return (result);
	}
	if (getrandom(identity->instance, IDENTITY_SIZE, 0) != IDENTITY_SIZE)
		fatal("getrandom");
	return (write_file(data, identity, error));
}
