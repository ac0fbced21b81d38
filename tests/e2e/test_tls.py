"""HTTPS: versions, ALPN, client certificates, start-up errors, renewal without loss."""

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import START_LIMIT, wait_for

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
RSA = ["-newkey", "rsa:2048"]


def openssl(*arguments, **more):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, **more)
    assert done.returncode == 0, done.stderr
    return done


def make_certificate(directory, name, kind=EC, issuer=None, common_name="localhost"):
    """NAME.crt and NAME.key, signed by issuer or by itself."""
    cert, key = str(directory / (name + ".crt")), str(directory / (name + ".key"))
    by = ["-CA", str(directory / (issuer + ".crt")), "-CAkey", str(directory / (issuer + ".key"))] if issuer else []
    extension = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"] if issuer else []
    openssl("req", "-x509", *kind, "-nodes", "-days", "2", "-subj", "/CN=" + common_name, "-out", cert, "-keyout",
            key, *extension, *by)
    os.chmod(key, 0o600)
    return cert, key


def replace(source, target):
    """Puts a file in another's place in one step, as renewal tools do."""
    with open(source, "rb") as old, open(target + ".new", "wb") as new:
        new.write(old.read())
    os.chmod(target + ".new", 0o600)
    os.rename(target + ".new", target)


def context(ca=None, cert=None, alpn=None, highest=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = ca is not None
    made.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        made.load_verify_locations(ca)
    if cert:
        made.load_cert_chain(*cert)
    if alpn:
        made.set_alpn_protocols(alpn)
    if highest:
        made.maximum_version = highest
    return made


def get(node, path="/db/query?q=SELECT+1", **how):
    """The answer's bytes of one request on a connection of its own."""
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain:
        with context(**how).wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path).encode())
            answer = b""
            while True:
                piece = secure.recv(65536)
                if not piece:
                    return answer
                answer += piece


def served(node, **how):
    with contextlib.suppress(OSError):
        return get(node, **how).startswith(b"HTTP/1.1 200")
    return False


def start(node, **how):
    """Starts a node whose port is TLS."""
    node.launch()
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        assert node.process.poll() is None, node.log
        with contextlib.suppress(OSError):
            if get(node, "/readyz", **how).startswith(b"HTTP/1.1 200"):
                return node
        time.sleep(0.02)
    raise AssertionError("not ready:\n" + node.log[-3000:])


@pytest.fixture
def secure(make_node):
    """A node with certificates "one" (in use) and "two" (another), both of "ca"."""
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    cert, key = make_certificate(node.dir, "one", issuer="ca")
    node.flags += ["-http-cert", cert, "-http-key", key]
    return node


def serial(node):
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as plain:
        with context().wrap_socket(plain, server_hostname="localhost") as connection:
            return connection.getpeercert(True)


# --- versions and protocols ---

@pytest.mark.parametrize("kind", [EC, RSA, ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"]],
                         ids=["p256", "rsa", "p384"])
def test_curl_over_both_protocols(make_node, kind):
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    cert, key = make_certificate(node.dir, "one", kind=kind, issuer="ca")
    node.flags += ["-http-cert", cert, "-http-key", key]
    ca = str(node.dir / "ca.crt")
    start(node, ca=ca)
    for flag, version in (("--http1.1", "1.1"), ("--http2", "2")):
        done = subprocess.run(["curl", "-sS", flag, "--cacert", ca, "-w", "\n%{http_version} %{http_code}",
                               "https://localhost:%d/db/query?q=SELECT+1" % node.port],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert '"values":[[1]]' in done.stdout and done.stdout.endswith("\n%s 200" % version)
    body = "x" * 300000
    done = subprocess.run(["curl", "-sS", "--http2", "--cacert", ca, "-H", "Content-Type: application/json", "-d", "@-",
                           "https://localhost:%d/db/query" % node.port], input='["SELECT length(\'%s\')"]' % body,
                          capture_output=True, text=True, timeout=60)
    assert "[[300000]]" in done.stdout, done.stderr


@pytest.mark.parametrize("offered, chosen", [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1"),
                                             (["http/1.1", "h2"], "h2"), (None, None)])
def test_alpn(secure, offered, chosen):
    start(secure)
    with socket.create_connection(("127.0.0.1", secure.port)) as plain:
        with context(alpn=offered).wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.selected_alpn_protocol() == chosen


def records(stream):
    """Whole TLS records in a piece of a stream."""
    count = 0
    while stream:
        size = 5 + int.from_bytes(stream[3:5], "big")
        assert len(stream) >= size, "a record in part"
        stream, count = stream[size:], count + 1
    return count


def test_short_answer_is_one_record(secure):
    start(secure)
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context().wrap_bio(received, sent, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        def until_done(step):
            """All that came until a step of the client was done."""
            came = b""
            while True:
                try:
                    done = step()
                    plain.sendall(sent.read())
                    return done, came
                except ssl.SSLWantReadError:
                    plain.sendall(sent.read())
                    piece = plain.recv(65536)
                    came += piece
                    received.write(piece)

        until_done(client.do_handshake)
        for row in (b"[[1]]", b"[[2]]"):  # the first comes behind the session ticket
            client.write(b"GET /db/query?q=SELECT+%s HTTP/1.1\r\nHost: x\r\n\r\n" % row[2:3])
            answer, came = until_done(lambda: client.read(65536))
            assert row in answer
        assert records(came) == 1


def gone(node):
    """How many clients left before their answer."""
    answer = get(node, "/metrics")
    return int(re.search(rb"clients_gone\S* (\d+)\n", answer)[1])


@pytest.mark.parametrize("farewell", [True, False], ids=["with a farewell", "without"])
def test_client_that_leaves_is_noticed(secure, farewell):
    start(secure)
    slow = "/db/query?q=WITH+RECURSIVE+n(i)+AS+(SELECT+1+UNION+ALL+SELECT+i%2B1+FROM+n)+SELECT+max(i)+FROM+n"
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        connection = context().wrap_socket(plain, server_hostname="localhost")
        connection.sendall(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % slow).encode())
        wait_for(lambda: b"rqlited_requests_at_read 1" in get(secure, "/metrics"), 30, "the query to run")
        assert gone(secure) == 0
        if farewell:
            with contextlib.suppress(OSError):
                connection.settimeout(0.05)
                connection.unwrap()
        connection.close()
    wait_for(lambda: gone(secure) == 1, 30, "the end of the query")


def test_requests_in_a_row_are_all_answered(secure):
    start(secure)
    with socket.create_connection(("127.0.0.1", secure.port), timeout=10) as plain:
        with context().wrap_socket(plain, server_hostname="localhost") as connection:
            for number in range(50):  # a record each
                connection.sendall(b"GET /db/query?q=SELECT+'n%d' HTTP/1.1\r\nHost: x\r\n\r\n" % number)
            answers = b""
            while answers.count(b"HTTP/1.1 200") < 50 or not answers.endswith(b"}"):
                answers += connection.recv(65536)
    assert re.findall(rb"\[\[\"n(\d+)\"\]\]", answers) == [b"%d" % n for n in range(50)]


def test_http2_off(secure):
    secure.flags += ["-http2=false"]
    start(secure)
    with socket.create_connection(("127.0.0.1", secure.port)) as plain:
        with context(alpn=["h2", "http/1.1"]).wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"


def s_client(node, *arguments):
    done = subprocess.run(["openssl", "s_client", "-connect", node.address, *arguments], input="", capture_output=True,
                          text=True, timeout=60)
    return done.returncode == 0 and "Cipher is (NONE)" not in done.stdout


@pytest.mark.parametrize("arguments, accepted", [
    (["-tls1_3"], True), (["-tls1_2"], True),
    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], False), (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], False),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], True),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], True),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0"], False),
    (["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"], False),
], ids=lambda a: "-".join(a) if isinstance(a, list) else str(a))
def test_versions_and_ciphers(secure, arguments, accepted):
    start(secure)
    assert s_client(secure, *arguments) is accepted
    assert served(secure)


def test_renegotiation_is_refused(secure):
    start(secure)
    done = subprocess.Popen(["openssl", "s_client", "-tls1_2", "-connect", secure.address], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    time.sleep(0.3)
    with contextlib.suppress(BrokenPipeError):
        done.stdin.write("R\n")
        done.stdin.flush()
        time.sleep(0.3)
        done.stdin.write("GET /db/query?q=SELECT+42 HTTP/1.0\r\n\r\n")
        done.stdin.flush()
    output, _ = done.communicate(timeout=10)
    assert "RENEGOTIATING" in output and "[[42]]" not in output
    assert served(secure)


def test_plain_http_on_the_port(secure):
    start(secure)
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as plain:
        plain.sendall(b"GET /db/query?q=SELECT+42 HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := plain.recv(4096):
                answer += piece
    assert b"42" not in answer
    assert served(secure)


# --- client certificates ---

def test_client_certificates(make_node):
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    make_certificate(node.dir, "other", common_name="another authority")
    cert, key = make_certificate(node.dir, "one", issuer="ca")
    right = make_certificate(node.dir, "client", issuer="ca", common_name="a client")
    wrong = make_certificate(node.dir, "stranger", issuer="other", common_name="a client")
    node.flags += ["-http-cert", cert, "-http-key", key, "-http-ca-cert", str(node.dir / "ca.crt"),
                   "-http-verify-client"]
    start(node, cert=right)
    assert (" secure HTTPS server enabled with cert %s, key %s, CA cert %s, mutual TLS enabled\n"
            % (cert, key, node.dir / "ca.crt")) in node.log
    assert served(node, cert=right, alpn=["http/1.1"])
    assert served(node, cert=right, highest=ssl.TLSVersion.TLSv1_2)
    for highest in (None, ssl.TLSVersion.TLSv1_2):
        assert not served(node, cert=wrong, highest=highest)
        assert not served(node, highest=highest)
    assert served(node, cert=right)


def test_common_name_of_client(make_node):
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    cert, key = make_certificate(node.dir, "one", issuer="ca")
    right = make_certificate(node.dir, "client", issuer="ca", common_name="a client")
    wrong = make_certificate(node.dir, "stranger", issuer="ca", common_name="a clien")
    node.flags += ["-http-cert", cert, "-http-key", key, "-http-ca-cert", str(node.dir / "ca.crt"),
                   "-http-verify-client", "-http-verify-common-name", "a client"]
    start(node, cert=right)
    assert (' secure HTTPS server enabled with cert %s, key %s, CA cert %s, mutual TLS enabled, required client CN '
            '"a client"\n' % (cert, key, node.dir / "ca.crt")) in node.log
    assert not served(node, cert=wrong)
    assert not served(node)
    assert served(node, cert=right)


# --- start-up errors ---

def fails(node, *words):
    node.launch()
    assert node.process.wait(60) == 1, node.log
    for word in words:
        assert word in node.log, node.log


def test_key_of_another_certificate(secure):
    _, other = make_certificate(secure.dir, "two", issuer="ca")
    secure.flags[secure.flags.index("-http-key") + 1] = other
    fails(secure, "does not match")


def test_rsa_key_for_ec_certificate(secure):
    _, other = make_certificate(secure.dir, "two", kind=RSA, issuer="ca")
    secure.flags[secure.flags.index("-http-key") + 1] = other
    fails(secure, "does not match")


@pytest.mark.parametrize("flag, number", [("-http-cert", 1), ("-http-key", 3)])
@pytest.mark.parametrize("content", [b"", b"nonsense\n",
                                     b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_unreadable_content(secure, flag, number, content):
    path = secure.dir / "broken"
    path.write_bytes(content)
    secure.flags[number] = str(path)
    fails(secure)
    assert "failed" in secure.log or "can't" in secure.log or "no " in secure.log, secure.log


@pytest.mark.parametrize("number", [1, 3])
def test_missing_file(secure, number):
    secure.flags[number] = str(secure.dir / "nowhere")
    fails(secure, "nowhere", "no such file or directory")


# --- renewal ---

class Visitors:
    """Handshakes and requests without a pause; counts what failed."""

    def __init__(self, node, count=2):
        self.node, self.done, self.lost, self.over = node, 0, [], False
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def run(self):
        while not self.over:
            try:
                answer = get(self.node)
                if b"[[1]]" not in answer:
                    self.lost.append(answer[:100])
            except OSError as error:
                self.lost.append(repr(error))
            self.done += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join()


def renewed(node, old, limit):
    wait_for(lambda: serial(node) != old, limit, "the new certificate")


def test_renewal_by_signal_loses_nothing(secure):
    start(secure)
    cert, key = secure.flags[1], secure.flags[3]
    with socket.create_connection(("127.0.0.1", secure.port), timeout=5) as plain:
        with context().wrap_socket(plain) as kept, Visitors(secure) as visitors:
            for round_number in range(3):
                old = serial(secure)
                kind = RSA if round_number == 1 else EC
                new = make_certificate(secure.dir, "new", kind=kind, issuer="ca")
                replace(new[1], key)
                replace(new[0], cert)
                secure.process.send_signal(signal.SIGHUP)
                renewed(secure, old, 30)
            wait_for(lambda: visitors.done > 50, 60, "visitors")
            kept.sendall(b"GET /db/query?q=SELECT+7 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200"), secure.log
    assert visitors.lost == [], secure.log


def test_renewal_without_signal(secure):
    start(secure)
    old = serial(secure)
    new = make_certificate(secure.dir, "new", issuer="ca")
    with Visitors(secure) as visitors:
        # The files are seen at a moment when they do not belong together.
        replace(new[1], secure.flags[3])
        time.sleep(1.5)
        assert serial(secure) == old
        replace(new[0], secure.flags[1])
        renewed(secure, old, 30)
        wait_for(lambda: visitors.done > 20, 60, "visitors")
    assert visitors.lost == [], secure.log


def test_bad_renewal_changes_nothing(secure):
    start(secure)
    old = serial(secure)
    with open(secure.flags[1], "w", encoding="ascii") as cert:
        cert.write("nonsense\n")
    secure.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload refused" in secure.log, 30, "the refusal in the log")
    assert serial(secure) == old
    assert served(secure, ca=str(secure.dir / "ca.crt"))
    # Not even for who is born now.
    for role in ("http", "key"):
        before = secure.log.count("is now Leader")
        os.kill(secure.workers()[role], signal.SIGKILL)
        if role == "key":
            wait_for(lambda: secure.log.count("is now Leader") > before, 30, "the node again")
        wait_for(lambda: served(secure, ca=str(secure.dir / "ca.crt")), 30, "an answer")
        assert serial(secure) == old
    assert secure.process.poll() is None


def test_failed_handshakes_are_logged(make_node):
    """In rqlite's words, with the client's address, and not more than a line a second."""
    node = make_node()
    make_certificate(node.dir, "ca", common_name="an authority")
    make_certificate(node.dir, "other", common_name="another authority")
    cert, key = make_certificate(node.dir, "one", issuer="ca")
    right = make_certificate(node.dir, "client", issuer="ca", common_name="a client")
    stranger = make_certificate(node.dir, "stranger", issuer="other", common_name="a client")
    wrong = make_certificate(node.dir, "wrong", issuer="ca", common_name="another")
    node.flags += ["-http-cert", cert, "-http-key", key, "-http-ca-cert", str(node.dir / "ca.crt"),
                   "-http-verify-client", "-http-verify-common-name", "a client"]
    start(node, cert=right)
    line = r"^\[rqlited\] \S+ \S+ http: TLS handshake error from 127\.0\.0\.1:\d+: %s( \(and \d+ before\))?$"
    for how, text in (({"cert": None}, "tls: client didn't provide a certificate"),
                      ({"cert": stranger}, "tls: failed to verify certificate: x509: "
                                           "certificate signed by unknown authority"),
                      ({"cert": wrong}, 'client did not provide any valid certificate that matches CN "a client"')):
        wait_for(lambda how=how, text=text: not served(node, **how) and
                 re.search(line % re.escape(text), node.log, re.M), 10, text)

    def plain():
        with socket.create_connection(("127.0.0.1", node.port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while client.recv(4096):
                pass
        return re.search(line % "client sent an HTTP request to an HTTPS server", node.log, re.M)

    wait_for(plain, 30, "the plain request")
    before, began = node.log.count("handshake error"), time.monotonic()
    for _ in range(30):
        assert not served(node)
    assert node.log.count("handshake error") - before <= time.monotonic() - began + 2
    assert served(node, cert=right)
