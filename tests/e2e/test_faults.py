"""The n-th write, flush, read, open, rename or allocation of a worker fails, for n = 1, 2, ... until none does.

A node runs with one worker that is linked with tests/storage/faulty.c.  Rows are written until all are
acknowledged, whatever happens in between.  No failure of the machine is a statement's result, no
acknowledged row is lost, none is there twice; a node that ends says why, and starts again from what is there.

RQLITED_FULL=1 tries every n, of allocations every n below 300 and then a tenth more each time; else a few.
"""

import contextlib
import errno
import http.client
import os
import pathlib
import random
import shutil
import sqlite3
import time

import pytest

from conftest import PROGRAM, Node, wait_for

FULL = os.environ.get("RQLITED_FULL")
BUILD = pathlib.Path(PROGRAM).resolve().parents[2]
SEED = int(os.environ.get("RQLITED_SEED", time.time_ns() % 10**9))
ROWS = 40
LIMIT = 30  # seconds, for all rows
STRUCK = "[fault] it fails now"
MACHINE = ["disk is full", "disk I/O error", "out of memory", "No space left", "Input/output error", "Cannot allocate",
           "malformed", "unable to open", "readonly database", "Too many open files"]
WHY = ["No space left on device", "Input/output error", "Cannot allocate memory", "flush to disk failed", "disk I/O error",
       "database or disk is full", "database disk image is malformed", "unable to open database file",
       "attempt to write a readonly database",
       "Too many open files", "out of memory", "calloc", "malloc", "realloc", "event_new"]
FAULTS = [("write", errno.ENOSPC), ("write", errno.EIO), ("short", 0), ("sync", errno.EIO), ("malloc", errno.ENOMEM),
          ("read", errno.EIO), ("open", errno.EMFILE), ("open", errno.EIO), ("name", errno.EIO), ("write", errno.EINTR)]


def numbers(role, kind):
    """Which calls fail, in rising order; the first that is not reached ends it.  Of some there are few."""
    if FULL:
        n = 0
        while True:
            n += 1 if kind != "malloc" or n < 300 else n // 10
            yield n
    rng = random.Random(SEED)
    yield from [1, *sorted(rng.sample(range(2, 400 if (role, kind) == ("sql", "malloc") else 40), 3))]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The build with one worker exchanged, by the role that fails."""
    made = {}
    for role in ("raft", "sql"):
        root = tmp_path_factory.mktemp("faulty-" + role)
        (root / "cmd/rqlited").mkdir(parents=True)
        (root / "proc").mkdir()
        shutil.copy2(PROGRAM, root / "cmd/rqlited/rqlited")
        for worker in (BUILD / "proc").glob("rqlited-*"):
            if worker.is_file() and os.access(worker, os.X_OK):
                source = BUILD / "tests/storage" / ("faulty-" + role) if worker.name == "rqlited-" + role else worker
                shutil.copy2(source, root / "proc" / worker.name)
        made[role] = root
    return made


def insert(node, number):
    """Whether the row is acknowledged, or turns out to be there; None if the node does not answer."""
    try:
        answer = node.post("/db/execute", [["INSERT INTO t VALUES(?, zeroblob(6000))", number]], timeout=10)
    except (OSError, http.client.HTTPException):
        return None
    if answer.status != 200:
        assert answer.status in (500, 503), answer.text
        return False
    result = answer.json["results"][0] if answer.json.get("results") else {}
    text = str(result.get("error", answer.json.get("error", "")))
    assert not any(word in text for word in MACHINE), "the machine's failure became a result: " + answer.text
    if "UNIQUE" in text:
        return True
    return text == "" and result.get("rows_affected") == 1


def prepare(node):
    with contextlib.suppress(OSError, http.client.HTTPException):
        answer = node.post("/db/execute", ["CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, b)"], timeout=10)
        return answer.status == 200 and "error" not in answer.text
    return False


def has_ended(node):
    """An end must be with status 1, and say why."""
    if node.process.poll() is None:
        return False
    assert node.process.returncode == 1, node.log[-3000:]
    end = node.log[-3000:]
    assert any(word in end for word in WHY), end
    return True


def write_all(node):
    deadline, done, made = time.monotonic() + LIMIT, 0, False
    while done < ROWS:
        assert time.monotonic() < deadline, "no progress:\n" + node.log[-3000:]
        if has_ended(node):
            node.start("-disk-scale", "64")
        if not made:
            made = prepare(node)
        elif insert(node, done):
            done += 1
            continue
        time.sleep(0.01 if made else 0.05)


def check(node):
    """What a strong read shows; the fault may come as late as by this read's own entry."""
    answers = []

    def is_answered():
        if has_ended(node):
            node.start("-disk-scale", "64")
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = node.post("/db/query?level=strong", [
                "SELECT count(*), count(DISTINCT n), min(n), max(n), sum(length(b)) FROM t"], timeout=10)
            answers.extend([answer.json] if answer.status == 200 and "error" not in answer.text else [])
        return answers

    wait_for(is_answered, LIMIT, "a strong read")
    assert answers[0]["results"][0]["values"] == [[ROWS, ROWS, 0, ROWS - 1, ROWS * 6000]]


def plan(root, role, kind, n, code):
    """The next start of the role's worker has this fault."""
    fault = root / "proc" / ("rqlited-%s.fault" % role)
    fault.write_text("%s %d %d" % (kind, n, code))
    return fault


def trial(root, role, kind, n, code):
    """True if the fault was met."""
    node = Node("-raft-snap", "8", "-raft-snap-int", "5ms", "-disk-scale", "64", program=str(root / "cmd/rqlited/rqlited"))
    fault = plan(root, role, kind, n, code)
    try:
        node.launch()
        write_all(node)
        struck = STRUCK in node.log
        check(node)
        node.kill()
        node.program = PROGRAM
        node.start()
        check(node)
        assert node.stop() == 0
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (node.data / "db/db.sqlite"), uri=True)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return struck
    except BaseException:
        print("RQLITED_SEED=%d %s %s %d %d\n%s" % (SEED, role, kind, n, code, node.log[-5000:]))
        raise
    finally:
        fault.unlink(missing_ok=True)
        node.close()


@pytest.mark.parametrize("kind, code", [("sync", errno.EIO), ("write", errno.EIO), ("write", errno.ENOSPC)],
                         ids=["sync", "io", "full"])
def test_first_start_is_cut_off(programs, kind, code):
    """Whatever was written of a new cluster, the next start makes a leader of it."""
    for n in range(1, 40):
        node = Node("-disk-scale", "64", program=str(programs["raft"] / "cmd/rqlited/rqlited"))
        plan(programs["raft"], "raft", kind, n, code)
        try:
            node.launch()
            wait_for(lambda: has_ended(node) or prepare(node), LIMIT, "an end or a leader")
            if node.process.poll() is None:
                node.kill()
            struck = STRUCK in node.log
            node.start()
            assert prepare(node)
        except BaseException:
            print("%s %d\n%s" % (kind, n, node.log[-5000:]))
            raise
        finally:
            node.close()
        if not struck:
            break
    assert n > 6, "it does little at its first start"


@pytest.mark.parametrize("kind, code", FAULTS, ids=["full", "io", "short", "sync", "malloc", "read", "files", "open", "name", "signal"])
@pytest.mark.parametrize("role", ["raft", "sql"])
def test_nth_fails(programs, role, kind, code):
    met = 0
    for n in numbers(role, kind):
        if not trial(programs[role], role, kind, n, code):
            break
        met += 1
    print("number: %s, %s (%s): %d failures, one by one" % (role, kind, os.strerror(code) if code else "short", met))
    assert met > 0, "no fault was met"
