"""The HTTP layer around the RPCs: routing, security checks, observability, and requests that carry files.

- ``wsgi``: the WSGI application; the steps that every request passes.
- ``router``: finds the responder for a verb and a path.
- ``security``: checks of the Host and Origin headers, CORS, security headers.
- ``proxies``: the address of a client behind proxies.
- ``observability``: request ids, log formats, the access log, metrics for Prometheus.
- ``probes``: responders for ``/health``, ``/version``, ``/ready`` and ``/metrics``.
- ``transfers``: requests with a file as request or response body.
- ``files``: sends a file: ranges, ETags, safe headers.
- ``archives``: sends a folder as a zip or tar.gz archive.
- ``flask_pages``: the Flask application as a responder.
- ``waiting``: tells the thread pool that a thread waits for a client or for the database.
"""
