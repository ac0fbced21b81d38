"""What http can do once it is an attacker's: a test program in its place says what it likes.

tests/privsep/captured.c stands for rqlited-http in a node that is otherwise real, and
speaks on http's own channels.  Each test tries what architecture and manual say that it
can't do; the answers are compared whole.  A control shows each time that the same way is
open to who may go it.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from conftest import PROGRAM, Node, alive, wait_for  # noqa: E402

BUILD = pathlib.Path(PROGRAM).resolve().parents[2]
PASSWORDS = {"query": "asks-62b0c4", "execute": "acts-99e1d7", "all": "rules-07fa35"}
EXECUTE, QUERY, ALL = 1, 2, 0xfff
TICKET = 60  # bytes: 28 of body, 16 of MAC for raft, 16 for read
BODY, RAFT_END = 28, 44
NO_TICKETS = {"none": "-", "zeros": "00" * TICKET, "ones": "ff" * TICKET, "short": "ab" * (TICKET - 1),
              "long": "ab" * (TICKET + 1)}


class Captured(Node):
    """A node whose http worker does as it is told."""

    def __init__(self, *flags, key_type="rsa:2048"):
        super().__init__(*flags)
        self.program = self.dir / "cmd/rqlited/rqlited"
        self.program.parent.mkdir(parents=True)
        shutil.copy(PROGRAM, self.program)
        (self.dir / "proc").mkdir()
        for worker in (BUILD / "proc").glob("rqlited-*"):
            if worker.is_file():
                program = BUILD / "tests/privsep/captured" if worker.name == "rqlited-http" else worker
                (self.dir / "proc" / worker.name).symlink_to(program)
        self.auth_file, self.key_file, cert = self.dir / "auth.json", self.dir / "key.pem", self.dir / "cert.pem"
        self.write_users("query", "execute", "all")
        subprocess.run(["openssl", "req", "-x509", "-newkey", *key_type.split(), "-nodes", "-days", "30",
                        "-keyout", self.key_file, "-out", cert, "-subj", "/CN=localhost"], check=True,
                       capture_output=True)
        self.key_file.chmod(0o600)
        self.flags += ["-auth", self.auth_file, "-http-cert", cert, "-http-key", self.key_file]
        self.connection = None

    def write_users(self, *names, **changed):
        """Users who may what their name says; of some another password, or other permissions."""
        users = [{"username": name, "password": PASSWORDS[name], "perms": [name]} for name in names]
        users += [dict({"username": name, "password": PASSWORDS[name], "perms": [name]}, **changes)
                  for name, changes in changed.items()]
        self.auth_file.write_text(json.dumps(users))
        self.auth_file.chmod(0o600)

    def reload(self):
        line = "credentials, certificates and keys were read again"
        before = self.log.count(line)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log.count(line) > before, 30, "a reload")

    def wait_ready(self, limit=20):
        def ready():
            assert self.process.poll() is None, self.log
            with contextlib.suppress(OSError):
                return self.order("read_index").startswith("at ")
        wait_for(ready, limit, "a node with a captured http")
        return self

    def order(self, line):
        """What came of it, as one line."""
        try:
            if self.connection is None:
                self.connection = socket.create_connection(("127.0.0.1", self.port), 10)
                self.answers = self.connection.makefile("r")
            self.connection.sendall(line.encode() + b"\n")
            answer = self.answers.readline()
            if not answer:
                raise ConnectionResetError("the captured http is gone")
            return answer.rstrip("\n").rstrip()
        except OSError:
            self.connection = None
            raise

    def ticket(self, name, perms):
        known, seen, _, ticket = self.order("login %s %s" % (name, PASSWORDS[name])).split()
        assert (known, int(seen), len(ticket)) == ("known", perms, 2 * TICKET)
        return ticket

    def close(self):
        if self.connection is not None:
            self.connection.close()
        super().close()


@pytest.fixture(scope="module")
def node():
    """One with a table t of one row, written with the ticket of who may."""
    one = Captured()
    try:
        one.start()
        ticket = one.ticket("all", ALL)
        assert one.order("execute %s execute CREATE TABLE t(secret)" % ticket) == "result done [{}]"
        assert one.order("execute %s execute INSERT INTO t VALUES('hidden')" % ticket) == \
            'result done [{"last_insert_id":1,"rows_affected":1}]'
        yield one
    finally:
        one.close()


@pytest.fixture
def fresh():
    """One of its own, for what changes or kills it."""
    made = []

    def make(**more):
        made.append(Captured(**more))
        return made[-1].start()

    yield make
    for one in made:
        one.close()


ROWS = 'result done [{"columns":["secret"],"types":["text"],"values":[["hidden"]]}]'


def rows(node):
    """The table as who may read sees it."""
    return node.order("query %s query query SELECT secret FROM t" % node.ticket("all", ALL))


# --- it can't write ---

@pytest.mark.parametrize("kind", ["execute", "query", "request"])
def test_captured_http_can_not_write_by_raft(node, kind):
    """Whatever the command calls itself, a query user's ticket puts nothing into the log."""
    ticket = node.ticket("query", QUERY)
    before = node.order("read_index")
    for sql in ("INSERT INTO t VALUES('forged')", "DELETE FROM t", "SELECT 1"):
        assert node.order("execute %s %s %s" % (ticket, kind, sql)) == "refused ticket"
    assert node.order("read_index") == before
    assert rows(node) == ROWS


def test_captured_http_can_not_write_by_read(node):
    """read has no right to write: not for a query user, and not for who may write."""
    planned = {"execute": "result needs-log", "request": "result needs-log",
               "query": 'result done [{"error":"attempt to change database via query operation"}]'}
    for user, perms in (("query", QUERY), ("all", ALL)):
        ticket = node.ticket(user, perms)
        for kind, answer in planned.items():
            assert node.order("query %s query %s INSERT INTO t VALUES('forged')" % (ticket, kind)) == answer, user
    assert rows(node) == ROWS


def test_captured_http_can_not_write_in_parts(fresh):
    """A command too long for one message is judged when it is announced, and again when it is there."""
    node = fresh()
    ticket, size = node.ticket("all", ALL), 300000
    assert node.order("execute %s execute CREATE TABLE t(secret)" % ticket) == "result done [{}]"
    assert node.order("execute %s execute INSERT INTO t VALUES('hidden')" % ticket).startswith("result done ")
    for name, other in dict(NO_TICKETS, query=node.ticket("query", QUERY)).items():
        assert node.order("begin %s %d" % (other, size)) == "refused ticket", name
    # A right that is taken back meanwhile.
    assert node.order("begin %s %d" % (ticket, size)) == "more %d" % size
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: node.order("barrier " + ticket) == "refused ticket", 30, "an end of old tickets")
    assert node.order("parts %d" % size) == "refused ticket"
    ticket = node.ticket("all", ALL)
    assert rows(node) == ROWS
    # More than there is room for.
    assert node.order("begin %s %d" % (ticket, size)) == "more %d" % size
    with contextlib.suppress(ConnectionResetError):
        assert node.order("parts %d" % (size + 1)) == "gone"
    wait_for(lambda: "http 0 sent more than it was given room for" in node.log, 30, "word of it")
    wait_for(lambda: "restarting the node: worker raft 0" in node.log, 30, "a new start")
    node.connection = None
    node.wait_ready()
    assert rows(node) == ROWS
    # And that it is a command indeed.
    assert node.order("begin %s %d" % (node.ticket("all", ALL), size)) == "more %d" % size
    assert node.order("parts %d" % size) == 'result done [{"last_insert_id":1,"rows_affected":1}]'


# --- it can't read without a ticket ---

@pytest.mark.parametrize("mode", ["query", "request", "analyze"])
def test_captured_http_can_not_read_without_a_ticket(node, mode):
    tickets = dict(NO_TICKETS, stranger=node.ticket("execute", EXECUTE))
    for name, ticket in tickets.items():
        for kind in ("execute", "query", "request"):
            answer = node.order("query %s %s %s SELECT secret FROM t" % (ticket, mode, kind))
            assert answer == "result ticket", (name, kind)
    assert rows(node) == ROWS


def test_captured_http_can_not_read_by_the_check_of_readiness(node):
    """The one question that needs no ticket has no statement but its own."""
    assert node.order("query - check query SELECT secret FROM t") == \
        'result done [{"columns":["1"],"types":["integer"],"values":[[1]]}]'


def test_captured_http_can_not_read_by_raft(node):
    """An execute user gets no rows of a SELECT, and none at all through other kinds."""
    ticket = node.ticket("execute", EXECUTE)
    assert node.order("execute %s query SELECT secret FROM t" % ticket) == "refused ticket"
    assert node.order("execute %s request SELECT secret FROM t" % ticket) == "refused ticket"
    assert "hidden" not in node.order("execute %s execute SELECT secret FROM t" % ticket)
    for name, empty in NO_TICKETS.items():
        assert node.order("execute %s query SELECT secret FROM t" % empty) == "refused ticket", name
        assert node.order("barrier %s" % empty) == "refused ticket", name


# --- it can't raise its permissions ---

def flipped(ticket, bit):
    data = bytearray.fromhex(ticket)
    data[bit // 8] ^= 1 << bit % 8
    return data.hex()


def test_captured_http_can_not_forge_a_ticket(node):
    """Each bit of what a ticket says counts, and each of the MAC that is looked at."""
    ticket = node.ticket("query", QUERY)
    assert node.order("query %s query query SELECT secret FROM t" % ticket) == ROWS
    assert node.order("barrier %s" % ticket).startswith("at ")
    for bit in range(TICKET * 8):
        part = "body" if bit < BODY * 8 else "raft" if bit < RAFT_END * 8 else "read"
        forged = flipped(ticket, bit)
        answer = node.order("execute %s execute DELETE FROM t" % forged)
        assert answer == "refused ticket", bit
        # What the true one may do, just after raft has seen it.
        assert node.order("barrier %s" % ticket).startswith("at ")
        answer = node.order("barrier %s" % forged)
        assert answer.startswith("at ") if part == "read" else answer == "refused ticket", bit
        answer = node.order("query %s query query SELECT secret FROM t" % forged)
        assert answer == (ROWS if part == "raft" else "result ticket"), bit
    assert rows(node) == ROWS


def test_captured_http_can_not_raise_its_permissions(node):
    """The permissions of one ticket with the seals of another, and each seal in the other's place."""
    query, all_ = (bytes.fromhex(node.ticket(user, perms)) for user, perms in (("query", QUERY), ("all", ALL)))
    body, raft, read = query[:BODY], query[BODY:RAFT_END], query[RAFT_END:]
    forged = {"all body": all_[:BODY] + raft + read, "all seals": body + all_[BODY:],
              "all perms": body[:24] + all_[24:BODY] + raft + read,
              "read's seal for raft": body + read + read, "raft's seal for read": body + raft + raft}
    for name, ticket in forged.items():
        answer = node.order("execute %s execute DELETE FROM t" % ticket.hex())
        assert answer == "refused ticket", name
    for name in ("all body", "all seals", "all perms", "raft's seal for read"):
        answer = node.order("query %s request request SELECT secret FROM t" % forged[name].hex())
        assert answer == "result ticket", name
    # Who may query only may not have a request run either.
    assert node.order("query %s request request SELECT secret FROM t" % query.hex()) == "result ticket"
    assert node.order("query %s request request SELECT secret FROM t" % all_.hex()) == ROWS
    assert rows(node) == ROWS


def test_captured_http_gets_no_ticket_for_a_wrong_password(node):
    """Of who is not known it gets what everybody has: nothing here."""
    for login in ("all wrong", "nobody " + PASSWORDS["all"], "all"):
        known, perms, _, ticket = node.order("login " + login).split()
        assert (known, perms) == ("unknown", "0"), login
        assert node.order("query %s query query SELECT secret FROM t" % ticket) == "result ticket", login
        assert node.order("execute %s execute DELETE FROM t" % ticket) == "refused ticket", login
    assert rows(node) == ROWS


def test_captured_http_can_not_guess_passwords(fresh):
    """Whatever addresses it names: past twenty wrong ones a second the right one is refused unseen."""
    node = fresh()
    right, wrong = "login all " + PASSWORDS["all"], "login all guess"
    ticket, query = node.ticket("all", ALL), node.ticket("query", QUERY)
    nobody = node.order("login all wrong").split()[3]
    for _ in range(300):  # more than are looked at in advance
        assert node.order(wrong).startswith("unknown 0 ")
    # Now and then a guess is free again; it is the next wrong one's, mostly.
    assert "unknown" in {node.order(right).split()[0] for _ in range(20) if node.order(wrong)}
    # Nor does the ticket of another help, one that is no ticket, or nobody's.
    for other in (query, flipped(ticket, 200), nobody, *NO_TICKETS.values()):
        again = "again %s " % other + right[len("login "):]
        assert "unknown" in {node.order(again).split()[0] for _ in range(20) if node.order(wrong)}
    # Who was let in is let in again meanwhile: his password is no secret to who has his ticket.
    for _ in range(20):
        node.order(wrong)
        assert node.order("again %s " % ticket + right[len("login "):]).startswith("known %d " % ALL)
        assert node.order("again %s all guess" % ticket).startswith("unknown 0 ")
    wait_for(lambda: node.order(right).startswith("known %d " % ALL), 30, "an end of the limit")


# --- it can't replay ---

def test_captured_http_can_not_replay_a_ticket_of_an_old_generation(fresh):
    """After a reload no ticket of before is good, also not if its user is still there."""
    node = fresh()
    old = {user: node.ticket(user, perms) for user, perms in (("query", QUERY), ("all", ALL))}
    assert node.order("execute %s execute CREATE TABLE t(x)" % old["all"]) == "result done [{}]"
    assert node.order("query %s query query SELECT x FROM t" % old["query"]) == \
        'result done [{"columns":["x"],"types":[""]}]'
    node.write_users("query", "execute")
    node.reload()
    ask = "query %s query query SELECT x FROM t"
    assert node.order(ask % old["query"]) == "result ticket"
    assert node.order("barrier " + old["query"]) == "refused ticket"
    assert node.order(ask % old["all"]) == "result ticket"
    assert node.order("execute %s execute INSERT INTO t VALUES(1)" % old["all"]) == "refused ticket"
    # Its number raised to that of now, without the seal for it.
    for ticket in old.values():
        raised = "02" + ticket[2:]
        assert node.order(ask % raised) == "result ticket"
        assert node.order("execute %s execute INSERT INTO t VALUES(1)" % raised) == "refused ticket"
    assert node.order("login all " + PASSWORDS["all"]).startswith("unknown 0 2 ")
    new = node.ticket("query", QUERY)
    assert node.order(ask % new) == 'result done [{"columns":["x"],"types":[""]}]'


def test_captured_http_can_not_replay_a_ticket_of_an_earlier_start(fresh):
    """The keys of tickets are drawn anew with each start."""
    node = fresh()
    old = node.ticket("all", ALL)
    assert node.order("execute %s execute CREATE TABLE t(x)" % old) == "result done [{}]"
    node.connection.close()
    node.connection = None
    assert node.stop() == 0
    node.start()
    assert node.order("execute %s execute INSERT INTO t VALUES(1)" % old) == "refused ticket"
    assert node.order("query %s query query SELECT x FROM t" % old) == "result ticket"


# --- it can't have a ticket renewed that is worth nothing ---

def refuses_renewal(node, ticket):
    """It is worth what everybody has, nothing, and so is what comes for it."""
    known, perms, _, given = node.order("renew " + ticket).split()
    assert (known, perms, len(given)) == ("unknown", "0", 2 * TICKET), ticket
    assert node.order("query %s query query SELECT secret FROM t" % given) == "result ticket", ticket
    assert node.order("execute %s execute DELETE FROM t" % given) == "refused ticket", ticket


def test_captured_http_can_not_renew_a_forged_ticket(node):
    """Each bit counts, those of either seal as well: auth looks at both."""
    ticket = node.ticket("all", ALL)
    for bit in range(TICKET * 8):
        assert node.order("renew " + flipped(ticket, bit)).startswith("unknown 0 1 "), bit
    for forged in (*NO_TICKETS.values(), flipped(ticket, 0), flipped(ticket, TICKET * 8 - 1)):
        refuses_renewal(node, forged)
    # Of the same generation it is worth what it was, and dies when it would have.
    known, perms, generation, given = node.order("renew " + ticket).split()
    assert (known, int(perms), generation, given) == ("unknown", ALL, "1", ticket)
    assert rows(node) == ROWS


def test_captured_http_can_not_renew_one_ticket_as_another(node):
    query, all_ = (bytes.fromhex(node.ticket(user, perms)) for user, perms in (("query", QUERY), ("all", ALL)))
    refuses_renewal(node, (query[:16] + all_[16:24] + query[24:]).hex())
    refuses_renewal(node, (all_[:BODY] + query[BODY:]).hex())
    refuses_renewal(node, (query[:BODY] + all_[BODY:RAFT_END] + query[RAFT_END:]).hex())
    assert node.order("renew " + query.hex()).split()[:3] == ["unknown", str(QUERY), "1"]


def test_captured_http_can_not_renew_a_ticket_of_who_is_gone(fresh):
    """After a reload a ticket is worth what its user may now, if that one is the same, and no longer than before."""
    node = fresh()
    old = {user: node.ticket(user, perms) for user, perms in (("query", QUERY), ("execute", EXECUTE), ("all", ALL))}
    assert node.order("execute %s execute CREATE TABLE t(secret)" % old["all"]) == "result done [{}]"
    assert node.order("execute %s execute INSERT INTO t VALUES('hidden')" % old["all"]).startswith("result done ")
    node.write_users(all={"password": "rules-now"}, query={"perms": ["execute"]})
    node.reload()
    refuses_renewal(node, old["all"])
    refuses_renewal(node, old["execute"])
    known, perms, generation, given = node.order("renew " + old["query"]).split()
    assert (known, int(perms), generation) == ("unknown", EXECUTE, "2")
    assert given[16:48] == old["query"][16:48], "its end or its user is another"
    assert node.order("query %s query query SELECT secret FROM t" % given) == "result ticket"
    assert node.order("execute %s execute INSERT INTO t VALUES('2')" % given).startswith("result done ")
    # What was void stays void, and the new one is with the next reload.
    assert node.order("execute %s execute INSERT INTO t VALUES('3')" % old["query"]) == "refused ticket"
    node.write_users("execute", "all")
    node.reload()
    assert node.order("execute %s execute INSERT INTO t VALUES('4')" % given) == "refused ticket"
    refuses_renewal(node, given)
    # Who is back with the old secret was never away.
    assert node.order("renew " + old["all"]).split()[:3] == ["unknown", str(ALL), "3"]


def test_captured_http_can_not_renew_a_ticket_of_an_earlier_start(fresh):
    node = fresh()
    old = node.ticket("all", ALL)
    node.connection.close()
    node.connection = None
    assert node.stop() == 0
    node.start()
    assert node.order("execute %s execute CREATE TABLE t(secret)" % node.ticket("all", ALL)) == "result done [{}]"
    refuses_renewal(node, old)


# --- it can't sign anything but a handshake ---

EC = "ec -pkeyopt ec_paramgen_curve:P-256"
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
HASH = hashlib.sha256(b"a transcript").digest()
RANDOMS = hashlib.shake_256(b"client and server").digest(64)
X25519 = b"\x03\x00\x1d\x20" + hashlib.sha256(b"a point").digest()


def tls13(who, digest=HASH):
    return b" " * 64 + b"TLS 1.3, %s CertificateVerify\0" % who + digest


def pkcs1(info, digest, size=256, kind=1):
    tail = b"\0" + info + digest
    return bytes([0, kind]) + b"\xff" * (size - 2 - len(tail)) + tail


def verifies(node, scheme, content, signature):
    """Whether this is what a TLS client takes as a signature of the content."""
    padding, bits = scheme.split("-")
    options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if padding == "pss" else []
    (node.dir / "content").write_bytes(content)
    (node.dir / "signature").write_bytes(signature)
    return subprocess.run(["openssl", "dgst", "-sha" + bits, *options, "-prverify", node.key_file, "-signature",
                           node.dir / "signature", node.dir / "content"], capture_output=True,
                          check=False).returncode == 0


HANDSHAKES = {"tls12": RANDOMS + X25519, "tls13": tls13(b"server")}
NO_HANDSHAKE = {
    "a digest": HASH,
    "a client's CertificateVerify": tls13(b"client"),
    "a server's and more": tls13(b"server") + b"\0",
    "a transcript hash of another size": tls13(b"server", HASH[:20]),
    "TLS 1.2 and more": RANDOMS + X25519 + b"\0",
    "TLS 1.2 cut short": (RANDOMS + X25519)[:-1],
    "a group that is not offered": RANDOMS + b"\x03\x00\x1e\x38" + bytes(56),
    "an explicit curve": RANDOMS + b"\x01" + X25519[1:],
    "a text": b"I owe the bearer a thousand.",
    "a ciphertext to decrypt": bytes([0]) + hashlib.shake_256(b"secret").digest(255),
    "a padded block": pkcs1(SHA256_INFO, HASH),
    "nothing": b"",
}


def died_of(node, reason, pid):
    """The worker said why it ended, and the whole node was started again."""
    wait_for(lambda: "restarting the node: worker key 0 (pid %d) exited with status 1" % pid in node.log, 30,
             "death of key")
    wait_for(lambda: re.search("http 0" + reason, node.log), 30, "word of " + reason)
    node.connection = None
    node.wait_ready()


def refused(node, order, reason):
    pid = node.workers()["key"]
    with contextlib.suppress(ConnectionResetError):
        assert node.order(order) == "gone"
    died_of(node, reason, pid)


@pytest.mark.parametrize("name", NO_HANDSHAKE)
@pytest.mark.parametrize("key_type", ["rsa:2048", EC], ids=["RSA", "EC"])
def test_captured_http_can_sign_nothing_but_handshakes(fresh, key_type, name):
    """key signs what a server signs in one, and ends the node's life for anything else."""
    node = fresh(key_type=key_type)
    for scheme in ("pss-256", "pkcs1-256") if key_type != EC else ("ecdsa-256",):
        kind, signature = node.order("sign %s %s" % (scheme, HANDSHAKES["tls12"].hex())).split()
        assert kind == "signed"
        assert verifies(node, scheme, HANDSHAKES["tls12"], bytes.fromhex(signature))
    refused(node, "sign %s %s" % (scheme, NO_HANDSHAKE[name].hex() or "-"),
            " asked for what no handshake contains: a text that no handshake signs")


@pytest.mark.parametrize(("key_type", "scheme", "form", "reason"), [
    ("rsa:2048", "ecdsa-256", "tls12", "a signature of another kind than the key's"),
    (EC, "pss-256", "tls13", "a signature of another kind than the key's"),
    ("rsa:2048", "pkcs1-256", "tls13", "a signature that TLS 1.3 does not have"),
    (EC, "ecdsa-384", "tls13", "a signature that TLS 1.3 does not have"),
])
def test_captured_http_can_sign_no_other_kind(fresh, key_type, scheme, form, reason):
    node = fresh(key_type=key_type)
    good = "pss-384" if key_type != EC else "ecdsa-256"
    assert node.order("sign %s %s" % (good, HANDSHAKES[form].hex())).startswith("signed ")
    refused(node, "sign %s %s" % (scheme, HANDSHAKES[form].hex()),
            " asked for what no handshake contains: " + reason)


@pytest.mark.parametrize(("key_type", "order"), [
    ("rsa:2048", "sign block " + pkcs1(SHA256_INFO, HASH).hex()), (EC, "sign digest " + HASH.hex())],
    ids=["RSA", "EC"])
def test_captured_http_can_have_no_digest_signed(fresh, key_type, order):
    """What other builds ask so, for want of a TLS library that shows more, is no message here."""
    refused(fresh(key_type=key_type), order, r": message \d+: malformed message")


# --- it can't exhaust or shut out the others ---

def child(node, name):
    """The master's child that runs this program."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (path / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if int(parent) == node.process.pid and os.path.basename(os.readlink(path / "exe")) == name:
                return int(path.name)
    raise AssertionError("no " + name)


def listener(node):
    """The descriptor of the HTTP port in the master."""
    inode, = [line.split()[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()
              if ":%04X 00000000:0000 0A" % node.port in line]
    for name in os.listdir("/proc/%d/fd" % node.process.pid):
        if os.readlink("/proc/%d/fd/%s" % (node.process.pid, name)) == "socket:[%s]" % inode:
            return int(name)
    raise AssertionError("no listener")


def peak_kb(pid):
    """The most memory the process ever had."""
    status = pathlib.Path("/proc/%d/status" % pid).read_text()
    return int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.parametrize("role", ["auth", "key", "raft", "sql", "read"])
def test_captured_http_can_not_fill_the_memory_of(fresh, role):
    """Who asks and reads no answer is given up and replaced; the others' life goes on."""
    node = fresh()
    workers, pid = node.workers(), child(node, "captured")
    with contextlib.suppress(ConnectionError):
        assert node.order("flood %s 4000000" % role) == "gone"
    said = r"^\[%s\] .* http 0 does not read, giving it up$" % role
    wait_for(lambda: re.search(said, node.log, re.M), 30, "word of it")
    wait_for(lambda: not alive(pid), 30, "its end")
    assert "worker http 0 does not read what %s 0 says, killing it" % role in node.log
    assert peak_kb(workers[role]) < 100 * 1024
    assert node.workers() == workers
    node.connection = None
    node.wait_ready()
    assert node.order("read_index").startswith("at ")


def test_captured_http_can_not_fill_the_memory_of_raft_by_reads_that_wait(fresh):
    """Until the database, which stands still here, has applied what was committed before."""
    node = fresh()
    workers, ticket = node.workers(), node.ticket("query", QUERY)
    os.kill(workers["sql"], signal.SIGSTOP)
    try:
        assert node.order("barrier " + ticket) == "silence"
        with contextlib.suppress(ConnectionError):
            assert node.order("flood raft-index 4000000") == "gone"
        wait_for(lambda: "worker http 0 does not read what raft 0 says, killing it" in node.log, 30, "its end")
        assert peak_kb(workers["raft"]) < 100 * 1024
    finally:
        os.kill(workers["sql"], signal.SIGCONT)
    assert node.workers() == workers


def test_captured_http_can_not_fill_the_memory_of_the_master(fresh):
    """It answers no question while its answers lie unread."""
    node = fresh()
    workers, before = node.workers(), peak_kb(node.process.pid)
    assert node.order("flood master 100000") == "sent"
    assert peak_kb(node.process.pid) - before < 4096
    wait_for(lambda: node.order("status master").startswith("{"), 30, "an answer once the others are read")
    assert node.workers() == workers


def test_captured_http_can_not_keep_the_port_shut(fresh):
    """Once it is gone the next http is reached again."""
    node = fresh()
    assert node.order("shut") == "shut"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", node.port), 10)
    pid = child(node, "captured")
    os.kill(pid, signal.SIGKILL)
    node.connection = None
    node.wait_ready()
    assert child(node, "captured") != pid
    flags = pathlib.Path("/proc/%d/fdinfo/%d" % (node.process.pid, listener(node))).read_text()
    assert int(re.search(r"flags:\s+(\d+)", flags).group(1), 8) & os.O_NONBLOCK


# --- what it does get, said in the manual ---

def test_captured_http_sees_status(node):
    """What /status shows is no secret to http, whose pages it makes."""
    for role in ("master", "raft", "sql"):
        assert isinstance(json.loads(node.order("status %s" % role)), dict), role


def test_captured_http_can_refuse_a_reload(fresh):
    """Who must be sure that a user is out restarts the node when the log says this."""
    node = fresh()
    assert node.order("veto") == "so be it"
    node.write_users("query")
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload refused, the files in use stay in use" in node.log, 30, "a refused reload")
    assert "reload: http: vetoed" in node.log
    node.ticket("all", ALL)
