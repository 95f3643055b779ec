"""The database engine: connections, transactions, prepared statements, and each database's own ways.

It knows no table. Modules of the domain import what they use from here.
"""

from .database import DEFAULT_WORKSPACE, Database, Tx, file_of, parse_uri
from .prepared import Prepared, in_list, multi_row
from .read_replica import ReadReplica
from .row_cache import must_exist
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
    "in_list",
    "insert_new",
    "multi_row",
    "must_exist",
    "new_version",
    "parse_uri",
    "upsert",
]
