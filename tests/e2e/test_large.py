"""Commands too long for one message between the workers: they come in parts, and hold nobody up."""

import json
import os
import signal
import socket
import threading
import time

from conftest import wait_for

PART, WHOLE = 64 * 1024, 256 * 1024


def insert(node, number, size, **more):
    return node.post("/db/execute", [["INSERT INTO t VALUES(?, ?)", number, "x" * size]], **more)


def test_sizes_around_every_bound(node):
    """A command is the text and a little more: sizes just below and above what one message, a part and the window hold."""
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, s)")
    sizes = [base + near for base in (WHOLE, WHOLE + PART, 1024 * 1024, 5 * 1024 * 1024 + PART)
             for near in (-200, -100, -60, -50, -40, -30, -20, 0, 1, 50)]
    for number, size in enumerate(sizes, 1):
        assert insert(node, number, size).json == {"results": [{"last_insert_id": number, "rows_affected": 1}]}
    assert node.query("SELECT length(s) FROM t ORDER BY n", "strong") == [[size] for size in sizes]
    node.kill()
    node.start()
    assert node.query("SELECT length(s) FROM t ORDER BY n", "weak") == [[size] for size in sizes]


def test_the_largest_and_one_more(node):
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, s)")
    assert insert(node, 1, 63 * 1024 * 1024).json == {"results": [{"last_insert_id": 1, "rows_affected": 1}]}
    answer = insert(node, 2, 65 * 1024 * 1024)
    assert (answer.status, "request too large" in answer.text) == (413, True)
    assert node.query("SELECT n, length(s) FROM t") == [[1, 63 * 1024 * 1024]]


def test_many_at_once(node):
    """Together they are more than raft holds at a time: those that do not fit wait for those before them."""
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, s)")
    answers = {}

    def one(number):
        answers[number] = insert(node, number, 30 * 1024 * 1024, timeout=300).json

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("error" not in answer and answer["results"][0].get("rows_affected") == 1 for answer in answers.values())
    assert node.query("SELECT count(*), sum(length(s)) FROM t") == [[6, 6 * 30 * 1024 * 1024]]


def test_clients_that_leave_in_the_middle(node):
    """What was begun and given up leaves nothing behind: there is room for others, again and again."""
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, s)")
    body = json.dumps([["INSERT INTO t VALUES(?, ?)", 1, "x" * (40 * 1024 * 1024)]]).encode()
    head = b"POST /db/execute HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for _ in range(6):
        with socket.create_connection(("127.0.0.1", node.port)) as one:
            one.sendall(head % len(body) + body)
        node.execute("DELETE FROM t")
    node.execute("DELETE FROM t WHERE n = 1")
    answer = insert(node, 2, 50 * 1024 * 1024, timeout=300)
    assert answer.json["results"][0].get("rows_affected") == 1, answer.text[:200]


def test_http_killed_in_the_middle(node):
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, s)")
    for _ in range(3):
        thread = threading.Thread(target=lambda: try_insert(node), daemon=True)
        thread.start()
        time.sleep(0.15)
        before = node.workers()
        killed = [pid for role, pid in before.items() if role.startswith("http")]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        thread.join(30)
        wait_for(lambda: writes(node), 60, "writing after http was killed")
    assert node.workers()["raft"] == before["raft"]


def try_insert(node):
    try:
        insert(node, 1, 60 * 1024 * 1024)
    except OSError:
        pass


def writes(node):
    try:
        return insert(node, int(time.time() * 1000000), 300000).status == 200
    except OSError:
        return False
