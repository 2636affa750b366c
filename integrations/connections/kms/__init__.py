"""The key-management boundary: data keys are wrapped by a key-encryption key that never leaves it.

A backend offers `new_data_key` (a web process needs no more than that) and `open_data_key` (workers only).
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from django.conf import settings


class KeyUnavailable(Exception):
    """The key that opens the stored access is missing, unreachable or not the one that sealed it."""


@dataclass(frozen=True)
class DataKey:
    """A fresh 256-bit key for one seal, in the clear and wrapped."""

    plaintext: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


class KeyManagement(Protocol):
    """`context` is bound to the wrapped key: the same pairs must be given again to open it. It holds no secret."""

    def new_data_key(self, context: dict[str, str]) -> DataKey: ...
    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        """Raises KeyUnavailable when this key or this context did not wrap it."""
        ...


@cache
def key_management() -> KeyManagement:
    if settings.KMS_BACKEND == "local":
        from integrations.connections.kms.local import LocalKeyFile

        return LocalKeyFile(settings.KMS_LOCAL_KEY_FILE)
    from integrations.connections.kms.aws import AwsKms

    return AwsKms(settings.KMS_AWS_KEY_ID, endpoint_url=settings.KMS_AWS_ENDPOINT_URL or None)
