"""Storage: tables, queries and artifact stores. It does not depend on HTTP.

``audit``       one row for each write, refusals, seals
``jobs``        work for later, taken by lease
``usage``       what workspaces use, and their quotas
``secrets``     encryption of webhook secrets
``free_space``  free space on the disks
``database``    connections and transactions
``search``      filters as SQL, read plans, pages
``tracking``, ``registry``, ``webhooks``  the queries of each area
``artifacts``   artifact stores: a folder, a bucket
``schema``      the tables
``migrations``  the migrations that make them
``maintenance`` commands on the store: migrate, purge
"""
