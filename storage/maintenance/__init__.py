"""Maintenance of a database by the operator.

- ``migrate``: create the tables, check the schema's revision, run migrations
- ``partitions``: divide the table of metric points into partitions (PostgreSQL)
- ``access``: whether the server may read and write the database
- ``integrity``: find damage in a SQLite file
- ``backup``: copy a SQLite file while servers write
- ``registered_files``: runs and models whose files a registered version uses
- ``late_uploads``: files that were uploaded to a run or model after its purge
- ``unfinished``: uploads and deletions that were interrupted between audit row and change
- ``trash``: find what is in the trash and can be purged
- ``purge``: delete it for good
"""
