"""What the parts of the benchmark share: servers, load, CPU and memory, the report.

CPU is that of all processes of a server, in nanoseconds as the scheduler counts
them.  Ratios of two servers come from turns taken A B B A, so that a drift of
the machine meets both alike.
"""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/e2e"))
import conftest  # noqa: E402
from conftest import Answer, Node, basic, free_port  # noqa: E402

conftest._ports = itertools.cycle(range(31500, 32000))  # apart from the tests' own
scratch = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
UNIT = {"us": 1e6, "ms": 1e3, "s": 1, "/s": 1, "MB": 1, "KB": 1, "x": 1, "": 1}


class Options:
    """How long to measure; set once by main."""

    quick, seconds, turns = False, 4, 3


# --- processes ---

def family(pid):
    """A process and its children."""
    pids = [pid]
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = path.read_text().rsplit(")", 1)
            if int(fields[1].split()[1]) == pid:
                pids.append(int(fields[0].split()[0]))
    return pids


def cpu(pid):
    """Seconds of CPU a process and its children have had, from their CPU clocks."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~one << 3) | 2)  # as clock_getcpuclockid(3) makes it
    return total


def pss(pid):
    """Proportional memory of a process and its children, in MB."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            total += int(re.search(r"Pss:\s+(\d+)", pathlib.Path("/proc/%d/smaps_rollup" % one).read_text())[1])
    return total / 1024


def pin(server, core="0"):
    for one in family(server.pid):
        subprocess.run(["taskset", "-acp", core, str(one)], stdout=subprocess.DEVNULL, check=False)


def raw(*arguments):
    """What tests/bench/raw prints."""
    return [float(x) for x in subprocess.run([str(BUILD / "tests/bench/raw"), *map(str, arguments)],
                                             capture_output=True, text=True, check=True).stdout.split()]


# --- servers ---

running = []  # those that clean() has to end

class Null:
    """The ceiling: an h2o handler that does nothing, or one flush, or TLS."""

    scheme = "http"

    def __init__(self, *arguments):
        self.port = free_port()
        self.process = subprocess.Popen([str(BUILD / "tests/bench/null"), str(self.port), *map(str, arguments)])
        time.sleep(0.3)
        self.pid = self.process.pid
        running.append(self)
        if arguments[:1] == ("tls",):
            self.scheme = "https"

    def close(self):
        running.remove(self)
        self.process.kill()
        self.process.wait()


class BenchNode(Node):
    """A node that is spoken to in its own scheme, as its own user."""

    scheme = "http"

    def request(self, method, path, body=None, headers=None, timeout=60):
        headers = dict(headers or {}, **(basic(self.user) if self.user else {}))
        if self.scheme == "http":
            return super().request(method, path, body, headers, timeout)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                                 context=ssl._create_unverified_context())
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


class Daemon:
    """A started node; `tls` gives it a certificate, `user` an account and its check."""

    def __init__(self, *flags, tls=False, user=None):
        more = list(flags)
        if tls:
            more += ["-http-cert", certificate()[0], "-http-key", certificate()[1]]
        if user:
            name, password = user.split(":")
            file = scratch / ("users-%s.json" % name)
            file.write_text(json.dumps([{"username": name, "password": password, "perms": ["all"]}]))
            file.chmod(0o600)
            more += ["-auth", str(file)]
        self.node = BenchNode(*more, program=os.environ.get("RQLITED", str(BUILD / "cmd/rqlited/rqlited")))
        self.node.scheme, self.node.user = "https" if tls else "http", user
        running.append(self)
        self.node.start()
        self.scheme, self.user = self.node.scheme, user
        self.port, self.pid = self.node.port, self.node.process.pid

    def close(self):
        running.remove(self)
        self.node.close()


def certificate():
    """Paths of a P-256 certificate and its key, made once."""
    cert, key = scratch / "cert.pem", scratch / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-out", str(cert), "-keyout", str(key)],
                       capture_output=True, check=True)
        key.chmod(0o600)
    return str(cert), str(key)


@contextlib.contextmanager
def servers(*made):
    """Closes them all at the end; what a failure leaves, clean() closes."""
    yield made
    for one in made:
        one.close()


def prepare(daemon, rows=2000):
    daemon.node.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, age INTEGER)",
                        "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, age INTEGER)",
                        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) "
                        "INSERT INTO p SELECT i, 'name-of-somebody-' || i, i %% 90 FROM n" % rows)


# --- load ---

class Load:
    """One wrk run: rate, percentiles in seconds, CPU seconds of the server per request."""

    def __init__(self, server, connections, script=None, path="/", seconds=None, core="1"):
        command = ["taskset", "-c", core, "wrk", "-t1", "-c%d" % connections,
                   "-d%ds" % (seconds or Options.seconds), "--latency"]
        if script:
            command += ["-s", str(script)]
        if getattr(server, "user", None):
            command += ["-H", "Authorization: " + basic(server.user)["Authorization"]]
        before = cpu(server.pid)
        text = subprocess.run(command + ["%s://127.0.0.1:%d%s" % (server.scheme, server.port, path)],
                              capture_output=True, text=True, check=True).stdout
        used = cpu(server.pid) - before
        self.count = int(re.search(r"(\d+) requests in", text)[1])
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        self.cpu = used / max(self.count, 1)
        self.p50, self.p99 = (self.latency(text, p) for p in ("50%", "99%"))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        self.errors = int(bad[1]) if bad else 0

    @staticmethod
    def latency(text, name):
        value, unit = re.search(r"%s\s+([\d.]+)(us|ms|s)" % re.escape(name), text).groups()
        return float(value) / UNIT[unit]


class Shakes:
    """Full TLS handshakes for a while: rate, CPU seconds of the server for each."""

    def __init__(self, server, seconds=None):
        before = cpu(server.pid)
        text = subprocess.run(["taskset", "-c", "1", str(BUILD / "tests/bench/shake"), str(server.port),
                               str(seconds or Options.seconds)], capture_output=True, text=True, check=True).stdout
        self.count, self.errors = map(int, text.split())
        self.rate = self.count / (seconds or Options.seconds)
        self.cpu = (cpu(server.pid) - before) / max(self.count, 1)


def lua(body, path):
    """A wrk script that posts one body."""
    name = pathlib.Path(tempfile.mkstemp(dir=scratch, suffix=".lua")[1])
    name.write_text('wrk.method="POST"\nwrk.path=%s\nwrk.headers["Content-Type"]="application/json"\nwrk.body=%s\n'
                    % (json.dumps(path), json.dumps(body)))
    return name


WRITE = lua('[["INSERT INTO t(name, age) VALUES(?, ?)", "fiona", 20]]', "/db/execute")
POINT = lua('[["SELECT name, age FROM p WHERE id=?", 17]]', "/db/query?level=none")
LINEAR = lua('[["SELECT name, age FROM p WHERE id=?", 17]]', "/db/query?level=linearizable")
ROWS = lua('["SELECT id, name, age FROM p LIMIT 1000"]', "/db/query?level=none")


def median(loads, what):
    return statistics.median(getattr(load, what) for load in loads)


def versus(ours, theirs, measure, theirs_measure=None, turns=None):
    """Turns of both, A B B A, so that both see the same machine; two lists."""
    pin(ours)
    pin(theirs)
    a, b = [], []
    for turn in range(turns or Options.turns):
        pair = [(a, ours, measure), (b, theirs, theirs_measure or measure)]
        for out, server, how in pair if turn % 2 == 0 else reversed(pair):
            out.append(how(server))
    return a, b


# --- the report ---

rows = []


def header():
    print("%-52s %14s %14s %12s %10s" % ("what", "value", "ceiling", "ratio", "bar"))


def bar(name, value, limit, unit="x", ceiling=None, above=False, at_most=True, figure=None, note=""):
    """
    One line.  With a ceiling the bar is for value / ceiling, or with `above` for
    value - ceiling; without, for the value itself.  Seconds are given as such
    and shown in `unit`.  `figure` is a ratio of another making than that of the two.
    """
    factor = UNIT[unit]
    value *= factor
    ceiling = ceiling * factor if ceiling is not None else None
    if figure is None:
        figure = value if ceiling is None else value - ceiling if above else value / ceiling
    kind = unit if ceiling is None or above else "x"
    met = figure <= limit if at_most else figure >= limit
    rows.append({"name": name, "value": value, "ceiling": ceiling, "unit": unit, "figure": figure,
                 "figure_unit": kind, "at_most": at_most, "bar": limit, "met": met, "note": note})
    show = "%%.%df %%s" % (0 if unit == "/s" else 3 if unit in ("ms", "s") else 2)
    print("%-52s %14s %14s %12s %10s  %s%s" % (
        name, show % (value, unit), "-" if ceiling is None else show % (ceiling, unit),
        "-" if ceiling is None else ("%+.3f %s" if above else "%.3f %s") % (figure, kind),
        "%s %g %s" % ("<=" if at_most else ">=", limit, kind), "ok" if met else "MISSED",
        "  " + note if note else ""), flush=True)


def bar_pairs(name, ours, theirs, limit, unit, note=""):
    """One line of numbers measured in turn: its ratio is the median of those of the pairs."""
    ratios = [a / b for a, b in zip(ours, theirs)]
    low, _, high = statistics.quantiles(ratios, n=4)
    spread = "%d pairs, half of them %.3f to %.3f" % (len(ratios), low, high)
    bar(name, statistics.median(ours), limit, unit, statistics.median(theirs), figure=statistics.median(ratios),
        note=spread + (", " + note if note else ""))


def write_json(path):
    document = {"date": time.strftime("%Y-%m-%d %H:%M"), "kernel": os.uname().release, "cores": os.cpu_count(),
                "load_average": os.getloadavg(), "quick": Options.quick, "bars": rows}
    pathlib.Path(path).write_text(json.dumps(document, indent=1) + "\n")


def clean():
    for one in list(running):
        one.close()
    shutil.rmtree(scratch, ignore_errors=True)
