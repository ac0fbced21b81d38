"""What one client may take of others' room: sizes, their sum, time, connections."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import select
import socket
import threading
import time

import pytest

from conftest import wait_for
from h2 import (DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
                Peer, block, connect, frame, serve_tls)
from test_hostile import pss, still_served

MIB = 1 << 20
WINDOW = 16 * MIB  # of a stream, as the server's SETTINGS say
FULL = bool(os.environ.get("RQLITED_FULL"))
POST = "POST /db/query HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def dial(node, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", node.port), timeout=10, source_address=(source, 0))


def rest(client, limit=30):
    """All that comes until the end; None if there is no end within the limit."""
    client.settimeout(limit)
    answer = b""
    try:
        while piece := client.recv(65536):
            answer += piece
    except ConnectionError:
        pass
    except socket.timeout:
        return None
    return answer


def metric(node, name):
    return int(re.search(r"%s\S* (\d+)\n" % name, node.get("/metrics").text)[1])


def padded(size):
    """A query, with blanks to size bytes."""
    return b'["SELECT 42"' + b" " * (size - 13) + b"]"


# --- sizes ---

def test_default_limit_of_a_body(node):
    """Said by the length alone, before a byte of the body."""
    with dial(node) as client:
        client.sendall((POST % (128 * MIB + 2)).encode())
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 413 ") and b"-http-body-max" in answer
    with dial(node) as client:
        client.sendall((POST % (128 * MIB)).encode())
        assert rest(client, 0.5) is None, "waits for the body"


def test_too_large_is_read_by_who_sends_it_all(make_node):
    """An answer to who is still sending is not lost in a reset."""
    node = make_node("-http-body-max", "100000").start()
    for _ in range(10):
        answer = node.request("POST", "/db/query", b"x" * (20 * MIB), {"Content-Type": "application/json"})
        assert answer.status == 413 and "-http-body-max" in answer.text
    wait_for(lambda: metric(node, "connections_open") <= 1, 20, "the end of their connections")


def test_too_large_by_http2(make_node):
    """Its stream is refused, the connection stays."""
    node = make_node("-http-body-max", "100000")
    serve_tls(node)
    with Peer(node) as peer:
        peer.send(frame(HEADERS, END_HEADERS, 1, block(b"/db/query", b"\x83")))
        reset = pour(peer, [1], 112000)
        assert (reset or next((on for kind, _, on, _ in peer.frames(30) if kind == RST_STREAM), None)) == 1
        peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 3, block(b"/db/query?q=SELECT+42")))
        assert any(kind == DATA and b"[[42]]" in payload for kind, _, _, payload in peer.frames(30))


# --- pipelines ---

def test_long_pipeline_is_answered(node):
    """All in one go, and in order."""
    count = 10000
    with dial(node) as client, still_served(node):
        requests = b"".join(b"GET /db/query?q=SELECT+%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(count - 1))
        requests += b"GET /db/query?q=SELECT+%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (count - 1)
        sender = threading.Thread(target=client.sendall, args=(requests,))
        sender.start()
        answers = rest(client, 60)
        sender.join()
    assert re.findall(rb'"values":\[\[(\d+)\]\]', answers) == [b"%d" % n for n in range(count)]


def test_what_is_sent_in_advance_stays_outside(node):
    """Requests of who reads no answer fill no memory; nor do they keep others waiting."""
    before, requests = pss(node), b"GET /db/query?q=SELECT+1 HTTP/1.1\r\nHost: x\r\n\r\n" * 100000
    with contextlib.ExitStack() as held, still_served(node):
        clients = [held.enter_context(dial(node)) for _ in range(8)]

        def fill(client):
            sent = 0
            client.settimeout(1)
            with contextlib.suppress(socket.timeout):
                while sent < 100 * MIB:
                    sent += client.send(requests)
            filled.append(sent)

        filled, threads = [], [threading.Thread(target=fill, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(filled) < 64 * MIB, "the kernel's buffers, and what was answered into them"
        assert pss(node) < before + 16 * MIB


# --- their sum ---

@pytest.fixture
def small(make_node):
    """Bodies to 20 MiB, so 80 MiB in all."""
    return make_node("-http-body-max", str(20 * MIB))


def ended(clients):
    """Those that the server has answered."""
    return select.select(clients, [], [], 0)[0]


def test_sum_of_bodies(small):
    node = small.start()
    with contextlib.ExitStack() as held, still_served(node):
        other = held.enter_context(dial(node, "127.0.0.2"))
        body = padded(19 * MIB)
        other.sendall((POST % len(body)).encode() + body[:18 * MIB])
        greedy = [held.enter_context(dial(node)) for _ in range(8)]
        for client in greedy:
            with contextlib.suppress(OSError):
                client.sendall((POST % len(body)).encode() + body[:-1])
        wait_for(lambda: metric(node, "intake_refused") == len(ended(greedy)) >= 5, 60, "refusals, each answered")
        refused = [rest(client) for client in ended(greedy)]
        assert all(a.startswith(b"HTTP/1.1 503 ") for a in refused), refused
        other.sendall(body[18 * MIB:])
        other.settimeout(30)
        assert other.recv(65536).startswith(b"HTTP/1.1 200 "), "who sends less is let finish"
    assert pss(node) < 400 * MIB


def pour(peer, streams, size):
    """Sends size bytes on each stream, as windows allow, until the server stops or resets one, which is returned."""
    left, windows = {stream: size for stream in streams}, {stream: WINDOW for stream in streams}
    windows[0] = 65535
    while any(left.values()) and not peer.closed:
        moved = 0
        for stream in streams:
            piece = min(left[stream], windows[stream], windows[0], 16384)
            if piece > 0 and peer.send(frame(DATA, 0, stream, b" " * piece)):
                for window in (0, stream):
                    windows[window] -= piece
                left[stream] -= piece
                moved += piece
        for kind, _, stream, payload in peer.frames(0.001 if moved else 0.2):
            if kind == WINDOW_UPDATE:
                windows[stream] += int.from_bytes(payload, "big")
            if kind == RST_STREAM:
                return stream
    return None


def test_sum_of_bodies_by_http2(small):
    serve_tls(small)
    before = pss(small)
    with Peer(small) as peer:
        streams = range(1, 20, 2)
        for stream in streams:
            peer.send(frame(HEADERS, END_HEADERS, stream, block(b"/db/query", b"\x83")))
        pour(peer, streams, 15 * MIB)
        assert peer.closed and peer.error in (None, ENHANCE_YOUR_CALM)
    assert pss(small) < before + 120 * MIB


# --- time ---

def stalls():
    """Connections that stop in mid-work: name, bytes sent, protocol, seconds until they are cut."""
    head = b"POST /db/query HTTP/1.1\r\nHost: x\r\n"
    begin = PREFACE + frame(SETTINGS, 0, 0)
    found = [("head", head, b"http/1.1", 30), ("http2 head", begin + frame(HEADERS, 0, 1, block(b"/")), b"h2", 30)]
    if FULL:
        found += [("body", head + b"Content-Length: 9\r\n\r\n[", b"http/1.1", 60), ("idle", b"", b"http/1.1", 180),
                  ("http2 body", begin + frame(HEADERS, END_HEADERS, 1, block(b"/db/query", b"\x83")), b"h2", 60),
                  ("http2 idle", begin, b"h2", 180)]
    return found


@pytest.fixture
def secure_node(make_node):
    return serve_tls(make_node())


def stall(node, name, data, protocol, ends):
    """How long it was until the end, and what was said."""
    with connect(node, protocol.decode()) as client:
        since, said = time.monotonic(), b""
        client.sendall(data)
        client.settimeout(200)
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                said += piece
        ends[name] = time.monotonic() - since, said


def read_nothing(node, held):
    """Four clients with long answers that pile up in the kernel, then in the server."""
    sql = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 100) SELECT hex(zeroblob(500000)) FROM r"
    body = json.dumps([sql]).encode()
    for _ in range(4):
        client = held.enter_context(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", node.port))
        client.sendall((POST % len(body)).encode() + body)
    wait_for(lambda: metric(node, "connections_open") >= 4, 30, "their connections")


def test_who_reads_nothing_makes_room(make_node):
    """Far more stalled results than a reader has connections: short and long queries of others go on."""
    node = make_node("-read-workers", "1").start()
    with contextlib.ExitStack() as held, still_served(node):
        for _ in range(10):
            read_nothing(node, held)
            time.sleep(0.2)
        time.sleep(1)
        for _ in range(5):
            assert len(node.query("WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 20000) "
                                  "SELECT n, hex(zeroblob(100)) FROM r")) == 20000


def test_who_stalls_is_cut(node, secure_node):
    """Each at its time, give or take a few seconds: who does not go on sending, and who reads nothing."""
    ends, before = {}, pss(node)
    with contextlib.ExitStack() as held:
        read_nothing(node, held)
        since = time.monotonic()
        silent = held.enter_context(socket.create_connection(("127.0.0.1", secure_node.port)))
        rows = stalls()
        threads = [threading.Thread(target=stall, args=(secure_node, *row[:3], ends)) for row in rows]
        for thread in threads:
            thread.start()
        silent.settimeout(30)
        assert silent.recv(1) == b"" and 8 < time.monotonic() - since < 20, "no handshake"
        assert node.query("SELECT 1") == [[1]], "the readers do not wait for who reads nothing"
        for thread in threads:
            thread.join()
        wait_for(lambda: metric(node, "connections_open") <= 1, 60, "the end of who reads nothing")
        assert pss(node) < before + 64 * MIB
    for name, _, _, limit in rows:
        took, said = ends[name]
        assert limit - 1 < took < limit + 10, (name, took)
        assert (b"HTTP/1.1 408 " in said) == (name in ("head", "body")), (name, said)


# --- connections ---

def test_one_address_leaves_room_for_others(make_node):
    node = make_node("-max-connections", "8").start()
    wait_for(lambda: metric(node, "connections_open") <= 1, 30, "a quiet node")
    with contextlib.ExitStack() as held:
        kept = []
        for _ in range(7):
            kept.append(http.client.HTTPConnection("127.0.0.1", node.port, timeout=5))
            held.callback(kept[-1].close)
            kept[-1].request("GET", "/readyz")
            assert kept[-1].getresponse().read().startswith(b"[+]node ok")
        with dial(node) as eighth:
            assert rest(eighth) == b"", "refused"
        other = http.client.HTTPConnection("127.0.0.1", node.port, timeout=5, source_address=("127.0.0.3", 0))
        held.callback(other.close)
        other.request("GET", "/readyz")
        assert other.getresponse().status == 200, "another address is served"
        kept[0].request("GET", "/readyz")
        assert kept[0].getresponse().read().startswith(b"[+]node ok"), "and so are those that are there"

    def is_served():
        # The node hears a moment later that they have left.
        with contextlib.suppress(OSError, http.client.HTTPException):
            return node.get("/readyz").status == 200

    wait_for(is_served, 30, "room for the first address again")


def cpu_seconds(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_want_of_descriptors_is_waited_out(make_node):
    """The listener stays readable, but nobody spins on it."""
    node = make_node()
    wrapper = node.dir / "start"
    wrapper.write_text('#!/bin/sh\nulimit -n 64\nexec "%s" "$@"\n' % node.program)
    wrapper.chmod(0o755)
    node.program = str(wrapper)
    node.start()
    with contextlib.ExitStack() as held:
        for _ in range(100):
            held.enter_context(dial(node))
        time.sleep(0.5)
        before = cpu_seconds(node.workers()["http"])
        time.sleep(2)
        assert cpu_seconds(node.workers()["http"]) - before < 0.5
    assert node.query("SELECT 1") == [[1]]
