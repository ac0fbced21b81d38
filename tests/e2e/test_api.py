"""Rules of the HTTP interface that no recorded answer shows."""

import re
import socket

import pytest

from conftest import wait_for

HOST = b"Host: x\r\n"
# Counts for longer than any limit here allows.
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"


def send_raw(node, head):
    """The status, the header lines and the body of the answer to bytes, up to the connection's end."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=60) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    lines, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = lines.decode().split("\r\n")
    return int(status.split()[1]), {h.split(":")[0].lower() for h in headers}, body


@pytest.mark.parametrize("head, status, body", [
    (b"GET /readyz HTTP/1.1\r\n\r\n", 400, b"400 Bad Request: missing required Host header"),
    (b"G@T /readyz HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"400 Bad Request"),
    (b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"400 Bad Request"),
    (b"OPTIONS /%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400, b"400 Bad Request"),
    (b"GET /readyz HTTP/1.1\r\n" + HOST + b"Expect: something\r\n\r\n", 417, b""),
])
def test_protocol_errors_have_no_headers_of_the_interface(node, head, status, body):
    got, headers, text = send_raw(node, head)
    assert (got, text) == (status, body)
    assert not any(h.startswith(("x-rqlite", "access-control", "x-request-id")) for h in headers)


def test_targets_without_a_path(node):
    assert send_raw(node, b"GET http://x?noleader HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 302
    assert send_raw(node, b"GET * HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 404
    status, headers, body = send_raw(node, b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
    assert (status, body) == (200, b"") and "x-rqlite-version" in headers


def test_times_are_whole_nanoseconds(node):
    node.execute("CREATE TABLE t(a)")
    for path in ("/db/execute?timings", "/db/request?timings", "/db/query?timings&level=strong"):
        text = node.post(path, ["SELECT 1"] if "query" in path else ["INSERT INTO t VALUES (1)"] * 20).text
        times = re.findall(r'"time":([^,}]*)', text)
        assert times
        for time in times:
            digits = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:e-(\d+))?", time)
            assert digits, text
            assert len(digits[2] or "") + int(digits[3] or 0) <= 9, text


def test_a_row_result_is_a_query_in_its_timeout_too(node):
    node.execute("CREATE TABLE t(a)")
    answer = node.post("/db/execute?db_timeout=20ms", [
        "INSERT INTO t " + ENDLESS + " RETURNING a", "INSERT INTO t VALUES (1) RETURNING a",
        "INSERT INTO t VALUES (1)"])
    assert answer.text == ('{"results":[{"error":"query timeout"},{"error":"query timeout"},'
                           '{"error":"execute timeout"}]}')


@pytest.mark.parametrize("sql", ["VACUUM", "vacuum", "VACUUM main"])
def test_vacuum_by_query_is_a_change(node, sql):
    for path in ("/db/query", "/db/query?level=strong"):
        assert node.post(path, [sql]).text == (
            '{"results":[{"error":"attempt to change database via query operation"}]}')
    assert node.post("/db/query?transaction", [sql]).text == (
        '{"results":[{"error":"cannot VACUUM from within a transaction"}]}')


def test_vacuum_into_by_query_writes_no_file(node):
    target = node.dir / "copy.db"
    answer = node.post("/db/query", ["VACUUM INTO '%s'" % target])
    assert answer.text == '{"results":[{"error":"authorization denied"}]}'
    assert not target.exists()


def test_number_of_variables(node):
    most = [["SELECT ?32766"] + [1] * 32766]
    assert node.post("/db/query", most).text == (
        '{"results":[{"columns":["?32766"],"types":["integer"],"values":[[1]]}]}')
    for path in ("/db/query", "/db/execute"):
        assert node.post(path, [["SELECT ?32767"] + [1] * 32767]).text == (
            '{"results":[{"error":"variable number must be between ?1 and ?32766"}]}')
        assert node.post(path, [["SELECT " + ",".join(["(" + "+".join("?" * 500) + ")"] * 66)]
                                + [1] * 33000]).text == '{"results":[{"error":"too many SQL variables"}]}'


def test_names_of_parameters_are_quoted(node):
    answer = node.post("/db/query", [["SELECT :x", {"1\n\"\\\u0001": 5}]])
    assert answer.json["results"][0]["error"] == (
        'name "1\\n\\"\\\\\\x01" does not begin with a letter')


@pytest.mark.parametrize("path", ("/db/query", "/db/execute", "/db/request", "/db/request?level=strong"))
def test_blank_statements_have_a_time(node, path):
    result, = node.post(path + ("&" if "?" in path else "?") + "timings", [" "]).json["results"]
    assert list(result) == ["time"] and result["time"] > 0


@pytest.mark.parametrize("path,compiled", (("/db/query", False), ("/db/execute", False), ("/db/request", True)))
def test_names_of_parameters_come_before_the_statement(node, path, compiled):
    """Only a request compiles first, to know whether it writes."""
    refused = 'name "1" does not begin with a letter'
    syntax = 'near "nonsense": syntax error'
    for sql, error in (("SELECT 1", refused), (" ", refused), ("SELECT ?, ?", refused),
                       ("nonsense", syntax if compiled else refused), ("", None)):
        results = node.post(path, [[sql, 5, {"1": 5}], "SELECT 1"]).json["results"]
        assert [result.get("error") for result in results] == ([error, None] if error else [None])


@pytest.fixture
def lonely(make_node):
    """A node that waits for others and so has no leader, nor ever had contact with one."""
    node = make_node("-bootstrap-expect", "2", "-join", "127.0.0.1:1,127.0.0.1:2").launch()
    wait_for(lambda: answers(node, "/readyz?noleader") and
             "error" not in node.post("/db/query?level=none", ["SELECT 1"]).json, 20)
    return node


def answers(node, path):
    try:
        return node.get(path).status == 200
    except OSError:
        return False


def test_what_is_wrong_with_a_request_comes_before_staleness(lonely):
    stale = "?level=none&freshness=1h"
    for path in ("/db/query", "/db/request"):
        assert lonely.post(path + stale, ["SELECT 1"]).text == '{"results":[],"error":"stale read"}'
        assert lonely.post(path + stale, ["SELECT 1", 2]).text == "invalid request\n"
        assert lonely.post(path + stale, ["PRAGMA synchronous=1"]).text == (
            '{"results":[],"error":"disallowed pragma"}')
    many = ["SELECT hex(zeroblob(100000))"] * 20
    assert lonely.post("/db/request" + stale, many).text == '{"results":[],"error":"stale read"}'
    answer = lonely.post("/db/request" + stale, ["CREATE TABLE t(a)"])
    assert (answer.status, answer.text) == (503, "leader not found\n")
    assert lonely.post("/db/request?level=none", ["SELECT 1"]).status == 200


def test_statements_of_refused_requests_are_counted(node):
    for path, counter in (("/db/execute", "execute_stmts_rx"), ("/db/query", "query_stmts_rx"),
                          ("/db/request", "request_stmts_rx")):
        before = node.get("/debug/vars").json["http"][counter]
        assert "disallowed" in node.post(path, ["SELECT 1", "PRAGMA query_only=0"]).text
        assert node.post(path, ["SELECT 1", 2]).status == 400
        assert node.get("/debug/vars").json["http"][counter] == before + 2
