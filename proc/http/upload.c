/*
 * Commands too long for one message to raft: kept here and sent in parts, as raft
 * has room for them, so that what others send is not held up behind them.
 */
#include "proc/http/upload.h"

#include "common/log.h"
#include "proc/http/http.h"
#include "proc/http/job.h"

void
upload_keep(struct job *job)
{
	struct buf *command = &job->http->scratch;

	/* The bytes change hands; the scratch begins anew. */
	buf_fini(&job->upload);
	job->upload = *command;
	*command = (struct buf)BUF_INIT;
}

void
upload_on_more(void *state, struct chan *chan, const union msg *msg, int fd)
{
	struct http *http = state;
	struct job *job = job_find(http, msg->execute_more.request);
	struct msg_execute_part part = { .request = msg->execute_more.request };
	size_t room = msg->execute_more.room;

	if (job == NULL)
		return; /* given up, and raft was told */
	if (room > buf_size(&job->upload))
		fatalx("raft: asks for more than there is");
	while (room > 0) {
		part.part.data = buf_bytes(&job->upload);
		part.part.len = room < COMMAND_PART_MAX ? room : COMMAND_PART_MAX;
		msg_execute_part_send(chan, &part, -1);
		buf_take(&job->upload, part.part.len);
		room -= part.part.len;
	}
	if (buf_size(&job->upload) == 0)
		buf_fini(&job->upload);
}

void
upload_drop(struct job *job)
{
	struct chan *raft = proc_peer(&job->http->proc, ROLE_RAFT, 0);
	struct msg_execute_part none = { .request = job->id };

	if (buf_size(&job->upload) > 0 && raft != NULL)
		msg_execute_part_send(raft, &none, -1);
	buf_fini(&job->upload);
}
