"""Each flag that is accepted does what its text says: what other files do not show yet."""

import contextlib
import http.client
import json
import re
import threading
import urllib.parse

import pytest

from conftest import free_port, wait_for

COUNT = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x+1 FROM c WHERE x < %d) SELECT count(*) FROM c"


def status(node, key):
    return node.get("/status?key=" + key).json


def snapshot_index(node):
    return status(node, "store.raft.last_snapshot_index")


def write(node, count):
    node.execute("CREATE TABLE IF NOT EXISTS t(x)")
    for i in range(count):
        node.execute(["INSERT INTO t VALUES(?)", i])


def test_access_log(make_node):
    quiet, loud = make_node().start(), make_node("-access-log").start()
    for one in (quiet, loud):
        assert one.get("/nodes?secret=1", headers={"X-Request-Id": "abc-7"}).status == 200
    line = r"^\[access\] \S+ \S+ 127\.0\.0\.1 GET %s \d\.\d{6}s id=%s$"
    wait_for(lambda: re.search(line % ("/nodes 200", "abc-7"), loud.log, re.M), 30)
    assert loud.get("/" + "x" * 6000, headers={"X-Request-Id": "i" * 200}).status == 404
    wait_for(lambda: re.search(line % ("/x{1023} 404", "i{128}"), loud.log, re.M), 30)
    assert "[access]" not in quiet.log and "secret" not in loud.log


def test_slow_query_time(make_node):
    node = make_node("-slow-query-time", "3s").start()
    node.query("SELECT 1")
    # It takes this long on any machine.
    answer = node.post("/db/query?db_timeout=4s", [COUNT % 10 ** 12])
    assert (answer.status, answer.json) == (200, {"results": [{"error": "query timeout"}]})
    wait_for(lambda: "[slow]" in node.log, 30, "a line of the slow query")
    lines = [line for line in node.log.splitlines() if line.startswith("[slow]")]
    assert len(lines) == 1 and " POST /db/query 200 " in lines[0], lines
    assert "RECURSIVE" not in node.log


def test_max_connections(make_node):
    node = make_node("-max-connections", "4").start()
    held = []
    for _ in range(4):
        held.append(http.client.HTTPConnection("127.0.0.1", node.port, timeout=10))
        held[-1].request("GET", "/readyz")
        assert held[-1].getresponse().read().startswith(b"[+]node ok")
    fifth = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
    answered = []

    def ask():
        with contextlib.suppress(OSError, http.client.HTTPException):
            fifth.request("GET", "/readyz")
            answered.append(fifth.getresponse().status)

    waiting = threading.Thread(target=ask)
    waiting.start()
    waiting.join(1)
    assert not answered
    for one in held:
        one.close()
    waiting.join(60)
    assert answered == [200]
    assert node.get("/readyz").status == 200


def test_readers_and_their_connections(make_node):
    one = make_node("-db-max-ro-conns", "1").start()
    two = make_node("-db-max-ro-conns", "2").start()
    ask = "/db/query?level=none&q=" + urllib.parse.quote(COUNT.replace("count(*)", "x") % 100000000)
    for node, answers in ((one, False), (two, True)):
        # An answer that nobody reads keeps its connection to the database, for a second at least.
        stuck = http.client.HTTPConnection("127.0.0.1", node.port, timeout=10)
        stuck.request("GET", ask)
        head = stuck.getresponse()
        assert head.status == 200 and head.read(10)
        if answers:
            assert node.query("SELECT 7") == [[7]]
        else:
            refused = node.post("/db/query?level=none", ["SELECT 7"])
            assert refused.status == 200 or (refused.status == 503 and "too many open results" in refused.text)
        wait_for(lambda: node.post("/db/query?level=none", ["SELECT 8"]).status == 200, 30, "the connection's end")
        stuck.close()


def test_processes(make_node):
    node = make_node("-http-workers", "3", "-read-workers", "2").start()
    roles = [worker["role"] for worker in status(node, "runtime.processes.workers")]
    assert roles.count("http") == 3 and roles.count("read") == 2
    for _ in range(20):
        assert node.query("SELECT 1") == [[1]]


def test_snapshot_every_so_many_entries(make_node):
    node = make_node("-raft-snap", "20", "-raft-snap-int", "5ms").start()
    write(node, 25)
    wait_for(lambda: snapshot_index(node) >= 20, 30, "a snapshot")


def test_snapshot_interval_keeps_it_from_being_looked_at(make_node):
    node = make_node("-raft-snap", "20", "-raft-snap-int", "1h").start()
    write(node, 50)
    assert snapshot_index(node) == 0
    assert status(node, "store.snapshot_interval") == "1h0m0s"


@pytest.mark.parametrize("flags, comes", [
    (["-raft-snap-wal-size", "100000", "-raft-snap-int", "5ms"], True),
    (["-raft-snap-wal-size", "100000", "-raft-snap-int", "1h"], False),
    (["-raft-snap-wal-size", "100000", "-raft-snap-int", "0"], False),
    (["-raft-snap-wal-size", "0", "-raft-snap-int", "5ms"], False),
])
def test_snapshot_by_size(make_node, flags, comes):
    node = make_node(*flags).start()
    node.execute("CREATE TABLE t(x)")
    for _ in range(20):
        node.execute("INSERT INTO t VALUES(randomblob(20000))")
    if comes:
        wait_for(lambda: snapshot_index(node) > 0, 30, "a snapshot")
    else:
        assert snapshot_index(node) == 0


def test_names_and_addresses(make_node):
    port = free_port()
    node = make_node("-node-id", "first", "-raft-adv-addr", "db.example:%d" % port).start()
    member = node.get("/nodes").json["first"]
    assert member["addr"] == "db.example:%d" % port
    assert status(node, "store.raft.config.LocalID") == "first"


def test_value_max(make_node):
    node = make_node("-sql-value-max", "2000").start()
    for ask in (node.execute, lambda sql: node.post("/db/query?level=none", [sql]).json):
        assert ask("SELECT length(randomblob(2001))")["results"][0] == {"error": "string or blob too big"}
        assert "error" not in ask("SELECT length(randomblob(2000))")["results"][0]
        assert ask("SELECT '%s'" % ("x" * 2001))["results"][0] == {"error": "statement too long"}


def test_vm_steps_max(make_node):
    node = make_node("-vm-steps-max", "20000").start()
    node.execute("CREATE TABLE t(x)")
    few, many = ("INSERT INTO t " + COUNT.replace("count(*)", "x") % n for n in (100, 100000))
    assert node.execute(few)["results"][0]["rows_affected"] == 100
    assert "error" in node.execute(many)["results"][0]
    assert node.query("SELECT count(*) FROM t") == [[100]]


def test_log_level(make_node):
    quiet, loud = make_node().start(), make_node("-raft-log-level", "info").start()
    assert re.search(r"^\[raft\] \S+ \S+ \[INFO\]  entering leader state: term 2$", loud.log, re.M)
    assert "entering leader state" not in quiet.log
    for node in (quiet, loud):
        assert "is now Leader" in node.log


def test_sandbox(make_node):
    off, on = make_node("-sandbox", "off").start(), make_node().start()
    for worker in status(off, "runtime.processes.workers"):
        assert worker["sandbox"].startswith("seccomp off, landlock off"), worker
    assert "seccomp off" not in json.dumps(status(on, "runtime.processes.workers"))


# Starts a program under a kernel that knows no Landlock (system calls 444 to 446 on every machine).
WITHOUT_LANDLOCK = """#!/usr/bin/env python3
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050026), (0x06, 0, 0, 0x7fff0000)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(filter)))
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, ctypes.byref(program), 0, 0) == 0
os.execv(%r, [%r] + sys.argv[1:])
"""


@pytest.fixture
def landless(make_node):
    node = make_node()
    program = node.dir / "rqlited"
    program.write_text(WITHOUT_LANDLOCK % (node.program, node.program))
    program.chmod(0o755)
    node.program = str(program)
    return node


def test_missing_landlock_is_one_line(landless):
    landless.start()
    assert landless.log.count("Landlock is missing") == 1
    for worker in status(landless, "runtime.processes.workers"):
        assert worker["sandbox"].startswith("seccomp on, landlock off"), worker


def test_missing_landlock_ends_a_start_that_requires_it(landless):
    landless.flags += ["-sandbox", "require"]
    landless.launch()
    assert landless.process.wait(60) == 1
    assert "Landlock is missing, and -sandbox=require was given" in landless.log
    assert "worker" not in landless.log and not landless.data.exists()


def test_no_verify_warns(make_node):
    node = make_node("-http-no-verify").start()
    assert "-http-no-verify has no effect" in node.log


def test_without_http2(make_node):
    on, off = make_node().start(), make_node("-http2=false").start()
    assert status(on, "http.tls") == status(off, "http.tls") == {"enabled": "false"}
