"""Column types and naming that every table shares.

The tables are described as queries see them. What else a database has of them is in the migrations
alone, which make them: on SQLite, rows kept in the primary key's order and ids that never come again; on
both, indexes of some rows only. Said here, each such option would load its database's dialect into
servers on the other: 0.6 MiB for SQLite's, 2 for PostgreSQL's.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite hands out row ids only to columns declared INTEGER, which it stores in up to 64 bits.
Id = BigInteger().with_variant(Integer, "sqlite")
Int64 = BigInteger().with_variant(Integer, "sqlite")
Float64: Double[float] = Double()
# Names sort by code point, as in MLflow on SQLite, whatever locale PostgreSQL was made with.
String = Text().with_variant(Text(collation="C"), "postgresql")


def key_value_table(name: str, owner: str, *, of: str) -> Table:
    """Tags or params: one value for each key of an owner, gone with it."""
    return Table(
        name,
        metadata,
        Column(owner, Id, ForeignKey(of, ondelete="CASCADE"), nullable=False),
        Column("key", String, nullable=False),
        Column("value", String, nullable=False),
        PrimaryKeyConstraint(owner, "key"),
    )
