"""AWS KMS. The context travels as KMS's encryption context: bound as associated data and shown in CloudTrail."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from integrations.connections.kms import DataKey, KeyUnavailable

# A worker's threads know no time limit of their own.
_BOUNDS = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


class AwsKms:
    def __init__(self, key_id: str, *, endpoint_url: str | None = None) -> None:
        self._key_id = key_id
        self._client = boto3.client("kms", endpoint_url=endpoint_url, config=_BOUNDS)

    def new_data_key(self, context: dict[str, str]) -> DataKey:
        try:
            answer = self._client.generate_data_key(KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            raise KeyUnavailable("The key-management service did not give a data key.") from error
        return DataKey(answer["Plaintext"], answer["CiphertextBlob"])

    def open_data_key(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        try:
            answer = self._client.decrypt(KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            raise KeyUnavailable("The key-management service did not open a data key.") from error
        return bytes(answer["Plaintext"])
