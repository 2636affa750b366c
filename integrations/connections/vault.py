"""Envelope encryption for what must never be readable in the database.

Each seal takes a fresh data key, encrypts with AES-256-GCM and stores the data key wrapped beside the ciphertext. Where
the record belongs is bound in twice, in the wrapping and in the encryption, so a record copied to another organization,
connection or column does not open. Changing the key-encryption key touches the wrapped data key alone.

Layout: version (1 byte), length of the wrapped key (2 bytes, big-endian), wrapped key, nonce (12 bytes), ciphertext.
"""

import json
import secrets
import struct
from dataclasses import asdict, dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from integrations.connections.kms import SealBroken, key_management

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


@dataclass(frozen=True)
class Sealed:
    """A sealed record, and which key-encryption key it depends on."""

    record: bytes = field(repr=False)
    key_id: str


def seal(plaintext: bytes, place: Place) -> Sealed:
    """Needs the right to make data keys, not to open them. Raises KeyUnavailable."""
    key = key_management().new_data_key(place.context())
    nonce = secrets.token_bytes(_NONCE_BYTES)
    ciphertext = AESGCM(key.plaintext).encrypt(nonce, plaintext, _associated(place))
    return Sealed(_joined(key.wrapped, nonce + ciphertext), key.key_id)


def unseal(record: bytes, place: Place) -> bytes:
    """Raises SealBroken when the record was altered or belongs elsewhere, KeyUnavailable when its key is not to be
    had."""
    wrapped, rest = _parted(record)
    data_key = key_management().open_data_key(wrapped, place.context())
    nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
    try:
        return AESGCM(data_key).decrypt(nonce, ciphertext, _associated(place))
    except (InvalidTag, ValueError):
        raise SealBroken("The record was altered, or moved from where it belongs.") from None


def rewrap(record: bytes, place: Place) -> Sealed:
    """The same record under the present key-encryption key. Raises as `unseal` does."""
    wrapped, rest = _parted(record)
    key = key_management().rewrap(wrapped, place.context())
    return Sealed(_joined(key.wrapped, rest), key.key_id)


def _joined(wrapped: bytes, rest: bytes) -> bytes:
    return _HEADER.pack(_VERSION, len(wrapped)) + wrapped + rest


def _parted(record: bytes) -> tuple[bytes, bytes]:
    """The wrapped key, and nonce and ciphertext together."""
    try:
        version, length = _HEADER.unpack_from(record)
    except struct.error:
        raise SealBroken("The sealed record is truncated.") from None
    if version != _VERSION:
        raise SealBroken(f"The sealed record has unknown version {version}.")
    rest = bytes(record)[_HEADER.size :]
    return rest[:length], rest[length:]


def _associated(place: Place) -> bytes:
    return json.dumps(place.context() | {"version": str(_VERSION)}, sort_keys=True).encode()
