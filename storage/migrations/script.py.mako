"""${message}"""

import sqlalchemy as sa
from alembic import op
from trackway.storage.schema.base import Float64, Id, Int64, String

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
