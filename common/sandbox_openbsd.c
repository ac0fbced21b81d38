/*
 * Confinement on OpenBSD: chroot and change of user when started as root,
 * unveil for what a role may still open, pledge for what it may still do.
 */
#ifdef __OpenBSD__

#include "common/sandbox.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define EMPTY "/var/empty"

static void
drop_root(const struct sandbox_place *place)
{
	const char *root = place->directory != NULL ? place->directory : EMPTY;

	if (chroot(root) == -1 || chdir("/") == -1)
		fatal("sandbox: chroot %s", root);
	if (setgroups(1, &place->gid) == -1 ||
	    setresgid(place->gid, place->gid, place->gid) == -1 ||
	    setresuid(place->uid, place->uid, place->uid) == -1)
		fatal("sandbox: setresuid %u", (unsigned)place->uid);
}

static void
unveil_paths(const struct sandbox *sandbox, const char *directory)
{
	const struct sandbox_path *path;

	for (path = sandbox->paths; path < &sandbox->paths[SANDBOX_PATHS_MAX] && path->path != NULL;
	    path++) {
		char name[1024];

		(void)snprintf(name, sizeof(name), "%s/%s", directory, path->path);
		if (unveil(name, path->rights) == -1)
			fatal("sandbox: unveil %s", name);
	}
	if (unveil(NULL, NULL) == -1)
		fatal("sandbox: unveil");
}

void
sandbox_enter(const struct sandbox *sandbox, const struct sandbox_place *place, char *report,
    size_t size)
{
	const char *directory = place->directory;

	if (place->uid != 0) {
		drop_root(place);
		directory = "";
	}
	if (place->mode != SANDBOX_OFF) {
		unveil_paths(sandbox, directory != NULL ? directory : EMPTY);
		if (pledge(sandbox->promises, "") == -1)
			fatal("sandbox: pledge %s", sandbox->promises);
	}
	(void)snprintf(report, size, "%s, user %s, chroot %s",
	    place->mode != SANDBOX_OFF ? "pledge, unveil" : "off", place->uid != 0 ? "own" : "shared",
	    place->uid != 0 ? "yes" : "no");
}

bool
sandbox_log_missing(void)
{
	return (true);
}

bool
sandbox_print_check(enum sandbox_mode mode)
{
	printf("pledge: yes\nunveil: yes\n");
	return (true);
}

#endif
