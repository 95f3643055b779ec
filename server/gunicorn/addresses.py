"""Whether the server can listen on its addresses, before it opens its database.

gunicorn tries five times, a second apart, and logs two lines each time.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from typing import Any

from gunicorn import util

from ..config import inherits_sockets


class AddressError(Exception):
    """The server cannot listen on an address. The message is one sentence for the operator."""


def check(settings: Any) -> None:
    """Raise ``AddressError`` if an address of gunicorn's settings is in use or cannot be used.

    Sockets that the process has inherited, from systemd or from a gunicorn that is replaced, are not checked.
    """
    if inherits_sockets():
        return
    for address in settings.address:
        if isinstance(address, tuple):
            _check_tcp(*address, reuse_port=settings.reuse_port)
        elif isinstance(address, str):
            _check_unix(address)


def _check_tcp(host: str, port: int, *, reuse_port: bool) -> None:
    family = socket.AF_INET6 if util.is_ipv6(host) else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port and hasattr(socket, "SO_REUSEPORT"):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((host, port))
    except (socket.gaierror, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AddressError(
            f"There is no address for --host {host}: {reason}. Give an address of this machine, such "
            "as 127.0.0.1, or 0.0.0.0 for all of them."
        ) from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressError(
                f"Port {port} of {host} is in use by another program, perhaps another server. Stop that, or "
                "give another port with --port."
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise AddressError(
                f"This machine does not have the address of --host {host}. Give one that it has, such as "
                "127.0.0.1, or 0.0.0.0 for all of them."
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM):
            raise AddressError(
                f"This user may not listen on port {port} of {host}. Give a port from 1024 with --port."
            ) from None
        raise AddressError(
            f"The server cannot listen on port {port} of {host} (--host, --port): {error.strerror}."
        ) from None


def _check_unix(path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.access(folder, os.W_OK | os.X_OK):
        problem = "cannot be written" if os.path.isdir(folder) else "does not exist"
        raise AddressError(f"The server cannot make the socket {path}: the folder {folder} {problem}.")
    if os.path.exists(path) and not stat.S_ISSOCK(os.stat(path).st_mode):
        raise AddressError(f"The server cannot make the socket {path}: there is a file of that name.")
