/*
 * Commands in parts: see upload.h and proto/ipc_fields.h.  http may have been taken over:
 * it can not send more than it was given room for, and all that waits is bounded.
 * What was admitted first gets memory first; the rest waits with its client.
 */
#include "proc/raft/upload.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "proc/raft/raft.h"
#include "proto/entry.h"

static void
give_room(struct raft *raft, struct upload *upload, size_t room)
{
	struct chan *http = proc_peer(&raft->proc, ROLE_HTTP, upload->origin.worker);
	struct msg_execute_more more = { upload->origin.request, 0 };

	if (room > upload->size - upload->room)
		room = upload->size - upload->room;
	upload->room += room;
	more.room = (uint32_t)room;
	if (room > 0 && http != NULL && http->incarnation == upload->origin.incarnation)
		msg_execute_more_send(http, &more, -1);
}

/* Memory for those that wait, in their order, as far as it reaches. */
static void
admit(struct raft *raft)
{
	struct upload *upload;

	TAILQ_FOREACH (upload, &raft->uploads, entry) {
		if (upload->held.owner != NULL)
			continue;
		if (raft->uploading + upload->size > UPLOADS_SUM_MAX)
			return;
		serve_hold(raft, &upload->held, upload->size);
		raft->uploading += upload->size;
		give_room(raft, upload, COMMAND_WINDOW);
	}
}

static void
forget(struct raft *raft, struct upload *upload)
{
	if (upload->held.data != NULL)
		raft->uploading -= upload->size;
	entries_release(&raft->entries, upload->held.owner);
	TAILQ_REMOVE(&raft->uploads, upload, entry);
	free(upload);
}

static struct upload *
find(struct raft *raft, const struct origin *origin, size_t *count)
{
	struct upload *upload;

	*count = 0;
	TAILQ_FOREACH (upload, &raft->uploads, entry) {
		++*count;
		if (upload->origin.request == origin->request &&
		    upload->origin.worker == origin->worker &&
		    upload->origin.incarnation == origin->incarnation)
			return (upload);
	}
	return (NULL);
}

void
upload_on_begin(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	const struct msg_execute_begin *begin = &msg->execute_begin;
	struct origin origin = serve_origin(chan, begin->request);
	struct upload *upload;
	size_t count;

	if (begin->size <= COMMAND_WHOLE_MAX || begin->size > COMMAND_MAX ||
	    find(raft, &origin, &count) != NULL)
		fatalx("http %u began a command that can not be", chan->number);
	if (!serve_admits(raft, &origin, &begin->ticket, begin->size))
		return;
	if (count == UPLOADS_MAX) {
		serve_refuse(raft, &origin, REFUSED_BUSY, "too much is waiting");
		return;
	}
	upload = calloc(1, sizeof(*upload));
	if (upload == NULL)
		fatal("calloc");
	upload->origin = origin;
	upload->ticket_len = begin->ticket.len;
	if (begin->ticket.len > 0)
		memcpy(upload->ticket, begin->ticket.data, begin->ticket.len);
	upload->size = begin->size;
	TAILQ_INSERT_TAIL(&raft->uploads, upload, entry);
	admit(raft);
}

void
upload_on_part(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct raft *raft = state;
	const struct ipc_bytes *part = &msg->execute_part.part;
	struct origin origin = serve_origin(chan, msg->execute_part.request);
	size_t count;
	struct upload *upload = find(raft, &origin, &count);
	struct ipc_bytes ticket;

	if (upload == NULL)
		return; /* it was refused meanwhile */
	if (part->len > upload->room - upload->got)
		fatalx("http %u sent more than it was given room for", chan->number);
	if (part->len > 0) {
		memcpy(upload->held.data + ENTRY_HEAD_SIZE + upload->got, part->data, part->len);
		upload->got += part->len;
		give_room(raft, upload, part->len);
	}
	if (upload->got == upload->size) {
		ticket = (struct ipc_bytes){ upload->ticket, upload->ticket_len };
		serve_command(raft, &origin, &ticket, &upload->held);
	}
	if (part->len == 0 || upload->got == upload->size) {
		forget(raft, upload);
		admit(raft);
	}
}

void
upload_peer_gone(void *state, struct chan *chan)
{
	struct raft *raft = state;
	struct upload *upload, *next;

	for (upload = TAILQ_FIRST(&raft->uploads); upload != NULL; upload = next) {
		next = TAILQ_NEXT(upload, entry);
		if (chan->role == ROLE_HTTP && upload->origin.worker == chan->number &&
		    upload->origin.incarnation == chan->incarnation)
			forget(raft, upload);
	}
	admit(raft);
}
