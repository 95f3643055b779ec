"""A version of each run's state, by which texts made of it are known to be true."""

import sqlalchemy as sa
from alembic import op

from trackway.storage.schema.base import Int64

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("version", Int64, nullable=False, server_default="0"))
