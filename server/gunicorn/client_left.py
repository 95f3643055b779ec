"""Whether the client of a request has gone, so that nobody needs the response.

A client that has closed its connection and one that has closed only its sending side and still reads look the
same: a FIN has arrived. To tell them apart, the server sends ``100 Continue``, which clients of HTTP/1.1 must
be able to ignore (RFC 9110, 15.2). If the client has gone, its system answers with a reset.
"""

from __future__ import annotations

import socket
from typing import Any

from .tcp import has_finished, is_reset

_INTERIM_RESPONSE = b"HTTP/1.1 100 Continue\r\n\r\n"


def has_left(conn: Any) -> bool:
    """Return whether the client has gone, as far as the system has heard.

    ``conn.takes_interim`` says whether the client can be sent an interim response: it speaks HTTP/1.1, and
    the response has not begun. A client that cannot has gone if it will send nothing more.
    """
    sock = conn.sock
    if not has_finished(sock):
        return False
    if is_reset(sock) or conn.is_http2 or not conn.takes_interim:
        return True
    if not conn.was_probed:
        conn.was_probed = True
        try:
            socket.socket.send(sock, _INTERIM_RESPONSE, socket.MSG_DONTWAIT)
        except OSError:
            return True
    return False
