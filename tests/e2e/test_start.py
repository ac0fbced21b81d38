"""What ends a start: wrong flags and files that can't be used, their texts and exit codes."""

import json
import os
import re
import signal
import subprocess

import pytest

from conftest import PROGRAM, ROOT, basic, free_port, wait_for


def run(*arguments, limit=60):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=limit,
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("arguments, words", [
    ([], "missing required argument: DataPath"),
    (["-nonsense", "d"], "-nonsense"),
    (["-http-workers", "none", "d"], "-http-workers"),
    (["-http-workers"], "-http-workers"),
    (["-raft-timeout=never", "d"], "-raft-timeout"),
    (["-raft-apply-timeout=12", "d"], "-raft-apply-timeout"),
    (["-http-cert", "a.crt", "d"], "http-key"),
    (["-http-verify-client", "d"], "-http-verify-client"),
    (["-http-verify-common-name=x", "d"], "-http-verify-common-name"),
    (["-http-addr", "127.0.0.1", "d"], "HTTP bind address not valid"),
    (["-http-addr", "127.0.0.1:4001", "-raft-addr", "127.0.0.1:4001", "d"], "HTTP and Raft addresses must differ"),
    (["-sandbox=maybe", "d"], "sandbox"),
    (["-disk-scale=0", "d"], "disk-scale"),
    (["d", "second"], "d"),
], ids=lambda a: " ".join(a) if isinstance(a, list) else "")
def test_wrong_flags(tmp_path, arguments, words):
    arguments = [str(tmp_path / a) if a == "d" else a for a in arguments]
    done = run(*arguments)
    assert done.returncode in (1, 2), (done.returncode, done.stderr)
    assert words in done.stderr + done.stdout
    assert not (tmp_path / "d").exists(), "a start that fails leaves nothing"


NO_HOST = "x" * 64 + ".invalid"  # too long a label for any name server to be asked
FREE = "-raft-addr", "127.0.0.1:%d" % free_port()
FREE_HTTP = "-http-addr", "127.0.0.1:%d" % free_port()


def log_line(done):
    """The last line of a start that failed, without its time of day."""
    return re.sub(r"^\[rqlited\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", done.stderr.splitlines()[-1])


@pytest.mark.parametrize("arguments, text", [
    ([*FREE, "-http-addr", "127.0.0.1:99999"], "failed to start HTTP server: listen tcp: address 99999: invalid port"),
    ([*FREE_HTTP, "-raft-addr", "127.0.0.1:99999"],
     "failed to listen on 127.0.0.1:99999: listen tcp: address 99999: invalid port"),
    ([*FREE, "-http-addr", NO_HOST + ":1"],
     "failed to start HTTP server: listen tcp: lookup %s: no such host" % NO_HOST),
    ([*FREE, "-http-addr", "192.0.2.1:1"],
     "failed to start HTTP server: listen tcp 192.0.2.1:1: bind: cannot assign requested address"),
    ([*FREE_HTTP, "-raft-addr", "192.0.2.1:1"],
     "failed to listen on 192.0.2.1:1: listen tcp 192.0.2.1:1: bind: cannot assign requested address"),
    ([*FREE, *FREE_HTTP, "-auth", "nowhere"], "failed to get credential store: open nowhere: no such file or directory"),
    ([*FREE, *FREE_HTTP, "-http-cert", "nowhere", "-http-key", "nowhere"],
     "failed to start HTTP server: open nowhere: no such file or directory"),
], ids=lambda a: a if isinstance(a, str) else "")
def test_what_a_failed_start_says_and_leaves(tmp_path, arguments, text):
    done = run(*arguments, tmp_path / "d")
    assert (done.returncode, log_line(done)) == (1, text)
    assert not (tmp_path / "d").exists(), "a start that fails leaves nothing"


@pytest.mark.parametrize("flag, text", [
    ("-http-addr", "failed to start HTTP server: listen tcp ADDR: bind: address already in use"),
    ("-raft-addr", "failed to listen on ADDR: listen tcp ADDR: bind: address already in use"),
])
def test_port_in_use(node, tmp_path, flag, text):
    more = FREE if flag == "-http-addr" else FREE_HTTP
    done = run(*more, flag, node.address, tmp_path / "d")
    assert (done.returncode, log_line(done)) == (1, text.replace("ADDR", node.address))
    assert not (tmp_path / "d").exists()


def test_data_directory_in_use(node):
    done = run(*FREE, *FREE_HTTP, node.data)
    assert (done.returncode, log_line(done)) == (1, "failed to open data directory: data directory %s is in use by "
                                                 "another rqlited (its lock is held)" % node.data)
    assert node.query("SELECT 1") == [[1]]


def test_directory_of_rqlite(tmp_path):
    (tmp_path / "raft.db").write_text("")
    done = run(*FREE, *FREE_HTTP, tmp_path)
    assert done.returncode == 1 and log_line(done) == (
        "failed to open data directory: %s was written by rqlite, whose format this version does not read: "
        "start with an empty directory and load a backup" % tmp_path)


def test_directory_with_other_members(make_node):
    node = make_node().start()
    assert node.stop() == 0
    peers = node.data / "raft" / "peers.json"
    peers.write_text("[]")
    fails(node, " failed to open data directory: recovery by %s is not supported by this version: remove the file "
                "to start with the members of before\n" % peers)
    check_finds_it(node)
    peers.unlink()
    node.start()


def test_directory_of_all_users(make_node):
    node = make_node()
    node.data.mkdir()
    node.data.chmod(0o1777)
    fails(node, " failed to open data directory: %s is shared by all users (it has the sticky bit): rqlited needs a "
                "directory of its own\n" % node.data)
    assert node.data.stat().st_mode & 0o7777 == 0o1777 and not list(node.data.iterdir())


@pytest.mark.parametrize("flags", [["-join", "127.0.0.1:1"], ["-join", "127.0.0.1:1", "-bootstrap-expect", "3"]])
def test_a_cluster_of_one_joins_no_other(make_node, flags):
    node = make_node().start()
    node.execute("CREATE TABLE t(x)")
    assert node.stop() == 0
    node.launch(*flags)
    assert node.process.wait(60) == 1
    assert node.log.endswith(" clustering failure: node is the only node in a single-node cluster, "
                             "joining other clusters not supported\n"), node.log
    node.start()
    assert node.query("SELECT count(*) FROM t") == [[0]]


def test_logo_is_all_that_goes_to_standard_output(node, tmp_path):
    done = run("-http-addr", node.address, *FREE, tmp_path / "d")
    assert done.stdout.count("\n") == 6 and "[" not in done.stdout
    for line in done.stderr.splitlines():
        assert re.match(r"\[[a-z0-9-]+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d \S", line), line


def test_help_and_version():
    for flag in ("-h", "-help", "--help"):
        done = run(flag)
        assert done.returncode == 0 and "-http-addr" in done.stdout + done.stderr
    done = run("-version")
    assert done.returncode == 0 and (done.stdout + done.stderr).startswith("rqlited v")


def test_version_names_the_commit(node):
    told = re.fullmatch(r"rqlited v\S+ \S+ \S+ .* \(commit (\S+), compiler \S+\)\n", run("-version").stderr)
    commit = told.group(1)
    if (ROOT / ".git").exists():
        done = subprocess.run(["git", "-C", ROOT, "merge-base", "--is-ancestor", commit, "HEAD"])
        assert re.fullmatch("[0-9a-f]{40}", commit) and done.returncode == 0, commit
    else:
        assert commit == "unknown"
    assert ", commit %s, compiler" % commit in node.log
    build = node.get("/status?key=build").json
    assert build["commit"] == commit
    assert re.fullmatch(r"[A-Z][a-z]{2} [ \d]\d \d{4} \d\d:\d\d:\d\d", build["build_time"])


NO_PEM = "tls: failed to find any PEM data in %s input"


@pytest.mark.parametrize("cert, key, more, text", [
    ("bad", "a.key", [], NO_PEM % "certificate"), ("a.crt", "bad", [], NO_PEM % "key"),
    ("a.crt", "b.key", [], "tls: private key does not match public key"),
    ("a.crt", "locked.key", [], "tls: failed to parse private key"),
    ("a.crt", "a.key", ["-http-verify-client", "-http-ca-cert", "bad"],
     'failed to load CA certificate(s) for verification in "bad"'),
    ("a.crt", "a.key", ["-http-verify-client", "-http-ca-cert", "nowhere"],
     "open nowhere: no such file or directory"),
])
def test_what_https_needs(make_node, cert, key, more, text):
    node = make_node("-http-cert", cert, "-http-key", key, *more)
    for name in "ab":
        openssl(node, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                "9", "-subj", "/CN=localhost", "-keyout", name + ".key", "-out", name + ".crt")
    openssl(node, "ec", "-in", "a.key", "-aes256", "-passout", "pass:x", "-out", "locked.key")
    (node.dir / "bad").write_text("nonsense\n")
    fails(node, " failed to start HTTP server: " + text + "\n")
    if not text.startswith("open "):
        assert re.search(f"\\] \\S+ \\S+ files in question: {cert}, {key}(, bad)?\n", node.log), node.log
    check_finds_it(node)


def openssl(node, *arguments):
    subprocess.run(["openssl", *arguments], cwd=node.dir, check=True, capture_output=True)


def fails(node, *words):
    node.launch()
    assert node.process.wait(60) == 1, node.log
    for word in words:
        assert word in node.log, node.log


def check_finds_it(node):
    """-check ends with what ended the start, and names the same files."""
    done = subprocess.run([node.program, "-check", *node.flags, str(node.data)], cwd=node.dir, capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].split(" ", 3)[3] == node.log.splitlines()[-1].split(" ", 3)[3]
    named = re.findall("files? in question: .*", node.log)
    assert re.findall("files? in question: .*", done.stderr) == named


@pytest.mark.parametrize("text, words", [
    ("", "EOF\n"), ("[", "EOF\n"), ("{}x", None), ('[{"username": 5}]', "cannot unmarshal number"), ("[1]", "cannot"),
    ('{"username": "a"}', "not at beginning of value\n"), ('[{"username": "a"', "unexpected EOF\n"),
    ('[{"username": "a"}', "EOF\n"), ('[{"username": "a"},]', "invalid character ']' looking for beginning of value\n"),
    ('[{"username": "a",}]', "invalid character"), ('[{"username": "a"} {}]', "expected comma after array element"),
])
def test_credentials_not_to_be_read(make_node, text, words):
    node = make_node()
    (node.dir / "users.json").write_text(text)
    (node.dir / "users.json").chmod(0o600)
    node.flags += ["-auth", str(node.dir / "users.json")]
    if words is None:
        # Text after the document is not looked at: no users, and everything is refused.
        node.launch()
        assert_refuses(node)
        return
    fails(node, "failed to get credential store: ", words, " file in question: %s\n" % (node.dir / "users.json"))
    check_finds_it(node)


@pytest.mark.parametrize("user, words", [
    ("bob", None), ("mallory", '-join-as: no user "mallory" in the credential file'),
    ("hashed", '-join-as: user "hashed" has no clear password in the credential file'),
    ("empty", '-join-as: user "empty" has no clear password in the credential file'),
])
def test_join_as_needs_a_password(make_node, user, words):
    node = make_node("-join-as", user)
    users = [{"username": "bob", "password": "p", "perms": ["all"]}, {"username": "empty", "perms": ["join"]},
             {"username": "hashed", "password_hash": crypt("p"), "perms": ["all"]}]
    (node.dir / "users.json").write_text(json.dumps(users))
    (node.dir / "users.json").chmod(0o600)
    node.flags += ["-auth", str(node.dir / "users.json")]
    if words:
        fails(node, "failed to get credential store: " + words)
        check_finds_it(node)
        return
    node.user = "bob:p"
    node.start()
    # A file that would leave the node unable to join is not taken.
    (node.dir / "users.json").write_text(json.dumps(users[1:]))
    node.process.send_signal(signal.SIGHUP)
    wait_for(lambda: '-join-as: no user "bob" in the credential file' in node.log, 30, "a refused reload")
    assert node.get("/readyz", headers=basic("bob:p")).status == 200


def crypt(password):
    return subprocess.run([PROGRAM, "-hash-password"], input=password + "\n", capture_output=True, text=True,
                          check=True).stdout.strip()


def assert_refuses(node):
    def refused():
        try:
            return node.get("/status").status == 401
        except OSError:
            return False
    wait_for(refused, 30, "a refusal")


@pytest.mark.parametrize("make, words", [
    (lambda p: None, "no such file or directory"), (lambda p: p.mkdir(), "is a directory"),
    (os.mkfifo, ""),
], ids=["missing", "directory", "fifo"])
def test_credentials_are_no_file(make_node, make, words):
    node = make_node()
    path = node.dir / "users.json"
    make(path)
    node.flags += ["-auth", str(path)]
    fails(node, "users.json", words)


def test_data_path_is_a_file(make_node):
    node = make_node()
    node.data.write_text("no directory")
    fails(node, "failed to open data directory", "Not a directory")
    check_finds_it(node)


def test_data_path_below_a_file(make_node):
    node = make_node()
    (node.dir / "file").write_text("x")
    node.data = node.dir / "file" / "data"
    fails(node, "failed to open data directory", "Not a directory")
    done = run("-check", node.data)
    assert done.returncode == 1 and log_line(done) == (
        "failed to open data directory: %s: Not a directory" % node.data)


def test_damaged_identity(make_node):
    node = make_node().start()
    node.execute("CREATE TABLE t(x)")
    assert node.stop() == 0
    identity = node.data / "node.json"
    identity.write_bytes(b"\0" * identity.stat().st_size)
    fails(node, "node.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide /proc")
def test_without_proc(make_node):
    node = make_node()
    hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh", node.program, *node.flags]
    for first in ([], ["-check"]):
        done = subprocess.run([*hidden, *first, str(node.data)], capture_output=True, text=True, timeout=15)
        if "mount:" in done.stderr or "unshare:" in done.stderr:
            pytest.skip("nothing can be mounted here")
        assert done.returncode == 1
        assert done.stderr.endswith("] %s %s /proc is not mounted: files are handed to the workers by its names\n" %
                                    tuple(done.stderr.splitlines()[-1].split(" ", 3)[1:3])), done.stderr


def test_failed_start_leaves_the_ports_free(make_node):
    node = make_node().start()
    assert node.stop() == 0
    vote = node.data / "raft" / "vote"
    for _ in range(10):
        kept = vote.read_bytes()
        vote.write_bytes(b"\0" * len(kept))
        node.launch()
        assert node.process.wait(60) == 1, node.log
        vote.write_bytes(kept)
        node.start()
        assert node.stop() == 0
    assert "address already in use" not in node.log and "in use by another" not in node.log


def test_check_flag(make_node):
    node = make_node("-auth", "users.json", "-http-cert", "a.crt", "-http-key", "a.key", "-http-ca-cert", "a.crt",
                     "-http-verify-client")
    (node.dir / "users.json").write_text('[{"username": "a", "password": "b", "perms": ["all"]}]')
    (node.dir / "users.json").chmod(0o600)
    openssl(node, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "9",
            "-subj", "/CN=localhost", "-keyout", "a.key", "-out", "a.crt")
    before = sorted(node.dir.iterdir())
    done = subprocess.run([node.program, "-check", *node.flags, str(node.data)], cwd=node.dir, capture_output=True,
                          text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch("flags: good\nfiles: good\ndata directory: good\nseccomp: .*\nlandlock: .*\nusers: .*\n",
                        done.stdout)
    assert sorted(node.dir.iterdir()) == before, "nothing is made"
    done = run("-check", "-auth", node.dir / "nowhere", node.data)
    assert (done.returncode, log_line(done)) == (
        1, "failed to get credential store: open %s: no such file or directory" % (node.dir / "nowhere"))


def test_check_beside_a_running_node(node):
    assert run("-check", node.data).returncode == 0
    assert node.query("SELECT 1") == [[1]]


def spoiled(node, name, kind):
    """The file of a node that was killed becomes something else."""
    path = node.data / name
    if kind == "half":
        path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        return
    owner = path.stat()
    path.unlink()
    if kind == "missing":
        return
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        (node.dir / "elsewhere").write_text("")
        path.symlink_to(node.dir / "elsewhere")
    else:
        path.write_bytes(b"" if kind == "empty" else b"somebody else's" * 600)
    # Started as root, a node's files belong to its workers.
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


AGAIN = "estore this node from a backup; if other nodes have the data, remove its data directory and let it join again"
VOTE_AGAIN = "this node could vote twice. Remove its data directory and let it join again, or restore it from a backup"
NODE_AGAIN = "node.json is damaged: restore it from a backup of this node, or remove the data directory if other nodes " \
    "have the data"
SEGMENT = "raft/0000000000000001.seg"


@pytest.mark.parametrize("name, kind, text", [
    ("lock", "directory", "DATA/lock: Is a directory"),
    ("lock", "link", "DATA/lock: Too many levels of symbolic links"),
    ("node.json", "missing", "raft/vote belongs to another node"),
    ("node.json", "directory", "node.json: Is a directory"), ("node.json", "pipe", "node.json: Operation not supported"),
    ("node.json", "link", "node.json: Too many levels of symbolic links"),
    ("node.json", "empty", NODE_AGAIN), ("node.json", "half", NODE_AGAIN),
    ("node.json", "foreign", "node.json is not a file of this program"),
    ("raft/vote", "missing", "raft/vote is missing, but the log has entries of term 2: " + VOTE_AGAIN),
    ("raft/vote", "directory", "raft/vote: Is a directory"), ("raft/vote", "pipe", "raft/vote: Operation not supported"),
    ("raft/vote", "empty", "raft/vote: both copies are damaged: " + VOTE_AGAIN),
    ("raft/vote", "foreign", "raft/vote: both copies are damaged: " + VOTE_AGAIN),
    (SEGMENT, "missing", AGAIN), (SEGMENT, "empty", "too short to be a segment): r" + AGAIN),
    (SEGMENT, "directory", "0000000000000001.seg: Is a directory"),
    (SEGMENT, "pipe", "0000000000000001.seg: Operation not supported"),
    (SEGMENT, "foreign", "0000000000000001.seg is damaged at offset 0 (its header): r" + AGAIN),
    ("db/ledger", "missing", "nothing says which log index it is at. R" + AGAIN),
    ("db/ledger", "directory", "db/ledger: Is a directory"), ("db/ledger", "pipe", "db/ledger: Operation not supported"),
    ("db/ledger", "empty", "db/ledger is lost: nothing says which log index the database is at. R" + AGAIN),
    ("db/ledger", "foreign", "db/ledger is lost: nothing says which log index the database is at. R" + AGAIN),
    ("db/db.sqlite-wal", "directory", "db/db.sqlite-wal: Is a directory"),
    ("db/db.sqlite-wal", "pipe", "db/db.sqlite-wal: Operation not supported"),
    ("db/db.sqlite", "missing", "db/db.sqlite is missing, but db/ledger is there. R" + AGAIN),
    ("db/db.sqlite", "empty", "db/db.sqlite is empty. R" + AGAIN),
    ("db/db.sqlite", "foreign", "db/db.sqlite is damaged: it is no database. R" + AGAIN),
    ("db/db.sqlite", "directory", "db/db.sqlite: Is a directory"),
    ("db/db.sqlite", "pipe", "db/db.sqlite: Operation not supported"),
])
def test_data_that_can_not_be_used(node, name, kind, text):
    """One line says what is wrong, and nothing that was there is lost: with the file back all is well."""
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    node.kill()
    path = node.data / name
    good, owner = path.read_bytes(), path.stat()
    spoiled(node, name, kind)
    node.launch()
    assert node.process.wait(60) == 1, node.log
    assert text.replace("DATA", str(node.data)) in node.log.splitlines()[-1], node.log
    path.rmdir() if kind == "directory" else path.unlink(missing_ok=True)
    path.write_bytes(good)
    path.chmod(owner.st_mode)
    os.chown(path, owner.st_uid, owner.st_gid)
    node.start()
    assert node.query("SELECT x FROM t", "strong") == [[1]]


@pytest.mark.parametrize("name", ["spare-0.seg", "spare-1.seg"])
@pytest.mark.parametrize("kind", ["directory", "link", "pipe"])
def test_what_is_in_the_place_of_a_spare(node, name, kind):
    """The log would not grow any more, and no leader come: it is removed, or named."""
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    node.kill()
    path = node.data / "raft" / name
    path.touch()
    os.chown(path, (node.data / "raft").stat().st_uid, (node.data / "raft").stat().st_gid)
    spoiled(node, f"raft/{name}", kind)
    if kind == "directory":
        fails(node, f"raft log: raft/{name} is in the place of a file of the log: Is a directory")
        path.rmdir()
    node.start()
    node.execute("INSERT INTO t VALUES(2)")
    assert node.query("SELECT count(*) FROM t", "strong") == [[2]]
    assert not path.is_symlink() and not path.is_fifo()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's files are closed to the workers")
def test_a_database_that_can_not_be_opened_is_no_missing_one(node):
    """Both files are his who keeps them elsewhere, too: no empty database takes their place."""
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(1)")
    assert node.stop() == 0
    paths = [node.data / "db/db.sqlite", node.data / "db/ledger"]
    before = [(path.stat(), path.read_bytes()) for path in paths]
    for path in paths:
        path.chmod(0o600)
        os.chown(path, 0, 0)
        os.link(path, node.dir / path.name)
    fails(node, "failed to open store: db/db.sqlite: Permission denied")
    assert [path.read_bytes() for path in paths] == [data for _, data in before]
    # Once they are nowhere else, the start hands them over.
    for path in paths:
        (node.dir / path.name).unlink()
    node.start()
    for path, (stat, _) in zip(paths, before):
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) == (stat.st_uid, stat.st_gid, stat.st_mode)
    assert node.query("SELECT x FROM t", "strong") == [[1]]
