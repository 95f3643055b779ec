"""On MLflow's PYTHONPATH for its second run: sockets that listen over TCP answer without Nagle's delay.

Accepted connections inherit the option from the listening socket on Linux, whoever accepts them.
"""

import socket

_listen = socket.socket.listen


def _listen_without_delay(self, *backlog):  # type: ignore[no-untyped-def]
    if self.family in (socket.AF_INET, socket.AF_INET6):
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _listen(self, *backlog)


socket.socket.listen = _listen_without_delay  # type: ignore[method-assign]
