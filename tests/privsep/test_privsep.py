"""What each worker of a running node holds: user, root, descriptors, memory, files.

The node runs with credentials and https, started as root, and under load.  The
tables below restate the plan; whatever a worker has beyond its row is a failure.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import sys
import threading
import urllib.parse

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import h2  # noqa: E402
from conftest import Answer, Node, basic, wait_for  # noqa: E402

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root gives workers users of their own")

USER, PASSWORD = "lois", "seen-4f1b77aa90"
SILENT_PASSWORD = "never-said-83c1d0e6b2"
HASHED_PASSWORD = "hashed-61d9a7c3f5"
LATE_PASSWORD = "runs-yet-5c0e72d914"
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

# Its peers but the master, and the part of DATA it lives in (None: an empty directory).
ROLES = {
    "http": (["auth", "key", "raft", "sql", "read"], None),
    "auth": (["http"], None),
    "key": (["http"], None),
    "raft": (["http", "sql"], "raft"),
    "sql": (["http", "raft"], "db"),
    "read": (["http"], "db"),
}
LISTENERS = {"http": 1, "raft": 1}
# Files by name below DATA: role -> {pattern: may it be open for writing}.
FILES = {
    "raft": {"lock": True, "raft": False, r"raft/\d{16}\.seg": True, r"raft/spare-\d\.seg": True},
    "sql": {"lock": True, "db": False, "db/ledger": True, "db/db.sqlite": True,
            "db/db.sqlite-wal": True, "db/db.sqlite-shm": True},
    "read": {"db/db.sqlite": False, "db/db.sqlite-wal": False, "db/db.sqlite-shm": False},
}
# Modes below DATA, with owner and group; (None: the starter's).
MODES = {
    ".": (0o700, None, None),
    "lock": (0o600, None, None),
    "node.json": (0o600, None, None),
    "raft": (0o700, "raft", "raft"),
    "db": (0o2750, "sql", "read"),
    "db/db.sqlite": (0o640, "sql", "read"),
    "db/db.sqlite-wal": (0o640, "sql", "read"),
    "db/db.sqlite-shm": (0o640, "sql", "read"),
    "db/ledger": (0o600, "sql", "read"),
}


class SecureNode(Node):
    """A node asked by https."""

    def request(self, method, path, body=None, headers=None, timeout=300):
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


class Load:
    """Reads and writes that go on while a test looks."""

    def __init__(self, node):
        self.node, self.stop, self.done, self.errors = node, threading.Event(), 0, []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            for path in ("/db/execute", "/db/query"):
                sql = "INSERT INTO t VALUES(1)" if path == "/db/execute" else "SELECT count(*) FROM t"
                answer = self.node.post(path, [sql], user="%s:%s" % (USER, PASSWORD))
                if answer.status != 200:
                    self.errors.append(answer.text)
                self.done += 1

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.done >= 20, 20, "load")
        return self

    def __exit__(self, *error):
        self.stop.set()
        self.thread.join()
        assert not self.errors, self.errors[0]


def make_files(directory):
    """Certificate, key and credentials; returns the flags that name them."""
    cert, key, auth = (directory / name for name in ("cert.pem", "key.pem", "auth.json"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                    "-days", "30", "-subj", "/CN=localhost"], check=True, capture_output=True)
    hashed = subprocess.run(["openssl", "passwd", "-6", HASHED_PASSWORD], check=True, capture_output=True,
                            text=True).stdout.strip()
    auth.write_text(json.dumps([
        {"username": USER, "password": PASSWORD, "perms": ["all"]},
        {"username": "jimmy", "password": SILENT_PASSWORD, "perms": ["query"]},
        {"username": "late", "password": LATE_PASSWORD, "perms": ["all"]},
        {"username": "perry", "password_hash": hashed, "perms": ["query"]}]))
    for path in (key, auth):
        path.chmod(0o600)
    return ["-auth", str(auth), "-http-cert", str(cert), "-http-key", str(key)], key, hashed


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    flags, key, hashed = make_files(tmp_path_factory.mktemp("secrets"))
    umask = os.umask(0)  # the widest: modes must not depend on it
    groups = os.getgroups()
    os.setgroups([0, 27, 100])  # nor must a worker keep those of its starter
    one = SecureNode(*flags)
    one.key_file, one.hash = key, hashed
    one.user = "%s:%s" % (USER, PASSWORD)
    try:
        one.start()
        os.umask(umask)
        os.setgroups(groups)
        assert one.post("/db/execute", ["CREATE TABLE t(x)"], user=one.user).status == 200
        yield one
    finally:
        os.umask(umask)
        os.setgroups(groups)
        one.close()


def processes(node):
    """[(role, pid)] of all workers."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            name = os.path.basename(os.readlink(path / "exe"))
            if parent == node.process.pid and name.startswith("rqlited-"):
                found.append((name[len("rqlited-"):], int(path.name)))
    assert {role for role, _ in found} == set(ROLES)
    return found


def status(pid):
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    return {line.split(":")[0]: line.split(":", 1)[1].split() for line in text.splitlines()}


def users(node):
    return {role: int(status(pid)["Uid"][0]) for role, pid in processes(node)}


def test_each_role_has_a_user_of_its_own(node):
    uids = users(node)
    assert 0 not in uids.values()
    assert len(set(uids.values())) == len(ROLES)
    for role, pid in processes(node):
        seen = status(pid)
        assert seen["Uid"] == [str(uids[role])] * 4, role
        assert len(set(seen["Gid"])) == 1 and seen["Gid"][0] != "0", role
        assert set(seen["Groups"]) <= {seen["Gid"][0]}, role


def test_no_worker_can_gain_anything(node):
    for role, pid in processes(node):
        seen = status(pid)
        assert seen["NoNewPrivs"] == ["1"] and seen["Seccomp"] == ["2"], role
        for capabilities in ("CapEff", "CapPrm", "CapAmb"):
            assert int(seen[capabilities][0], 16) == 0, (role, capabilities)
        assert os.stat("/proc/%d/fd" % pid).st_uid == 0, "%s is dumpable: its user could trace it" % role


def test_each_worker_sees_only_its_directory(node):
    for role, pid in processes(node):
        root, part = "/proc/%d/root" % pid, ROLES[role][1]
        if part is None:
            assert os.readlink(root).endswith(" (deleted)"), role
            assert os.listdir(root + "/") == [], role
        else:
            assert os.path.samefile(root + "/", node.data / part), role
        assert os.path.samefile("/proc/%d/cwd/" % pid, root + "/"), role


def test_limits(node):
    for role, pid in processes(node):
        limits = pathlib.Path("/proc/%d/limits" % pid).read_text()
        assert re.search(r"Max core file size +0 +0 ", limits), role
        assert re.search(r"Max processes +0 +0 ", limits), role
        writes = role in ("raft", "sql")
        assert bool(re.search(r"Max file size +0 +0 ", limits)) != writes, role


def test_environment_is_empty_but_for_the_zone(node):
    zone = ("TZ=%s\0" % os.environ["TZ"]).encode() if "TZ" in os.environ else b""
    for role, pid in processes(node):
        environment = pathlib.Path("/proc/%d/environ" % pid).read_bytes()
        assert environment == zone, role


def policy(text):
    """{member: value} of a struct sandbox, without its names."""
    members = re.split(r",\s*\.", re.sub(r"\s+", " ", text).strip(" ,."))
    found = dict(member.split(" = ", 1) for member in members)
    return {name: value for name, value in found.items() if name not in ("role", "promises")}


def test_probe_restates_the_policies():
    """probe.c tries the policies from inside; they must be those of the workers."""
    top = pathlib.Path(__file__).resolve().parents[2]
    probe = (top / "tests/privsep/probe.c").read_text()
    table = re.search(r"struct sandbox roles\[\] = \{\n(.*?)\n\};", probe, re.S).group(1)
    restated = {row.split('"')[1]: policy(row) for row in re.findall(r"\{ (\.role.*?) \},(?=\n\t\{|$)", table, re.S)}
    assert set(restated) == set(ROLES)
    for role in ROLES:
        source = (top / "proc" / ("sql/read_main.c" if role == "read" else role + "/main.c")).read_text()
        source = re.search(r"struct sandbox %s_sandbox = \{(.*?)\n\};" % role, source, re.S).group(1)
        assert "sets" in restated[role] and restated[role] == policy(source), role


# --- descriptors ---

def unix_sockets():
    return {line.split()[6] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]}


def listening_sockets():
    found = set()
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net/" + name).read_text().splitlines()[1:]:
            if line.split()[3] == "0A":
                found.add(line.split()[9])
    return found


def kind_of(node, target):
    """A descriptor's kind: what it is, or a file's name below DATA."""
    if target.startswith("socket:["):
        inode = target[len("socket:["):-1]
        if inode in unix_sockets():
            return "channel"
        return "listener" if inode in listening_sockets() else "socket"
    if target.startswith("pipe:"):
        return "pipe"
    if target.startswith(str(node.data) + "/"):
        return "file " + target[len(str(node.data)) + 1:]
    return target


def descriptors(node, pid):
    """{number: (kind, writable)}"""
    found = {}
    for name in os.listdir("/proc/%d/fd" % pid):
        target = os.readlink("/proc/%d/fd/%s" % (pid, name))
        flags = pathlib.Path("/proc/%d/fdinfo/%s" % (pid, name)).read_text()
        flags = int(re.search(r"flags:\s+(\d+)", flags).group(1), 8)
        found[int(name)] = (kind_of(node, target), flags & os.O_ACCMODE != os.O_RDONLY)
    return found


def idle(node):
    """Waits until no client is connected to http."""
    def quiet():
        return not any(kind == "socket" for role, pid in processes(node) if role == "http"
                       for kind, _ in descriptors(node, pid).values())
    wait_for(quiet, 30, "end of all connections")


def test_no_worker_holds_a_descriptor_more(node):
    idle(node)
    workers = processes(node)
    count = collections.Counter(role for role, _ in workers)
    for role, pid in workers:
        held = descriptors(node, pid)
        assert [held.pop(n)[0] for n in (0, 1, 2)] == ["/dev/null", "/dev/null", "pipe"], role
        kinds = collections.Counter(kind for kind, _ in held.values() if not kind.startswith("file "))
        expected = {"channel": 1 + sum(count[peer] for peer in ROLES[role][0]),
                    "listener": LISTENERS.get(role, 0), "anon_inode:[eventpoll]": 1, "pipe": 2}
        assert kinds == {kind: n for kind, n in expected.items() if n}, (role, held)
        for kind, writable in held.values():
            if kind.startswith("file "):
                rules = [w for pattern, w in FILES.get(role, {}).items() if re.fullmatch(pattern, kind[5:])]
                assert rules, "%s holds %s" % (role, kind)
                assert rules[0] or not writable, "%s may write %s" % (role, kind)


def test_shared_pages_are_writable_to_one(node):
    """Board and counters: http sees all, writes its own counters alone; nothing is writable and executable."""
    for role, pid in processes(node):
        writable = []
        for line in pathlib.Path("/proc/%d/maps" % pid).read_text().splitlines():
            mode, name = line.split()[1], line[73:]
            assert not ("w" in mode and "x" in mode), (role, line)
            if mode[3] == "s" and "w" in mode and "db.sqlite-shm" not in name:
                writable.append(name.split()[0])
            assert not (role == "read" and "db.sqlite" in name and "w" in mode), line
        expected = ["/memfd:counters"] + (["/memfd:board"] if role == "raft" else [])
        assert sorted(writable) == sorted(expected), role


# --- files ---

def test_modes_and_owners_whatever_the_umask(node):
    uids = users(node)
    gids = {role: int(status(pid)["Gid"][0]) for role, pid in processes(node)}
    for name, (mode, user, group) in MODES.items():
        seen = os.lstat(node.data / name)
        assert seen.st_mode & 0o7777 == mode, "%s is %o" % (name, seen.st_mode & 0o7777)
        assert seen.st_uid == (uids[user] if user else 0), name
        assert seen.st_gid == (gids[group] if group else 0), name
    for path in node.data.rglob("*"):
        if not path.is_symlink():
            assert os.lstat(path).st_mode & 0o007 == 0, "%s is open to others" % path
    for path in (node.data / "raft").rglob("*"):
        assert os.lstat(path).st_mode & 0o777 == 0o600 and os.lstat(path).st_uid == uids["raft"], path


# --- memory ---

def memory_holds(pid, needles):
    """Names of the needles that some readable page of the process holds."""
    found = set()
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            if mode[0] != "r" or "[vvar]" in line or "[vsyscall]" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            with contextlib.suppress(OSError, ValueError):
                memory.seek(start)
                page = memory.read(end - start)
                found |= {name for name, needle in needles.items() if needle in page}
    return found


def key_needles(path):
    """The private numbers of the key in both byte orders, and its text."""
    text = subprocess.run(["openssl", "rsa", "-in", path, "-noout", "-text"], check=True, capture_output=True,
                          text=True).stdout
    needles = {"key text": path.read_bytes().splitlines()[5]}
    for name in ("privateExponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient"):
        digits = re.search(name + r":\n((?: +[0-9a-f:]+\n)+)", text).group(1)
        number = bytes.fromhex(re.sub(r"[\s:]", "", digits))
        needles["key " + name] = number[32:64]
        needles["key " + name + " reversed"] = number[32:64][::-1]
    return needles


def ticket_needles(node):
    """What only auth and the verifiers may know, from the master's nameless files."""
    needles = {}
    for name in os.listdir("/proc/%d/fd" % node.process.pid):
        path = "/proc/%d/fd/%s" % (node.process.pid, name)
        if "memfd:ticket-" in os.readlink(path):
            key = pathlib.Path(path).read_bytes()[:16]
            assert len(key) == 16 and any(key)
            needles[re.search(r"ticket-\w+", os.readlink(path)).group(0)] = key
    assert set(needles) == {"ticket-raft", "ticket-read"}
    return needles


def test_secrets_are_where_they_belong_and_nowhere_else(node):
    keys, tickets = key_needles(node.key_file), ticket_needles(node)
    passwords = {"silent password": SILENT_PASSWORD.encode(), "hash": node.hash.encode(),
                 "hash without salt": node.hash.rsplit("$", 1)[1].encode(),
                 "hashed password": HASHED_PASSWORD.encode()}
    needles = {**keys, **tickets, **passwords}
    with Load(node) as load:
        for round_ in range(3):
            before = load.done
            seen = collections.defaultdict(set)
            for role, pid in processes(node):
                seen[role] |= memory_holds(pid, {**needles, "control": b"Basic realm=\"rqlite\""})
            assert "control" in seen["http"], "the search finds nothing"
            assert seen["http"] == {"control"}, round_
            for role in ("raft", "sql", "read"):
                assert not seen[role] & (set(keys) | set(passwords)), (role, seen[role])
            assert "ticket-read" not in seen["raft"] and "ticket-raft" not in seen["read"]
            assert not seen["sql"] & set(tickets) and not seen["key"] & (set(tickets) | set(passwords))
            assert not seen["auth"] & set(keys)
            # What is searched for is there to be found, in its owner.
            assert seen["key"] & set(keys), "the key is not even in key"
            assert "hash" in seen["auth"] and set(tickets) <= seen["auth"]
            assert "ticket-raft" in seen["raft"] and "ticket-read" in seen["read"]
            wait_for(lambda: load.done > before, 30, "load during the search")


def at_read(node):
    text = node.get("/metrics", headers=basic(node.user)).text
    return int(re.search(r"^rqlited_requests_at_read (\d+)", text, re.M).group(1))


def late_needles():
    """The password as it is said, and as it is sent."""
    header = basic("late:" + LATE_PASSWORD)["Authorization"].encode()
    return {"password": LATE_PASSWORD.encode(), "header": header[-24:]}


def ask_http1(node, size):
    """Sends a query that has no end, in a body of this size."""
    client = h2.connect(node, "http/1.1")
    body = json.dumps([ENDLESS]).encode().ljust(size)
    client.sendall(b"POST /db/query?level=none HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: "
                   b"application/json\r\nContent-Length: %d\r\n\r\n"
                   % (basic("late:" + LATE_PASSWORD)["Authorization"].encode(), len(body)) + body)
    return client


def ask_http2(node, method, body):
    """The same by HTTP/2, in a header that is not compressed and never indexed."""
    peer = h2.Peer(node)
    path = b"/db/query?level=none" + (b"" if body else b"&q=" + urllib.parse.quote(ENDLESS).encode())
    header = b"\x1f\x08" + h2.text(basic("late:" + LATE_PASSWORD)["Authorization"].encode())
    peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS | (0 if body else h2.END_STREAM), 1,
                       h2.block(path, method) + header))
    if body:
        peer.send(h2.frame(h2.DATA, h2.END_STREAM, 1, body))
    return peer.socket


RUNNING = {
    "by http1": lambda node: ask_http1(node, 0),
    "in a body": lambda node: ask_http1(node, 5000),
    "in a long body": lambda node: ask_http1(node, 300000),
    "by http2": lambda node: ask_http2(node, b"\x82", b""),
    "by http2 in a body": lambda node: ask_http2(node, b"\x83", json.dumps([ENDLESS]).encode()),
}


@pytest.mark.parametrize("again", [False, True], ids=["asked", "known"])
@pytest.mark.parametrize("how", list(RUNNING))
def test_a_password_is_gone_from_http_while_its_request_runs(node, how, again):
    """Whether auth was asked for it, or its ticket was there already: before any answer."""
    if not again:  # another generation: http has no ticket
        before = node.log.count("were read again")
        node.process.send_signal(signal.SIGHUP)
        wait_for(lambda: node.log.count("were read again") > before, 30, "a reload")
    with contextlib.closing(RUNNING[how](node)):
        wait_for(lambda: at_read(node) == 1, 30, "the query to run")
        (http_pid,) = (pid for role, pid in processes(node) if role == "http")
        assert memory_holds(http_pid, {**late_needles(), "control": b"Basic realm=\"rqlite\""}) == {"control"}
        assert at_read(node) == 1, "it has ended meanwhile"
    wait_for(lambda: at_read(node) == 0, 30, "the query's end")
