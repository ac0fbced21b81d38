"""HTTP/2 by hand: a node with TLS, connections to it, and frames as bytes."""

import contextlib
import socket
import ssl
import subprocess
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
ENHANCE_YOUR_CALM = 11


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    """A string as HPACK has it, not compressed."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    left, head = len(value) - 127, b"\x7f"
    while left >= 128:
        head, left = head + bytes([left % 128 | 128]), left // 128
    return head + bytes([left]) + value


def block(path, method=b"\x82"):
    """GET (or another, as HPACK has it), https, the path, authority x."""
    return method + b"\x87\x04" + text(path) + b"\x41\x01x"


def serve_tls(node):
    """Starts a node with a certificate of its own making."""
    cert, key = str(node.dir / "one.crt"), str(node.dir / "one.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=x", "-out", cert, "-keyout", key], check=True, capture_output=True)
    node.flags += ["-http-cert", cert, "-http-key", key]
    node.launch()
    deadline = time.monotonic() + 60
    while b"[[1]]" not in https(node):
        assert time.monotonic() < deadline, node.log
        time.sleep(0.02)
    return node


def connect(node, alpn, source="127.0.0.1"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    client = socket.create_connection(("127.0.0.1", node.port), timeout=30, source_address=(source, 0))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(client)


def https(node, path=b"/db/query?q=SELECT+1", source="127.0.0.1"):
    """What comes by HTTP/1.1 on a connection of its own; empty if there is nothing."""
    with contextlib.suppress(OSError), connect(node, "http/1.1", source) as client:
        client.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer
    return b""


class Peer:
    """An HTTP/2 client: what it sends is as given, what comes is taken apart."""

    def __init__(self, node, source="127.0.0.1"):
        self.socket = connect(node, "h2", source)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.pending, self.closed, self.error = b"", False, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """False once the server has closed."""
        self.socket.settimeout(5)
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True
        return not self.closed

    def frames(self, limit):
        """The frames (kind, flags, stream, payload) that come within limit seconds."""
        deadline = time.monotonic() + limit
        while not self.closed:
            while len(self.pending) >= 9 and len(self.pending) >= 9 + int.from_bytes(self.pending[:3], "big"):
                end = 9 + int.from_bytes(self.pending[:3], "big")
                head, payload, self.pending = self.pending[:9], self.pending[9:end], self.pending[end:]
                if head[3] == GOAWAY:
                    self.error = int.from_bytes(payload[4:8], "big")
                yield head[3], head[4], int.from_bytes(head[5:9], "big"), payload
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self.socket.settimeout(left)
            try:
                piece = self.socket.recv(65536)
                self.closed = piece == b""
                self.pending += piece
            except (socket.timeout, ssl.SSLWantReadError):
                return
            except OSError:
                self.closed = True

    def drain(self, limit=0.001):
        """Takes in what comes within limit seconds; how much that was, in frames."""
        return sum(1 for _ in self.frames(limit))
