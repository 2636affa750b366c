"""AWS KMS, as moto plays it: what is bound, which key opens, and what a role without Decrypt can still do."""

import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from integrations.connections.kms import KeyUnavailable, SealBroken
from integrations.connections.kms.aws import AwsKms

PLACE = {"organization": "1", "provider": "xero", "connection": "a", "field": "tokens"}


@pytest.fixture(autouse=True)
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


@pytest.fixture
def arn() -> str:
    return new_key()


def new_key() -> str:
    return boto3.client("kms").create_key()["KeyMetadata"]["Arn"]


def test_a_data_key_opens_in_its_context(arn):
    key = AwsKms(arn).new_data_key(PLACE)
    assert (len(key.plaintext), key.key_id) == (32, arn)
    assert AwsKms(arn).open_data_key(key.wrapped, PLACE) == key.plaintext
    assert key.plaintext not in key.wrapped
    assert repr(key) == f"DataKey(key_id='{arn}')"


@pytest.mark.parametrize("other", [{**PLACE, "organization": "2"}, {**PLACE, "connection": "b"}, {}])
def test_in_another_context_it_does_not_open(arn, other):
    key = AwsKms(arn).new_data_key(PLACE)
    with pytest.raises(SealBroken):
        AwsKms(arn).open_data_key(key.wrapped, other)


def test_a_key_that_is_not_ours_opens_nothing(arn):
    key = AwsKms(new_key()).new_data_key(PLACE)
    with pytest.raises(KeyUnavailable) as refused:
        AwsKms(arn).open_data_key(key.wrapped, PLACE)
    assert not isinstance(refused.value, SealBroken)


def test_a_key_that_is_not_there_is_unavailable():
    with pytest.raises(KeyUnavailable, match="refused: NotFoundException"):
        AwsKms("alias/nobody").new_data_key(PLACE)


def test_an_older_key_opens_until_its_records_have_moved(arn):
    before = AwsKms(arn).new_data_key(PLACE)
    present = new_key()
    both = AwsKms(present, older=[arn])
    assert both.open_data_key(before.wrapped, PLACE) == before.plaintext
    moved = both.rewrap(before.wrapped, PLACE)
    assert moved.key_id == present
    assert AwsKms(present).open_data_key(moved.wrapped, PLACE) == before.plaintext
    assert both.key_ids() == (present, arn)


def test_an_alias_is_told_by_the_key_behind_it(arn):
    boto3.client("kms").create_alias(AliasName="alias/athenty", TargetKeyId=arn)
    assert AwsKms("alias/athenty").key_ids() == (arn,)


def test_what_kms_says_of_its_absence_holds_no_argument_of_the_call(arn, monkeypatch):
    kms = AwsKms(arn)
    wrapped = kms.new_data_key(PLACE).wrapped

    def away(**_):
        raise EndpointConnectionError(endpoint_url="https://kms.example")

    monkeypatch.setattr(kms._client, "decrypt", away)
    with pytest.raises(KeyUnavailable) as refused:
        kms.open_data_key(wrapped, PLACE)
    assert str(refused.value) == "The key-management service did not answer: EndpointConnectionError."
    assert refused.value.__cause__ is None


def test_a_role_without_decrypt_seals_and_opens_nothing(arn, monkeypatch):
    """The web role's policy, enforced: GenerateDataKey and nothing else."""
    sealing_only(arn, monkeypatch)

    @set_initial_no_auth_action_count(0)
    def with_policies_enforced():
        kms = AwsKms(arn)
        key = kms.new_data_key(PLACE)
        assert kms.key_ids() == (arn,)
        for denied in (kms.open_data_key, kms.rewrap):
            with pytest.raises(KeyUnavailable, match=r"refused: (AccessDenied|403)"):
                denied(key.wrapped, PLACE)

    with_policies_enforced()


def sealing_only(arn: str, monkeypatch) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="web")
    statement = {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName="web", PolicyName="seal", PolicyDocument=json.dumps(policy))
    access = iam.create_access_key(UserName="web")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", access["SecretAccessKey"])
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials it began with
