"""The index of metrics by value names the run, so that an order by a metric is read off it alone."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("ix_series_by_value", "series")
    op.create_index(
        "ix_series_by_value", "series", ["experiment_id", "key", "is_nan", "value", "run_id"], unique=False
    )
