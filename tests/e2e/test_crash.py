"""kill -9 in the middle of writes: every acknowledged row is there exactly once.

64 writers insert unique rows; at a random instant the whole node or one worker
is killed.  Rows whose answer never came may be there or not, but never twice.
RQLITED_FULL=1 runs 200 rounds.
"""

import http.client
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time

from conftest import wait_for

FULL = os.environ.get("RQLITED_FULL")
ROUNDS = 200 if FULL else 8
WRITERS = 64
TOLD = re.compile("starting it again|restarting the node|giving up")


class Writers:
    """Clients that insert numbered rows as fast as they are answered."""

    def __init__(self, node):
        self.node, self.stop, self.acked, self.tried = node, threading.Event(), set(), set()
        self.lock, self.next = threading.Lock(), 0
        self.threads = []

    def start(self):
        self.stop.clear()
        self.threads = [threading.Thread(target=self.run) for _ in range(WRITERS)]
        for thread in self.threads:
            thread.start()

    def join(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def number(self):
        with self.lock:
            self.next += 1
            self.tried.add(self.next)
            return self.next

    def run(self):
        connection = None
        while not self.stop.is_set():
            number = self.number()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=10)
                connection.request("POST", "/db/execute",
                                   json.dumps([["INSERT INTO t(id, filler) VALUES(?, hex(randomblob(20)))", number]]),
                                   {"Content-Type": "application/json"})
                response = connection.getresponse()
                body = response.read()
                if response.status == 200 and json.loads(body).get("results") and \
                        json.loads(body)["results"][0].get("rows_affected") == 1:
                    with self.lock:
                        self.acked.add(number)
            except (OSError, http.client.HTTPException, ValueError):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.01)


def check(node, writers):
    """What was acknowledged is there once, and nothing is that nobody tried."""
    rows = [row[0] for row in node.query("SELECT id FROM t", "weak")]
    assert len(rows) == len(set(rows))
    assert not writers.acked - set(rows), "lost: %s" % sorted(writers.acked - set(rows))[:10]
    assert not set(rows) - writers.tried


def test_kill_in_mid_write(make_node):
    seed = random.randrange(2 ** 32)
    print("seed", seed)
    rng = random.Random(seed)
    node = make_node().start()
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, id INTEGER UNIQUE, filler TEXT)")
    writers = Writers(node)
    for number in range(ROUNDS):
        victim = rng.choice(["node", "node", "http", "raft", "sql", "read"])
        acked = len(writers.acked)
        writers.start()
        wait_for(lambda: len(writers.acked) >= acked + 10, 60, "writes")
        time.sleep(rng.uniform(0.05, 0.6))
        if victim == "node":
            node.kill()
            writers.join()
            node.start()
        else:
            told = len(TOLD.findall(node.log))
            wait_for(lambda victim=victim: victim in node.workers(), 60, victim)
            os.kill(node.workers()[victim], signal.SIGKILL)
            wait_for(lambda told=told: len(TOLD.findall(node.log)) > told, 60, "word of it")
            time.sleep(0.2)
            writers.join()
            if "giving up" in node.log:     # five worker deaths within a minute
                assert node.process.wait(60) == 1
                (node.dir / "log").rename(node.dir / "log.1")
                node.start()
            else:
                node.wait_ready()
        check(node, writers)
    node.stop()
    with sqlite3.connect("file:%s?mode=ro" % (node.data / "db/db.sqlite"), uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    print("number: kill -9: %d rounds, %d rows acknowledged" % (ROUNDS, len(writers.acked)))


def test_weak_reads_right_after_a_kill_see_all(make_node):
    node = make_node().start()
    node.execute("CREATE TABLE t(x)")
    for _ in range(20):
        node.execute(*["INSERT INTO t VALUES(1)"] * 100)
    node.kill()
    node.launch()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = node.post("/db/query", ["SELECT count(*) FROM t"])
        except OSError:
            continue
        if answer.status == 200 and "error" not in answer.json:
            break
    assert answer.json["results"][0]["values"] == [[2000]]
