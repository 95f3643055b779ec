"""gunicorn's configuration and everything that depends on gunicorn's internals.

- ``application``: gunicorn's configuration and hooks, and the command-line options passed on to it.
- ``addresses``: checks that the server can listen on its addresses, before it opens its database.
- ``worker``: the worker class: connections, the main thread, the hand-over to pool threads.
- ``fast_path``: reads and answers ordinary requests on keep-alive connections without gunicorn's parser.
- ``incoming_request``: tells from the bytes of a request whether a thread can answer it without waiting.
- ``receiving``: incomplete requests, which the main thread receives.
- ``sending``: responses that the client has not taken yet, which the main thread sends.
- ``client_waits``: the threads that wait for clients in a transfer: how many, and which clients are too slow.
- ``tcp``: a connection's progress, as Linux reports it.
- ``current_connection``: the connection whose request a thread answers.
- ``client_left``: whether the client of a request has gone, so that its statement can be cancelled.
- ``response``: writes responses, small ones in one packet.
- ``socket_timeouts``: time-outs for reading requests and writing responses.
- ``thread_pool``: the thread pool, which starts an extra thread while another waits for a client.
- ``affinity``: binds a worker's threads to one processor.
- ``lingering_close``: closes connections after the client has received the response.
- ``malloc``: settings of glibc's memory allocator.
- ``compat_26``: patches for gunicorn 26.2.
"""
