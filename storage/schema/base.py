"""Column types and names of constraints that all tables share.

The tables are described as far as queries need it. Options of a single database are in the migrations alone,
which make the tables: WITHOUT ROWID and AUTOINCREMENT on SQLite, partial indexes on both. If they were here,
each would load its database's SQLAlchemy dialect also in servers on the other database: 0.6 MiB for SQLite's,
2 MiB for PostgreSQL's.
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

# SQLite assigns row ids only to columns that are declared INTEGER; it stores them in up to 64 bits.
Id = BigInteger().with_variant(Integer, "sqlite")
Int64 = BigInteger().with_variant(Integer, "sqlite")
Float64: Double[float] = Double()
# Collation "C": texts sort by code point, as in MLflow on SQLite, in every locale of PostgreSQL.
String = Text().with_variant(Text(collation="C"), "postgresql")


def key_value_table(name: str, owner: str, *, of: str) -> Table:
    """Return a table of tags or params: one value for each key of an owner, deleted with the owner."""
    return Table(
        name,
        metadata,
        Column(owner, Id, ForeignKey(of, ondelete="CASCADE"), nullable=False),
        Column("key", String, nullable=False),
        Column("value", String, nullable=False),
        PrimaryKeyConstraint(owner, "key"),
    )
