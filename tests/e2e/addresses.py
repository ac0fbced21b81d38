"""Run in a network of its own, by test_addresses.py: a node, and clients of many IPv6 addresses."""

import contextlib
import json
import socket

from conftest import Node, basic

NET = "2001:db8:"


def connect(node, source):
    client = socket.create_connection((NET + ":1", node.port), 5, (source, 0))
    client.settimeout(5)
    return client


def ask(client, headers=""):
    """The status of an answer; None if the connection was closed."""
    with contextlib.suppress(OSError):
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n%s\r\n" % headers.encode())
        answer = client.recv(65536)
        return int(answer.split()[1]) if answer else None
    return None


def login(node, source, password):
    with connect(node, source) as client:
        return ask(client, "Connection: close\r\nAuthorization: %s\r\n" % basic("a:" + password)["Authorization"])


def main():
    node = Node("-max-connections", "8")
    try:
        users = node.dir / "users.json"
        users.write_text(json.dumps([{"username": "a", "password": "right", "perms": ["all"]}]))
        users.chmod(0o600)
        node.address = "[%s:1]:%d" % (NET, node.port)
        node.flags += ["-auth", str(users)]
        node.launch()
        while node.process.poll() is None:
            with contextlib.suppress(OSError):
                connect(node, NET + ":1").close()
                break
        found = {"guesses": [login(node, NET + "0:7::%x" % i, "wrong") for i in range(1, 20)],
                 "same": login(node, NET + "0:7:ffff::1", "right"),
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
