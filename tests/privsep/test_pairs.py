"""Every pair of a peer and a message outside the table ends its receiver (pairs.c has the trials)."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from conftest import PROGRAM, Node  # noqa: E402

BUILD = pathlib.Path(PROGRAM).resolve().parents[2]
ROLES = ("http", "auth", "key", "raft", "sql", "read")

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="workers are confined as users of their own")


def messages():
    """How many messages the table has, and how many pairs of workers and messages to the master."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "proto/ipc_list.h").read_text()
    rows = re.findall(r"^\tX\((\w+),\s+\w+,\s+([\w| ]+),\s+([\w| ]+),", text, re.M)
    to_master = 0
    for _, senders, receivers in rows:
        if "MASTER" in receivers:
            to_master += {"WORKERS": len(ROLES), "SERVERS": len(ROLES) - 1}.get(senders, len(senders.split("|")))
    return len(rows), to_master


@pytest.fixture
def node():
    one = Node()
    yield one
    one.close()


def test_pairs_outside_the_table_end_the_receiver(node, tmp_path_factory):
    """And so does every damaged frame, unless the damage made another valid message of it."""
    place = tmp_path_factory.mktemp("p")
    cert, key, auth = (place / name for name in ("cert.pem", "key.pem", "auth.json"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                    "-subj", "/CN=localhost"], check=True, capture_output=True)
    auth.write_text(json.dumps([{"username": "*", "perms": ["all"]}]))
    for path in (key, auth):
        path.chmod(0o600)
    node.start()  # makes the database that read opens
    assert node.stop() == 0
    master = node.dir / "cmd/rqlited/rqlited"
    master.parent.mkdir(parents=True)
    shutil.copy(PROGRAM, master)
    (node.dir / "proc").mkdir()
    for role in ROLES:
        (node.dir / "proc" / ("rqlited-" + role)).symlink_to(BUILD / "tests/privsep/pairs")
    run = subprocess.run(
        [BUILD / "tests/privsep/pairs", BUILD / "proc", node.dir / "proc", master, "-http-addr", node.address,
         "-raft-addr", "127.0.0.1:%d" % node.raft_port, "-auth", auth, "-http-cert", cert, "-http-key", key,
         node.data], capture_output=True, text=True, timeout=1200)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    count, to_master = messages()
    tried = len(ROLES) * (len(ROLES) + 1) * count + len(ROLES) * count - to_master
    tried += len(ROLES)  # more descriptors at once than a channel takes
    lines = run.stdout.splitlines()
    assert lines[0] == "%d messages, 0 taken otherwise than planned" % tried
    # A frame of 56 bytes: whole, all its beginnings, all shorter payloads, all its bits flipped.
    # What lives on got a frame whose rest did not come, or a flip within a number or a text.
    assert lines[1:] == ["552 damaged frames: 229 deaths, 66 waited for the rest, 257 other messages"]
