"""A WAL that readers keep from starting anew: old reads end, then writes are refused, then all goes on."""

import os
import re
import signal
import socket
import threading
import time

from conftest import wait_for

# All limits on the WAL are divided by this: old reads end at 4 MiB, writes at 16 MiB.
SCALE = 64
MIB = 1 << 20
ROWS = 16  # of 1 MiB: twice as much in a result, and more than the kernel buffers
ENDLESS = ("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
           "SELECT count(*) FROM r, (SELECT count(*) FROM t)")
ENDED = "query ended: it kept the WAL from being emptied"


def metric(node, name):
    return int(re.search(r"^rqlited_%s\S* (\d+)" % name, node.get("/metrics").text, re.M).group(1))


def start(make_node):
    node = make_node("-disk-scale", str(SCALE), "-raft-snap-int", "500ms").start()
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b)")
    for _ in range(ROWS):
        assert write(node, MIB).status == 200
    return node


def write(node, size):
    return node.post("/db/execute", [["INSERT INTO t(b) VALUES(zeroblob(?))", size]], timeout=30)


def open_stream(node):
    """A client that asks for much and does not read it."""
    client = socket.create_connection(("127.0.0.1", node.port))
    client.sendall(b"GET /db/query?q=SELECT+n,hex(b)+FROM+t HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    time.sleep(0.5)  # the reader has sent what it may, and waits
    return client


def write_until(node, condition, limit=400):
    """Writes 100 kB at a time; how often."""
    for count in range(limit):
        if condition():
            return count
        assert write(node, 100000).json["results"][0]["rows_affected"] == 1
        time.sleep(0.02)
    raise AssertionError("it did not come true")


def rest(client):
    """What comes until the server closes, without what is cut by it."""
    client.settimeout(20)
    got = 0
    try:
        while piece := client.recv(MIB):
            got += len(piece)
    except ConnectionError:
        pass
    return got


def test_stream_nobody_reads_is_ended(make_node):
    node = start(make_node)
    client = open_stream(node)
    pids = node.workers()
    rows = ROWS + write_until(node, lambda: metric(node, "wal_bytes") > 4 * MIB)
    rows += write_until(node, lambda: metric(node, "wal_bytes") < MIB)
    assert rest(client) < 2 * ROWS * MIB * 3 // 4, "it did not get all"
    assert metric(node, "wal_pressure") == 0
    assert node.workers() == pids
    assert node.query("SELECT count(*) FROM t") == [[rows]]


def test_long_query_is_ended(make_node):
    node = start(make_node)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        node.post("/db/query?level=none", [ENDLESS], timeout=300).json))
    thread.start()
    rows = ROWS + write_until(node, lambda: answers)
    thread.join()
    assert answers[0]["results"] == [{"error": ENDED}]
    rows += write_until(node, lambda: metric(node, "wal_bytes") < MIB)
    assert node.query("SELECT count(*) FROM t") == [[rows]]


def test_writes_are_refused_until_the_wal_is_free(make_node):
    node = start(make_node)
    client = open_stream(node)
    pids = node.workers()
    # A reader that stands still can not end anything; the master ends it some seconds later.
    os.kill(pids["read"], signal.SIGSTOP)
    acknowledged = node_refuses(node)
    assert acknowledged >= 11
    assert "writes are refused: the WAL has" in node.log
    wait_for(lambda: write(node, 1).status == 200, 60, "writing again")
    assert "writes are taken again" in node.log
    wait_for(lambda: metric(node, "wal_bytes") < 16 * MIB, 30)
    assert node.query("SELECT count(*) FROM t WHERE length(b) = 1048576")[0][0] == ROWS + acknowledged
    assert rest(client) < 2 * ROWS * MIB * 3 // 4, "it did not get all"
    assert {name for name, pid in node.workers().items() if pids[name] != pid} == {"read"}


def node_refuses(node):
    """Writes 1 MiB at a time until that is refused; how many were acknowledged."""
    for count in range(100):
        answer = write(node, MIB)
        if answer.status != 200:
            assert (answer.status, answer.text) == (503, "readers hold a large WAL\n"), answer.text
            return count
    raise AssertionError("never refused")
