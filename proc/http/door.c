/*
 * Connections that wait to be let in: see door.h.
 */
#include "proc/http/door.h"

#include "proc/http/http.h"

static h2o_socket_t *
take_first(struct door *door)
{
	h2o_socket_t *sock = door->waiting[door->first];

	door->first = (door->first + 1) % DOOR_MAX;
	door->count--;
	return (sock);
}

static void
let_in(h2o_timeout_entry_t *entry)
{
	struct http *http = H2O_STRUCT_FROM_MEMBER(struct http, door.entry, entry);

	if (http->door.count == 0)
		return;
	h2o_accept(&http->accept, take_first(&http->door));
	if (http->door.count > 0)
		h2o_timeout_link(http->ctx.loop, &http->door.timeout, entry);
}

void
door_init(struct http *http)
{
	h2o_timeout_init(http->ctx.loop, &http->door.timeout, DOOR_MS);
	http->door.entry.cb = let_in;
}

void
door_wait(struct http *http, h2o_socket_t *sock)
{
	struct door *door = &http->door;

	if (door->count == DOOR_MAX) {
		counter_add(http->counters, COUNTER_CONNECTIONS_REFUSED, 1);
		h2o_socket_close(sock);
		return;
	}
	counter_add(http->counters, COUNTER_CONNECTIONS_DELAYED, 1);
	door->waiting[(door->first + door->count++) % DOOR_MAX] = sock;
	if (!h2o_timeout_is_linked(&door->entry))
		h2o_timeout_link(http->ctx.loop, &door->timeout, &door->entry);
}

void
door_shut(struct http *http)
{
	while (http->door.count > 0)
		h2o_socket_close(take_first(&http->door));
}
