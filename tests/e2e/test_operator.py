"""What an operator sees of a node: the lines of its log, in the words that scripts look for."""

import contextlib
import datetime
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import PROGRAM, wait_for


STAMP = re.compile(r"^(\[[a-z]+\]) \d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", re.M)


def lines(node):
    return STAMP.sub(r"\1 ", node.log).splitlines()


def test_what_a_start_says(make_node):
    node = make_node().start()
    at, peers, data = node.address, "127.0.0.1:%d" % node.raft_port, node.data
    wait_for(lambda: "connect using" in node.log, 30)
    said = lines(node)[6:]
    assert re.fullmatch(r"\[rqlited\] rqlited starting, version v\S+, SQLite 3\S+, commit \S+, compiler \(toolchain\) "
                        r"(gcc|clang)-\S+, compiler \(command\) (gcc|clang)", said[0])
    assert said[1] == "[rqlited] launch command: %s -http-addr %s -raft-addr %s %s" % (node.program, at, peers, data)
    assert said[2:] == [
        "[mux] mux serving on %s, advertising %s" % (peers, peers),
        "[rqlited] no preexisting node state detected in %s, node may be bootstrapping" % data,
        "[http] service listening on " + at,
        "[rqlited] bootstrapping single new node",
        "[store] opening store with node ID %s, listening on %s" % (peers, peers),
        "[store] this node (ID=%s, addr=%s) is now Leader" % (peers, peers),
        "[rqlited] node HTTP API available at http://" + at,
        "[rqlited] connect using the command-line tool via 'rqlite -H 127.0.0.1 -p %d'" % node.port]
    assert node.stop() == 0
    assert lines(node)[-3:] == ['[rqlited] received signal "terminated"',
                                "[store] store closed with node ID %s, listening on %s" % (peers, peers),
                                "[rqlited] rqlite server stopped"]
    node.start()
    assert "[rqlited] preexisting node state detected in %s" % data in lines(node)
    assert lines(node).count("[rqlited] bootstrapping single new node") == 1


def test_a_node_that_waits_for_others_says_so(make_node):
    node = make_node("-join", "127.0.0.1:1").launch()
    wait_for(lambda: "opening store" in node.log, 30)
    assert "[rqlited] -join is not supported by this version yet: this node will not have a leader" in lines(node)
    assert node.stop() == 0
    assert "available at" not in node.log and "bootstrapping single" not in node.log


def test_nobody_reads_the_log(make_node):
    """A reader that has stopped holds nothing up, and is told what it missed."""
    node = make_node("-access-log")
    reader, writer = os.pipe()
    command = [node.program, "-http-addr", node.address, "-raft-addr", "127.0.0.1:%d" % node.raft_port, *node.flags]
    node.process = subprocess.Popen([*command, str(node.data)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=writer, cwd=node.dir)
    (node.dir / "log").write_text("")
    os.close(writer)
    node.wait_ready()
    for _ in range(2000):
        assert node.get("/" + "x" * 1000).status == 404
    assert node.execute("CREATE TABLE t(x)") == {"results": [{}]}
    said = b""
    while b" lines of the log were lost: standard error was not read\n" not in said:
        said += os.read(reader, 1 << 20)
        if select.select([reader], [], [], 0.2)[0] == []:
            assert node.get("/readyz").status == 200
    assert re.search(rb"^\[http\] \S+ \S+ \d+ lines|^\[access\] \S+ \S+ \d+ lines", said, re.M)
    for _ in range(2000):
        assert node.get("/" + "x" * 1000).status == 404
    assert node.stop() == 0
    os.close(reader)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors(make_node, closed):
    """What the starter closed gets no socket and no file of ours, and these no lines of the log."""
    node = make_node()
    words = [node.program, "-http-addr", node.address, "-raft-addr", "127.0.0.1:%d" % node.raft_port, str(node.data)]
    node.process = subprocess.Popen(["sh", "-c", 'exec "$0" "$@" ' + closed, *words], stdin=subprocess.DEVNULL,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (node.dir / "log").write_text("")
    node.wait_ready()
    for number in range(3):
        assert os.readlink("/proc/%d/fd/%d" % (node.process.pid, number)) == "/dev/null"
    assert node.stop() == 0
    assert (node.data / "lock").read_bytes() == b""


def test_signals_before_the_node_is_there(make_node):
    for number, ends in ((signal.SIGTERM, True), (signal.SIGINT, True), (signal.SIGHUP, False),
                         (signal.SIGUSR1, False), (signal.SIGUSR2, False)):
        node = make_node()
        words = ["-http-addr", node.address, "-raft-addr", "127.0.0.1:%d" % node.raft_port, str(node.data)]
        node.process = subprocess.Popen([node.program, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        (node.dir / "log").write_text("")
        assert node.process.stdout.read(1), "the logo"
        node.process.send_signal(number)
        if ends:
            assert node.process.wait(30) == 0
        else:
            node.wait_ready()
            assert node.stop() == 0


def test_installed_elsewhere(make_node, tmp_path):
    """What `meson install` put below DESTDIR runs from there."""
    build = pathlib.Path(PROGRAM).parents[2]
    for program, place in ((PROGRAM, "sbin"), *((path, "libexec/rqlited") for path in build.glob("proc/rqlited-*")),
                           (build / "cmd/check/rqlited-check", "libexec/rqlited")):
        if pathlib.Path(program).is_file():
            (tmp_path / place).mkdir(parents=True, exist_ok=True)
            shutil.copy(program, tmp_path / place)
    tmp_path.chmod(0o755)
    node = make_node(program=str(tmp_path / "sbin/rqlited")).start()
    assert {os.readlink("/proc/%d/exe" % pid) for pid in node.workers().values()} == {
        str(tmp_path / "libexec/rqlited/rqlited-") + role for role in ("http", "raft", "sql", "read")}
    assert subprocess.run([node.program, "-check", str(node.data)], capture_output=True).returncode == 0


def test_killed_and_started_at_once(make_node):
    """What a shell does with `kill -9 PID; rqlited ...`: the workers of before are still about to end."""
    node = make_node().start()
    for i in range(20):
        node.execute("CREATE TABLE t%d(x)" % i)
        node.process.kill()
        former = node.process
        node.launch()
        former.wait()
        node.wait_ready()
    assert node.query("SELECT count(*) FROM sqlite_schema") == [[20]]


def test_zone(make_node, monkeypatch):
    """Every process's lines have the time of the same zone; SQL sees UTC in any."""
    monkeypatch.setenv("TZ", "JST-9")
    node = make_node().start()
    assert node.query("SELECT datetime('now', 'localtime') = datetime('now')") == [[1]]
    hours = {datetime.datetime.strptime(re.search(r"\] (\S+ \S+) ", line)[1], "%Y/%m/%d %H:%M:%S") for line in
             node.log.splitlines() if line.startswith("[")}
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(hours=9)
    assert {line.split("]")[0] for line in node.log.splitlines()} >= {"[rqlited", "[store", "[mux"}
    assert all(abs(now - hour) < datetime.timedelta(minutes=10) for hour in hours)


def test_installed_in_part(tmp_path, make_node):
    for path, place in (("cmd/rqlited/rqlited", "sbin"), ("proc/rqlited-http", "libexec/rqlited")):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(pathlib.Path(PROGRAM).parents[2] / path, tmp_path / place)
    program = tmp_path / "sbin/rqlited"
    for first in (["-check"], []):
        words = [program, *first, "-http-addr", make_node().address, "-raft-addr", make_node().address]
        done = subprocess.run([*words, str(tmp_path / "d")], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert re.search(r"\] \S+ \S+ cannot execute \S+/libexec/rqlited/rqlited-auth: No such file or directory\n$", done.stderr)
        assert not (tmp_path / "d").exists()


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_the_host_of_an_ipv6_address(make_node):
    node = make_node()
    address = "[::1]:%d" % node.port
    with open(node.dir / "log", "w") as log:
        words = [node.program, "-http-addr", address, "-raft-addr", "127.0.0.1:%d" % node.raft_port, str(node.data)]
        node.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log)
    wait_for(lambda: "connect using" in node.log, 30)
    assert lines(node)[-2:] == ["[rqlited] node HTTP API available at http://" + address,
                                "[rqlited] connect using the command-line tool via 'rqlite -H ::1 -p %d'" % node.port]
    assert node.stop() == 0
