"""What an operator sees of a node: the lines of its log, in the words that scripts look for."""

import re

from conftest import wait_for


STAMP = re.compile(r"^(\[[a-z]+\]) \d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", re.M)


def lines(node):
    return STAMP.sub(r"\1 ", node.log).splitlines()


def test_what_a_start_says(make_node):
    node = make_node().start()
    at, peers, data = node.address, "127.0.0.1:%d" % node.raft_port, node.data
    wait_for(lambda: "connect using" in node.log, 10)
    said = lines(node)[6:]
    assert re.fullmatch(r"\[rqlited\] rqlited starting, version v\S+, SQLite 3\S+, commit \S+, compiler \(toolchain\) "
                        r"(gcc|clang)-\S+, compiler \(command\) (gcc|clang)", said[0])
    assert said[1] == "[rqlited] launch command: %s -http-addr %s -raft-addr %s %s" % (node.program, at, peers, data)
    assert said[2:] == [
        "[mux] mux serving on %s, advertising %s" % (peers, peers),
        "[rqlited] no preexisting node state detected in %s, node may be bootstrapping" % data,
        "[http] service listening on " + at,
        "[rqlited] bootstrapping single new node",
        "[store] opening store with node ID %s, listening on %s" % (peers, peers),
        "[store] this node (ID=%s, addr=%s) is now Leader" % (peers, peers),
        "[rqlited] node HTTP API available at http://" + at,
        "[rqlited] connect using the command-line tool via 'rqlite -H 127.0.0.1 -p %d'" % node.port]
    assert node.stop() == 0
    assert lines(node)[-3:] == ['[rqlited] received signal "terminated"',
                                "[store] store closed with node ID %s, listening on %s" % (peers, peers),
                                "[rqlited] rqlite server stopped"]
    node.start()
    assert "[rqlited] preexisting node state detected in %s" % data in lines(node)
    assert lines(node).count("[rqlited] bootstrapping single new node") == 1


def test_a_node_that_waits_for_others_says_so(make_node):
    node = make_node("-join", "127.0.0.1:1").launch()
    wait_for(lambda: "opening store" in node.log, 10)
    assert "[rqlited] -join is not supported by this version yet: this node will not have a leader" in lines(node)
    assert node.stop() == 0
    assert "available at" not in node.log and "bootstrapping single" not in node.log
