/* The disk in memory as a test finds it: see disk_case.h. */
#include "tests/unit/disk_case.h"

struct simdisk *disk;
jmp_buf disk_dead;

int
disk_setup(void **state)
{
	simdisk_seed(5);
	disk = simdisk_new();
	simdisk_mount(disk);
	return (0);
}

int
disk_teardown(void **state)
{
	simdisk_free(disk);
	return (0);
}

void
disk_on_death(const char *text)
{
	longjmp(disk_dead, 1);
}
