/*
 * How much is read from a client at a time.  h2o reads until a read leaves room in
 * its buffer, which it doubles meanwhile; whoever sends as fast as it reads keeps
 * it there, and all others waiting, and fills the memory with requests that
 * nobody has begun to answer.  So libc's function is replaced by one that takes a
 * sip: h2o sees that there was room, handles what has come, and comes back for
 * the rest in its next turn.
 */
#include <sys/syscall.h>

#include <unistd.h>

#include "common/limits.h"

#define SIP (64 * KIB)

ssize_t
read(int fd, void *bytes, size_t n)
{
	return (syscall(SYS_read, fd, bytes, n < SIP ? n : SIP));
}
