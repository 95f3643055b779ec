"""Encryption of webhook secrets in the database, with a key that is kept outside it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from trackway.client_compat.errors import BadRequest

from .database import parse_uri

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEY_VARIABLE = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"
_KEY_FILE = "trackway-secrets.key"


class Cipher:
    """Encrypts and decrypts with Fernet keys.

    ``keys`` are separated by commas. The first one encrypts and all decrypt, so an operator changes the key
    by putting a new one in front of the old one. Without keys, a SQLite store has its key in a file beside
    the database file, which is made at the first use. For PostgreSQL keys are required: several hosts may
    share the database and need the same key.
    """

    def __init__(self, store_uri: str, keys: str = "") -> None:
        self._store_uri = store_uri
        self._keys = keys
        self._cipher: MultiFernet | None = None

    def encrypt(self, secret: str) -> str:
        """Return the secret encrypted. Raise ``BadRequest`` if there is no valid key."""
        return self._fernet().encrypt(secret.encode()).decode()

    def decrypt(self, encrypted: str) -> str:
        """Return the secret. Raise ``BadRequest`` if the server does not have its key."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet().decrypt(encrypted).decode()
        except InvalidToken:
            raise BadRequest(
                "The secret was encrypted with a key that the server does not have. Add the old key to "
                f"{KEY_VARIABLE} (separate keys by commas), or set the secret again."
            ) from None

    def _fernet(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        if self._cipher is None:
            keys = [key.strip() for key in self._keys.split(",") if key.strip()] or [self._key_beside_store()]
            try:
                self._cipher = MultiFernet([Fernet(key) for key in keys])
            except ValueError:
                raise BadRequest(
                    f"The server's {KEY_VARIABLE} is not a Fernet key (32 bytes in URL-safe base64). "
                    f"{_KEY_COMMAND}"
                ) from None
        return self._cipher

    def _key_beside_store(self) -> str:
        url = parse_uri(self._store_uri)
        if url.get_backend_name() != "sqlite" or not url.database:
            raise BadRequest(
                f"The server has no key to encrypt secrets with. Set {KEY_VARIABLE} to the same Fernet key "
                f"for every server of this database. {_KEY_COMMAND}"
            )
        path = Path(url.database).resolve().with_name(_KEY_FILE)
        if not path.exists():
            _write_new_key(path)
        return path.read_text().strip()


_KEY_COMMAND = (
    'Make one with: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


def _write_new_key(path: Path) -> None:
    """Make the key file, readable only by this user. Keep the existing one if another process was faster.

    The key is written to another file first, so that no process reads half of it.
    """
    from cryptography.fernet import Fernet

    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key())
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
