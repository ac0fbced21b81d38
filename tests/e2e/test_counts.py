"""What /debug/vars and /status count and show is what happened."""

from conftest import wait_for


def variables(node, group):
    return node.get("/debug/vars?key=" + group).json[group]


def grown(before, after):
    return {key: after[key] - before[key] for key in after if after[key] != before[key] and "duration" not in key}


def test_statements_are_counted(node):
    node.execute("CREATE TABLE t(x)")
    before, stored = variables(node, "db"), variables(node, "store")
    assert node.post("/db/execute?transaction", ["INSERT INTO t VALUES(1)", "INSERT INTO t VALUES(2)"]).status == 200
    node.execute("INSERT INTO t VALUES(3)")
    assert node.post("/db/query?transaction&level=none", ["SELECT 1", "SELECT 2", "SELECT 3"]).status == 200
    node.query("SELECT count(*) FROM t")
    assert node.post("/db/request", ["SELECT 1", "INSERT INTO t VALUES(4)"]).status == 200
    assert grown(before, variables(node, "db")) == {
        "executions": 3, "execute_transactions": 1, "queries": 4, "query_transactions": 1, "requests": 2}
    assert grown(stored, variables(node, "store")) == {"num_uncompressed_commands": 3}
    assert variables(node, "store")["fsm_apply_duration_us"] > 0


def test_checkpoints_are_snapshots(make_node):
    node = make_node("-raft-snap", "10", "-raft-snap-int", "5ms").start()
    assert variables(node, "store")["num_snapshots"] == 0
    raft = node.get("/status?key=store.raft").json
    assert (raft["last_snapshot_index"], raft["last_snapshot_term"]) == (0, 0)
    node.execute("CREATE TABLE t(x)")
    for i in range(12):
        node.execute(["INSERT INTO t VALUES(?)", i])
    wait_for(lambda: variables(node, "store")["num_snapshots"] > 0, 30, "a snapshot")
    assert variables(node, "db")["checkpoints"] >= variables(node, "store")["num_snapshots"]
    assert variables(node, "store")["num_snapshots_failed"] == 0
    old = node.get("/status?key=store.raft").json
    assert old["last_snapshot_index"] >= 10
    assert old["last_snapshot_term"] == old["term"]
    # The term is the snapshot's, also when a later one has begun.
    assert node.stop() == 0
    node.start("-raft-snap-int", "1h")
    new = node.get("/status?key=store.raft").json
    assert new["term"] > old["term"] and new["last_snapshot_term"] == old["term"]


def test_settings_are_shown(make_node):
    node = make_node("-raft-log-level", "info").start()
    assert node.get("/status?key=store.raft.config.LogLevel").json == "info"
    options = [row[0] for row in node.query("PRAGMA compile_options")]
    assert options and node.get("/status?key=store.sqlite3.compile_options").json == options


def test_pages(node):
    node.execute("CREATE TABLE t(x)", "INSERT INTO t VALUES(randomblob(100000))")
    shown = node.get("/status?key=store.sqlite3").json
    size, = node.query("PRAGMA page_size")[0]
    assert shown["mem_stats"]["page_size"] == size
    assert [[shown["mem_stats"]["page_count"]]] == node.query("PRAGMA page_count")
    assert shown["db_size"] == size * shown["mem_stats"]["page_count"]
