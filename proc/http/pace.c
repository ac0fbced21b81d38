/*
 * How slowly a request may come in: see pace.h.
 */
#include "proc/http/pace.h"

#include "common/limits.h"

bool
pace_is_slow(time_t begin, time_t body, size_t size, time_t now)
{
	if (begin == 0)
		return (false);
	if (body == 0)
		return (now - begin > PACE_HEAD_S);
	return (now - body > PACE_BODY_S * (time_t)(1 + size / MIB));
}
