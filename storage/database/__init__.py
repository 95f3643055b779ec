"""The database layer: connections, transactions and prepared statements. It does not depend on the schema.

``database``          a database, SQLite or PostgreSQL; runs transactions and repeats them
``transaction``       one transaction, ``Tx``
``connection``        a connection of the pool for one transaction
``prepared``          prepared statements
``upsert``            INSERT ... ON CONFLICT for both databases
``errors``            which database errors allow a retry, and which API errors they become
``row_cache``         rows that writes to PostgreSQL use without reading them again
``text_cache``        the JSON of runs, by row version
``read_replica``      searches on a replica
``sqlite``            SQLite's settings and the start of its transactions
``sqlite_write_lock`` the write lock of a process and its forks
``postgres``          PostgreSQL's settings; whether statements may be prepared
``postgres_pipeline`` statements by libpq's pipeline
``postgres_cancel``   cancels statements whose client has gone
``time_limit``        the time limit of statements

Other folders import from this package, not from its modules.
"""

from .database import DEFAULT_WORKSPACE, Database, Tx, file_of, parse_uri
from .errors import translated
from .prepared import Prepared, in_list, multi_row, update_by_id
from .read_replica import ReadReplica
from .row_cache import must_exist
from .text_cache import new_version
from .time_limit import set_cancelled
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
    "set_cancelled",
    "translated",
    "update_by_id",
    "upsert",
]
