/*
 * The last events of a run as lines a person can read.  A run is traced only
 * when it is run again after it failed, so tracing costs nothing else.
 */
#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

#define LINES 262144
#define LINE_SIZE 160

struct trace {
	uint64_t count;
	char lines[LINES][LINE_SIZE];
};

struct trace *
trace_new(void)
{
	struct trace *trace = calloc(1, sizeof(*trace));

	if (trace == NULL)
		abort();
	return (trace);
}

void
trace_free(struct trace *trace)
{
	free(trace);
}

void
trace_add(struct sim *sim, const char *format, ...)
{
	char *line = sim->trace->lines[sim->trace->count++ % LINES];
	int n;
	va_list ap;

	n = snprintf(line, LINE_SIZE, "%10.3f ms  ", (double)sim->sched.now / 1000.0);
	va_start(ap, format);
	(void)vsnprintf(line + n, LINE_SIZE - (size_t)n, format, ap);
	va_end(ap);
}

void
trace_print(const struct trace *trace, unsigned lines)
{
	uint64_t i = trace->count > lines ? trace->count - lines : 0;

	for (; i < trace->count; i++)
		printf("%s\n", trace->lines[i % LINES]);
}
