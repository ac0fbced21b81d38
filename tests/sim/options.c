/*
 * The command line of sim: see main.c.
 */
#include "tests/sim/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/sim.h"

static bool
takes_number(struct options *options, const char *name, uint64_t value)
{
	if (strcmp(name, "--seed") == 0) {
		options->one = true;
		options->from = value;
	} else if (strcmp(name, "--from") == 0)
		options->from = value;
	else if (strcmp(name, "--seeds") == 0)
		options->seeds = value;
	else if (strcmp(name, "--steps") == 0)
		options->steps = value;
	else if (strcmp(name, "--jobs") == 0)
		options->jobs = value >= 1 && value <= 64 ? (unsigned)value : 1;
	else if (strcmp(name, "--lines") == 0)
		options->lines = (unsigned)value;
	else if (strcmp(name, "--without") == 0)
		options->without = (uint32_t)value;
	else if (strcmp(name, "--elections") == 0)
		options->elections = value;
	else
		return (false);
	return (true);
}

static bool
takes_none(struct options *options, const char *name)
{
	if (strcmp(name, "--marks") == 0)
		options->marks = true;
	else if (strcmp(name, "--quiet") == 0)
		options->quiet = true;
	else if (strcmp(name, "--real") == 0)
		options->real = SIM_REAL_ALL;
	else if (strcmp(name, "--model") == 0)
		options->real = SIM_REAL_NONE;
	else if (strcmp(name, "--go-on") == 0)
		options->go_on = true;
	else if (strcmp(name, "--no-shrink") == 0)
		options->shrink = false;
	else if (strcmp(name, "--fresh") == 0)
		options->from = (uint64_t)time(NULL) * 100000;
	else
		return (false);
	return (true);
}

int
options_parse(struct options *options, int argc, char **argv)
{
	int i;

	*options = (struct options){
		.from = 1, .seeds = 100, .steps = 20000, .jobs = 1, .lines = 120, .shrink = true
	};
	for (i = 1; i < argc; i++) {
		if (takes_none(options, argv[i]))
			continue;
		if (i + 1 < argc &&
		    takes_number(options, argv[i], strtoull(argv[i + 1], NULL, 0))) {
			i++;
			continue;
		}
		fprintf(stderr, "usage: sim [--seed S | --from S | --fresh] [--seeds N] [--steps "
				"K] [--jobs J]\n"
				"           [--without MASK] [--lines N] [--marks] [--quiet] "
				"[--go-on] [--no-shrink] [--real | --model]\n"
				"       sim --elections N\n");
		return (-1);
	}
	return (0);
}
