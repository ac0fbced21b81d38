"""Ends in order, whatever goes on: in the middle of a start, of an answer, of a write; and signals that end nothing."""

import contextlib
import http.client
import json
import os
import signal
import threading
import time

from conftest import alive, wait_for


def test_stop_at_any_instant_of_a_start(make_node):
    node = make_node().start()
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY)")
    node.kill()
    for delay in range(10, 130, 4):
        (node.dir / "log").write_text("")
        node.launch()
        time.sleep(delay / 1000)
        workers = node.workers()
        node.process.terminate()
        # Before there are workers there is nothing to end in order.
        assert node.process.wait(60) in ([0] if workers else [0, -signal.SIGTERM]), node.log
        wait_for(lambda: not node.workers(), 30, "all workers to be gone")
    node.start()
    node.execute("INSERT INTO t VALUES(1)")
    assert node.query("SELECT n FROM t", "strong") == [[1]]


ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) SELECT hex(zeroblob(500)) FROM n"


def stream(node, rows):
    """The answer to a query of a kilobyte a row, of which the beginning is read."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)
    connection.request("POST", "/db/query?level=none", json.dumps([ROWS % rows]), {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.read(1000)
    return connection, response


def test_stop_lets_a_long_answer_be_read(node):
    connection, response = stream(node, 40000)
    node.process.terminate()
    assert response.read().count(b"0" * 1000) >= 40000 - 1
    assert node.process.wait(60) == 0
    connection.close()


def test_stop_does_not_wait_for_who_does_not_read(node):
    """However often it is asked to."""
    connection, _ = stream(node, 1000000)
    workers = node.workers()
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        node.process.send_signal(number)
        time.sleep(0.2)
    assert node.process.wait(25) == 0
    assert not any(alive(pid) for pid in workers.values())
    connection.close()


def test_stop_in_a_write(node):
    """What was logged is done, at the latest by the next start."""
    node.execute("CREATE TABLE t(n)")
    slow = "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3000000) SELECT count(*) FROM n"
    answers = []

    def ask():
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            answers.append(node.post("/db/execute", [slow]).json)

    writer = threading.Thread(target=ask)
    writer.start()
    wait_for(lambda: "rqlited_raft_commit_index 4" in node.get("/metrics").text, 30, "the write in the log")
    node.process.terminate()
    assert node.process.wait(60) == 0
    writer.join()
    assert answers in ([], [{"results": [{"last_insert_id": 1, "rows_affected": 1}]}])
    node.start()
    assert node.query("SELECT n FROM t", "strong") == [[3000000]]


def test_signals_that_are_not_for_workers(node):
    """A terminal sends them to all of its group: only the master acts on them."""
    node.execute("CREATE TABLE t(n)")
    before = node.workers()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        for pid in before.values():
            os.kill(pid, number)
    node.execute("INSERT INTO t VALUES(1)")
    assert node.query("SELECT n FROM t", "strong") == [[1]]
    assert node.workers() == before


def test_a_storm_of_reloads(node):
    before = node.workers()
    for _ in range(1000):
        node.process.send_signal(signal.SIGHUP)
    node.execute("CREATE TABLE t(n)")
    wait_for(lambda: "were read again" in node.log, 30, "a reload")
    assert node.workers() == before
    assert node.stop() == 0
