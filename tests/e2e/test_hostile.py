"""Clients that mean harm: framing, sizes, slowness, and SQL with the query permission only."""

import contextlib
import json
import os
import pathlib
import socket
import threading
import time

import pytest

from conftest import basic

GET = b"GET /db/query?q=SELECT+1 HTTP/1.1\r\n"
BODY = b'["SELECT 1"]'
POST = b"POST /db/query HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
MIB = 1 << 20


@contextlib.contextmanager
def still_served(node, limit=2.0, fetch=None):
    """Someone else asks all the while, and is answered in time each time.

    Pauses of the whole machine, in which not even a sleeper is woken, are not held against the node.
    """
    fetch = fetch or (lambda n: n.get("/db/query?q=SELECT+1", headers=basic(n.user) if n.user else {}).body)
    slowest, pause, failures, over = [0.0], [0.0], [], threading.Event()

    def sleep():
        while not over.is_set():
            since = time.monotonic()
            over.wait(0.02)
            pause[0] = max(pause[0], time.monotonic() - since - 0.02)

    def ask():
        while not over.is_set():
            since = time.monotonic()
            try:
                body = fetch(node)
                if b"[[1]]" not in body:
                    failures.append(body[:200])
            except OSError as error:
                failures.append(repr(error))
            slowest[0] = max(slowest[0], time.monotonic() - since)
            over.wait(0.02)

    threads = [threading.Thread(target=ask), threading.Thread(target=sleep)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failures, (failures[:3], node.log[-1000:])
    assert slowest[0] < limit + pause[0]


def pss(node):
    """Proportional memory of the whole node, bytes."""
    total = 0
    for pid in set(node.workers().values()):
        with contextlib.suppress(OSError):
            for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def raw(node, data, limit=5):
    """All that comes back until the server closes, or nothing more comes."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=limit) as client:
        answer = b""
        with contextlib.suppress(ConnectionError, socket.timeout):
            client.sendall(data)
            while piece := client.recv(65536):
                answer += piece
        return answer


# --- HTTP/1.1 framing ---

@pytest.mark.parametrize("data", [
    POST + b"Host: x\r\nContent-Length: 12\r\nContent-Length: 12\r\n\r\n" + BODY,
    POST + b"Host: x\r\nContent-Length: 12\r\nContent-Length: 2\r\n\r\n" + BODY,
    POST + b"Host: x\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n" + b"c\r\n" + BODY + b"\r\n0\r\n\r\n",
    POST + b"Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n" + b"c\r\n" + BODY + b"\r\n0\r\n\r\n",
    POST + b"Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n" + BODY + b"\r\n0\r\n\r\n",
    POST + b"Host: x\r\nTransfer-Encoding: xchunked\r\n\r\nc\r\n" + BODY + b"\r\n0\r\n\r\n",
    POST + b"Host: x\r\nContent-Length: +12\r\n\r\n" + BODY,
    POST + b"Host: x\r\nContent-Length: 1e1\r\n\r\n" + BODY,
    POST + b"Host: x\r\nContent-Length: -1\r\n\r\n" + BODY,
    POST + b"Host: x\r\nContent-Length: 99999999999999999999999\r\n\r\n" + BODY,
    POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + BODY + b"\r\n0\r\n\r\n",
    POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY + b"\r\n0\r\n\r\n",
    GET + b"Host: x\r\nHost: y\r\nConnection: close\r\n\r\n",
    GET + b"Host: x\r\nX-A: a\rb\r\nConnection: close\r\n\r\n",
    GET + b"Host: x\r\nX-A: a\r\n b\r\nConnection: close\r\n\r\n",
    GET + b"Host: x\r\nX-A : a\r\nConnection: close\r\n\r\n",
    GET + b"Host: x\r\n: a\r\nConnection: close\r\n\r\n",
    GET + b"Host: x\r\nX-A\0: a\r\nConnection: close\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
], ids=["cl-cl", "cl-other-cl", "cl-te", "te-cl", "te-te", "te-unknown", "cl-plus", "cl-exp", "cl-minus", "cl-huge",
        "chunk-huge", "chunk-no-hex", "two-hosts", "bare-cr", "obs-fold", "space-before-colon", "no-name", "nul",
        "h2c-preface"])
def test_ambiguous_request_is_refused(node, data):
    answer = raw(node, data + GET + b"Host: x\r\n\r\n")
    assert b" 200 " not in answer.split(b"\r\n")[0], answer
    assert b"[[1]]" not in answer and b"values" not in answer, "what follows is not read as a request"
    assert node.get("/db/query?q=SELECT+1").json["results"][0]["values"] == [[1]]


@pytest.mark.parametrize("line", [b"c;a=b\r\n", b"c \r\n", b"c\n", b"0xc\r\n", b"c\r\n"])
def test_nothing_follows_a_body_in_chunks(node, line):
    """Two servers may read chunk lines in two ways: what stands behind them is no request."""
    body = b"POST /db/query HTTP/1.1\r\nContent-Type: application/json\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    body += line + BODY + b"\r\n0\r\n\r\n"
    answer = raw(node, body + GET + b"Host: x\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1 and b"Connection: close\r\n" in answer, answer


def test_upgrade_in_clear_text_is_ignored(node):
    answer = raw(node, GET + b"Host: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n"
                 b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", 1)
    assert b"101" not in answer.split(b"\r\n")[0]


# --- sizes and slowness ---

def test_body_over_the_limit(make_node):
    node = make_node("-http-body-max", "100000").start()
    fits = json.dumps(["SELECT length('%s')" % ("x" * 90000)])
    assert node.request("POST", "/db/query", fits).json["results"][0]["values"] == [[90000]]
    over = b"x" * 100001
    with still_served(node):
        answer = raw(node, POST + b"Host: x\r\nContent-Length: 100001\r\n\r\n" + over)
        assert b"[[" not in answer and (answer == b"" or b" 413 " in answer.split(b"\r\n")[0])
        chunks = b"".join(b"8000\r\n" + b"x" * 0x8000 + b"\r\n" for _ in range(6)) + b"0\r\n\r\n"
        answer = raw(node, POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        assert b"[[" not in answer and b" 200 " not in answer.split(b"\r\n")[0]


def test_endless_headers(node):
    before = pss(node)
    with still_served(node), socket.create_connection(("127.0.0.1", node.port), timeout=5) as client:
        line, sent = b"X-Filler: " + b"a" * 65000 + b"\r\n", 0
        with contextlib.suppress(OSError):
            client.sendall(GET)
            while sent < 200 * MIB:
                client.sendall(line)
                sent += len(line)
        assert sent < 16 * MIB, "the connection is closed long before"
    assert pss(node) < before + 16 * MIB


@pytest.mark.parametrize("begin, unit", [(b"1;", b"a"), (b"", b"1;a=b\r\n \r\n"), (b"0\r\n", b"A: b\r\n"), (b"0\r\nA: ", b"b")],
                         ids=["extension", "extensions", "trailers", "trailer"])
def test_endless_chunks(node, begin, unit):
    """What is said beside a body in chunks is dropped as it comes; its time has an end (test_who_stalls_is_cut)."""
    before, piece, sent = pss(node), unit * (MIB // len(unit)), 0
    with still_served(node), socket.create_connection(("127.0.0.1", node.port), timeout=5) as client:
        client.sendall(POST + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n" + begin)
        while sent < 100 * MIB:
            client.sendall(piece)
            sent += len(piece)
        body = sent // len(unit) if unit.startswith(b"1;") else 0
        assert pss(node) < before + 3 * body + 8 * MIB


def test_many_idle_connections(node):
    held = [socket.create_connection(("127.0.0.1", node.port)) for _ in range(500)]
    with still_served(node, 1.0):
        time.sleep(0.5)
    for client in held:
        client.close()


# --- SQL with the query permission only ---

@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A node whose user "q" may query and nothing else; shared, since it must survive all of it."""
    from conftest import Node
    node = Node()
    (node.dir / "users.json").write_text(json.dumps([
        {"username": "q", "password": "q", "perms": ["query"]},
        {"username": "root", "password": "r", "perms": ["all"]}]))
    (node.dir / "users.json").chmod(0o600)
    node.flags += ["-auth", str(node.dir / "users.json")]
    node.user = "root:r"
    node.start()
    node.post("/db/execute", ["CREATE TABLE t(x)", "INSERT INTO t VALUES(1)"], user="root:r")
    node.post("/db/execute", ["CREATE VIRTUAL TABLE f USING fts5(a)", "INSERT INTO f VALUES('word')"], user="root:r")
    node.user = "q:q"
    yield node
    node.close()


def ask(node, sql, level, more=""):
    return node.post("/db/query?level=%s%s" % (level, more), sql if isinstance(sql, list) else [sql], user="q:q",
                     timeout=30)


def contents(node):
    answer = node.post("/db/query", ["SELECT count(*), sum(x) FROM t", "SELECT group_concat(name) FROM sqlite_master"],
                       user="root:r")
    return [r["values"] for r in answer.json["results"]]


LEVELS = ["none", "weak", "strong", "linearizable"]
WRITES = [
    "INSERT INTO t VALUES(2)", "UPDATE t SET x = 5", "DELETE FROM t", "CREATE TABLE u(x)", "DROP TABLE t",
    "WITH a AS (SELECT 3) INSERT INTO t SELECT * FROM a", "WITH a AS (SELECT 1) DELETE FROM t RETURNING x",
    "INSERT INTO t VALUES(4) RETURNING x", "REPLACE INTO t VALUES(9)", "SELECT 1; INSERT INTO t VALUES(2)",
    "/* SELECT */ INSERT INTO t VALUES(2)", "EXPLAIN SELECT 1; DELETE FROM t",
    "PRAGMA writable_schema = ON", "PRAGMA writable_schema(1)", "PRAGMA main.writable_schema=1",
    "UPDATE sqlite_master SET sql = 'x'", "DELETE FROM sqlite_master", "PRAGMA user_version = 7",
    "PRAGMA application_id = 7", "PRAGMA journal_mode = DELETE", "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA query_only = 0", "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA incremental_vacuum", "PRAGMA optimize",
    "PRAGMA temp_store_directory = '/tmp'", "PRAGMA trusted_schema = 1", "PRAGMA synchronous = OFF",
    "VACUUM", "VACUUM INTO '/tmp/rqlited-e2e-stolen.db'", "VACUUM INTO 'stolen.db'",
    "ATTACH '/etc/passwd' AS p", "ATTACH ':memory:' AS m", "ATTACH 'file:x?mode=memory' AS m", "DETACH main",
    "SELECT load_extension('/lib/x.so')", "SELECT load_extension('x', 'y')", "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/rqlited-e2e-stolen.db', 'x')", "SELECT edit('x')",
    "SELECT fts3_tokenizer('simple', x'00')",
    "INSERT INTO f(f) VALUES('rebuild')", "INSERT INTO f(f, rank) VALUES('pgsz', 64)", "DELETE FROM f_data",
    "UPDATE f_content SET c0 = 'y'", "REINDEX", "ANALYZE", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "SAVEPOINT s",
    "CREATE TEMP TABLE tt(x)", "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
]


@pytest.mark.parametrize("level", LEVELS)
def test_a_query_changes_nothing(reader, level):
    before, files = contents(reader), sorted(p.name for p in reader.data.rglob("*"))
    pids = reader.workers()
    for sql in WRITES:
        answer = ask(reader, sql, level)
        assert answer.status in (200, 400), (sql, answer.text)
        assert contents(reader) == before, sql
    version = ask(reader, ["PRAGMA user_version", "PRAGMA application_id"], level).json
    assert [r["values"] for r in version["results"]] == [[[0]], [[0]]]
    assert not os.path.exists("/tmp/rqlited-e2e-stolen.db")
    assert sorted(p.name for p in reader.data.rglob("*")) == files
    assert reader.workers() == pids, "nobody died: " + reader.log[-600:]
    answer = reader.post("/db/execute", ["INSERT INTO t VALUES(10)", "DELETE FROM t WHERE x = 10"], user="root:r")
    assert "error" not in answer.text, "writing goes on: " + answer.text


@pytest.mark.parametrize("path", ["/db/execute", "/db/request", "/db/load", "/db/execute?queue"])
def test_writing_endpoints_are_closed(reader, path):
    before = contents(reader)
    assert reader.post(path, ["INSERT INTO t VALUES(2)"], user="q:q").status == 401
    assert contents(reader) == before


@pytest.mark.parametrize("sql", [
    "ATTACH '/etc/passwd' AS p", "VACUUM INTO '/tmp/rqlited-e2e-stolen.db'", "SELECT load_extension('x')",
    "SELECT readfile('/etc/passwd')", "PRAGMA writable_schema = 1", "WITH a AS (SELECT 3) INSERT INTO t SELECT * FROM a",
])
def test_refusal_is_said(reader, sql):
    answer = ask(reader, sql, "none")
    assert "error" in answer.text and "values" not in answer.text, answer.text


ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
JOIN = ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 10000) "
        "SELECT count(*) FROM r a, r b, r c WHERE a.n + b.n + c.n = -1")
LIKE = "SELECT '%s' LIKE '%s'" % ("a" * 40000, "%a" * 20000 + "b")


@pytest.mark.parametrize("level", ["none", "weak", "strong"])
@pytest.mark.parametrize("sql", [ENDLESS, JOIN], ids=["recursion", "join"])
def test_endless_query_is_ended(reader, sql, level):
    with still_served(reader):
        answer = ask(reader, sql, level, "&db_timeout=500ms")
    assert answer.json["results"] == [{"error": "query timeout"}], answer.text
    assert ask(reader, "SELECT 1", level).json["results"][0]["values"] == [[1]]


@pytest.mark.parametrize("level", ["none", "strong"])
@pytest.mark.parametrize("sql", [
    LIKE, "SELECT zeroblob(1000000000)", "SELECT hex(zeroblob(900000000))", "SELECT randomblob(1000000000)",
    "SELECT printf('%.999999999d', 1)", "SELECT replace(hex(zeroblob(1000000)), '0', hex(zeroblob(100000)))",
    "SELECT " + "(" * 20000 + "1" + ")" * 20000, "SELECT " + "-" .join(["1"] * 20000), "SELECT " + "+".join(["x"] * 5000),
    "SELECT " + "abs(" * 5000 + "1" + ")" * 5000, "SELECT 1" + " UNION ALL SELECT 1" * 20000,
    "SELECT json('" + "[" * 100000 + "')", "SELECT * FROM t WHERE x IN (" + ",".join(["1"] * 200000) + ")",
    "WITH RECURSIVE r(n, s) AS (SELECT 1, zeroblob(1000000) UNION ALL SELECT n + 1, s FROM r LIMIT 2000) "
    "SELECT length(group_concat(s)) FROM r",
    "WITH RECURSIVE r(n, s) AS (SELECT 1, hex(zeroblob(500000)) UNION ALL SELECT n + 1, s FROM r LIMIT 2000) "
    "SELECT n, s FROM r ORDER BY s, n DESC",
], ids=["like", "zeroblob", "hex", "randomblob", "printf", "replace", "parens", "minus", "plus", "calls", "union", "json",
        "in", "concat", "big-rows"])
def test_costly_query_is_bounded(reader, sql, level):
    before, pids = pss(reader), reader.workers()
    peak, over = [before], threading.Event()

    def watch():
        while not over.wait(0.05):
            peak[0] = max(peak[0], pss(reader))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with still_served(reader, 5):
            answer = ask(reader, sql, level, "&db_timeout=2s")
    finally:
        over.set()
        watcher.join()
    assert answer.status in (200, 400, 413, 500, 503), answer.text[:500]
    assert len(answer.body) < 400 * MIB
    assert peak[0] < before + 1200 * MIB
    assert reader.workers() == pids, "nobody died: " + reader.log[-600:]
    assert ask(reader, "SELECT 1", level).json["results"][0]["values"] == [[1]]
