"""Who has a network of IPv6 addresses counts as one client."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

NETWORK = "ip link set lo up && ip -6 route add local 2001:db8::/32 dev lo && " \
    "echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind && exec \"$@\""


def run_apart(*command):
    """In a network of its own, where anybody may have any address of 2001:db8::/32."""
    return subprocess.run(["unshare", "-n", "sh", "-c", NETWORK, "sh", *command], capture_output=True, text=True,
                          timeout=300)


def test_a_network_of_64_bits_is_one_client():
    if not shutil.which("unshare") or run_apart("true").returncode != 0:
        pytest.skip("a network of one's own can not be made here")
    done = run_apart(sys.executable, str(pathlib.Path(__file__).parent / "addresses.py"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == {"guesses": [401] * 19, "same": 0, "other": 200,
                     "held": [401] * 7, "one more": None, "neighbour": 401}
