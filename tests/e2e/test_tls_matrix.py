"""HTTPS, row by row: what openssl's client may and may not do, expired certificates, a thousand handshakes in renewals."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from conftest import START_LIMIT, wait_for
from test_tls import EC, RSA, Visitors, context, fails, get, make_certificate, openssl, renewed, replace, serial, start

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
HANDSHAKES = 1000


def make_expired(directory, name, common_name="localhost"):
    """NAME.crt and NAME.key of "ca", valid for a day twenty years ago."""
    cert, key, request = (str(directory / (name + end)) for end in (".crt", ".key", ".csr"))
    (directory / "index").write_text("")
    (directory / "serial").write_text("01\n")
    (directory / "ca.cnf").write_text(
        "[ca]\ndefault_ca = d\n[d]\ndatabase = {0}/index\nserial = {0}/serial\nnew_certs_dir = {0}\ndefault_md = sha256\n"
        "policy = p\ncertificate = {0}/ca.crt\nprivate_key = {0}/ca.key\nunique_subject = no\n"
        "[p]\ncommonName = supplied\n".format(directory))
    openssl("req", "-new", *EC, "-nodes", "-subj", "/CN=" + common_name, "-out", request, "-keyout", key)
    openssl("ca", "-batch", "-config", str(directory / "ca.cnf"), "-in", request, "-out", cert, "-notext",
            "-startdate", "20060101000000Z", "-enddate", "20060102000000Z")
    os.chmod(key, 0o600)
    return cert, key


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The directory of: ca (authority), one (server), client, nameless, expired, and a stranger's of other."""
    directory = tmp_path_factory.mktemp("certificates")
    make_certificate(directory, "ca", common_name="an authority")
    make_certificate(directory, "other", common_name="another authority")
    make_certificate(directory, "one", issuer="ca")
    make_certificate(directory, "client", issuer="ca", common_name="a client")
    make_certificate(directory, "namesake", issuer="ca", common_name="A client")
    make_certificate(directory, "stranger", issuer="other", common_name="a client")
    make_certificate(directory, "self", common_name="a client")
    make_expired(directory, "expired", common_name="a client")
    return directory


def pair(directory, name):
    return str(directory / (name + ".crt")), str(directory / (name + ".key"))


def serving(certificates, *flags):
    from conftest import Node
    cert, key = pair(certificates, "one")
    return Node("-http-cert", cert, "-http-key", key, *flags)


@pytest.fixture(scope="module")
def plain(certificates):
    """A node that asks no certificate of its clients; shared."""
    node = start(serving(certificates))
    yield node
    node.close()


def client_of(certificates, *flags):
    node = serving(certificates, "-http-ca-cert", str(certificates / "ca.crt"), "-http-verify-client", *flags)
    return start(node, cert=pair(certificates, "client"))


@pytest.fixture(scope="module")
def verifying(certificates):
    node = client_of(certificates)
    yield node
    node.close()


@pytest.fixture(scope="module")
def naming(certificates):
    node = client_of(certificates, "-http-verify-common-name", "a client")
    yield node
    node.close()


def asks(node, *arguments):
    """Whether openssl's client, used so, gets an answer; and all that it said."""
    with subprocess.Popen(["openssl", "s_client", "-connect", node.address, "-ign_eof", *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        request = b"GET /db/query?q=SELECT+42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        said, _ = client.communicate(request, timeout=60)
    return b"[[42]]" in said, said.decode(errors="replace")


# --- versions and ciphers ---

@pytest.mark.parametrize("arguments", [
    ["-tls1_2"], ["-tls1_3"],
    *(["-tls1_2", "-cipher", name] for name in (
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305")),
    *(["-tls1_3", "-ciphersuites", name] for name in (
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")),
    *(["-groups", name] for name in ("X25519", "P-256", "P-384", "P-521")),
], ids=" ".join)
def test_modern_is_accepted(plain, arguments):
    answered, said = asks(plain, *arguments)
    assert answered, said


@pytest.mark.parametrize("arguments", [
    ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
    *(["-tls1_2", "-cipher", name + ":@SECLEVEL=0"] for name in (
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-NULL-SHA",
        "AECDH-AES128-SHA", "ADH-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256", "AES128-SHA",
        "NULL-SHA256", "CAMELLIA128-SHA")),
    ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"], ["-groups", "ffdhe2048"],
    *(["-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-sigalgs", "ECDSA+" + name] for name in ("SHA1", "SHA224")),
], ids=" ".join)
def test_weak_is_refused(plain, arguments):
    workers = plain.workers()
    answered, said = asks(plain, *arguments)
    assert not answered
    assert "alert" in said, "the server refused it, and said so: " + said
    assert asks(plain)[0]
    assert plain.workers() == workers, "nobody took a client's wish for a break-in"


def test_no_compression_and_secure_renegotiation_only(plain):
    _, said = asks(plain, "-tls1_2")
    assert "Compression: NONE" in said and "Secure Renegotiation IS supported" in said, said


# --- client certificates ---

CLIENTS = [("client", True, True), ("namesake", True, False), ("stranger", False, False), ("self", False, False),
           ("expired", False, False), (None, False, False)]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name, verified, named", CLIENTS, ids=[str(row[0]) for row in CLIENTS])
def test_client_certificate(certificates, plain, verifying, naming, name, verified, named, version):
    cert, key = pair(certificates, name) if name else (None, None)
    mine = ["-cert", cert, "-key", key] if name else []
    for node, accepted in ((plain, True), (verifying, verified), (naming, named)):
        answered, said = asks(node, version, *mine)
        assert answered == accepted and ("SSL alert" in said) != accepted, said


# --- start-up errors ---

def test_expired_certificate_is_a_start_up_error(make_node):
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    cert, key = make_expired(node.dir, "old")
    node.flags += ["-http-cert", cert, "-http-key", key]
    fails(node, "certificate has expired")


@pytest.mark.parametrize("flag", ["-http-cert", "-http-key", "-http-ca-cert"])
def test_directory_instead_of_a_file(certificates, make_node, flag):
    cert, key = pair(certificates, "one")
    node = make_node("-http-cert", cert, "-http-key", key)
    where = node.dir / "directory"
    where.mkdir()
    node.flags += [flag, str(where)]
    fails(node, str(where))


@pytest.mark.parametrize("flag", ["-http-cert", "-http-key"])
def test_file_that_may_not_be_read(certificates, make_node, flag):
    node = make_node()
    for name in ("one.crt", "one.key"):
        shutil.copy(certificates / name, node.dir / name)
    node.flags += ["-http-cert", str(node.dir / "one.crt"), "-http-key", str(node.dir / "one.key")]
    if os.geteuid() == 0:  # who may read everything, so another user starts it
        wrapper = node.dir / "start"
        wrapper.write_text('#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups "%s" "$@"\n' % node.program)
        wrapper.chmod(0o755)
        node.program = str(wrapper)
        for path in (node.dir, *node.dir.iterdir()):
            os.chown(path, 65534, 65534)
    closed = pathlib.Path(node.flags[node.flags.index(flag) + 1])
    closed.chmod(0)
    fails(node, str(closed), "permission denied")
    closed.chmod(0o600)
    start(node)


# --- sessions ---

def http_workers(node):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == node.process.pid and os.readlink(path / "exe").endswith("rqlited-http"):
                found.append(int(path.name))
    return sorted(found)


def visit(node, using, session=None):
    """One request; whether its session was resumed, and the session it ended with."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as bare:
        with using.wrap_socket(bare, server_hostname="localhost", session=session) as connection:
            connection.sendall(b"GET /db/query?q=SELECT+42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            assert b"[[42]]" in answer
            return connection.session_reused, connection.session


@contextlib.contextmanager
def stopped(pid):
    """Only the others serve, for a moment: a worker that stays silent would be replaced."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])
def test_resumption_at_another_worker(certificates, make_node, version):
    cert, key = pair(certificates, "one")
    node = start(make_node("-http-cert", cert, "-http-key", key, "-http-workers", "2"))
    wait_for(lambda: len(http_workers(node)) == 2, START_LIMIT)
    first, second = http_workers(node)
    using = context()
    using.minimum_version = using.maximum_version = version
    with stopped(second):
        reused, session = visit(node, using)
        assert not reused
        assert visit(node, using, session)[0], "at the worker that gave it"
    with stopped(first):
        assert visit(node, using, session)[0], "at the other one"
    assert http_workers(node) == [first, second], node.log


def test_session_does_not_outlive_its_trust(certificates, make_node):
    """A client whose certificate is accepted no more can't come back by its session."""
    cert, key = pair(certificates, "one")
    node = make_node("-http-cert", cert, "-http-key", key, "-http-verify-client", "-http-ca-cert")
    trusted = str(node.dir / "trusted.crt")
    replace(str(certificates / "ca.crt"), trusted)
    node.flags.append(trusted)
    start(node, cert=pair(certificates, "client"))
    using = context(cert=pair(certificates, "client"))
    _, session = visit(node, using)
    assert visit(node, using, session)[0]
    replace(str(certificates / "other.crt"), trusted)
    node.process.send_signal(signal.SIGHUP)
    stranger = context(cert=pair(certificates, "stranger"))
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            visit(node, stranger)
            break
        assert time.monotonic() < deadline, node.log
    with pytest.raises(OSError):
        visit(node, using, session)


# --- renewal ---

def test_a_thousand_handshakes_during_renewals_lose_none(certificates, make_node):
    node = make_node("-http-workers", "2")
    make_certificate(node.dir, "ca", common_name="an authority")
    cert, key = make_certificate(node.dir, "one", issuer="ca")
    node.flags += ["-http-cert", cert, "-http-key", key]
    start(node)
    with contextlib.ExitStack() as held, Visitors(node, 4) as visitors:
        kept = [held.enter_context(context().wrap_socket(socket.create_connection(("127.0.0.1", node.port), timeout=5)))
                for _ in range(8)]
        rounds, deadline = 0, time.monotonic() + 300
        while rounds < 5 or visitors.done < HANDSHAKES:
            assert time.monotonic() < deadline, visitors.done
            old = serial(node)
            new = make_certificate(node.dir, "new", kind=RSA if rounds % 2 else EC, issuer="ca")
            replace(new[1], key)
            replace(new[0], cert)
            node.process.send_signal(signal.SIGHUP)
            renewed(node, old, 30)
            for connection in kept:
                connection.sendall(b"GET /db/query?q=SELECT+7 HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = b""
                while b"[[7]]" not in answer:
                    piece = connection.recv(65536)
                    assert piece, "a connection was dropped"
                    answer += piece
            rounds += 1
    assert visitors.done >= HANDSHAKES and visitors.lost == [], node.log
    assert get(node).startswith(b"HTTP/1.1 200")
