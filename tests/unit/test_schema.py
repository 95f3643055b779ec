"""What all tables have in common."""

import pytest

from trackway.storage.schema import metadata

# In the same order in each of pytest-xdist's processes.
KEYS = sorted(
    (key for table in metadata.sorted_tables for key in table.foreign_key_constraints),
    key=lambda key: (key.table.name, key.column_keys),
)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.table.name}.{'-'.join(key.column_keys)}")
def test_rows_are_deleted_with_their_parent(key):
    """A workspace is no parent in this sense: it is never deleted while it has rows."""
    assert key.ondelete == (None if key.referred_table.name == "workspaces" else "CASCADE")
