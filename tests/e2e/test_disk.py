"""A full disk: writes are refused, reads go on, and with space writes work again. Needs root, to mount a tmpfs."""

import contextlib
import os
import subprocess
import time

import pytest

from conftest import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a tmpfs takes root")
SIZE_MIB = 48


@contextlib.contextmanager
def disk_of(node, size):
    """Puts the node's data directory on a file system of its own."""
    mount = node.dir / "disk"
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", str(mount)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("no tmpfs: " + done.stderr)
    node.data = mount / "data"
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.kill()
        subprocess.run(["umount", "-l", str(mount)], check=False)


@pytest.fixture
def small(make_node):
    """A node whose data directory is on a file system of its own, and small."""
    with disk_of(make_node("-disk-scale", "64"), "%dm" % SIZE_MIB) as node:
        yield node.start()


@pytest.mark.parametrize("size, text", [
    ("512k", "db/ledger.new: No space left on device"),
    # The ledger fits, SQLite's -shm does not.
    ("1048k", "db/db.sqlite: disk I/O error (No space left on device)"),
])
def test_no_room_for_a_first_start(make_node, size, text):
    with disk_of(make_node(), size) as node:
        node.launch()
        assert node.process.wait(15) == 1, node.log
        assert node.log.endswith(" failed to open store: " + text + "\n"), node.log


def write(node, number, size=100000):
    """Whether the row was acknowledged; the error otherwise."""
    answer = node.post("/db/execute", [["INSERT INTO t VALUES(?, zeroblob(?))", number, size]], timeout=30)
    result = answer.json if answer.status == 200 else {}
    if answer.status == 200 and "error" not in answer.text and result["results"][0].get("rows_affected") == 1:
        return True, ""
    return False, "%d %s" % (answer.status, answer.text)


def rows(node, level="none"):
    return {r[0] for r in node.query("SELECT n FROM t", level)}


def fill(node, acknowledged, limit=60):
    """Writes until refused; the refusal."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        number = (max(acknowledged) if acknowledged else 0) + 1
        good, error = write(node, number)
        if not good:
            return error
        acknowledged.add(number)
    raise AssertionError("the disk does not get full")


def take_all(node):
    """Somebody else fills the disk to its last byte."""
    ballast = node.data.parent / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    assert os.statvfs(node.data).f_bavail == 0
    return ballast


def test_start_on_a_full_disk(small):
    """Each time whatever a start has freed is taken from it, and it still serves what is there."""
    small.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b)")
    acknowledged = {n for n in range(20) if write(small, n, 3000)[0]}
    assert len(acknowledged) == 20
    for _ in range(8):
        take_all(small)
        small.kill()
        ballast = take_all(small)
        small.start()
        for level in ("none", "weak", "linearizable"):
            assert rows(small, level) == acknowledged
        assert write(small, 10 ** 6) == (
            False, "503 database or disk is full: too little space is left for the log\n")
    assert small.query("PRAGMA integrity_check") == [["ok"]]
    ballast.unlink()
    wait_for(lambda: write(small, 100, 10)[0], 30, "writing after space came back")
    assert small.stop() == 0
    small.start()
    assert rows(small, "strong") == acknowledged | {100}


def test_full_disk_and_space_again(small):
    small.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b)")
    acknowledged = set()
    ballast = take_all(small)
    error = fill(small, acknowledged)
    assert any(word in error.lower() for word in ("full", "space", "disk")), error
    assert small.process.poll() is None
    for _ in range(5):
        assert acknowledged <= rows(small)
        good, error = write(small, 10 ** 6)
        assert not good and error
    assert small.get("/status").status == 200
    ballast.unlink()
    wait_for(lambda: write(small, 2 * 10 ** 6, 10)[0], 30, "writing after space came back")
    acknowledged.add(2 * 10 ** 6)
    assert acknowledged <= rows(small, "strong")
    assert small.query("PRAGMA integrity_check") == [["ok"]]
    assert small.stop() == 0
    small.start()
    assert acknowledged <= rows(small, "strong")


def test_database_outgrows_the_disk(small):
    small.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b)")
    acknowledged = set()
    error = fill(small, acknowledged)
    assert len(acknowledged) > 10
    assert any(word in error.lower() for word in ("full", "space", "disk")), error
    assert acknowledged <= rows(small)
    small.kill()
    small.launch()
    wait_for(lambda: answers(small), 60, "reading after a crash on a full disk")
    assert acknowledged <= rows(small)
    assert small.query("PRAGMA integrity_check") == [["ok"]]


def answers(node):
    try:
        return b"values" in node.post("/db/query?level=none", ["SELECT count(*) FROM t"]).body
    except OSError:
        return False
