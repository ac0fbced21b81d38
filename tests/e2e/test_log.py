"""The log's front goes when the database has it; the node starts from what is left, and only if it is whole."""

import shutil
import subprocess

import pytest

from conftest import wait_for


@pytest.fixture
def shortened(make_node):
    """A killed node whose log does not reach back to the first entry any more; and its rows."""
    node = make_node("-disk-scale", "64").start()
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, b)")
    peers, rows = node.data / "raft" / "peers", 0
    while not peers.exists():
        assert rows < 2000, "the log is never shortened"
        rows += 1
        node.execute(["INSERT INTO t VALUES(?, randomblob(20000))", rows])
    wait_for(lambda: not (node.data / "raft" / ("%016x.seg" % 1)).exists(), 30, "the first segment to go")
    node.kill()
    return node, rows


def test_starts_from_what_is_left(shortened):
    node, rows = shortened
    node.start()
    assert node.query("SELECT count(*), min(n), max(n) FROM t", "linearizable") == [[rows, 1, rows]]
    assert node.stop() == 0
    node.start()
    node.execute(["INSERT INTO t VALUES(?, 1)", rows + 1])
    assert node.query("SELECT count(*) FROM t", "strong") == [[rows + 1]]


@pytest.mark.parametrize("damage, text", [
    (lambda path: path.unlink(), "failed to open store: raft/peers is of entry 0, but the log holds"),
    (lambda path: path.write_bytes(path.read_bytes()[:-1]), "failed to open store: raft/peers is damaged"),
])
def test_members_lost(shortened, damage, text):
    """Without the members nobody knows whose vote counts: that is said, and nothing is changed."""
    node, _ = shortened
    whole = (node.data / "raft" / "peers").read_bytes()
    damage(node.data / "raft" / "peers")
    node.launch()
    assert node.process.wait(60) == 1
    assert text in node.log
    (node.data / "raft" / "peers").write_bytes(whole)
    subprocess.run(["chown", "--reference", str(node.data / "raft"), str(node.data / "raft" / "peers")], check=True)
    node.start()
    assert node.query("SELECT count(*) > 0 FROM t", "weak") == [[1]]


def spoil_last_batch(node):
    """Flips a byte of the last batch of the newest segment."""
    path = sorted((node.data / "raft").glob("[0-9a-f]*.seg"))[-1]
    data = bytearray(path.read_bytes())
    at = max(i for i in range(4096, len(data), 4096) if data[i:i + 4] == b"RQLB")
    data[at + 20] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("clean", [True, False])
def test_last_batch_is_missed_after_a_clean_stop(make_node, clean):
    """Where the database tells nothing, the vote file knows how far the log was on the disk."""
    node = make_node().start()
    node.execute("CREATE TABLE t(n)")
    for n in range(3):
        node.execute("INSERT INTO t VALUES(%d)" % n)
    if clean:
        assert node.stop() == 0
    else:
        node.kill()
    spoil_last_batch(node)
    shutil.rmtree(node.data / "db")
    if not clean:
        node.start()
        assert node.query("SELECT count(*) FROM t", "strong") == [[2]], "taken for a torn tail, and cut"
        return
    node.launch()
    assert node.process.wait(60) == 1
    assert "is damaged at offset" in node.log and "the vote file knows of entries beyond it" in node.log
