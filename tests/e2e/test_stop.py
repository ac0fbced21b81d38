"""SIGTERM in the middle of a start: whatever the workers are doing, the node ends in order."""

import signal
import time

from conftest import wait_for


def test_stop_at_any_instant_of_a_start(make_node):
    node = make_node().start()
    node.execute("CREATE TABLE t(n INTEGER PRIMARY KEY)")
    node.kill()
    for delay in range(10, 130, 4):
        (node.dir / "log").write_text("")
        node.launch()
        time.sleep(delay / 1000)
        workers = node.workers()
        node.process.terminate()
        # Before there are workers there is nothing to end in order.
        assert node.process.wait(10) in ([0] if workers else [0, -signal.SIGTERM]), node.log
        wait_for(lambda: not node.workers(), 5, "all workers to be gone")
    node.start()
    node.execute("INSERT INTO t VALUES(1)")
    assert node.query("SELECT n FROM t", "strong") == [[1]]
