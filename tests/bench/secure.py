"""The bars of security: what TLS, credentials, confinement and idle clients cost."""

import functools
import os
import resource
import socket
import ssl
import statistics
import subprocess
import time

from harness import (BUILD, POINT, WRITE, Daemon, Load, Null, Options, Shakes, bar, bar_pairs, certificate, median, pin,
                     prepare, pss, servers, versus)

IDLE = 5000
USER = "bench:a-secret-of-somebody"


def point(server):
    return Load(server, 64, POINT)


def started(kinds, measures, starts, pairs):
    """
    Turns of two kinds of daemon, per measure, in pairs.

    Two daemons of one kind differ too, by where their memory happens to be: so each few
    pairs are of daemons started anew.
    """
    measured = {name: ([], []) for name in measures}
    for start in range(starts):
        made = [kind() for kind in (kinds if start % 2 == 0 else kinds[::-1])]
        with servers(*(made if start % 2 == 0 else made[::-1])) as (ours, theirs):
            for daemon in (ours, theirs):
                prepare(daemon)
                Load(daemon, 64, POINT, seconds=1)
            for name, measure in measures.items():
                for all_turns, turns in zip(measured[name], versus(ours, theirs, measure, turns=pairs)):
                    all_turns += turns
    return measured


def https():
    """Point reads over TLS, against the same in clear text, in pairs of turns."""
    starts, pairs, seconds = (3, 4, 2) if Options.quick else (5, 6, 4)
    shakes = {}

    def read(server):
        load = Load(server, 64, POINT, seconds=seconds)
        if server.scheme == "https":  # without the handshakes at its beginning
            if server not in shakes:
                shakes[server] = Shakes(server, 1).cpu
            load.cpu -= 64 * shakes[server] / load.count
        return load.cpu

    for turns in started([lambda: Daemon(tls=True), Daemon], {"read": read}, starts, pairs).values():
        bar_pairs("CPU, HTTPS point read, 64, against clear text", *turns, 1.35, "us", "%d starts" % starts)


def handshake():
    """Full handshakes, against a server that holds its key itself."""
    with servers(Daemon(tls=True), Null("tls", *certificate())) as (daemon, null):
        Shakes(daemon, 1)
        a, b = versus(daemon, null, Shakes)
        bar("CPU, full handshake, P-256", median(a, "cpu"), 1.5, "us", median(b, "cpu"),
            note="%.0f/s, null %.0f/s; %d failed" % (median(a, "rate"), median(b, "rate"),
                                                   sum(s.errors for s in a + b)))


def credentials():
    """Point reads of a user with a password, against a node that asks nobody."""
    with servers(Daemon(user=USER), Daemon()) as (asked, free):
        for daemon in (asked, free):
            prepare(daemon)
            Load(daemon, 64, POINT, seconds=1)
        a, b = versus(asked, free, point)
        bar("CPU, request with credentials, 64, against none", median(a, "cpu"), 1.1, "us", median(b, "cpu"),
            note="%d errors" % sum(load.errors for load in a))


def sandbox():
    """Each kind of load confined, against the same with -sandbox=off, in pairs of turns."""
    starts, pairs, seconds = (3, 4, 1) if Options.quick else (5, 6, 2)

    def write(server):
        return Load(server, 64, WRITE, seconds=seconds).cpu

    def read(server):
        return Load(server, 64, POINT, seconds=seconds).cpu

    def shake(server):
        return Shakes(server, seconds).cpu

    loads = [({}, {"write": write, "point read": read}),
             ({"tls": True}, {"HTTPS point read": read, "full handshake": shake}),
             ({"user": USER}, {"request with credentials": read})]
    for how, measures in loads:
        kinds = [functools.partial(Daemon, flag, **how) for flag in ("-sandbox=require", "-sandbox=off")]
        for name, turns in started(kinds, measures, starts, pairs).items():
            bar_pairs("CPU, %s, sandbox on against off" % name, *turns, 1.05, "us", "%d starts" % starts)


# --- connections that do nothing ---

class Crowd:
    """Connections that asked one thing each and stay."""

    def __init__(self, server, count, how="hold"):
        self.sockets, self.process = [], None
        if server.scheme == "https":
            self.process = subprocess.Popen([str(BUILD / "tests/bench/shake"), str(server.port), how, str(count)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self.process.stdout.readline() == "ready\n"
            return
        for _ in range(count):
            self.sockets.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            self.sockets[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert self.sockets[-1].recv(65536).startswith(b"HTTP/1.1 ")

    def close(self):
        """All must still have been open."""
        for one in self.sockets:
            one.setblocking(False)
            try:
                raise AssertionError("an idle connection got %r" % one.recv(100))
            except BlockingIOError:
                one.close()
        if self.process:
            self.process.stdin.close()
            assert self.process.wait() == 0, "an idle connection has been ended"


def newcomer(server):
    """Seconds from connecting to the end of the answer, for a new client."""
    begin = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain:
        if server.scheme == "https":
            context = ssl._create_unverified_context()
            begin = time.perf_counter()  # the client's own set-up is not the server's
            plain = context.wrap_socket(plain)
        plain.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while plain.recv(65536):
            pass
        plain.close()
    return time.perf_counter() - begin


def newcomers(*daemons):
    """Their times by daemon, asked in turn; servers on core 0, the client on core 1."""
    times, cores = {daemon: [] for daemon in daemons}, os.sched_getaffinity(0)
    for daemon in daemons:
        pin(daemon)
    os.sched_setaffinity(0, {1})
    for turn in range(1000):
        for daemon in daemons if turn % 2 == 0 else reversed(daemons):
            times[daemon].append(newcomer(daemon))
    os.sched_setaffinity(0, cores)
    return times


def per_connection(server, count=IDLE, how="hold"):
    """PSS in KB that a connection adds to a server at rest."""
    time.sleep(0.5)
    before = pss(server.pid)
    crowd = Crowd(server, count, how)
    time.sleep(2.5)  # memory is given back once a second
    return crowd, (pss(server.pid) - before) * 1024 / count


def storm(calm):
    """What a connection takes if its handshake was under way with all others'; calm: without them."""
    with servers(Daemon(tls=True)) as (daemon,):
        for _ in range(50):
            newcomer(daemon)
        crowd, each = per_connection(daemon, IDLE // 2, "storm")
        bar("memory of an idle connection, TLS, opened at once", each, 2, "KB", calm)
        crowd.close()


def idle():
    """
    Five thousand idle connections: memory, and whether a new client notices them.

    Over TLS the state that OpenSSL 3.0 keeps for a connection is 13.4 KB already, see
    docs/tls-memory.md: no more than the null handler is what can be met there.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for scheme, null in (("clear text", Null()), ("TLS", Null("tls", *certificate()))):
        tls = scheme == "TLS"
        with servers(Daemon(tls=tls), Daemon(tls=tls), null) as (full, empty, null):
            crowd, ceiling = per_connection(null)
            crowd.close()
            for daemon in (full, empty):
                for _ in range(50):
                    newcomer(daemon)
            crowd, ours = per_connection(full)
            bar("memory of an idle connection, %s" % scheme, ours, 8, "KB", note="null handler %.2f KB" % ceiling)
            times = newcomers(full, empty)
            bar("new client's p50, %s, %d idle against none" % (scheme, IDLE), statistics.median(times[full]), 1.1,
                "ms", statistics.median(times[empty]))
            crowd.close()
    storm(ours)
