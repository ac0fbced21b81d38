"""HTTP/2 floods: each closes its own connection, and no other; who behaves is never closed."""

import contextlib
import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import wait_for
from h2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY, RST_STREAM,
                SETTINGS, WINDOW_UPDATE, Peer, block, frame, https, serve_tls)
from test_hostile import pss, still_served

MIB = 1 << 20
FLOOD_LIMIT = 400000  # frames: an unguarded server takes them all
CANCEL = b"\0\0\0\x08"
POST = b"\x83"
SLOW = block(b"/db/query?q=WITH+RECURSIVE+r(n)+AS(SELECT+1+UNION+ALL+SELECT+n%2b1+FROM+r)SELECT+count(*)FROM+r")
ROOT, ASK = block(b"/"), block(b"/db/query?q=SELECT+1")


def begun(kind):
    """Frames on a request that is begun and stays open."""
    return lambda n: (frame(HEADERS, END_HEADERS, 1, block(b"/db/query", POST)) if n == 0 else b"") + kind


def reset(path):
    return lambda n: (frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, path) +
                      frame(RST_STREAM, 0, 2 * n + 1, CANCEL))


FLOODS = {
    "rapid-reset": reset(ASK),
    "rapid-reset-of-root": reset(ROOT),
    "rapid-reset-of-nowhere": reset(block(b"/nowhere")),
    "made-to-reset": lambda n: frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, ASK) + frame(
        WINDOW_UPDATE, 0, 2 * n + 1, b"\0\0\0\0"),
    "made-to-reset-by-data": lambda n: frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, ASK) + frame(
        DATA, 0, 2 * n + 1, b"x" * 100),
    "settings": lambda n: frame(SETTINGS, 0, 0),
    "settings-full": lambda n: frame(SETTINGS, 0, 0, b"\0\4\0\0\xff\xff"),
    "ping": lambda n: frame(PING, 0, 0, b"12345678"),
    "ping-ack": lambda n: frame(PING, ACK, 0, b"12345678"),
    "empty-data": begun(frame(DATA, 0, 1)),
    "padded-data": begun(frame(DATA, 8, 1, b"\x02\0\0")),
    "tiny-data": begun(frame(DATA, 0, 1, b" ")),
    "continuation": lambda n: frame(HEADERS, END_STREAM, 1, ROOT) if n == 0 else frame(CONTINUATION, 0, 1),
    "priority": lambda n: frame(PRIORITY, 0, 2 * n + 1, b"\0\0\0\0\x10"),
    "window-update": lambda n: frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"),
    "unknown": lambda n: frame(0x42, 0, 0),
}


@pytest.fixture
def secure(make_node):
    return serve_tls(make_node())


def metric(node, name):
    return int(re.search(r"^rqlited_%s\S* (\d+)" % name, https(node, b"/metrics").decode(), re.M)[1])


def acknowledged(peer, kinds, count):
    """How many frames of these kinds the server has acknowledged, once there are so many or no more come."""
    seen = 0
    for kind, flags, _, _ in peer.frames(60) if count > 0 else ():
        seen += kind in kinds and flags == ACK
        if seen == count:
            break
    return seen


def flood(node, name, source="127.0.0.1"):
    """Sends until the server closes or the limit is reached: the error it gave (0: closed without), None if open."""
    with Peer(node, source) as peer:
        since = time.monotonic()
        for count in range(0, FLOOD_LIMIT, 500):
            going = peer.send(b"".join(FLOODS[name](n) for n in range(count, count + 500)))
            peer.drain()
            if not going or peer.closed or time.monotonic() - since > 60:
                break
        return (peer.error or 0) if peer.closed else None


@pytest.mark.parametrize("name", list(FLOODS))
def test_flood_closes_its_own_connection_only(secure, name):
    before, pids = pss(secure), secure.workers()
    with Peer(secure) as neighbour, still_served(secure, 1.5, https):
        error = flood(secure, name)
        assert neighbour.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, ASK)), "the neighbour is still connected"
        assert any(kind == DATA and b"[[1]]" in payload for kind, _, _, payload in neighbour.frames(30))
    # A reset may overtake the farewell, where bytes of ours were still unread.
    assert error in (0, ENHANCE_YOUR_CALM), "closed, and for no other reason"
    assert pss(secure) < before + 32 * MIB
    assert secure.workers() == pids, secure.log[-600:]


def test_farewell_says_why(secure):
    """Sent bit by bit, so that nothing is left unread, which would make the end a reset."""
    with Peer(secure) as peer:
        peer.drain(0.3)
        assert peer.send(frame(PING, 0, 0, b"12345678") * 990)
        assert acknowledged(peer, (PING,), 990) == 990 and not peer.closed, "so many are let pass"
        since = time.monotonic()
        while time.monotonic() - since < 60:
            peer.drain(0.01)
            if peer.closed or not peer.send(frame(PING, 0, 0, b"12345678") * 20):
                break
        assert peer.closed and peer.error == ENHANCE_YOUR_CALM


def test_flood_of_one_who_reads_nothing(secure):
    """Answers that nobody takes, and frames that go on after the end, fill no memory."""
    before = pss(secure)
    with Peer(secure) as peer:
        since, sent = time.monotonic(), 0
        while time.monotonic() - since < 60 and sent < 2000000 and peer.send(FLOODS["ping"](0) * 2000):
            sent += 2000
        assert peer.closed and sent < 2000000
    assert pss(secure) < before + 16 * MIB


def test_request_reset_at_once_is_not_begun(secure):
    """One that is not reset, of the same bytes, is answered."""
    with Peer(secure) as peer:
        peer.drain(0.3)
        before = metric(secure, "http_queries")
        assert peer.send(b"".join(FLOODS["rapid-reset"](n) for n in range(80)) +
                         frame(HEADERS, END_HEADERS | END_STREAM, 161, ASK))
        assert any(kind == DATA and b"[[1]]" in payload and on == 161 for kind, _, on, payload in peer.frames(30))
        assert metric(secure, "http_queries") == before + 1


# --- who floods again and again ---

@pytest.fixture
def lonely(make_node):
    """One http worker, so that it is clear who knows what."""
    return serve_tls(make_node("-http-workers", "1"))


def shun(node, source):
    for n in range(3):
        assert metric(node, "connections_delayed") == 0
        flood(node, "ping", source)
        assert metric(node, "http2_floods") == n + 1
    assert node.log.count(source + " abuses") == 1


def test_who_floods_thrice_is_let_in_slowly(lonely):
    with Peer(lonely, "127.0.0.2") as old:
        shun(lonely, "127.0.0.2")
        assert metric(lonely, "connections_delayed") == 0, "from elsewhere"
        assert b"[[1]]" in https(lonely, source="127.0.0.2"), "but it is let in"
        assert metric(lonely, "connections_delayed") == 1
        assert old.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, ASK)), "a connection it had is left alone"
        assert any(kind == DATA and b"[[1]]" in payload for kind, _, _, payload in old.frames(30))


def test_so_is_who_breaks_the_protocol(lonely):
    """Headers without an end, which h2o itself puts an end to."""
    for _ in range(3):
        with Peer(lonely, "127.0.0.2") as peer:
            assert peer.send(frame(HEADERS, 0, 1, ROOT))
            while peer.send(frame(CONTINUATION, 0, 1, b"\0" + b"\x7f\x81\x7d" + b"x" * 16100)):
                peer.drain()
    assert metric(lonely, "http2_floods") == 0
    assert b"[[1]]" in https(lonely, source="127.0.0.2")
    assert metric(lonely, "connections_delayed") == 1


def test_too_many_at_the_door_are_refused(lonely):
    shun(lonely, "127.0.0.2")
    refused = metric(lonely, "connections_refused")
    held = [socket.create_connection(("127.0.0.1", lonely.port), source_address=("127.0.0.2", 0)) for _ in range(300)]
    assert b"[[1]]" in https(lonely), "from elsewhere"
    closed = 0
    for client in held:
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            closed += client.recv(1) == b""
    assert 0 < closed <= 300 - 32 and metric(lonely, "connections_refused") == refused + closed
    lonely.process.send_signal(signal.SIGTERM)
    assert lonely.process.wait(7) == 0, "nor does the end wait for them, who would take 8 s at the door"
    for client in held:
        client.close()


def test_who_leaves_with_many_requests_open_is_no_flooder(lonely):
    before = metric(lonely, "http_queries")
    with Peer(lonely) as peer:
        assert peer.send(b"".join(frame(HEADERS, END_HEADERS | END_STREAM, 2 * n + 1, SLOW) for n in range(100)))
        wait_for(lambda: metric(lonely, "http_queries") == before + 100, 30)
    wait_for(lambda: metric(lonely, "clients_gone") == 100, 30)
    assert metric(lonely, "http2_floods") == 0


# --- who behaves ---

def test_steady_pings_and_settings_are_welcome(secure):
    with Peer(secure) as peer:
        answered = 0
        for _ in range(30):
            assert peer.send(frame(PING, 0, 0, b"12345678") * 5 + frame(SETTINGS, 0, 0) * 2), "still open"
            answered += sum(kind in (PING, SETTINGS) and flags == ACK for kind, flags, _, _ in peer.frames(0.1))
        left = 30 * 7 + 1 - answered  # with the settings that a connection begins with
        assert acknowledged(peer, (PING, SETTINGS), left) == left and not peer.closed


def test_each_frame_of_a_long_answer_is_acknowledged(secure):
    """The eager reader: two window updates for each DATA frame, of however few bytes."""
    sql = "WITH+RECURSIVE+r(n)+AS+(SELECT+1+UNION+ALL+SELECT+n%2b1+FROM+r+LIMIT+40000)+SELECT+n,hex(zeroblob(100))+FROM+r"
    with Peer(secure) as peer:
        for stream in (1, 3, 5):
            peer.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block(b"/db/query?q=" + sql.encode())))
            got = frames = 0
            for kind, flags, on, payload in peer.frames(120):
                assert kind != RST_STREAM and peer.error is None
                if kind != DATA:
                    continue
                got, frames = got + len(payload), frames + 1
                if flags & END_STREAM:
                    break
                if payload:
                    size = len(payload).to_bytes(4, "big")
                    peer.send(frame(WINDOW_UPDATE, 0, 0, size) + frame(WINDOW_UPDATE, 0, on, size))
            assert got > 8 * MIB and not peer.closed, (got, frames)


def test_usual_clients_are_served(secure):
    url = "https://127.0.0.1:%d/db/query?q=SELECT+1" % secure.port
    done = subprocess.run(["h2load", "-n", "20000", "-c", "4", "-m", "50", url], capture_output=True, text=True,
                          timeout=300)
    assert "20000 succeeded, 0 failed" in done.stdout, done.stdout
    done = subprocess.run(["nghttp", "-n", "-s", *[url] * 50], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and " 200 " in done.stdout, done.stderr
    done = subprocess.run(["curl", "-sS", "--http2", "-k", *[url] * 50], capture_output=True, text=True, timeout=60)
    assert done.stdout.count("[[1]]") == 50, done.stderr
