"""A run may use one dataset several times, in different contexts, such as "train" and "eval".

The constraint allowed one row for a run and a dataset. The code that adds rows holds the lock of the run.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if is_sqlite:
        # SQLite writes the table anew. With the old table it deletes the rows that refer to it.
        op.execute(sa.text("CREATE TEMPORARY TABLE kept_tags AS SELECT * FROM dataset_input_tags"))
    with op.batch_alter_table("dataset_inputs") as inputs:
        inputs.drop_constraint("uq_dataset_inputs_run_id_dataset_id", type_="unique")
    op.create_index("ix_dataset_inputs_run_id", "dataset_inputs", ["run_id"])
    if is_sqlite:
        op.execute(sa.text("INSERT INTO dataset_input_tags (input_id, key, value) SELECT * FROM kept_tags"))
        op.execute(sa.text("DROP TABLE kept_tags"))
