"""Credentials: permissions per endpoint, wrong passwords, reload, hashed passwords."""

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

import conftest
import h2
from conftest import PROGRAM, wait_for

PERMISSIONS = ["execute", "query", "load", "backup", "snapshot", "status", "ready", "leader-ops", "ui", "remove"]

# method, path, body, permissions needed: all of them
ENDPOINTS = [
    ("POST", "/db/execute", '["INSERT INTO t VALUES(1)"]', {"execute"}),
    ("POST", "/db/execute?queue", '["INSERT INTO t VALUES(1)"]', {"execute"}),
    ("GET", "/db/query?q=SELECT+1", None, {"query"}),
    ("POST", "/db/query", '["SELECT 1"]', {"query"}),
    ("POST", "/db/request", '["SELECT 1"]', {"query", "execute"}),
    ("POST", "/db/sql", '["SELECT 1"]', {"query"}),
    ("GET", "/db/backup", None, {"backup"}),
    ("POST", "/db/load", "SELECT 1", {"load"}),
    ("POST", "/boot", "no database", {"load"}),
    ("POST", "/snapshot", None, {"snapshot"}),
    ("POST", "/reap", None, {"snapshot"}),
    ("GET", "/status", None, {"status"}),
    ("GET", "/nodes", None, {"status"}),
    ("GET", "/debug/vars", None, {"status"}),
    ("GET", "/licenses", None, {"status"}),
    ("GET", "/readyz", None, {"ready"}),
    ("GET", "/leader", None, {"leader-ops"}),
    ("GET", "/console/", None, {"ui"}),
    ("DELETE", "/remove", "no document", {"remove"}),
]


def basic(user, password):
    return conftest.basic("%s:%s" % (user, password))


def write_users(node, *users):
    path = node.dir / "users.json"
    path.write_text(json.dumps(list(users)))
    path.chmod(0o600)
    return str(path)


def user(name, *perms, password=None, **more):
    return dict(username=name, perms=list(perms), **({"password": password or "pw-" + name} if not more else more))


@pytest.fixture
def secured(make_node):
    """A node with a user of each single permission and one of all."""
    node = make_node()
    users = [user(p, p) for p in PERMISSIONS] + [user("root", "all"), user("both", "query", "execute"), *LATE]
    node.user = "root:pw-root"
    node.flags += ["-auth", write_users(node, *users)]
    node.start()
    answer = node.post("/db/execute", ["CREATE TABLE t(x)"], user="root:pw-root")
    assert answer.status == 200 and "error" not in answer.text, answer.text
    return node


def test_each_endpoint_against_each_permission(secured):
    wrong = []
    for method, path, body, needed in ENDPOINTS:
        for name in PERMISSIONS + ["root", "both"]:
            held = {"root": set(PERMISSIONS), "both": {"query", "execute"}}.get(name, {name})
            status = secured.request(method, path, body, basic(name, "pw-" + name)).status
            if (status != 401) != (needed <= held):
                wrong.append((method, path, name, status))
        anonymous = secured.request(method, path, body)
        if anonymous.status != 401 or anonymous.body != b"":
            wrong.append((method, path, None, anonymous.status))
    assert not wrong


def test_refusal_writes_nothing(secured):
    answer = secured.post("/db/execute", ["INSERT INTO t VALUES(77)"], user="query:pw-query")
    assert answer.status == 401 and answer.body == b""
    answer = secured.post("/db/query", ["SELECT count(*) FROM t WHERE x = 77"], user="query:pw-query")
    assert answer.json["results"][0]["values"] == [[0]]


def test_unprotected_paths(secured):
    assert secured.get("/").status == 302
    assert secured.request("OPTIONS", "/db/execute").status == 200
    assert secured.get("/nothing").status == 404


def test_authorisation_before_method(secured):
    assert secured.get("/db/execute").status == 401
    assert secured.get("/db/execute", headers=basic("execute", "pw-execute")).status == 405


@pytest.mark.parametrize("headers", [
    basic("query", "wrong"), basic("query", ""), basic("query", "pw-query "), basic("nobody", "pw-query"),
    basic("", ""), {"Authorization": "Bearer x"}, {"Authorization": "Basic !!!"}, {"Authorization": "Basic"},
])
def test_wrong_credentials(secured, headers):
    answer = secured.get("/db/query?q=SELECT+1", headers=headers)
    assert answer.status == 401 and answer.body == b""
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="rqlite"'


@pytest.mark.parametrize("name, password", [
    ("n" * 1025, "x"), ("n" * 1024, "x"), ("query", "p" * 4097), ("query", "p" * 4096), ("n" * 8000, ""),
    ("query", "p" * 8000), ("", "p" * 5000), ("n" * 100000, "p" * 100000)])
def test_long_credentials_end_nothing(secured, name, password):
    pids = secured.workers()
    answer = secured.get("/db/query?q=SELECT+1", headers=basic(name, password))
    assert answer.status == 401 and answer.body == b""
    assert secured.workers() == pids


def test_credentials_that_http2_names_again(make_node):
    """A client may put the header into the connection's table, and then send its number alone."""
    node = make_node()
    node.flags += ["-auth", write_users(node, user("a", "status"), {"username": "*", "perms": ["query"]})]
    header = b"\x57" + h2.text(basic("a", "pw-a")["Authorization"].encode())
    with h2.Peer(h2.serve_tls(node)) as peer:
        for stream, fields in ((1, header), (3, b"\xbe"), (5, b"\xbe")):
            block = b"\x82\x87\x04" + h2.text(b"/debug/vars") + b"\x01\x01x" + fields
            peer.send(h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, stream, block))
            answer = next(payload for kind, _, at, payload in peer.frames(5) if (kind, at) == (h2.HEADERS, stream))
            assert answer[:1] == b"\x88", "the status is 200, by its number"


LATE = [user("late%d" % i, "status") for i in range(20)]


def only_time_lets_in(node, users):
    """Whether no more right passwords are looked at, each behind a wrong one, than the two a second that may be."""
    since, statuses = time.monotonic(), []
    for one in users:
        assert node.get("/status", headers=basic(one["username"], "guess")).status == 401
        statuses.append(node.get("/status", headers=basic(one["username"], one["password"])).status)
    return statuses.count(200) <= 1 + 2 * (time.monotonic() - since)


def test_a_guesser_is_slowed_but_not_who_is_logged_in(secured):
    good = http.client.HTTPConnection("127.0.0.1", secured.port)

    def ask():
        good.request("GET", "/db/query?q=SELECT+1", headers=basic("query", "pw-query"))
        response = good.getresponse()
        response.read()
        return response.status

    assert ask() == 200
    for i in range(40):
        assert secured.get("/db/query?q=SELECT+1", headers=basic("execute", "guess%d" % i)).status == 401
    # The right password is not looked at now: it could be the guess of somebody.
    assert only_time_lets_in(secured, LATE)
    assert ask() == 200
    good.close()
    assert "guess" not in secured.log


def test_star_adds_to_everybody(make_node):
    node = make_node()
    node.flags += ["-auth", write_users(node, user("a", "query"), {"username": "*", "perms": ["status", "ready"]})]
    node.start()
    assert node.get("/status").status == 200
    assert node.get("/status", headers=basic("a", "wrong")).status == 200
    assert node.get("/status", headers=basic("a", "pw-a")).status == 200
    assert node.get("/db/query?q=SELECT+1").status == 401
    assert node.get("/db/query?q=SELECT+1", headers=basic("a", "pw-a")).status == 200


def test_entry_without_perms_inherits_nothing(make_node):
    node = make_node()
    node.user = "admin:pw-admin"
    node.flags += ["-auth", write_users(node, user("admin", "all"), {"username": "guest", "password": "g"},
                                        {"username": "open", "perms": ["all"]})]
    node.start()
    assert node.get("/status", headers=basic("guest", "g")).status == 401
    assert node.get("/status", headers=basic("open", "")).status == 401
    assert node.get("/status", headers=basic("open", "g")).status == 401
    assert node.get("/status", headers=basic("admin", "pw-admin")).status == 200


# --- reload ---

def reload(node, text):
    before = node.log.count(text)
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: node.log.count(text) > before, 30, "the line: " + text)


READ = "credentials, certificates and keys were read again"
REFUSED = "reload refused, the files in use stay in use"


def test_removed_user_loses_the_open_connection(make_node):
    node = make_node()
    node.user = "a:pw-a"
    node.flags += ["-auth", write_users(node, user("a", "all"), user("b", "all"))]
    node.start()
    connection = http.client.HTTPConnection("127.0.0.1", node.port)

    def ask(name):
        connection.request("GET", "/db/query?q=SELECT+1", headers=basic(name, "pw-" + name))
        response = connection.getresponse()
        response.read()
        return response.status

    assert ask("a") == 200 and ask("b") == 200
    kept = connection.sock
    write_users(node, user("a", "query"), user("c", "all"))
    assert ask("b") == 200, "only a signal reads the file again"
    reload(node, READ)
    assert ask("b") == 401
    assert ask("a") == 200 and ask("c") == 200
    assert connection.sock is kept
    assert node.get("/status", headers=basic("a", "pw-a")).status == 401, "a permission was taken away"
    connection.close()


def test_others_guesses_keep_out_nobody_who_was_in(make_node):
    """A reload voids all tickets; who had one logs in again while passwords are not looked at."""
    node = make_node()
    node.user = "a:pw-a"
    hashed = hash_password("pw-h")
    node.flags += ["-auth", write_users(node, user("a", "all"), user("h", "all", password_hash=hashed),
                                        user("changed", "all"), *LATE)]
    node.start()

    def statuses():
        for i in range(40):
            assert node.get("/status", headers=basic("a", "guess%d" % i)).status == 401
        return {name: node.get("/debug/vars", headers=basic(name, "pw-" + name)).status
                for name in ("changed", "a", "h")}

    for name in ("a", "h", "changed"):
        assert node.get("/debug/vars", headers=basic(name, "pw-" + name)).status == 200
    write_users(node, user("a", "all"), user("h", "all", password_hash=hashed), *LATE,
                user("changed", "all", password="pw-new"))
    reload(node, READ)
    for some in (LATE[:10], LATE[10:]):
        assert statuses() == {"changed": 401, "a": 200, "h": 200}
        assert only_time_lets_in(node, some)


def test_bad_file_changes_nothing(make_node):
    node = make_node()
    path = node.dir / "users.json"
    node.user = "a:pw-a"
    node.flags += ["-auth", write_users(node, user("a", "all"))]
    node.start()
    for text in ('[{"username": "b", "password": "x", "perms": ["all"]', "", '[{"username": 5}]'):
        path.write_text(text)
        reload(node, REFUSED)
        assert "reload: auth: " in node.log
        assert node.log.count(" file in question: %s\n" % path) == node.log.count("reload: auth: ")
        assert node.get("/status", headers=basic("a", "pw-a")).status == 200
        assert node.get("/status", headers=basic("b", "x")).status == 401
    path.unlink()
    reload(node, REFUSED)
    assert node.get("/status", headers=basic("a", "pw-a")).status == 200
    # Nor does it for a worker that is born meanwhile.
    os.kill(node.workers()["auth"], signal.SIGKILL)
    wait_for(lambda: "restarting the node" in node.log, 30, "a new start")
    node.wait_ready()
    assert node.get("/status", headers=basic("a", "pw-a")).status == 200
    write_users(node, user("c", "all"))
    reload(node, READ)
    assert node.get("/status", headers=basic("a", "pw-a")).status == 401
    assert node.get("/status", headers=basic("c", "pw-c")).status == 200


# --- hashes ---

def hash_password(password):
    done = subprocess.run([PROGRAM, "-hash-password"], input=password + "\n", capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_hash_password_makes_what_auth_takes(make_node):
    node = make_node()
    hashed = hash_password("p:w ü")
    node.user = "a:p:w ü"
    assert hashed.startswith("$y$") and "p:w" not in hashed
    assert hash_password("p:w ü") != hashed, "each hash has a salt of its own"
    node.flags += ["-auth", write_users(node, user("a", "all", password_hash=hashed))]
    node.start()
    for _ in range(3):
        assert node.get("/status", headers=basic("a", "p:w ü")).status == 200
        assert node.get("/status", headers=basic("a", "p:w")).status == 401
    assert node.get("/status", headers=basic("a", hashed)).status == 401


def test_sha512crypt_hash(make_node):
    node = make_node()
    node.user = "a:secret"
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True).stdout.strip()
    node.flags += ["-auth", write_users(node, user("a", "all", password_hash=hashed))]
    node.start()
    assert node.get("/status", headers=basic("a", "secret")).status == 200
    assert node.get("/status", headers=basic("a", "Secret")).status == 401


@pytest.mark.parametrize("more", [[], ["-check"]])
def test_a_fifo_for_a_file_is_waited_for_by_nobody(make_node, more):
    node = make_node()
    os.mkfifo(node.dir / "fifo")
    node.flags += ["-auth", str(node.dir / "fifo")]
    node.launch(*more)
    assert node.process.wait(60) == 1
    assert "failed to get credential store: EOF" in node.log


def test_a_fifo_in_the_file_s_place_changes_nothing(make_node):
    node = make_node()
    node.user = "a:pw-a"
    path = write_users(node, user("a", "all"))
    node.flags += ["-auth", path]
    node.start()
    os.unlink(path)
    os.mkfifo(path)
    reload(node, REFUSED)
    assert node.get("/status", headers=basic("a", "pw-a")).status == 200


@pytest.mark.parametrize("mode, loose", [(0o400, False), (0o600, False), (0o640, False), (0o644, True), (0o660, True),
                                         (0o650, True), (0o604, True), (0o700, True)])
def test_loose_mode_is_warned_of(make_node, mode, loose):
    node = make_node()
    node.user = "a:pw-a"
    path = write_users(node, user("a", "all"))
    (node.dir / "users.json").chmod(mode)
    node.flags += ["-auth", path]
    node.start()
    assert ("users.json: mode %03o is looser than 0640" % mode in node.log) == loose
    assert "pw-a" not in node.log


def test_auth_worker_dies_and_comes_back(make_node):
    node = make_node()
    node.user = "a:pw-a"
    node.flags += ["-auth", write_users(node, user("a", "all"))]
    node.start()
    before = node.workers()["auth"]
    node.process.poll()
    subprocess.run(["kill", "-9", str(before)], check=True)
    wait_for(lambda: node.workers().get("auth") not in (None, before), 30, "a new auth")
    wait_for(lambda: node.get("/status", headers=basic("a", "pw-a")).status == 200, 30, "the user's return")
    assert node.get("/status", headers=basic("a", "wrong")).status == 401


READ_ONE = "/db/query?q=SELECT+1&level=linearizable&linearizable_timeout=20s"


def credentials_of(name):
    return basic(name, "pw-" + name) if name else {}


def ask_while_raft_stands(node, names, meanwhile):
    """{name: status} of reads that have their tickets, and wait for raft until after `meanwhile`."""
    raft, statuses = node.workers()["raft"], {}

    def ask(name):
        statuses[name] = node.get(READ_ONE, headers=credentials_of(name)).status

    def at_raft():
        text = node.get("/metrics", headers=credentials_of("root")).text
        return int(re.search(r"^rqlited_requests_at_raft (\d+)", text, re.M).group(1))

    for name in names:
        assert node.get(READ_ONE, headers=credentials_of(name)).status == 200
    os.kill(raft, signal.SIGSTOP)
    try:
        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        wait_for(lambda: at_raft() == len(names), 30, "the reads to be under way")
        meanwhile()
    finally:
        os.kill(raft, signal.SIGCONT)
    for thread in threads:
        thread.join()
    return statuses


def signal_and_see(node, newcomer):
    """Auth, which is told of a new generation first, knows the newcomer, and the master has told the others."""
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: node.get("/debug/vars", headers=credentials_of(newcomer)).status == 200, 30, "the newcomer")
    wait_for(lambda: "State:\tS" in open("/proc/%d/status" % node.process.pid).read(), 30, "a resting master")


def test_requests_under_way_are_worth_what_their_user_may_now(make_node):
    """Their passwords are gone: auth renews their tickets, of who is still the same."""
    node = make_node()
    hashed, anew = hash_password("pw-hashed"), hash_password("pw-rehashed")
    node.user = "root:pw-root"
    always = [user("root", "all"), user("same", "query"), user("hashed", "query", password_hash=hashed)]
    node.flags += ["-auth", write_users(
        node, user("gone", "all"), user("changed", "all"), user("less", "all"), user("emptied", "query"),
        user("rehashed", "query", password_hash=hash_password("pw-rehashed")), *always)]
    node.start()

    def change():
        write_users(node, *reversed(always), user("new", "status"), user("changed", "all", password="pw-new"),
                    user("less", "execute"), {"username": "emptied", "perms": ["query"]},
                    user("rehashed", "query", password_hash=anew))
        signal_and_see(node, "new")

    names = ["same", "hashed", "gone", "changed", "less", "emptied", "rehashed"]
    assert ask_while_raft_stands(node, names, change) == {
        "same": 200, "hashed": 200, "gone": 401, "changed": 401, "less": 401, "emptied": 401, "rehashed": 401}
    # Who shows a password is asked for that alone.
    assert {name: node.get(READ_ONE, headers=credentials_of(name)).status for name in names} == {
        "same": 200, "hashed": 200, "gone": 401, "changed": 401, "less": 401, "emptied": 401, "rehashed": 200}


def test_nobodys_requests_under_way_are_worth_what_everybody_may_now(make_node):
    node = make_node()
    node.user = "root:pw-root"
    node.flags += ["-auth", write_users(node, user("root", "all"), user("a", "status"),
                                        {"username": "*", "perms": ["query"]})]
    node.start()

    def take_away():
        write_users(node, user("root", "all"), user("a", "query"), user("new", "status"))
        signal_and_see(node, "new")

    def give():
        write_users(node, user("root", "all"), user("newer", "status"), {"username": "*", "perms": ["query"]})
        signal_and_see(node, "newer")

    assert ask_while_raft_stands(node, ["", "a", "root"], take_away) == {"": 401, "a": 200, "root": 200}
    assert node.get(READ_ONE).status == 401
    assert ask_while_raft_stands(node, ["a", "root"], give) == {"a": 200, "root": 200}
    assert node.get(READ_ONE).status == 200


def test_reload_refuses_no_rightful_request(make_node):
    node = make_node()
    node.user = "a:pw-a"
    node.flags += ["-auth", write_users(node, user("a", "all"))]
    node.start()
    refused, asked, over = [], [0], threading.Event()

    def visit(path):
        connection = http.client.HTTPConnection("127.0.0.1", node.port)
        while not over.is_set():
            connection.request("POST", path, '["SELECT 1"]', basic("a", "pw-a"))
            response = connection.getresponse()
            if b"[[1]]" not in response.read():
                refused.append((path, response.status))
            asked[0] += 1
        connection.close()

    paths = ("/db/query", "/db/query?level=strong", "/db/request", "/db/query")
    visitors = [threading.Thread(target=visit, args=(path,)) for path in paths]
    for visitor in visitors:
        visitor.start()
    for _ in range(20):
        reload(node, READ)
    wait_for(lambda: asked[0] > 50 or refused, 60, "visits")
    over.set()
    for visitor in visitors:
        visitor.join()
    assert refused == []
