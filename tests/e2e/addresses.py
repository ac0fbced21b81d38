"""Run in a network of its own, by test_addresses.py: a node, and clients of many IPv6 addresses."""

import contextlib
import json
import socket
import time

from conftest import Node, basic

NET = "2001:db8:"
NAMES = ["a", *("late%d" % i for i in range(10))]


def connect(node, source):
    client = socket.create_connection((NET + ":1", node.port), 30, (source, 0))
    client.settimeout(30)
    return client


def ask(client, headers=""):
    """The status of an answer; None if the connection was closed."""
    with contextlib.suppress(OSError):
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n%s\r\n" % headers.encode())
        answer = client.recv(65536)
        return int(answer.split()[1]) if answer else None
    return None


def login(node, source, password, name="a"):
    with connect(node, source) as client:
        return ask(client, "Connection: close\r\nAuthorization: %s\r\n" % basic(name + ":" + password)["Authorization"])


def beyond_time(node, net):
    """Right passwords that were looked at, each behind a wrong one, beyond the two a second that may be."""
    since, let_in = time.monotonic(), 0
    for i, name in enumerate(NAMES[1:]):
        login(node, net + "%x" % i, "wrong")
        let_in += login(node, net + "%x" % i, "right", name) == 200
    return max(0, let_in - int(1 + 2 * (time.monotonic() - since)))


def main():
    node = Node("-max-connections", "8")
    try:
        users = node.dir / "users.json"
        users.write_text(json.dumps([{"username": name, "password": "right", "perms": ["all"]} for name in NAMES]))
        users.chmod(0o600)
        node.address = "[%s:1]:%d" % (NET, node.port)
        node.flags += ["-auth", str(users)]
        node.launch()
        while node.process.poll() is None:
            with contextlib.suppress(OSError):
                connect(node, NET + ":1").close()
                break
        found = {"guesses": [login(node, NET + "0:7::%x" % i, "wrong") for i in range(1, 20)],
                 "same": beyond_time(node, NET + "0:7:ffff::"),
                 "other": login(node, NET + "0:8::1", "right")}
        held = [connect(node, NET + "0:9::%x" % i) for i in range(1, 8)]
        found["held"] = [ask(client) for client in held]
        with connect(node, NET + "0:9:ffff::1") as client:
            found["one more"] = ask(client)
        with connect(node, NET + "0:a::1") as client:
            found["neighbour"] = ask(client)
        print(json.dumps(found))
    finally:
        node.close()


main()
