"""The bars of one node: writes, reads, bulk, memory, restart, disk."""

import contextlib
import http.client
import json
import statistics
import subprocess
import tempfile
import time
import pathlib

from harness import (LINEAR, POINT, ROWS, WRITE, Daemon, Load, Null, Options, bar, lua, median, pin, prepare, pss,
                     raw, scratch, servers, versus)


def at(connections, script=None, **more):
    """A way to measure a server."""
    return lambda server: Load(server, connections, script, **more)


def writes():
    """Rate and CPU of writes, against a handler that does nothing."""
    with servers(Daemon(), Null()) as (daemon, null):
        prepare(daemon)
        Load(daemon, 64, WRITE, seconds=1)
        for connections, rate in ((64, 0.38), (256, 0.50)):
            a, b = versus(daemon, null, at(connections, WRITE), at(connections))
            note = "%d errors" % sum(load.errors for load in a)
            if connections == 64:
                bar("CPU per write, 64 connections", median(a, "cpu"), 3, "us", median(b, "cpu"), note=note)
            bar("writes per second, %d connections" % connections, median(a, "rate"), rate, "/s", median(b, "rate"),
                at_most=False, note=note)


def one():
    """The time of one write alone, all on one core, against the same flush in a null handler."""
    with servers(Daemon(), Null("flush", pathlib.Path(tempfile.mkdtemp(dir=scratch)) / "f")) as (daemon, flush):
        prepare(daemon)
        a, b = versus(daemon, flush, at(1, WRITE, core="0"), at(1, core="0"))
        bar("write p50, 1 connection, above null + flush", median(a, "p50"), 0.06, "ms", median(b, "p50"), above=True)


def tail():
    """Writes for half a minute, checkpoints included: the slow ones."""
    seconds = 10 if Options.quick else 30
    with servers(Daemon()) as (daemon,):
        prepare(daemon)
        wrk = subprocess.Popen(["wrk", "-t1", "-c64", "-d%ds" % seconds, "--latency", "-s", str(WRITE),
                                "http://127.0.0.1:%d/" % daemon.port], stdout=subprocess.PIPE, text=True)
        counts = []
        while wrk.poll() is None:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                counts.append(daemon.node.query("SELECT coalesce(max(id), 0) FROM t")[0][0])
            time.sleep(1)
        per_second = [b - a for a, b in zip(counts, counts[1:])][1:-1]
        bar("write p99, 64 connections, %d s" % seconds, Load.latency(wrk.stdout.read(), "99%"), 10, "ms")
        bar("slowest second, against the mean", min(per_second), 0.5, "/s", statistics.mean(per_second),
            at_most=False)


def reads():
    """Point reads, against a handler that does nothing."""
    with servers(Daemon(), Null()) as (daemon, null):
        prepare(daemon)
        for name, script, limit in (("point read, level none, 64", POINT, 1.7), ("linearizable read, 64", LINEAR, 2)):
            a, b = versus(daemon, null, at(64, script), at(64))
            bar("CPU, " + name, median(a, "cpu"), limit, "us", median(b, "cpu"))
            if script is POINT:
                bar("rate, " + name, median(a, "rate"), 0.7, "/s", median(b, "rate"), at_most=False)


def bulk():
    """A thousand inserts in a request, against SQLite and yajl alone."""
    body = json.dumps([["INSERT INTO t(name, age) VALUES(?, ?)", "name-of-somebody", i] for i in range(1000)])
    directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    (directory / "body").write_text(body)
    script = lua(body, "/db/execute?transaction")
    with servers(Daemon()) as (daemon,):
        prepare(daemon)
        pin(daemon)
        ceiling, ours = [], []
        for _ in range(Options.turns):
            ceiling.append(raw("insert", directory / "body", directory / "db")[0])
            ours.append(Load(daemon, 1, script).cpu)
        bar("CPU, 1,000 inserts in one request", statistics.median(ours), 1.8, "us", statistics.median(ceiling))


def fetch_all(daemon, sql):
    """Seconds that a whole result took, and the most memory meanwhile."""
    begin, most = time.monotonic(), 0
    curl = subprocess.Popen(["curl", "-s", "-o", "/dev/null", "-G", "--data-urlencode", "q=" + sql,
                             "http://127.0.0.1:%d/db/query?level=none" % daemon.port])
    while curl.poll() is None:
        most = max(most, pss(daemon.pid))
        time.sleep(0.005)
    return time.monotonic() - begin, most


def results():
    """Long results, against stepping and printing in one process."""
    sql = "SELECT id, name, age FROM p"
    with servers(Daemon()) as (daemon,):
        prepare(daemon, 1000)
        pin(daemon)
        database = daemon.node.data / "db/db.sqlite"
        ceiling, ours = [], []
        for _ in range(Options.turns):
            ceiling.append(raw("read", database, sql + " LIMIT 1000", 3000)[0])
            ours.append(Load(daemon, 16, ROWS).cpu)
        bar("CPU, 1,000-row read, 16 connections", statistics.median(ours), 1.5, "us", statistics.median(ceiling))
        daemon.node.execute("WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i+1 FROM n WHERE i<1000000) "
                            "INSERT INTO p SELECT i, 'name-of-somebody-' || i, i % 90 FROM n")
        ceiling, ours, before = [], [], pss(daemon.pid)
        for _ in range(3):
            ceiling.append(raw("read", database, sql, 3)[1])
            ours.append(fetch_all(daemon, sql))
        bar("time, 1,000,000-row read", statistics.median(o[0] for o in ours), 1.5, "s", statistics.median(ceiling))
        bar("memory meanwhile, above before", max(o[1] for o in ours), 6, "MB", before, above=True)


def memory():
    """Memory of all processes, at rest and after ten minutes of every kind of load."""
    seconds = 20 if Options.quick else 600
    with servers(Daemon()) as (daemon,):
        time.sleep(1)
        idle = pss(daemon.pid)
        bar("memory, all processes, idle", idle, 18, "MB")
        prepare(daemon)
        for script in (WRITE, POINT, LINEAR, ROWS):
            Load(daemon, 64, script, seconds=seconds // 4)
        time.sleep(2)
        bar("memory after %d s of load, above idle" % seconds, pss(daemon.pid), 8, "MB", idle, above=True)


def restart():
    """kill -9 of a big node, and its first answer after."""
    count = 300000 if Options.quick else 3000000
    with servers(Daemon()) as (daemon,):
        daemon.node.execute("CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
        for start in range(0, count, 100000):
            daemon.node.execute("WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i+1 FROM n WHERE i<%d) "
                                "INSERT INTO p SELECT i, 'name-of-somebody-' || i, i %% 90 FROM n"
                                % (start + 1, start + 100000))
        times = []
        for _ in range(3):
            daemon.node.kill()
            begin = time.monotonic()
            daemon.node.launch()
            while True:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    answer = daemon.node.post("/db/query", ["SELECT max(id) FROM p"])
                    if answer.status == 200 and answer.json["results"]:
                        break
                time.sleep(0.002)
            assert answer.json["results"][0]["values"] == [[count]]
            times.append(time.monotonic() - begin)
        bar("kill -9 with %d rows, to the first answered read" % count, statistics.median(times), 0.3, "s")


def disk():
    """What a million single writes leave on the disk."""
    wanted, count = 100000 if Options.quick else 1000000, 0
    with servers(Daemon()) as (daemon,):
        prepare(daemon)
        while count < wanted:
            count += Load(daemon, 256, WRITE, seconds=3).count
        time.sleep(2)
        used = sum(f.stat().st_blocks * 512 for f in daemon.node.data.rglob("*")
                   if f.is_file() and not f.is_symlink())
        database = (daemon.node.data / "db/db.sqlite").stat().st_size
        bar("disk after %d single writes, above 1.2 x database" % count, used / 2 ** 20, 128, "MB",
            1.2 * database / 2 ** 20, above=True)
