"""Envelope encryption for what must never be readable in the database.

Each seal takes a fresh data key, encrypts with AES-256-GCM and stores the data key wrapped beside the ciphertext. Where
the record belongs is bound in twice, in the wrapping and in the encryption, so a record copied to another organization,
connection or column does not open.

Layout: version (1 byte), length of the wrapped key (2 bytes, big-endian), wrapped key, nonce (12 bytes), ciphertext.
"""

import json
import secrets
import struct
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.connections.kms import KeyUnavailable, key_management

_VERSION, _NONCE_BYTES = 1, 12
_HEADER = struct.Struct(">BH")


@dataclass(frozen=True)
class Place:
    """Where a sealed record belongs. Bound in as associated data; holds no secret."""

    organization: str
    provider: str
    connection: str
    field: str

    def context(self) -> dict[str, str]:
        return {key: str(value) for key, value in asdict(self).items()}


def seal(plaintext: bytes, place: Place) -> bytes:
    """Needs the right to make data keys, not to open them. Raises KeyUnavailable."""
    key = key_management().new_data_key(place.context())
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = AESGCM(key.plaintext).encrypt(nonce, plaintext, _associated(place))
    return _HEADER.pack(_VERSION, len(key.wrapped)) + key.wrapped + nonce + ciphertext


def unseal(sealed: bytes, place: Place) -> bytes:
    """Raises KeyUnavailable when the key is not to be had, or the record was altered or belongs elsewhere."""
    try:
        version, length = _HEADER.unpack_from(sealed)
    except struct.error:
        raise KeyUnavailable("The sealed record is truncated.") from None
    if version != _VERSION:
        raise KeyUnavailable(f"The sealed record has unknown version {version}.")
    rest = bytes(sealed)[_HEADER.size :]
    data_key = key_management().open_data_key(rest[:length], place.context())
    nonce, ciphertext = rest[length : length + _NONCE_BYTES], rest[length + _NONCE_BYTES :]
    try:
        return AESGCM(data_key).decrypt(nonce, ciphertext, _associated(place))
    except (InvalidTag, ValueError):
        raise KeyUnavailable("The sealed record was altered or belongs elsewhere.") from None


def _associated(place: Place) -> bytes:
    return json.dumps(place.context(), sort_keys=True).encode()
