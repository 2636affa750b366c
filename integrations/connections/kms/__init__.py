"""The key-management boundary: data keys are wrapped by a key-encryption key that never leaves it.

A backend offers `new_data_key` (a web process needs no more than that), and `open_data_key` and `rewrap` (workers and
operators only). It wraps under one key and opens what that one or an older one has wrapped: keys can be changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from django.conf import settings


class KeyUnavailable(Exception):
    """The key that opens the stored access is missing, unreachable or not the one that sealed it."""


class SealBroken(KeyUnavailable):
    """The key is there, and the record still does not open: it was altered, or moved from where it belongs."""


@dataclass(frozen=True)
class DataKey:
    """A fresh 256-bit key for one seal, in the clear and wrapped. `key_id` names the key that wrapped it."""

    plaintext: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True)
class WrappedKey:
    """A data key that stayed wrapped while it changed from one key to another."""

    wrapped: bytes = field(repr=False)
    key_id: str


class KeyManagement(Protocol):
    """`context` is bound to the wrapped key: the same pairs must be given again to open it. It holds no secret.

    Every method raises KeyUnavailable when the boundary does not answer or does not let us.
    """

    def key_ids(self) -> Sequence[str]:
        """The keys that this process is set up with: the one that wraps first, then older ones that only open."""
        ...

    def new_data_key(self, context: dict[str, str]) -> DataKey: ...
    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Raises SealBroken when one of our keys wrapped it, but not so or not in this context."""
        ...

    def rewrap(self, wrapped: bytes, context: dict[str, str]) -> WrappedKey:
        """Wrap the same data key under the present key. Raises as `open_data_key` does."""
        ...


@cache
def key_management() -> KeyManagement:
    if settings.KMS_BACKEND == "local":
        from integrations.connections.kms.local import LocalKeyFile

        return LocalKeyFile(settings.KMS_LOCAL_KEY_FILE, older=settings.KMS_LOCAL_OLD_KEY_FILES)
    from integrations.connections.kms.aws import AwsKms

    return AwsKms(
        settings.KMS_AWS_KEY_ID,
        older=settings.KMS_AWS_OLD_KEY_IDS,
        endpoint_url=settings.KMS_AWS_ENDPOINT_URL or None,
    )
