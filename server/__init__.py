"""The server: it answers HTTP requests and runs background jobs. It contains no SQL.

- ``app``: ``create_app``, which mounts every responder on its paths
- ``dispatch``: the steps of every RPC: decode, transaction, permission, handler, audit, encode
- ``responses``: responses, complete or streamed, and errors as responses
- ``request_body``: reads request bodies, JSON and query strings
- ``batch_decoder``: a fast decoder for large log-batch bodies
- ``backend``: state of a process: settings, database, read replica, artifact stores
- ``usage``: counts what requests write, and checks quotas
- ``leader_lock``: the lock by which one process polls for abandoned jobs
- ``version``: the MLflow version that this server reports
"""
