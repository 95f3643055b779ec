"""Points say NaN in their value, as infinity: a shorter key, and 16 bytes less a point on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Float64, Id, Int64

revision = "0007"
down_revision = "0006"

_KEY = ["series_id", "timestamp", "step", "value"]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild()
    else:
        # Of partitions as well, where there are some.
        op.drop_constraint("pk_points", "points")
        op.execute("UPDATE points SET value = 'Infinity' WHERE is_nan")
        op.drop_column("points", "is_nan")
        op.create_primary_key("pk_points", "points", _KEY)


def _rebuild() -> None:
    op.create_table(
        "points_new",
        sa.Column("series_id", Id, autoincrement=False, nullable=False),
        sa.Column("timestamp", Int64, autoincrement=False, nullable=False),
        sa.Column("step", Int64, autoincrement=False, nullable=False),
        sa.Column("value", Float64, nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="pk_points"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO points_new "
        "SELECT series_id, timestamp, step, CASE WHEN is_nan THEN 9e999 ELSE value END FROM points "
        "ORDER BY series_id, timestamp, step"
    )
    op.drop_table("points")
    op.rename_table("points_new", "points")
