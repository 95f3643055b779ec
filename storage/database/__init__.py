"""The database engine: connections, transactions, prepared statements, and each database's own ways.

It knows no table. Modules of the domain import what they use from here.
"""

from .database import DEFAULT_WORKSPACE, Database, Tx, file_of, parse_uri
from .prepared import Prepared, is_among, several
from .read_replica import ReadReplica
from .row_cache import insisting
from .text_cache import new_version
from .upsert import excluded, insert_new, upsert

__all__ = [
    "DEFAULT_WORKSPACE",
    "Database",
    "Prepared",
    "ReadReplica",
    "Tx",
    "excluded",
    "file_of",
    "insert_new",
    "insisting",
    "is_among",
    "new_version",
    "parse_uri",
    "several",
    "upsert",
]
