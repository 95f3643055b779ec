"""What all tables have in common."""

import pytest

from trackway.storage.schema import metadata

KEYS = [key for table in metadata.sorted_tables for key in table.foreign_key_constraints]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.table.name}.{'-'.join(key.column_keys)}")
def test_rows_are_deleted_with_their_parent(key):
    """A workspace is no parent in this sense: it is never deleted while it has rows."""
    assert key.ondelete == (None if key.referred_table.name == "workspaces" else "CASCADE")
