"""Secrets at rest: encrypted with a key that the database does not hold."""

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
    """Encrypts and decrypts with Fernet keys: those that are given, else one kept beside the SQLite file.

    Of several keys, separated by commas, the first encrypts and all decrypt, so a new key is put in
    front of the old one. A PostgreSQL database is for several hosts, and none of them can hand its
    key to the others: there the key must be given.
    """

    def __init__(self, store_uri: str, keys: str = "") -> None:
        self._store_uri = store_uri
        self._keys = keys
        self._cipher: MultiFernet | None = None

    def encrypt(self, secret: str) -> str:
        return self._unlocked().encrypt(secret.encode()).decode()

    def decrypt(self, kept: str) -> str:
        from cryptography.fernet import InvalidToken

        try:
            return self._unlocked().decrypt(kept).decode()
        except InvalidToken:
            raise BadRequest(
                "The secret was encrypted with another key than the server has. Add the old key to "
                f"{KEY_VARIABLE} (separate keys by commas), or set the secret again."
            ) from None

    def _unlocked(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        if self._cipher is None:
            keys = [key.strip() for key in self._keys.split(",") if key.strip()] or [self._key_beside_store()]
            try:
                self._cipher = MultiFernet([Fernet(key) for key in keys])
            except ValueError:
                raise BadRequest(
                    f"The server's {KEY_VARIABLE} holds no Fernet key: 32 bytes in URL-safe base64. {_HOW_TO}"
                ) from None
        return self._cipher

    def _key_beside_store(self) -> str:
        url = parse_uri(self._store_uri)
        if url.get_backend_name() != "sqlite" or not url.database:
            raise BadRequest(
                f"The server has no key to encrypt secrets with. Set {KEY_VARIABLE} to the same Fernet key "
                f"for every server of this database. {_HOW_TO}"
            )
        path = Path(url.database).resolve().with_name(_KEY_FILE)
        if not path.exists():
            _write_new_key(path)
        return path.read_text().strip()


_HOW_TO = (
    'Make one with: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)


def _write_new_key(path: Path) -> None:
    """Make the key's file, whole and readable to us alone; the first of two that try at once wins."""
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
