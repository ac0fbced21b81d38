/*
 * CRC-32C (Castagnoli): the checksum of everything on disk and between nodes.
 */
#ifndef COMMON_CRC32C_H
#define COMMON_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of more bytes behind those whose checksum is `seed`; 0 to start. */
uint32_t crc32c(uint32_t seed, const void *data, size_t len);
/* The same on a processor without an instruction for it. */
uint32_t crc32c_by_table(uint32_t seed, const void *data, size_t len);

#endif
