"""A key in a file of mode 0600, outside the database and the repository. Development only: production refuses it."""

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.connections.kms import DataKey, KeyUnavailable, SealBroken, WrappedKey

_KEY_BYTES, _NONCE_BYTES, _MARK_BYTES = 32, 12, 8

_File = str | os.PathLike[str]


class LocalKeyFile:
    """Wraps with the key in `path`, which it makes if there is none; the files in `older` only open.

    A wrapped key is the mark of the key that wrapped it (8 bytes), a nonce (12 bytes) and the ciphertext.
    """

    def __init__(self, path: _File, *, older: Sequence[_File] = ()) -> None:
        keys = [_read_or_create(Path(path)), *(_read(Path(old)) for old in older)]
        self._keys = {_mark(key): AESGCM(key) for key in keys}
        self._present = next(iter(self._keys))

    def key_ids(self) -> Sequence[str]:
        return [_key_id(mark) for mark in self._keys]

    def new_data_key(self, context: dict[str, str]) -> DataKey:
        plaintext = secrets.token_bytes(_KEY_BYTES)
        return DataKey(plaintext, self._wrap(plaintext, context), _key_id(self._present))

    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        mark, rest = wrapped[:_MARK_BYTES], wrapped[_MARK_BYTES:]
        cipher = self._keys.get(mark)
        if cipher is None:
            raise KeyUnavailable("The key file is not the one that sealed this.")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _bound(context))
        except (InvalidTag, ValueError):
            raise SealBroken("The record was altered, or moved from where it belongs.") from None

    def rewrap(self, wrapped: bytes, context: dict[str, str]) -> WrappedKey:
        return WrappedKey(self._wrap(self.open_data_key(wrapped, context), context), _key_id(self._present))

    def _wrap(self, plaintext: bytes, context: dict[str, str]) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self._present + nonce + self._keys[self._present].encrypt(nonce, plaintext, _bound(context))


def _mark(key: bytes) -> bytes:
    """What tells one key from another and gives nothing of it away."""
    return hashlib.sha256(b"athenty key file" + key).digest()[:_MARK_BYTES]


def _key_id(mark: bytes) -> str:
    return f"local:{mark.hex()}"


def _bound(context: dict[str, str]) -> bytes:
    return json.dumps(context, sort_keys=True).encode()


def _read_or_create(path: Path) -> bytes:
    if not path.exists():
        _create(path)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnavailable(f"{path.name} can be read by others; its mode should be 0600.")
        key = path.read_bytes()
    except OSError as error:
        raise KeyUnavailable(f"{path.name} can't be read: {error.strerror}.") from None
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
