"""AWS KMS. The context travels as KMS's encryption context: bound as associated data and shown in CloudTrail."""

from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from integrations.connections.kms import DataKey, KeyUnavailable, SealBroken, WrappedKey

# A worker's threads know no time limit of their own.
_BOUNDS = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


class AwsKms:
    """`key_id` is the id, ARN or alias of the key that wraps; `older` are ARNs of keys that only open.

    A process that may call GenerateDataKey and nothing else can seal.
    """

    def __init__(self, key_id: str, *, older: Sequence[str] = (), endpoint_url: str | None = None) -> None:
        self._key_id, self._older = key_id, tuple(older)
        self._arn = ""
        self._client = boto3.client("kms", endpoint_url=endpoint_url, config=_BOUNDS)

    def key_ids(self) -> Sequence[str]:
        """ARNs: an alias may be pointed at another key, and only an answer tells at which."""
        if not self._arn:
            self._arn = self.new_data_key({"purpose": "asking which key wraps"}).key_id
        return (self._arn, *self._older)

    def new_data_key(self, context: dict[str, str]) -> DataKey:
        answer = _ask(self._client.generate_data_key, KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
        return DataKey(answer["Plaintext"], answer["CiphertextBlob"], answer["KeyId"])

    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        answer = self._ask_each_key(self._client.decrypt, "KeyId", CiphertextBlob=wrapped, EncryptionContext=context)
        return bytes(answer["Plaintext"])

    def rewrap(self, wrapped: bytes, context: dict[str, str]) -> WrappedKey:
        """Inside KMS: the data key does not come out."""
        answer = self._ask_each_key(
            self._client.re_encrypt,
            "SourceKeyId",
            CiphertextBlob=wrapped,
            SourceEncryptionContext=context,
            DestinationKeyId=self._key_id,
            DestinationEncryptionContext=context,
        )
        return WrappedKey(answer["CiphertextBlob"], answer["KeyId"])

    def _ask_each_key(self, call: Callable[..., dict[str, Any]], parameter: str, **request: Any) -> dict[str, Any]:
        """Each key is named, as AWS advises: a record wrapped by a stranger's key must not open."""
        refused = KeyUnavailable()
        for key_id in (self._key_id, *self._older):
            try:
                return _ask(call, **request, **{parameter: key_id})
            except _NotThisKey as error:
                refused = error
        raise refused


class _NotThisKey(KeyUnavailable):
    """Another key has wrapped it, or we may not use this one."""


def _ask(call: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
    try:
        return call(**request)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "InvalidCiphertextException":
            raise SealBroken("The record was altered, or moved from where it belongs.") from None
        meaning = _NotThisKey if code in {"IncorrectKeyException", "AccessDeniedException"} else KeyUnavailable
        # The call's own arguments stay out of the text: they would end in a log.
        raise meaning(f"The key-management service refused: {code or 'no code'}.") from None
    except BotoCoreError as error:
        raise KeyUnavailable(f"The key-management service did not answer: {type(error).__name__}.") from None
