"""Column types and naming that every table shares."""

from sqlalchemy import BigInteger, Double, Integer, MetaData, Text

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
