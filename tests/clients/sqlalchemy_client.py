"""SQLAlchemy by sqlalchemy-rqlite, against a node: argv[1] is its port; its user is bob, password secret."""

import sys

import sqlalchemy as sa

engine = sa.create_engine("rqlite+pyrqlite://127.0.0.1:%s/?user=bob&password=secret" % sys.argv[1])
table = sa.Table("alchemy", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20)))
table.metadata.create_all(engine)
with engine.begin() as connection:
    connection.execute(table.insert(), [{"name": "first"}, {"name": "second"}])
    rows = connection.execute(sa.select(table.c.id, table.c.name).order_by(table.c.id)).fetchall()
    assert [tuple(row) for row in rows] == [(1, "first"), (2, "second")], rows
    connection.execute(table.update().where(table.c.id == 2).values(name="changed"))
    assert connection.execute(sa.select(table.c.name).where(table.c.id == 2)).scalar() == "changed"
assert "alchemy" in sa.inspect(engine).get_table_names()
