/*
 * What each endpoint does: answered at once, or asked of raft or of a reader.
 */
#ifndef PROC_HTTP_WORK_H
#define PROC_HTTP_WORK_H

struct http;
struct job;

/* Permission and method are good. */
void work_start(struct job *);
/* Sends it to a reader, or lets it wait until one is there. */
void work_read(struct job *);
/* Sends it to raft, to be logged. */
void work_log(struct job *);
/* A new turn of the loop: the round of linearizable reads, if one is due. */
void work_turn(struct http *);
/* A reader came: what waited for one goes on. */
void work_resume_readers(struct http *);
/* Answers that the cluster has no leader, or that this node is none. */
void work_no_leader(struct job *);

#endif
