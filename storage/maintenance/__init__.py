"""Maintenance of a database by the operator.

- ``migrate``: create the tables, check the schema's revision, run migrations
- ``partitions``: divide the table of metric points into partitions (PostgreSQL)
- ``trash``: find what is in the trash and can be purged
- ``purge``: delete it for good
"""
