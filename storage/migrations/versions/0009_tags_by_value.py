"""An index by which a search finds the runs that have some value of a tag, such as the children of a run."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_IS_SHORT = sa.text("length(value) <= 100")


def upgrade() -> None:
    op.create_index(
        "ix_run_tags_by_value",
        "run_tags",
        ["key", "value", "run_id"],
        sqlite_where=_IS_SHORT,
        postgresql_where=_IS_SHORT,
    )
