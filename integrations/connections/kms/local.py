"""A key in a file of mode 0600, outside the database and the repository. Development only: production refuses it."""

import json
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.connections.kms import DataKey, KeyUnavailable

_KEY_BYTES, _NONCE_BYTES = 32, 12


class LocalKeyFile:
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._cipher = AESGCM(_read_or_create(Path(path)))

    def new_data_key(self, context: dict[str, str]) -> DataKey:
        plaintext, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
        return DataKey(plaintext, nonce + self._cipher.encrypt(nonce, plaintext, _bound(context)))

    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _bound(context))
        except (InvalidTag, ValueError):
            raise KeyUnavailable("The key file is not the one that sealed this, or the record was moved.") from None


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _read_or_create(path: Path) -> bytes:
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise KeyUnavailable(f"{path.name} can be read by others; its mode should be 0600.")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise KeyUnavailable(f"{path.name} should hold exactly {_KEY_BYTES} bytes.")
    return key


def _create(path: Path) -> None:
    """Web and worker may both get here first: the whole file appears at once, and only one of theirs stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent) as draft:  # made with mode 0600
        draft.write(secrets.token_bytes(_KEY_BYTES))
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
