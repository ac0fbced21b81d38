"""The bar of HTTP/2 floods: how well others are served meanwhile."""

import contextlib
import subprocess

from harness import BUILD, Daemon, Options, bar, bar_pairs, pin, prepare, servers

KINDS = ("rapid-reset", "rapid-reset-costly", "settings", "ping", "empty-data", "continuation")
RATE = 100  # connections a second of an attacker who is somewhere else each time
EXPLAINED = """
  Others: 8 kept TLS connections on core 1, 400 requests a second in all, a quarter of them writes; the node is on
  core 0.  The attacker shares core 1 as SCHED_IDLE.  Figures are medians over %d rounds of %g s turns, the ratio is
  the median of each round's own.  "at once": 127.0.0.2 comes again as soon as it is closed, against no attacker.
  "%d/s": that many connections a second, each from another address, against as many that ask one thing and leave.
"""


class Others:
    """The load that behaves: what it measured in a turn."""

    def __init__(self, server):
        self.process = subprocess.Popen(["taskset", "-c", "1", str(BUILD / "tests/bench/steady"), str(server.port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.failed = 0

    def measure(self, seconds):
        print(seconds, file=self.process.stdin, flush=True)
        *times, failed = self.process.stdout.readline().split()
        self.failed += int(failed)
        return dict(zip(("read p50", "read p99", "write p50", "write p99"), map(float, times)))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def attacker(server, kind, rate, seen):
    """Runs meanwhile; what it made and what was refused is added to `seen`."""
    process = subprocess.Popen(["taskset", "-c", "1", str(BUILD / "tests/bench/flood"), str(server.port), kind, str(rate)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        for i, count in enumerate(process.communicate()[0].split()):
            seen[i] += int(count)


def report(name, flooded, calm, note):
    for what in ("read p99", "write p99"):
        bar_pairs("others' %s, %s" % (what, name), *([turn[what] for turn in turns] for turns in (flooded, calm)),
                  2, "ms", note)


def floods():
    """Others' p99 while one floods over HTTP/2, against the same without, and against harmless newcomers."""
    seconds, rounds = (1.5, 5) if Options.quick else (4, 7)
    print(EXPLAINED.strip("\n") % (rounds, seconds, RATE), flush=True)
    with servers(Daemon(tls=True)) as (daemon,):
        prepare(daemon)
        pin(daemon)
        with contextlib.closing(Others(daemon)) as others:
            others.measure(1)
            for kind in KINDS:
                seen = {way: [0, 0] for way in ("none", "at once", "elsewhere", "harmless")}
                turns = {way: [] for way in seen}

                def turn(way, attack=None):
                    with attacker(daemon, *attack, seen[way]) if attack else contextlib.nullcontext():
                        turns[way].append(others.measure(seconds))

                for number in range(rounds):
                    order = [("none",), ("at once", (kind, 0)), ("harmless", ("harmless", RATE)),
                             ("elsewhere", (kind, RATE))]
                    for one in order if number % 2 == 0 else reversed(order):
                        turn(*one)
                report(kind + ", at once", turns["at once"], turns["none"],
                       "%.0f/s connections, %.0f/s refused" % tuple(n / rounds / seconds for n in seen["at once"]))
                report("%s, %d/s" % (kind, RATE), turns["elsewhere"], turns["harmless"], "")
            bar("others' requests that failed", others.failed, 0, "")
