"""What the vault seals opens in one place only, with one key only."""

import stat

import pytest

from integrations.connections import kms, vault
from integrations.connections.kms import KeyUnavailable
from integrations.connections.kms.local import LocalKeyFile

PLACE = vault.Place(organization="1", provider="xero", connection="a", field="tokens")


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    path = tmp_path / "kms.key"
    settings.KMS_LOCAL_KEY_FILE = str(path)
    kms.key_management.cache_clear()
    yield path
    kms.key_management.cache_clear()


def test_what_is_sealed_opens_in_its_place():
    assert vault.unseal(vault.seal(b"refresh-token", PLACE).record, PLACE) == b"refresh-token"


def test_the_plaintext_is_not_in_the_sealed_record_and_no_two_seals_are_alike():
    first, second = vault.seal(b"refresh-token", PLACE).record, vault.seal(b"refresh-token", PLACE).record
    assert b"refresh-token" not in first
    assert first != second


@pytest.mark.parametrize("moved", [
    {"organization": "2"}, {"provider": "quickbooks"}, {"connection": "b"}, {"field": "previous"},
])  # fmt: skip
def test_a_record_moved_elsewhere_does_not_open(moved):
    elsewhere = vault.Place(**{**PLACE.context(), **moved})
    with pytest.raises(KeyUnavailable):
        vault.unseal(vault.seal(b"refresh-token", PLACE).record, elsewhere)


def test_no_altered_byte_goes_unnoticed():
    sealed = vault.seal(b"refresh-token", PLACE).record
    for index in range(len(sealed)):
        altered = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        with pytest.raises(KeyUnavailable):
            vault.unseal(altered, PLACE)


def test_a_truncated_record_does_not_open():
    sealed = vault.seal(b"refresh-token", PLACE).record
    for length in range(len(sealed)):
        with pytest.raises(KeyUnavailable):
            vault.unseal(sealed[:length], PLACE)


def test_another_key_file_does_not_open_it(settings, tmp_path):
    sealed = vault.seal(b"refresh-token", PLACE).record
    settings.KMS_LOCAL_KEY_FILE = str(tmp_path / "other.key")
    kms.key_management.cache_clear()
    with pytest.raises(KeyUnavailable):
        vault.unseal(sealed, PLACE)


def test_the_key_file_is_its_owners_alone(key_file):
    vault.seal(b"refresh-token", PLACE)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    key_file.chmod(0o644)
    with pytest.raises(KeyUnavailable, match="0600"):
        LocalKeyFile(key_file)


def test_a_key_file_of_the_wrong_length_is_refused(key_file):
    key_file.touch(mode=0o600)
    with pytest.raises(KeyUnavailable, match="32 bytes"):
        LocalKeyFile(key_file)
