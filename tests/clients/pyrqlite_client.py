"""pyrqlite, a DB-API client, against a node: argv[1] is its port; its user is bob, password secret."""

import sys

import pyrqlite.dbapi2

connection = pyrqlite.dbapi2.connect(host="127.0.0.1", port=int(sys.argv[1]), user="bob", password="secret")
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE py(id INTEGER PRIMARY KEY, name TEXT, score REAL)")
    cursor.executemany("INSERT INTO py(name, score) VALUES(?, ?)", [("a", 1.5), ("b", None), ("ö'x", -2.25)])
    assert cursor.rowcount == 3, cursor.rowcount
    cursor.execute("INSERT INTO py(name) VALUES(:name)", {"name": "named"})
    assert cursor.lastrowid == 4, cursor.lastrowid
    cursor.execute("SELECT id, name, score FROM py WHERE id <= ? ORDER BY id", (3,))
    assert [tuple(row) for row in cursor.fetchall()] == [(1, "a", 1.5), (2, "b", None), (3, "ö'x", -2.25)]
    assert [column[0] for column in cursor.description] == ["id", "name", "score"]
    try:
        cursor.execute("INSERT INTO py(id) VALUES(1)")
    except pyrqlite.dbapi2.Error as error:
        assert "UNIQUE constraint failed: py.id" in str(error), error
    else:
        raise AssertionError("a second row of the same key")
connection.close()
