/*
 * The master's part of /status: each worker's process, what confines it, what
 * it uses.  Read from /proc for children of ours; unknown figures are left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/rqlited/master.h"
#include "common/json.h"

#define REPORT_LIFE_MS 100

/* "Name:   123 kB" in a file of /proc; -1 if it is not there. */
static int64_t
proc_kilobytes(pid_t pid, const char *file, const char *name)
{
	char path[64], line[256];
	int64_t value = -1;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fp = fopen(path, "re");
	if (fp == NULL)
		return (-1);
	while (value == -1 && fgets(line, sizeof(line), fp) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			(void)sscanf(line + strlen(name), "%" SCNd64, &value);
	fclose(fp);
	return (value);
}

/* User and system time in milliseconds, -1 if unknown. */
static int64_t
proc_cpu_ms(pid_t pid)
{
	char path[64], line[1024];
	unsigned long user, system;
	const char *after;
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fp = fopen(path, "re");
	if (fp == NULL)
		return (-1);
	line[0] = '\0';
	(void)!fgets(line, sizeof(line), fp);
	fclose(fp);
	after = strrchr(line, ')');
	if (after == NULL ||
	    sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return (-1);
	return ((int64_t)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK)));
}

static void
add_number(struct buf *out, const char *name, int64_t value)
{
	if (value >= 0)
		buf_printf(out, ",\"%s\":%" PRId64, name, value);
}

static void
add_worker(struct buf *out, const struct worker *worker)
{
	buf_printf(out, "{\"role\":\"%s\",\"number\":%u,\"restarts\":%" PRIu64, role_name(worker->role),
	    worker->number, worker->restarts);
	if (worker->state != WORKER_DEAD) {
		add_number(out, "pid", worker->pid);
		add_number(out, "cpu_ms", proc_cpu_ms(worker->pid));
		add_number(out, "pss_kb", proc_kilobytes(worker->pid, "smaps_rollup", "Pss:"));
		add_number(out, "rss_kb", proc_kilobytes(worker->pid, "status", "VmRSS:"));
		buf_add_text(out, ",\"sandbox\":\"");
		buf_add_text(out, worker->sandbox);
		buf_add_text(out, "\"");
	}
	buf_add_text(out, "}");
}

static void
make_report(const struct master *master, struct buf *out)
{
	size_t i;

	buf_reset(out, SIZE_MAX);
	buf_printf(out, "{\"pid\":%d,\"ppid\":%d,\"node_restarts\":%" PRIu64 ",\"generation\":%" PRIu64,
	    (int)getpid(), (int)getppid(), master->node_restarts, master->generation);
	add_number(out, "cpu_ms", proc_cpu_ms(getpid()));
	add_number(out, "pss_kb", proc_kilobytes(getpid(), "smaps_rollup", "Pss:"));
	add_number(out, "rss_kb", proc_kilobytes(getpid(), "status", "VmRSS:"));
	buf_add_text(out, ",\"workers\":[");
	for (i = 0; i < master->nworkers; i++) {
		if (i > 0)
			buf_add_text(out, ",");
		add_worker(out, &master->workers[i]);
	}
	buf_add_text(out, "]}");
}

/* A captured http may ask without end: a report is made now and then, not for each question. */
void
report_send(struct master *master, struct worker *worker, uint64_t request)
{
	static struct buf report;
	static int64_t made_ms = INT64_MIN / 2;
	struct msg_status status = { request, { NULL, 0 } };

	if (worker->state == WORKER_DEAD || chan_queued(&worker->chan) > FRAME_SMALL_MAX)
		return;
	if (master_now_ms() - made_ms > REPORT_LIFE_MS) {
		make_report(master, &report);
		made_ms = master_now_ms();
	}
	status.json.data = buf_bytes(&report);
	status.json.len = buf_size(&report);
	if (buf_size(&report) <= IPC_STATUS_MAX)
		msg_status_send(&worker->chan, &status, -1);
}
