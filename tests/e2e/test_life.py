"""A node's life: start, stop, kill, restart; workers that die; second starts."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import alive, wait_for


def test_first_session(node):
    assert node.execute("CREATE TABLE foo (id INTEGER NOT NULL PRIMARY KEY, name TEXT)") == {"results": [{}]}
    assert node.execute('INSERT INTO foo(name) VALUES("fiona")') == {
        "results": [{"last_insert_id": 1, "rows_affected": 1}]}
    assert node.query("SELECT * FROM foo") == [[1, "fiona"]]


def test_data_survive_an_orderly_restart(node):
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    assert node.stop() == 0
    node.start()
    assert node.query("SELECT x FROM t", "weak") == [[1]]


def test_data_survive_kill(node):
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    node.kill()
    node.start()
    assert node.query("SELECT x FROM t", "weak") == [[1]]


def test_counters_survive_a_restart(node):
    node.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)", "INSERT INTO t VALUES(7)")
    node.kill()
    node.start()
    assert node.execute("CREATE TABLE u(x)") == {"results": [{"last_insert_id": 7, "rows_affected": 1}]}


def test_master_killed_leaves_no_worker(node):
    workers = node.workers()
    assert set(workers) == {"http", "raft", "sql", "read"}
    node.process.kill()
    node.process.wait()
    wait_for(lambda: not any(alive(p) for p in workers.values()), 30, "death of all workers")


def ticks(pid):
    """How long a process has run."""
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_master_killed_in_mid_statement(node):
    """Workers that hear nothing, since they are inside a statement, go with it all the same."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n"
    workers = node.workers()
    before = {role: ticks(workers[role]) for role in ("sql", "read")}
    clients = [subprocess.Popen(["curl", "-s", "http://%s/db/%s" % (node.address, path), "-H",
                                 "Content-Type: application/json", "-d", json.dumps([sql])],
                                stdout=subprocess.DEVNULL)
               for path, sql in (("execute?db_timeout=60s", "CREATE TABLE big AS " + endless),
                                 ("query?level=none", endless))]
    wait_for(lambda: all(ticks(workers[role]) > before[role] + 10 for role in before), 50, "work")
    node.process.kill()
    wait_for(lambda: not any(alive(pid) for pid in workers.values()), 30, "death of all workers")
    for client in clients:
        client.wait()


def test_second_start_on_the_same_directory(node, make_node):
    other = make_node(directory=node.dir)
    other.launch()
    assert other.process.wait(60) == 1
    assert "is in use by another rqlited" in other.log
    assert node.get("/readyz").status == 200


def test_second_start_on_the_same_port(node, make_node):
    other = make_node()
    other.address = node.address
    other.launch()
    assert other.process.wait(60) == 1
    assert "failed to start HTTP server: listen tcp %s: bind: address already in use" % node.address in other.log
    assert node.get("/readyz").status == 200


@pytest.mark.parametrize("role", ["http", "read"])
def test_an_expendable_worker_restarts_alone(node, role):
    node.execute("CREATE TABLE t(x)")
    before = node.workers()
    os.kill(before[role], signal.SIGKILL)
    wait_for(lambda: node.workers().get(role) not in (None, before[role]), 30, "restart of " + role)
    node.wait_ready()
    after = node.workers()
    assert {r: p for r, p in after.items() if r != role} == {r: p for r, p in before.items() if r != role}
    node.execute("INSERT INTO t VALUES(1)")
    assert node.query("SELECT count(*) FROM t") == [[1]]


@pytest.mark.parametrize("role", ["sql", "raft"])
def test_death_of_any_other_worker_restarts_the_node(node, role):
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    before = node.workers()
    os.kill(before[role], signal.SIGKILL)
    wait_for(lambda: set(before.values()).isdisjoint(node.workers().values()) and len(node.workers()) == 4, 30,
             "restart of the node")
    node.wait_ready()
    assert node.process.poll() is None
    assert node.query("SELECT x FROM t", "strong") == [[1]]


def test_five_deaths_in_a_minute_end_the_node(node):
    deadline = time.monotonic() + 30
    while node.process.poll() is None and time.monotonic() < deadline:
        pid = node.workers().get("sql")
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    assert node.process.wait(60) == 1
    assert "giving up: 5 worker failures within a minute" in node.log


def test_sigterm_lets_a_running_request_finish(node):
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000000) SELECT count(*) FROM n"
    client = subprocess.Popen(["curl", "-sG", "http://%s/db/query?level=none" % node.address,
                               "--data-urlencode", "q=" + slow], stdout=subprocess.PIPE)
    wait_for(lambda: node.at_read() == 1 or client.poll() is not None, 30, "the request to run")
    assert node.stop() == 0
    assert b"2000000" in client.communicate()[0]


def test_a_paused_reader_harms_nobody(node):
    node.execute("CREATE TABLE t(x)")
    pid = node.workers()["read"]
    os.kill(pid, signal.SIGSTOP)
    try:
        node.execute("INSERT INTO t VALUES(1)")
        wait_for(lambda: node.workers().get("read") not in (None, pid), 60, "a new reader")
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGCONT)
    node.wait_ready()
    assert node.query("SELECT count(*) FROM t") == [[1]]


def test_a_paused_http_is_replaced(node):
    """Who connects meanwhile waits at the listening socket, and the next worker answers."""
    node.execute("CREATE TABLE t(x)")
    before = node.workers()
    os.kill(before["http"], signal.SIGSTOP)
    node.execute("INSERT INTO t VALUES(1)")
    after = node.workers()
    assert after.pop("http") != before.pop("http")
    assert after == before
    assert "worker http 0 is stuck or silent, killing it" in node.log
    assert node.query("SELECT count(*) FROM t") == [[1]]


@pytest.mark.parametrize("role", ["raft", "sql"])
def test_a_worker_that_stays_stopped_is_replaced(node, role):
    """Who waits for it is told or cut off, not left to wait for ever; the node starts again."""
    node.execute("CREATE TABLE t(x)")
    before = node.workers()
    os.kill(before[role], signal.SIGSTOP)
    answer = None
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        answer = node.request("POST", "/db/execute", '["INSERT INTO t VALUES(1)"]')
    assert answer is None or answer.json == {"results": [], "error": "leadership lost while committing log"}
    wait_for(lambda: "restarting the node: worker %s 0" % role in node.log, 30, "a new start")
    node.wait_ready()
    assert not set(before.values()) & set(node.workers().values())
    node.execute("INSERT INTO t VALUES(2)")
    assert node.query("SELECT x FROM t ORDER BY x")[-1] == [2]


NUMBERS = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) SELECT max(i) AS m FROM n)"


def new_http(node):
    """Kills http; the next one counts its requests from the beginning."""
    pid = node.workers()["http"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: node.workers().get("http") not in (None, pid), 30, "another http")


def ask(node, path, sql):
    return subprocess.Popen(["curl", "-s", "http://%s%s" % (node.address, path), "-H", "Content-Type: application/json",
                             "-d", json.dumps([sql])], stdout=subprocess.PIPE)


@pytest.mark.parametrize("path, sql", [
    ("/db/query?level=none", "SELECT '%s' AS x FROM " + NUMBERS),
    ("/db/execute", "INSERT INTO t SELECT '%s' FROM " + NUMBERS + " RETURNING x"),
])
def test_no_answer_of_a_former_life(node, path, sql):
    """The n-th request of an http worker must not get what the n-th of the one before was to get."""
    node.execute("CREATE TABLE t(x)")
    clients = {}
    for life in ("old", "new"):
        new_http(node)
        for name, numbers in (("first", 8000000), ("second", 1)):
            clients[life, name] = ask(node, path, sql % ("%s %s" % (life, name), numbers))
            time.sleep(0.2)  # they come in this order, and the second waits for the first
    for (life, name), client in clients.items():
        answer = client.communicate()[0]
        if life == "old":
            assert answer == b"" or json.loads(answer)["results"][0]["values"] == [["old " + name]]
        else:
            assert json.loads(answer)["results"][0]["values"] == [["new " + name]]


def test_a_reload_is_said_when_all_have_it(node):
    said = "credentials, certificates and keys were read again"
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: said in node.log, 30, "a reload")
    assert said + ", but" not in node.log
    pid = node.workers()["raft"]
    os.kill(pid, signal.SIGSTOP)
    try:
        node.process.send_signal(signal.SIGHUP)
        wait_for(lambda: node.log.count(said) == 2, 60, "another")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert node.log.count(said + ", but not every worker has said that it uses them") == 1
    node.execute("CREATE TABLE t(x)")


def served_by(node, connection):
    """The process at the other end of a connection."""
    port = ":%04X" % connection.sock.getsockname()[1]
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
    inode, = [line[9] for line in lines if line[1].endswith(":%04X" % node.port) and line[2].endswith(port)]
    for path in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(path) == "socket:[%s]" % inode and int(path.parts[2]) != os.getpid():
                return int(path.parts[2])
    raise AssertionError("nobody holds " + inode)


def test_a_paused_http_leaves_the_others_serving(make_node):
    node = make_node("-http-workers", "2").start()
    node.execute("CREATE TABLE t(x)")
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=30)
    connection.request("GET", "/readyz")
    connection.getresponse().read()
    pid = served_by(node, connection)
    os.kill(pid, signal.SIGSTOP)
    for _ in range(5):
        node.execute("INSERT INTO t VALUES(1)")
        assert node.query("SELECT count(*) FROM t", "strong")
    assert pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] == "T"
    # What was said to the paused one fails with it, and is not done.
    connection.request("POST", "/db/execute", '["INSERT INTO t VALUES(2)"]', {"Content-Type": "application/json"})
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.getresponse()
    wait_for(lambda: not alive(pid), 30, "death of the paused one")
    assert node.query("SELECT x, count(*) FROM t") == [[1, 5]]


BIG = "INSERT INTO t SELECT 1 FROM (SELECT 1 UNION SELECT 2 UNION SELECT 3) RETURNING hex(zeroblob(2500000))"


def post_at_once(node, count, answers):
    """Threads that ask for 60 MB of result each, which join() ends."""
    def ask():
        try:
            answer = node.post("/db/execute", [BIG] * 4)
            answers.append((answer.status, answer.text.count("00000000"), "error" in answer.text))
        except (OSError, http.client.HTTPException) as error:
            answers.append(type(error))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_large_results_at_once_are_all_read(node):
    """More than may be queued for an http worker, made faster than it can read: it is not given up for that."""
    node.execute("CREATE TABLE t(x)")
    before, answers = node.workers(), []
    for thread in post_at_once(node, 4, answers):
        thread.join()
    assert answers == [(200, 4 * 3 * 5000000 // 8, False)] * 4
    assert node.workers() == before
    assert "giving it up" not in node.log
    assert node.query("SELECT count(*) FROM t", "strong") == [[4 * 4 * 3]]


def commit_index(node):
    return int(re.search(r"^rqlited_raft_commit_index (\d+)", node.get("/metrics").text, re.M).group(1))


def test_a_new_http_is_answered_by_a_writer_that_was_busy(node):
    """The writer hears of the write before it has heard of the http worker that it came from."""
    node.execute("CREATE TABLE t(x)")
    before, index, answers = node.workers(), commit_index(node), []
    os.kill(before["sql"], signal.SIGSTOP)
    try:
        time.sleep(2.5)  # the master's pings lie there, too
        os.kill(before["http"], signal.SIGKILL)
        wait_for(lambda: node.workers().get("http") not in (None, before["http"]), 30, "another http")
        thread = threading.Thread(target=lambda: answers.append(node.execute("INSERT INTO t VALUES(1)")))
        thread.start()
        wait_for(lambda: commit_index(node) == index + 1, 30, "the write in the log")
    finally:
        os.kill(before["sql"], signal.SIGCONT)
    thread.join()
    assert answers == [{"results": [{"last_insert_id": 1, "rows_affected": 1}]}]


def test_an_http_that_reads_nothing_is_replaced(node):
    """Whether the one that can not say more to it notices first, or the master: one new http, and all is well.

    That who is given up is replaced though it answers the master is tested with a captured http, in privsep.
    """
    node.execute("CREATE TABLE t(x)")
    before, answers, index = node.workers(), [], commit_index(node)
    os.kill(before["sql"], signal.SIGSTOP)
    threads = post_at_once(node, 2, answers)
    wait_for(lambda: commit_index(node) == index + 2, 30, "all writes in the log")
    os.kill(before["http"], signal.SIGSTOP)
    os.kill(before["sql"], signal.SIGCONT)
    for thread in threads:
        thread.join()
    assert set(answers) <= {ConnectionResetError, http.client.RemoteDisconnected}
    assert re.search("worker http 0 (does not read what sql 0 says|is stuck or silent), killing it", node.log)
    wait_for(lambda: "was killed by signal 9, starting it again" in node.log, 30, "another http")
    node.execute("INSERT INTO t VALUES(1)")
    assert node.query("SELECT count(*) FROM t", "strong") == [[2 * 4 * 3 + 1]]
    after = node.workers()
    assert after.pop("http") != before.pop("http")
    assert after == before
    assert node.log.count("starting it again") == 1


def test_a_long_query_is_let_run(node):
    """Longer than a worker may be silent, but it makes progress."""
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<30000000) SELECT count(*) FROM n"
    pid = node.workers()["read"]
    answer = node.post("/db/query?level=none", [slow], timeout=600)
    assert answer.json["results"][0].get("values") == [[30000000]], answer.text
    assert node.workers()["read"] == pid


def test_a_query_stuck_in_one_opcode_is_ended(node):
    """LIKE with a long pattern runs for minutes and never returns to the VM; its reader is replaced."""
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    before = node.workers()
    stuck = "SELECT hex(zeroblob(10000000)) LIKE '%' || printf('%.4000c', '0') || '1'"
    answer = node.post("/db/query?level=none&db_timeout=300ms", [stuck], timeout=30)
    assert (answer.status, answer.json) == (200, {"results": [], "error": "query timeout"})
    wait_for(lambda: node.workers().get("read") not in (None, before["read"]), 30, "a new reader")
    assert {r: p for r, p in node.workers().items() if r != "read"} == \
        {r: p for r, p in before.items() if r != "read"}
    assert node.query("SELECT x FROM t") == [[1]]


def test_readiness_is_not_that_of_a_former_life(node):
    """What the dead ones said is forgotten before anybody can read it again."""
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    for role in ("sql", "raft", "sql"):
        before = node.workers()
        os.kill(before[role], signal.SIGKILL)
        wait_for(lambda: node.workers().get("http") not in (None, before["http"]), 30, "another http")
        node.wait_ready()
        assert node.query("SELECT x FROM t", "weak") == [[1]]
