/*
 * The members' file: see members.h.  It is written anew as a whole and gets its
 * name when it is on the disk.  Read back by the node that wrote it, it may be
 * damaged.
 *
 * Format, little-endian: head (below), an encoded configuration, u32 CRC-32C of
 * all before it.
 */
#include "proc/raft/members.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/buf.h"
#include "common/crc32c.h"
#include "common/log.h"

#define NAME "peers"
#define MAGIC 0x504c5152U /* "RQLP" */
#define VERSION 1

struct head {
	uint32_t magic;
	uint32_t version;
	uint8_t instance[16];
	uint64_t base;
	uint64_t index; /* of the configuration's entry */
};

#define FILE_MAX (sizeof(struct head) + PEER_CONFIGURATION_MAX + sizeof(uint32_t))

static int
decode(const uint8_t *data, size_t size, const uint8_t instance[16], struct members *members,
    struct error *error)
{
	size_t covered = size - sizeof(uint32_t);
	struct head head;
	uint32_t crc;

	if (size >= sizeof(head) + sizeof(crc)) {
		memcpy(&head, data, sizeof(head));
		memcpy(&crc, data + covered, sizeof(crc));
	}
	if (size < sizeof(head) + sizeof(crc) || head.magic != MAGIC ||
	    crc != crc32c(0, data, covered))
		return (error_set(error,
		    "raft/peers is damaged: restore this node from a backup; if other nodes have "
		    "the data, remove its data directory and let it join again"));
	if (head.version != VERSION)
		return (error_set(error, "raft/peers has format version %u, this program reads %u",
		    head.version, VERSION));
	if (memcmp(head.instance, instance, sizeof(head.instance)) != 0)
		return (error_set(error, "raft/peers belongs to another node"));
	members->base = head.base;
	if (head.index > head.base || peer_configuration_decode(&members->configuration, head.index,
					  data + sizeof(head), covered - sizeof(head)) != 0)
		return (error_set(error, "raft/peers does not name the members of a cluster"));
	return (0);
}

static int
read_file(struct file_dir *dir, int file, uint8_t *data, size_t *size, struct error *error)
{
	off_t found = dir->ops->size(dir, file);

	if (found < 0)
		return (error_set_errno(error, "raft/peers"));
	if ((size_t)found > FILE_MAX)
		return (error_set(error, "raft/peers is not a file of this program"));
	*size = (size_t)found;
	if (file_read(dir, file, data, *size, 0) == -1)
		return (error_set_errno(error, "raft/peers"));
	/* It was flushed before it had its name, which may be in memory only. */
	if (dir->ops->sync_dir(dir) == -1)
		fatal_sync("raft: sync of the directory");
	return (0);
}

int
members_read(
    struct file_dir *dir, const uint8_t instance[16], struct members *members, struct error *error)
{
	int file = dir->ops->open(dir, NAME, O_RDONLY);
	uint8_t data[FILE_MAX];
	size_t size = 0;
	int result;

	memset(members, 0, sizeof(*members));
	if (file == -1)
		return (errno == ENOENT ? 0 : error_set_errno(error, "raft/peers"));
	result = read_file(dir, file, data, &size, error);
	dir->ops->close(dir, file);
	return (result == -1 ? -1 : decode(data, size, instance, members, error));
}

static size_t
encode(const struct members *members, const uint8_t instance[16], uint8_t data[FILE_MAX])
{
	struct head head = { .magic = MAGIC, .version = VERSION, .base = members->base };
	size_t size = sizeof(head);
	uint32_t crc;

	memcpy(head.instance, instance, sizeof(head.instance));
	head.index = members->configuration.index;
	memcpy(data, &head, sizeof(head));
	size += peer_configuration_encode(&members->configuration, data + size);
	crc = crc32c(0, data, size);
	memcpy(data + size, &crc, sizeof(crc));
	return (size + sizeof(crc));
}

int
members_write(struct file_dir *dir, const uint8_t instance[16], const struct members *members)
{
	uint8_t data[FILE_MAX];

	return (file_replace(dir, NAME, data, encode(members, instance, data)));
}
