"""Real daemons on loopback for the end-to-end tests.

Each node has a directory and ports of its own; nothing outlives its test.
RQLITED names the program (default: the one in build/).
"""

import base64
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RQLITED", str(ROOT / "build/cmd/rqlited/rqlited"))
START_LIMIT = 60
_ports = itertools.cycle(range(22000, 28000))


def free_port():
    """A loopback port nobody listens on."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no free port")


def basic(user):
    """The header that says who asks: "name:password"."""
    return {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Node:
    """One rqlited: started, asked, killed, restarted."""

    def __init__(self, *flags, directory=None, program=PROGRAM):
        self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="rqlited-e2e-"))
        self.data = self.dir / "data"
        self.flags, self.program, self.process = list(flags), program, None
        self.user = None  # "name:password" to ask for readiness as
        self.port, self.raft_port = free_port(), free_port()
        self.address = "127.0.0.1:%d" % self.port

    # --- life ---

    def launch(self, *more):
        command = [self.program, "-http-addr", self.address, "-raft-addr", "127.0.0.1:%d" % self.raft_port]
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(command + self.flags + list(more) + [str(self.data)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir)
        return self

    def start(self, *more):
        self.launch(*more)
        return self.wait_ready()

    def wait_ready(self, limit=START_LIMIT):
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("rqlited exited with %d:\n%s" % (self.process.returncode, self.log))
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get("/readyz", headers=basic(self.user) if self.user else {}).status == 200:
                    return self
            time.sleep(0.01)
        raise AssertionError("not ready after %d s:\n%s" % (limit, self.log[-4000:]))

    def stop(self, limit=60):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(limit)
        return self.process.returncode if self.process else None

    def kill(self):
        """kill -9 of the whole node: the master and all it started."""
        workers = self.workers()
        self.process.kill()
        self.process.wait()
        for pid in workers.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not any(alive(p) for p in workers.values()), 30)

    def close(self):
        with contextlib.suppress(Exception):
            if self.process and self.process.poll() is None:
                self.kill()
        reports = self.reports()
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not reports, "a sanitizer reported: " + reports

    def reports(self):
        """What a sanitizer found, where the program is built with one: its worker is just replaced."""
        with contextlib.suppress(OSError):
            at = re.search(r"AddressSanitizer|runtime error:", self.log)
            return self.log[max(at.start() - 500, 0):at.start() + 4000] if at else ""
        return ""

    # --- looking inside ---

    @property
    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def workers(self):
        """Process ids of the workers, by "role" (the last of several) and "role number"."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError, ValueError):
                stat = (path / "stat").read_text()
                if int(stat.rsplit(")", 1)[1].split()[1]) == self.process.pid:
                    name = os.path.basename(os.readlink(path / "exe"))
                    if name.startswith("rqlited-"):
                        found[name[len("rqlited-"):]] = int(path.name)
        return found

    # --- requests ---

    def request(self, method, path, body=None, headers=None, timeout=300):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, document, user=None, **more):
        headers = {"Content-Type": "application/json"}
        if user:
            headers.update(basic(user))
        return self.request("POST", path, json.dumps(document), headers, **more)

    def execute(self, *statements, **more):
        answer = self.post("/db/execute", list(statements), **more)
        assert answer.status == 200, answer.text
        return answer.json

    def at_read(self):
        """How many queries wait for an answer of a reader."""
        return int(re.search(r"^rqlited_requests_at_read (\d+)", self.get("/metrics").text, re.M).group(1))

    def query(self, sql, level="none"):
        """The rows of one query."""
        answer = self.post("/db/query?level=" + level, [sql])
        assert answer.status == 200, answer.text
        result = answer.json
        assert "error" not in result and "error" not in result["results"][0], result
        return result["results"][0].get("values", [])


def alive(pid):
    """Whether a process runs (a zombie does not)."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition, limit, what="condition"):
    """The limit, in seconds, is for what hangs: slow machines are no fault of what is tested."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("%s did not come true within %s s" % (what, limit))


@pytest.fixture
def node():
    """A started node without flags."""
    one = Node().start()
    yield one
    one.close()


@pytest.fixture
def make_node():
    """Makes nodes with given flags; all are gone after the test."""
    made = []

    def make(*flags, **more):
        made.append(Node(*flags, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()
