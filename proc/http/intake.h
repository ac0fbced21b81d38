/*
 * The guard against bodies that come in too slowly, or are too much in all.
 */
#ifndef PROC_HTTP_INTAKE_H
#define PROC_HTTP_INTAKE_H

struct http;

/* Gives up what comes in too slowly.  To be called once a second. */
void intake_sweep(struct http *);
/* Gives up the larger bodies when all are too much.  To be called after each turn of the loop. */
void intake_turn(struct http *);

#endif
