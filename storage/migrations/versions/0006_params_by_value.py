"""An index by which a search finds the runs that have some value of a param."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_IS_SHORT = sa.text("length(value) <= 100")


def upgrade() -> None:
    op.create_index(
        "ix_params_by_value",
        "params",
        ["key", "value", "run_id"],
        sqlite_where=_IS_SHORT,
        postgresql_where=_IS_SHORT,
    )
