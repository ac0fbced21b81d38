/*
 * The last events of a run as lines a person can read.
 */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

struct sim;
struct trace;

/* Room for the lines of one run. */
struct trace *trace_new(void);
void trace_free(struct trace *);
/* By TRACE() only. */
void trace_add(struct sim *, const char *, ...) __attribute__((format(printf, 2, 3)));
/* So many of the last ones. */
void trace_print(const struct trace *, unsigned lines);

/* Notes an event if the run is traced; to be used where struct sim is known. */
#define TRACE(sim, ...)                              \
	do {                                         \
		if ((sim)->tracing)                  \
			trace_add(sim, __VA_ARGS__); \
	} while (0)

#endif
