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
#define VERSION 1
#define TEXT_MAX 256
#define FORMAT "{\"version\":%u,\"instance\":\"%s\",\"cluster\":\"%s\"}\n"
#define SCAN "{\"version\":%9u,\"instance\":\"%32[0-9a-f]\",\"cluster\":\"%32[0-9a-f]"
#define HEX (2 * IDENTITY_SIZE + 1)

uint64_t
identity_id(const struct identity *identity)
{
	uint64_t id;

	memcpy(&id, identity->instance, sizeof(id));
	return (id != 0 ? id : 1);
}

static void
to_hex(const uint8_t *bytes, char *out)
{
	int i;

	for (i = 0; i < IDENTITY_SIZE; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* Of fewer digits than two a byte what is left is zero. */
static void
from_hex(const char *text, uint8_t *out)
{
	unsigned value;
	int i;

	memset(out, 0, IDENTITY_SIZE);
	for (i = 0; i < IDENTITY_SIZE && sscanf(text + 2 * i, "%2x", &value) == 1; i++) {
		out[i] = (uint8_t)value;
		if (text[2 * i + 1] == '\0')
			break;
	}
}

static void
encode(const struct identity *identity, char text[TEXT_MAX])
{
	char instance[HEX], cluster[HEX];

	to_hex(identity->instance, instance);
	to_hex(identity->cluster, cluster);
	(void)snprintf(text, TEXT_MAX, FORMAT, VERSION, instance, cluster);
}

/* Whatever is not exactly what we write for the values found in it is not ours. */
static int
decode(const char *text, size_t size, struct identity *identity, struct error *error)
{
	static const uint8_t nobody[IDENTITY_SIZE];
	char instance[HEX] = "", cluster[HEX] = "", again[TEXT_MAX];
	unsigned version = 0;
	int found = sscanf(text, SCAN, &version, instance, cluster);

	if (found >= 1 && version != VERSION)
		return (error_set(
		    error, NAME " has format version %u, this program reads %d", version, VERSION));
	from_hex(instance, identity->instance);
	from_hex(cluster, identity->cluster);
	encode(identity, again);
	if (found != 3 || strlen(text) != size || strcmp(text, again) != 0 ||
	    memcmp(identity->instance, nobody, sizeof(nobody)) == 0)
		return (error_set(error,
		    NAME " is damaged: restore it from a backup of this node, or remove "
			 "the data directory if other nodes have the data"));
	return (0);
}

static int
read_file(struct file_dir *data, int file, struct identity *identity, struct error *error)
{
	off_t size = data->ops->size(data, file);
	char text[TEXT_MAX];

	if (size < 0 || size >= TEXT_MAX)
		return (error_set(error, NAME " is not a file of this program"));
	if (file_read(data, file, text, (size_t)size, 0) == -1)
		return (error_set_errno(error, NAME));
	text[size] = '\0';
	if (decode(text, (size_t)size, identity, error) == -1)
		return (-1);
	/* It was flushed before it had its name, which may be in memory only. */
	if (data->ops->sync_dir(data) == -1)
		fatal_sync("data directory: sync");
	return (0);
}

static int
write_file(struct file_dir *data, const struct identity *identity, struct error *error)
{
	char text[TEXT_MAX];

	encode(identity, text);
	if (file_replace(data, NAME, text, strlen(text)) == -1)
		return (error_set_errno(error, NAME));
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

int
identity_bootstrap(struct file_dir *data, struct identity *identity, struct error *error)
{
	static const uint8_t none[IDENTITY_SIZE];

	if (memcmp(identity->cluster, none, sizeof(none)) != 0)
		return (0);
	if (getrandom(identity->cluster, IDENTITY_SIZE, 0) != IDENTITY_SIZE)
		fatal("getrandom");
	return (write_file(data, identity, error));
}
