/*
 * The command line of sim.
 */
#ifndef TESTS_SIM_OPTIONS_H
#define TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint64_t from, seeds, steps;
	uint64_t elections; /* to measure, 0: none */
	uint32_t without; /* faults */
	unsigned jobs, lines;
	int real; /* enum sim_real */
	bool one; /* --seed: one run, with its trace */
	bool marks, quiet, go_on, shrink;
};

/* -1 and a message if it is wrong. */
int options_parse(struct options *, int argc, char **argv);
/* elections.c: prints how long a fail-over takes on 1 ms links; exit status. */
int elections_measure(uint64_t count, uint64_t from);

#endif
