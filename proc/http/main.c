/*
 * The http worker's life: see http.h for what it does.
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "proc/http/answer.h"
#include "proc/http/cert.h"
#include "proc/http/flood.h"
#include "proc/http/handler.h"
#include "proc/http/http.h"
#include "proc/http/intake.h"
#include "proc/http/job.h"
#include "proc/http/loop.h"
#include "proc/http/result.h"
#include "proc/http/server.h"
#include "proc/http/status.h"
#include "proc/http/tickets.h"
#include "proc/http/tls_memory.h"
#include "proc/http/upload.h"
#include "proc/http/wipe.h"
#include "proc/http/work.h"

static const struct sandbox http_sandbox = {
	.role = "http",
	.promises = "stdio inet",
	.sets = SANDBOX_STDIO | SANDBOX_ACCEPT,
	.open_max = 65536,
};

#define TEXT(name, member)                                             \
	{                                                              \
		name, SETTING_TEXT, offsetof(struct http, conf.member) \
	}
#define I64(name, member)                                             \
	{                                                             \
		name, SETTING_I64, offsetof(struct http, conf.member) \
	}
#define BOOL(name, member)                                             \
	{                                                              \
		name, SETTING_BOOL, offsetof(struct http, conf.member) \
	}

static const struct proc_setting settings[] = {
	TEXT("http-addr", http_addr),
	TEXT("http-adv-addr", http_adv_addr),
	TEXT("raft-adv-addr", raft_adv_addr),
	TEXT("node-id", node_id),
	TEXT("data-dir", data_dir),
	TEXT("http-allow-origin", allow_origin),
	TEXT("raft-log-level", log_level),
	TEXT("sqlite-options", sqlite_options),
	TEXT("http-cert", cert_path),
	TEXT("http-key", key_path),
	TEXT("http-ca-cert", ca_path),
	TEXT("http-verify-common-name", common_name),
	BOOL("http-verify-client", verify_client),
	BOOL("http2", http2),
	BOOL("auth", auth),
	BOOL("fk", fk),
	BOOL("access-log", access_log),
	I64("http-body-max", body_max),
	I64("max-connections", max_connections),
	I64("slow-query-time", slow_query_ns),
	I64("raft-snap", raft_snap),
	I64("raft-snap-int", raft_snap_int_ns),
	I64("raft-heartbeat-timeout", heartbeat_ns),
	I64("raft-election-timeout", election_ns),
	I64("raft-leader-lease-timeout", lease_ns),
	I64("raft-commit-timeout", commit_ns),
};

static void
add_counters(struct http *http, enum role role, unsigned number, int fd)
{
	bool own = role == ROLE_HTTP && number == http->proc.number;
	struct counters *counters = counters_map(fd, own);

	if (http->nall == WORKERS_MAX)
		fatalx("too many pages of counters");
	if (own)
		http->counters = counters;
	http->all[http->nall] = counters;
	http->all_of[http->nall].role = role;
	http->all_of[http->nall++].number = number;
	close(fd);
}

/* The address that a listener got, of which the flag may tell a name only. */
static void
set_listener(struct http *http, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	http->listen_fd = fd;
	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		(void)address_port_text(&address, http->bound);
}

static void
on_file(void *state, enum ipc_file kind, enum role role, unsigned number, int fd)
{
	struct http *http = state;

	switch (kind) {
	case FILE_LISTENER:
		set_listener(http, fd);
		break;
	case FILE_BOARD:
		http->board = board_map(fd, false);
		close(fd);
		break;
	case FILE_COUNTERS:
		add_counters(http, role, number, fd);
		break;
	case FILE_HTTP_CERT:
	case FILE_HTTP_CA:
	case FILE_SESSION_KEY:
		cert_on_file(http, kind, fd);
		break;
	default:
		fatalx("unexpected descriptor");
	}
}

/* Of a reload, kept until it is committed. */
static void
on_conf_file(void *state, struct chan *chan, const union msg *msg, int fd)
{
	on_file(state, (enum ipc_file)msg->conf_file.kind, (enum role)msg->conf_file.role,
	    msg->conf_file.number, fd);
}

static void
on_peer_new(void *state, struct chan *chan)
{
	struct http *http = state;

	if (chan->role == ROLE_READ)
		work_resume_readers(http);
}

static void
on_stop(void *state, unsigned deadline_ms)
{
	server_stop(state, deadline_ms);
}

static const struct proc_handler handlers[] = {
	{ MSG_RESULT, result_on_result },
	{ MSG_READ_AT, result_on_read_at },
	{ MSG_REFUSED, result_on_refused },
	{ MSG_EXECUTE_MORE, upload_on_more },
	{ MSG_AUTH_RESULT, tickets_on_result },
	{ MSG_KEY_HELD, cert_on_key_held },
	{ MSG_CONF_FILE, on_conf_file },
	{ MSG_RELOAD, cert_on_reload },
	{ MSG_RELOADED, cert_on_reloaded },
	{ MSG_STATUS, status_on_part },
};

int
main(void)
{
	static struct http http;
	static const struct proc_gather gather = { settings, sizeof(settings) / sizeof(settings[0]),
		on_file };
	struct proc_ops ops = {
		.peer_new = on_peer_new, .peer_gone = result_peer_gone, .stop = on_stop
	};

	if (tls_memory_install() == -1)
		fatalx("the TLS library has been used too early");
	http.listen_fd = -1;
	http.start_ns = clock_wall_ns();
	(void)gethostname(http.hostname, sizeof(http.hostname) - 1);
	http.cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	cert_init(&http);
	proc_hello(&http.proc, ROLE_HTTP);
	proc_gather(&http.proc, &gather, &http);
	http.tls = http.conf.cert_path[0] != '\0';
	answer_init(&http);
	jobs_init(&http);
	tickets_init(&http);
	wipe_init();
	server_init(&http);
	proc_confine(&http.proc, &http_sandbox);
	loop_ops(&ops);
	proc_install(&http.proc, &ops, handlers, sizeof(handlers) / sizeof(handlers[0]));
	proc_ready(&http.proc);
	server_start(&http);
	while (!http.proc.done) {
		int32_t wait_ms = handler_turn(&http);

		work_turn(&http);
		proc_flush(&http.proc);
		if (h2o_evloop_run(http.ctx.loop, wait_ms) != 0)
			continue;
		flood_guard(&http);
		intake_turn(&http);
	}
	return (0);
}
