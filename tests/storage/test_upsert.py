import sqlalchemy as sa

from trackway.storage.database import Tx, excluded, insert_new, upsert
from trackway.storage.schema.tracking import workspaces

_TABLE = sa.Table(
    "order", sa.MetaData(), sa.Column("key", sa.Text, primary_key=True), sa.Column("n", sa.Integer)
)


def _rows(tx: Tx) -> list[tuple[str, int]]:
    return sorted(tuple(row) for row in tx.execute(sa.select(_TABLE)))


def test_a_row_that_is_there_is_left_or_set_anew(tx: Tx) -> None:
    tx.execute(sa.schema.CreateTable(_TABLE))
    tx.execute(insert_new(_TABLE), [{"key": "a", "n": 1}])
    tx.execute(insert_new(_TABLE), [{"key": "a", "n": 2}, {"key": "b", "n": 2}])
    assert _rows(tx) == [("a", 1), ("b", 2)]
    tx.execute(upsert(_TABLE, "n"), [{"key": "a", "n": 3}, {"key": "c", "n": 3}])
    assert _rows(tx) == [("a", 3), ("b", 2), ("c", 3)]


def test_a_condition_says_which_rows_are_changed(tx: Tx) -> None:
    tx.execute(sa.schema.CreateTable(_TABLE))
    raise_it = upsert(_TABLE, "n", key=["key"], where=excluded(_TABLE).n > _TABLE.c.n)
    tx.execute(raise_it, [{"key": "a", "n": 5}])
    tx.execute(raise_it, [{"key": "a", "n": 4}])
    assert _rows(tx) == [("a", 5)]
    tx.execute(raise_it, [{"key": "a", "n": 6}])
    assert _rows(tx) == [("a", 6)]


def test_statements_that_differ_in_what_becomes_of_a_row_are_not_taken_for_each_other() -> None:
    """The cache of compiled statements goes by these keys."""
    statements = [
        insert_new(workspaces),
        upsert(workspaces, "name"),
        upsert(workspaces, "name", key=["name"]),
        upsert(workspaces, "name", where=excluded(workspaces).name > workspaces.c.name),
        upsert(workspaces, "name", where=excluded(workspaces).name < workspaces.c.name),
    ]
    keys = [statement._generate_cache_key() for statement in statements]
    assert None not in keys
    assert len({key.key for key in keys if key}) == len(statements)
    again = upsert(workspaces, "name", key=["name"])._generate_cache_key()
    assert again == keys[2]
