"""AWS KMS, as moto plays it: what is bound, which key opens, and what a role without Decrypt can still do."""

import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import create_loader
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from integrations.connections import disconnect, keeping, keys, kms, returning, tokens
from integrations.connections.kms import KeyUnavailable, SealBroken
from integrations.connections.kms.aws import AwsKms
from integrations.models import SealedGrant
from tests.mirror.conftest import _key_file, connect_firm, firm, make_firm, provider_name, sandbox

__all__ = ["_key_file", "firm", "provider_name", "sandbox"]

PLACE = {"organization": "1", "provider": "xero", "connection": "a", "field": "tokens"}


@pytest.fixture(autouse=True, scope="module")
def _amazons_files_read_once():
    """What each new session reads of Amazon's services is the same, and takes longer than the tests."""
    loader = create_loader()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", lambda *_arguments: loader)
        yield


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
    backend = AwsKms(arn)
    wrapped = backend.new_data_key(PLACE).wrapped

    def away(**_):
        raise EndpointConnectionError(endpoint_url="https://kms.example")

    monkeypatch.setattr(backend._client, "decrypt", away)
    with pytest.raises(KeyUnavailable) as refused:
        backend.open_data_key(wrapped, PLACE)
    assert str(refused.value) == "The key-management service did not answer: EndpointConnectionError."
    assert refused.value.__cause__ is None


def test_a_role_without_decrypt_seals_and_opens_nothing(arn, monkeypatch):
    """The web role's policy, enforced: GenerateDataKey and nothing else."""
    sealing_only(arn, monkeypatch)

    @set_initial_no_auth_action_count(0)
    def with_policies_enforced():
        web = AwsKms(arn)
        key = web.new_data_key(PLACE)
        assert web.key_ids() == (arn,)
        for denied in (web.open_data_key, web.rewrap):
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


# The product on this backend ------------------------------------------------------------------------------------------


@pytest.fixture
def on_aws(settings, arn):
    settings.KMS_BACKEND, settings.KMS_AWS_KEY_ID = "aws-kms", arn
    kms.key_management.cache_clear()
    yield settings
    kms.key_management.cache_clear()


def test_a_firm_connects_refreshes_moves_to_another_key_and_disconnects(firm, provider_name, sandbox, on_aws, arn):
    keys.check_start(opens=True)
    connection = connect_firm(firm, provider_name, sandbox)
    tokens.access_token(connection, refused=tokens.access_token(connection))
    assert dict(keys.in_use()) == {arn: 1}

    present = new_key()
    on_aws.KMS_AWS_KEY_ID, on_aws.KMS_AWS_OLD_KEY_IDS = present, [arn]
    kms.key_management.cache_clear()
    assert list(keys.move_to_present_key()) == [True]
    on_aws.KMS_AWS_OLD_KEY_IDS = []
    kms.key_management.cache_clear()
    keys.check_start(opens=True)
    assert connection.provider.company(tokens.access_token(connection), connection.company).name

    disconnect.disconnect(connection, actor=firm.owner)
    returning.give_back(connection.grants_to_return.get().pk)
    assert [call["status"] for call in sandbox.requests(provider_name, "revoke")] == [200]


def test_swapped_rows_are_refused_by_the_encryption_context(firm, sandbox, on_aws):
    mine = connect_firm(firm, "xero", sandbox)
    theirs = connect_firm(make_firm("Other Law"), "quickbooks", sandbox)
    first, second = SealedGrant.objects.get(connection=mine), SealedGrant.objects.get(connection=theirs)
    first.tokens, second.tokens = second.tokens, first.tokens
    first.save()
    second.save()
    for connection in (mine, theirs):
        with pytest.raises(tokens.StoredAccessBroken):
            tokens.access_token(connection)


def test_a_key_that_is_not_to_be_had_stops_the_start_and_ends_no_connection(firm, sandbox, on_aws):
    connection = connect_firm(firm, "xero", sandbox)
    on_aws.KMS_AWS_KEY_ID = "alias/gone"
    kms.key_management.cache_clear()
    with pytest.raises(KeyUnavailable):
        keys.check_start(opens=False)
    tokens.distrust(connection)
    keeping.renew_if_idle(connection.pk)
    with pytest.raises(KeyUnavailable):
        tokens.access_token(connection)
    connection.refresh_from_db()
    assert connection.is_connected
