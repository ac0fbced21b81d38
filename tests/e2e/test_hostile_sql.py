"""SQL and JSON that mean harm, asked with the query permission only: refused, or ended within their limits."""

import json
import re
import socket
import time

import pytest

from conftest import basic, wait_for
from test_hostile import ENDLESS, LEVELS, MIB, ask, pss, reader, still_served  # noqa: F401


def post(node, body, level="none"):
    return node.request("POST", "/db/query?level=" + level, body,
                        {"Content-Type": "application/json", **basic("q:q")}, timeout=300)


def values(answer):
    assert answer.status == 200, answer.text[:500]
    return answer.json["results"][0].get("values"), answer.json["results"][0].get("error")


# --- JSON ---

@pytest.mark.parametrize("body,status,text", [
    ('[["SELECT 1", ' + "[" * 9999 + "]" * 9999 + "]]", 400, "unsupported type []interface {}"),
    ('[["SELECT 1", ' + "[" * 100000 + "]" * 100000 + "]]", 400, "invalid JSON body"),
    ("[" * 100000 + '"SELECT 1"' + "]" * 100000, 400, "invalid JSON body"),
    ('[["SELECT 1", {"a":{"a":1}}]]', 400, "unsupported type map[string]interface {}"),
    ('[["SELECT 1"' + ",1" * 250001 + "]]", 413, "too many parameters (250000 is the limit)"),
    ("[" + ",".join(['""'] * 1000001) + "]", 413, "too many statements (1000000 is the limit)"),
    ('["SELECT \'' + "x" * (65 * MIB) + "'\"]", 413, "request too large: 67108864 bytes in binary form is the limit"),
    ('[["SELECT :a", {"' + "n" * 70000 + '":1}]]', 413, "parameter name too long (65535 bytes is the limit)"),
    ('["SELECT 1"', 400, "invalid JSON body"),
    ('[["SELECT ?", 1e999]]', 400, "invalid number 1e999"),
], ids=["arrays", "deep arrays", "depth", "object", "parameters", "statements", "size", "name", "cut", "number"])
def test_json_over_its_limits(reader, body, status, text):  # noqa: F811
    before, pids = pss(reader), reader.workers()
    with still_served(reader, 5):
        answer = post(reader, body)
    assert (answer.status, answer.text.strip()[:200]) == (status, text)
    assert reader.workers() == pids
    wait_for(lambda: pss(reader) < before + 160 * MIB, 30, "memory given back")


@pytest.mark.parametrize("body,expected", [
    (b'[["SELECT :a, typeof(:a)", {"a":1, "a":"x"}]]', ([["x", "text"]], None)),
    (b'[["SELECT :a, :b", {"a":1, "a":2}]]', (None, "not enough args to execute query: want 2 got 1")),
    (b'[["SELECT ?", "a\xffb\xc0\x80"]]', ([["a\ufffdb\ufffd\ufffd"]], None)),
    (b'["SELECT \'\xed\xa0\x80\'"]', ([["\ufffd\ufffd\ufffd"]], None)),
    (b'[["SELECT hex(?)", "\\ud800"]]', ([["EFBFBD"]], None)),
    (b'[["SELECT hex(?)", "\\udc00\\ud800"]]', ([["EFBFBDEFBFBD"]], None)),
    (b'[["SELECT hex(?)", "\\ud83d\\ude00"]]', ([["F09F9880"]], None)),
    (b'[["SELECT length(CAST(? AS BLOB))", "a\\u0000b"]]', ([[3]], None)),
    (b'["SELECT 1\\u0000; DELETE FROM t"]', ([[1]], None)),
], ids=["duplicate", "duplicate-count", "utf8", "utf8-sql", "lone", "lone-pair", "pair", "nul", "nul-sql"])
def test_odd_json(reader, body, expected):  # noqa: F811
    assert values(post(reader, body)) == expected


# --- writes by the back door ---

SHADOWS = [
    "INSERT INTO f_data VALUES(1, x'00')", "DELETE FROM f_idx", "UPDATE f_config SET v = 9", "DROP TABLE f_data",
    "INSERT INTO g_segments VALUES(1, x'00')", "DELETE FROM g_segdir", "UPDATE g_stat SET value = x'00'",
    "INSERT INTO r_node VALUES(1, x'00')", "DELETE FROM r_rowid", "UPDATE r_parent SET parentnode = 1",
    "DROP TABLE r_node", "ALTER TABLE r_node RENAME TO x",
    "CREATE TRIGGER y AFTER INSERT ON r_node BEGIN SELECT 1; END",
    "DELETE FROM sqlite_sequence", "DELETE FROM sqlite_stat1", "DROP TABLE sqlite_stat1",
    "INSERT INTO sqlite_master VALUES(1,1,1,1,1)",
]


@pytest.fixture(scope="module")
def shadows(reader):  # noqa: F811
    answer = reader.post("/db/execute", [
        "CREATE VIRTUAL TABLE IF NOT EXISTS f USING fts5(a)", "CREATE VIRTUAL TABLE g USING fts4(a)",
        "CREATE VIRTUAL TABLE r USING rtree(id, x0, x1)", "INSERT INTO g VALUES('word')",
        "INSERT INTO r VALUES(1, 0, 1)",
        "CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT)", "INSERT INTO a VALUES(7)", "ANALYZE"], user="root:r")
    assert "error" not in answer.text, answer.text
    return reader


def shadow_contents(node):
    tables = ["f_data", "f_idx", "f_config", "g_segments", "g_segdir", "g_stat", "r_node", "r_rowid", "r_parent",
              "sqlite_sequence", "sqlite_stat1", "sqlite_master"]
    answer = node.post("/db/query", ["SELECT * FROM " + name for name in tables], user="root:r")
    assert "error" not in answer.text, answer.text
    return answer.json["results"]


@pytest.mark.parametrize("level", LEVELS)
def test_shadow_tables_are_not_written(shadows, level):
    before = shadow_contents(shadows)
    for sql in SHADOWS:
        answer = ask(shadows, sql, level)
        assert answer.status == 200 and "error" in answer.text and "values" not in answer.text, (sql, answer.text)
    assert shadow_contents(shadows) == before


def test_shadow_tables_are_not_written_by_writers_either(shadows):
    before = shadow_contents(shadows)
    for sql in SHADOWS:
        if "sqlite_s" in sql or "TRIGGER" in sql:
            continue  # these are open to writers, as in SQLite
        answer = shadows.post("/db/execute", [sql], user="root:r")
        assert answer.status == 200 and "error" in answer.text, (sql, answer.text)
    assert shadow_contents(shadows) == before


@pytest.mark.parametrize("sql", [
    "PRAGMA journal_mode = DELETE", " pragma  query_only=0", "PRAGMA main.synchronous = OFF", "PRAGMA wal_checkpoint",
])
def test_forbidden_pragma_ends_the_request(reader, sql):  # noqa: F811
    answer = ask(reader, ["SELECT 1", sql], "none")
    assert answer.json == {"results": [], "error": "disallowed pragma"}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("sql", [
    "/**/PRAGMA journal_mode = DELETE", "-- x\nPRAGMA query_only=0", "PRAGMA synchronous(0)",
    "PRAGMA \"query_only\"(0)", "PRAGMA/**/main/**/./**/wal_autocheckpoint=1", "PRAGMA [query_only]=0",
    ";PRAGMA wal_checkpoint",
    "SELECT 1; PRAGMA query_only = 0",
])
def test_forbidden_pragma_however_written(reader, sql, level):  # noqa: F811
    assert ask(reader, sql, level).json == {"results": [{"error": "disallowed pragma"}]}


# --- work without end ---

A, B = "(SELECT printf('%.*c', 30000000, 'a'))", "(SELECT printf('%.*c', 3000, 'b'))"
OBJECT = ("(WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r LIMIT 50000) "
          "SELECT json_group_object('%s'||n, n) FROM r)")
COSTLY = {
    "trim": ("SELECT length(trim(%s, %s || 'a'))" % (A, B), [[0]], None),
    "instr": ("SELECT instr(%s, %s || 'b')" % (A, A.replace("30000000", "9000000")), [[0]], None),
    "json-patch": ("SELECT json_patch(%s, %s)" % (OBJECT % "a", OBJECT % "b"), None, "JSON is too large to be patched"),
    "like": ("SELECT 'a' LIKE " + B.replace("3000", "5000"), None, "LIKE or GLOB pattern too complex"),
    "glob": ("SELECT 'a' GLOB " + B.replace("3000", "5000"), None, "LIKE or GLOB pattern too complex"),
    "conditions": ("SELECT 1 FROM t WHERE " + " AND ".join("x=%d" % i for i in range(200000)), None,
                   "too many names and keywords in a statement"),
    "parameters": ("SELECT 1 IN (" + ",".join(":p%d" % i for i in range(200000)) + ")", None,
                   "too many names and keywords in a statement"),
    "tables": ("WITH " + ",".join("w%d AS (SELECT 1)" % i for i in range(200000)) + " SELECT 1", None,
               "too many names and keywords in a statement"),
    "doubling": ("WITH w0 AS (SELECT 1 AS a)" + "".join(
        ",w%d AS (SELECT (SELECT 1 FROM w%d)+(SELECT 2 FROM w%d) AS a)" % (i, i - 1, i - 1) for i in range(1, 40))
        + " SELECT * FROM w39", None, "out of memory"),
    "long-blob": ("SELECT zeroblob(67108865)", None, "string or blob too big"),
    "sum": ("SELECT length(group_concat(%s, %s)) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)" % (A, A), None,
            "string or blob too big"),
}


@pytest.mark.parametrize("level", ["none", "strong"])
@pytest.mark.parametrize("name", list(COSTLY))
def test_costly_statement(reader, name, level):  # noqa: F811
    sql, rows, error = COSTLY[name]
    before, pids = pss(reader), reader.workers()
    with still_served(reader, 60):
        assert values(post(reader, json.dumps([sql]), level)) == (rows, error)
    assert reader.workers() == pids, "nobody died: " + reader.log[-600:]
    wait_for(lambda: pss(reader) < before + 256 * MIB, 30, "memory given back")


@pytest.mark.parametrize("name", list(COSTLY))
def test_costly_write(reader, name):  # noqa: F811
    """The same through the writer, which must not stand still for it: its replicas would, too."""
    sql, _, error = COSTLY[name]
    before, pids = pss(reader), reader.workers()
    with still_served(reader, 60):
        assert values(reader.post("/db/execute", [sql], user="root:r", timeout=300)) == (None, error)
    answer = reader.post("/db/execute", ["INSERT INTO t VALUES(10)", "DELETE FROM t WHERE x = 10"], user="root:r")
    assert "error" not in answer.text, answer.text
    assert reader.workers() == pids, "nobody died: " + reader.log[-600:]
    wait_for(lambda: pss(reader) < before + 256 * MIB, 30, "memory given back")


@pytest.mark.parametrize("pattern", [17, 100, 1000, 4000])
def test_like_holds_no_writer(reader, pattern):  # noqa: F811
    """Neither the length of a text nor that of a pattern is too large, but their product is."""
    pids = reader.workers()
    sql = "SELECT %s LIKE '%%' || printf('%%.*c', %d, '0') || 'b'" % ("hex(zeroblob(30000000))", pattern - 2)
    for path in ["/db/execute", "/db/request?level=strong"]:
        answer = reader.post(path, [sql], user="root:r", timeout=300)
        assert values(answer) == (None, "LIKE or GLOB pattern too complex")
    good = sql.replace("30000000", "100000")
    assert values(reader.post("/db/request?level=strong", [good], user="root:r", timeout=300)) == ([[0]], None)
    assert reader.workers() == pids


def test_one_opcode_without_end(reader):  # noqa: F811
    """A pattern of 4 kB in a text of 60 MB: no limit is looked at meanwhile, so the reader itself is ended."""
    for _ in range(7):
        assert values(ask(reader, "SELECT 1", "none")) == ([[1]], None)
        end_reader(reader)
    # The last one was killed inside a statement, too: that is not held against its successor.
    pids = reader.workers()
    time.sleep(2)
    assert reader.workers() == pids


def end_reader(reader):  # noqa: F811
    pids = reader.workers()
    sql = "SELECT %s || %s LIKE '%%' || %s || 'b'" % (A, A, A.replace("30000000", "4000"))
    answer = ask(reader, sql, "none", "&db_timeout=500ms")
    assert answer.json == {"results": [], "error": "query timeout"}
    wait_for(lambda: set(reader.workers()) == set(pids), 30, "another reader")
    assert {name for name, pid in reader.workers().items() if pids[name] != pid} == {"read"}


def test_write_without_end_has_its_steps(make_node):
    """Without db_timeout too."""
    node = make_node("-vm-steps-max", "20000000").start()
    node.execute("CREATE TABLE t(x)")
    for path, sql in [("/db/execute", ENDLESS), ("/db/execute", "INSERT INTO t " + ENDLESS),
                      ("/db/request", "INSERT INTO t " + ENDLESS),
                      ("/db/request?transaction", "INSERT INTO t SELECT (%s)" % ENDLESS)]:
        assert values(node.post(path, [sql], timeout=300)) == (None, "execute timeout")
    assert node.query("SELECT 1", "strong") == [[1]]


def test_client_that_left_costs_nothing(reader):  # noqa: F811
    def waiting():
        text = reader.get("/metrics", headers=basic("root:r")).text
        return int(re.search(r"^rqlited_requests_at_read (\d+)", text, re.M).group(1))

    body = json.dumps([ENDLESS]).encode()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", reader.port)) as client:
            client.sendall(b"POST /db/query?level=none HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: "
                           b"application/json\r\nContent-Length: %d\r\n\r\n"
                           % (basic("q:q")["Authorization"].encode(), len(body)) + body)
            wait_for(lambda: waiting() > 0, 30, "it runs")
    wait_for(lambda: waiting() == 0, 30, "nobody's query ends")
    assert values(ask(reader, "SELECT 1", "none")) == ([[1]], None)
