"""Set TCP_NODELAY on all listening TCP sockets. This folder is on the PYTHONPATH of "MLflow, no delay".

On Linux accepted connections inherit the option from the listening socket.
"""

import socket

_listen = socket.socket.listen


def _listen_without_delay(self, *backlog):  # type: ignore[no-untyped-def]
    if self.family in (socket.AF_INET, socket.AF_INET6):
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _listen(self, *backlog)


socket.socket.listen = _listen_without_delay  # type: ignore[method-assign]
