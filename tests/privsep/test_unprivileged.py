"""A node started by an ordinary user: confined by seccomp and Landlock, without users and chroot."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from conftest import PROGRAM, Node  # noqa: E402

BUILD = pathlib.Path(PROGRAM).resolve().parents[2]
UID = 65534

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture
def node():
    """Its programs are copied where that user may run them."""
    one = Node()
    program = one.dir / "cmd/rqlited/rqlited"
    program.parent.mkdir(parents=True)
    shutil.copy(PROGRAM, program)
    (one.dir / "cmd/check").mkdir()
    shutil.copy(BUILD / "cmd/check/rqlited-check", one.dir / "cmd/check")
    (one.dir / "proc").mkdir()
    for worker in (BUILD / "proc").glob("rqlited-*"):
        if worker.is_file():
            shutil.copy(worker, one.dir / "proc")
    one.program = one.dir / "start"
    one.program.write_text('#!/bin/sh\nexec setpriv --reuid %d --regid %d --clear-groups %s "$@"\n' %
                           (UID, UID, program))
    one.program.chmod(0o755)
    for path in [one.dir, *one.dir.rglob("*")]:
        os.chown(path, UID, UID)
    try:
        yield one.start()
    finally:
        one.close()


def test_a_node_of_an_ordinary_user_is_confined(node):
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    node.kill()
    node.start()
    assert node.query("SELECT x FROM t", "strong") == [[1]]
    workers = node.get("/status").json["runtime"]["processes"]["workers"]
    pids = node.workers()
    assert {worker["role"] for worker in workers} == set(pids) == {"http", "raft", "sql", "read"}
    for worker in workers:
        text = pathlib.Path("/proc/%d/status" % worker["pid"]).read_text()
        seen = {line.split(":")[0]: line.split(":", 1)[1].split() for line in text.splitlines()}
        assert seen["Uid"] == [str(UID)] * 4 and seen["Groups"] == []
        assert seen["NoNewPrivs"] == ["1"] and seen["Seccomp"] == ["2"]
        assert int(seen["CapEff"][0], 16) == 0
        assert os.stat("/proc/%d/fd" % worker["pid"]).st_uid == 0, "dumpable: its siblings could trace it"
        assert worker["sandbox"].startswith("seccomp on, landlock abi "), worker
        assert worker["sandbox"].endswith("user shared, chroot no"), worker
    for path in node.data.rglob("*"):
        if not path.is_symlink():
            assert os.lstat(path).st_mode & 0o077 == 0, path


def test_check_knows_what_the_user_may(node):
    """-check says of a directory what a start would."""
    ends = {}
    for first in (["-check"], []):
        done = subprocess.run([node.program, *first, "-http-addr", "127.0.0.1:0", "-raft-addr", "localhost:0",
                               "/root/none/such"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        ends[len(first)] = done.stderr.splitlines()[-1].split(" ", 3)[3]
    assert ends[1] == "failed to open data directory: /root/none/such: Permission denied"
    assert ends[0] == "failed to open data directory: mkdir /root/none: Permission denied"
    done = subprocess.run([node.program, "-check", "/usr/none/such"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.endswith(" failed to open data directory: mkdir /usr/none/such: Permission denied\n")
    assert subprocess.run([node.program, "-check", str(node.dir / "new/one")], timeout=15).returncode == 0


def test_a_directory_of_an_ordinary_user_becomes_the_workers(node):
    """Started as root later on, as by systemd: what is there goes over to the users of the workers."""
    ordinary = node.program
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    node.stop()
    node.program = node.dir / "cmd/rqlited/rqlited"
    for name in ("raft", "db"):
        (node.data / name / "link").symlink_to("/etc/hosts")
    os.link(node.dir / "log", node.data / "db" / "other")
    before = os.stat("/etc/hosts"), os.stat(node.dir / "log")
    node.start()
    assert node.query("SELECT x FROM t", "none") == [[1]]
    node.execute("INSERT INTO t VALUES(2)")
    uid = {role: os.stat("/proc/%d" % pid).st_uid for role, pid in node.workers().items()}
    assert len(set(uid.values())) == 4 and UID not in uid.values()
    owners = {"raft": (uid["raft"], uid["raft"], 0o600), "db": (uid["sql"], uid["read"], 0o600)}
    for name, (user, group, mode) in owners.items():
        (node.data / name / "link").unlink()
        for path in (node.data / name).iterdir():
            if path.name == "other":
                continue
            seen = os.lstat(path)
            wanted = mode | (0o040 if path.name.startswith("db.sqlite") else 0)
            assert (seen.st_uid, seen.st_gid, seen.st_mode & 0o777) == (user, group, wanted), path
    # Not what is a file elsewhere, too.
    for old, new in zip(before, (os.stat("/etc/hosts"), os.stat(node.dir / "log"))):
        assert (old.st_uid, old.st_gid, old.st_mode) == (new.st_uid, new.st_gid, new.st_mode)
    node.stop()
    # And not back by itself: the ordinary user could not take it.
    node.program = ordinary
    os.chown(node.data, UID, UID)
    words = "failed to open data directory: %s/raft is of user %d, not of user %d: " % (node.data, uid["raft"], UID)
    for first in ([], ["-check"]):
        done = subprocess.run([ordinary, *first, *node.flags, node.data], capture_output=True, text=True, timeout=15)
        assert done.returncode == 1 and words in done.stderr.splitlines()[-1], done.stderr
