"""/metrics: the form that Prometheus reads, and that each figure moves when what it counts happens."""

import os
import re
import signal

from conftest import ROOT, basic, wait_for

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"(%s)(?:\{((?:%s(?:,%s)*)?)\})? (\S+)" % (NAME, LABEL, LABEL))
KINDS = {"counter", "gauge", "histogram"}


def read(node, **more):
    """Samples by name and labels; every rule of the format that a line can break is checked."""
    answer = node.get("/metrics", **more)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")
    kinds, samples, family = {}, {}, None
    for line in answer.text[:-1].split("\n"):
        if line.startswith("#"):
            word, family, kind = re.fullmatch(r"# (TYPE) (%s) (\w+)" % NAME, line).groups()
            assert family not in kinds, "told twice: " + line
            kinds[family] = kind
            assert kind in KINDS
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        base = re.sub("_(bucket|sum|count)$", "", name) if kinds[family] == "histogram" else name
        assert base == family, "apart from its family: " + line
        if kinds[family] == "counter":
            assert name.endswith("_total"), line
        key = name, labels or ""
        assert key not in samples, line
        samples[key] = float(value)
        assert samples[key] >= 0
    for family, kind in kinds.items():
        if kind == "histogram":
            check_histogram(samples, family)
    return samples


def check_histogram(samples, family):
    """Each of its series is cumulative, up to +Inf, which is the count."""
    series = {}
    for (name, labels), value in samples.items():
        if name == family + "_bucket":
            rest, limit = re.fullmatch('(.*?),?le="([^"]+)"', labels).groups()
            series.setdefault(rest, []).append((float(limit.replace("+Inf", "inf")), value))
    assert series
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), "limits and counts grow"
        assert [value for _, value in buckets] == sorted(value for _, value in buckets)
        assert buckets[-1] == (float("inf"), samples[family + "_count", labels])
        assert (family + "_sum", labels) in samples


def test_what_moves(make_node):
    node = make_node("-raft-snap", "5", "-raft-snap-int", "50ms").start()
    before = read(node)
    node.execute("CREATE TABLE t(x)")
    for i in range(20):
        node.execute(["INSERT INTO t VALUES(?)", i])
    assert node.query("SELECT count(*) FROM t") == [[20]]
    assert node.post("/db/request", ["SELECT 1"]).status == 200
    assert node.get("/nowhere").status == 404
    assert node.request("PUT", "/db/query").status == 405
    wait_for(lambda: read(node)["rqlited_store_num_snapshots_total", ""] > 0, 30, "a snapshot")
    # sql tells raft now and then, and when it is idle.
    wait_for(lambda: read(node)["rqlited_raft_applied_index", ""] == read(node)["rqlited_raft_commit_index", ""], 30)
    after = read(node)

    def grown(name, labels=""):
        return after[name, labels] - before.get((name, labels), 0)

    assert grown("rqlited_requests_total", 'route="/db/execute",status="200"') == 21
    assert grown("rqlited_requests_total", 'route="/db/query",status="200"') == 1
    assert grown("rqlited_requests_total", 'route="/db/query",status="405"') == 1
    assert grown("rqlited_requests_total", 'route="none",status="404"') == 1
    assert grown("rqlited_request_seconds_count", 'route="/db/execute"') == 21
    assert grown("rqlited_request_seconds_count", 'route="/db/query"') == 2
    assert grown("rqlited_request_seconds_count", 'route="/db/request"') == 1
    assert grown("rqlited_request_seconds_sum", 'route="/db/execute"') > 0
    for name in ("log_sync_seconds_count", "log_sync_seconds_sum", "log_flushes_total", "log_bytes_total"):
        assert grown("rqlited_" + name) > 0, name
    for name in ("raft_last_index", "raft_commit_index", "raft_applied_index", "log_entries_total",
                 "apply_entries_total", "store_num_uncompressed_commands_total"):
        assert grown("rqlited_" + name) == 21, name
    for name in ("wal_bytes", "log_size_bytes", "database_bytes", "raft_term", "raft_leader", "ready"):
        assert after["rqlited_" + name, ""] > 0, name
    for name in ("requests_at_auth", "requests_at_raft", "requests_in_flight", "stalled", "node_restarts_total"):
        assert ("rqlited_" + name, "") in after, name
    roles = {labels for name, labels in after if name == "rqlited_worker_resident_bytes"}
    assert roles == {'role="%s",number="0"' % role for role in ("master", "http", "raft", "sql", "read")}
    for name in ("worker_cpu_seconds_total", "worker_proportional_bytes"):
        assert {labels for n, labels in after if n == "rqlited_" + name} == roles, name


def test_restarts_are_counted(node):


    os.kill(node.workers()["read"], signal.SIGKILL)
    key = "rqlited_worker_restarts_total", 'role="read",number="0"'
    wait_for(lambda: read(node)[key] == 1, 30, "the restart")
    assert read(node)["rqlited_node_restarts_total", ""] == 0


def test_needs_status(make_node):
    node = make_node()
    (node.dir / "users.json").write_text('[{"username": "a", "password": "b", "perms": ["status"]},'
                                         '{"username": "c", "password": "d", "perms": ["query", "ready"]}]')
    (node.dir / "users.json").chmod(0o600)
    node.flags += ["-auth", str(node.dir / "users.json")]
    node.user = "c:d"
    node.start()
    assert node.get("/metrics").status == node.get("/metrics", headers=basic("c:d")).status == 401
    assert read(node, headers=basic("a:b"))["rqlited_http_auth_fail_total", ""] >= 2
    assert node.request("POST", "/metrics", headers=basic("a:b")).status == 405


def test_the_manual_names_what_is_there(node):
    """The figures of rqlited(8), MONITORING, are in /metrics by these names."""
    assert node.query("SELECT 1") == [[1]]
    page = (ROOT / "man/rqlited.8").read_text()
    section = page[page.index(".Sh MONITORING"):page.index(".Sh ENVIRONMENT")]
    named = {name for line in re.findall(r"^\.It Cm (.*)$", section, re.M) for name in line.split(" , ")}
    there = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in read(node)}
    assert len(named) > 20 and {"rqlited_" + name for name in named} <= there
