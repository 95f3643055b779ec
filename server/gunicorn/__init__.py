"""How gunicorn is run, and all that knows its internals."""
