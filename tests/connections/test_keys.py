"""Changing the key-encryption key, and refusing to start without the right one."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings as live
from django.core.management import CommandError, call_command
from django.db import connection as database

from athenty import checks
from integrations.connections import attempts, connect, keys, kms, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.connections.kms.local import LocalKeyFile
from integrations.models import ConnectAttempt, GrantToReturn, SealedGrant
from tests.mirror.conftest import (
    _key_file,
    connect_firm,
    firm,
    make_firm,
    parameters,
    sandbox,
    visitor,
)

__all__ = ["_key_file", "firm", "sandbox"]

_CHECKOUT = Path(__file__).resolve().parents[2]


def use_keys(settings, present: Path, *older: Path) -> None:
    settings.KMS_LOCAL_KEY_FILE, settings.KMS_LOCAL_OLD_KEY_FILES = str(present), [str(path) for path in older]
    kms.key_management.cache_clear()


@pytest.fixture
def old_key(settings) -> Path:
    return Path(settings.KMS_LOCAL_KEY_FILE)


@pytest.fixture
def new_key(tmp_path) -> Path:
    return tmp_path / "new.key"


@pytest.fixture
def world(firm, sandbox):
    """A grant that was refreshed once, one on its way back, and a choice that is open: everything that is sealed."""
    connection = connect_firm(firm, "quickbooks", sandbox)
    tokens.access_token(connection, refused=tokens.access_token(connection))
    lost = make_firm("Lost Law", currency="CAD")
    back = sandbox.consent(connect.begin("quickbooks", visitor(lost)), "Other & Sons LLP")
    with pytest.raises(attempts.ConnectFailed):
        connect.finish("quickbooks", visitor(lost), parameters(back))
    previous = connect_firm(make_firm("Choosing Law"), "xero", sandbox)
    previous.status = "disconnected"
    previous.save()
    chooser = visitor_of(previous)
    connect.finish("xero", chooser, parameters(sandbox.consent(connect.begin("xero", chooser), "Other & Sons LLP")))
    assert (SealedGrant.objects.count(), GrantToReturn.objects.count()) == (2, 1)
    assert ConnectAttempt.objects.exclude(candidates=[]).count() == 1
    return connection


def visitor_of(connection):
    person = connection.connected_by
    return attempts.Visitor(user=person, organization=connection.organization, session_key=f"session-of-{person.email}")


def test_everything_moves_to_the_new_key_and_the_old_one_can_go(world, settings, old_key, new_key, sandbox):
    before = tokens.access_token(world)
    use_keys(settings, new_key, old_key)
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    assert "4 records were moved." in said.getvalue()
    [present] = LocalKeyFile(new_key).key_ids()
    assert dict(keys.in_use()) == {present: 4}

    old_key.unlink()
    use_keys(settings, new_key)
    keys.check_start(opens=True)
    assert tokens.access_token(world) == before
    grant = SealedGrant.objects.get(connection=world)
    where = tokens.place(world.organization_id, "quickbooks", world.pk, field="previous_tokens")
    assert tokens.open_tokens(grant.previous_tokens, where).access in sandbox.tokens_issued()
    attempt = ConnectAttempt.objects.exclude(candidates=[]).get()
    connection = connect.choose(attempt, attempt.candidates[0]["company"]["id"], visitor_of(world))
    assert tokens.access_token(connection) in sandbox.tokens_issued()


def test_it_can_be_stopped_anywhere_and_run_again(world, settings, old_key, new_key):
    use_keys(settings, new_key, old_key)
    moving = keys.move_to_present_key()
    next(moving)
    next(moving)
    moving.close()
    assert sorted(keys.in_use().values()) == [2, 2]
    assert tokens.access_token(world)  # both keys open meanwhile
    assert list(keys.move_to_present_key()) == [True, True]
    assert list(keys.in_use().values()) == [4]
    assert [moved for moved in keys.move_to_present_key() if not moved] == []


def test_a_refresh_between_two_keys_leaves_nothing_on_the_old_one(world, settings, old_key, new_key):
    use_keys(settings, new_key, old_key)
    tokens.access_token(world, refused=tokens.access_token(world))
    old_key.unlink()
    use_keys(settings, new_key)
    grant = SealedGrant.objects.get(connection=world)
    where = tokens.place(world.organization_id, "quickbooks", world.pk, field="previous_tokens")
    assert tokens.open_tokens(grant.previous_tokens, where).refresh


def test_a_record_that_does_not_open_stays_and_is_named(world, settings, old_key, new_key, caplog):
    broken = SealedGrant.objects.exclude(connection=world).get()
    broken.tokens = SealedGrant.objects.get(connection=world).tokens
    broken.save()
    use_keys(settings, new_key, old_key)
    with pytest.raises(CommandError, match="1 records do not open where they belong"):
        call_command("rotate_keys", stdout=StringIO())
    assert f"SealedGrant {broken.pk} does not open where it belongs" in caplog.text
    assert sorted(keys.in_use().values()) == [1, 3]


def test_without_the_key_that_sealed_it_nothing_starts(world, settings, new_key):
    use_keys(settings, new_key)
    for opens in (True, False):
        with pytest.raises(KeyUnavailable, match=r"Stored access depends on local:[0-9a-f]{16}, which this process"):
            keys.check_start(opens=opens)
    with pytest.raises(SystemExit, match=r"Athenty does not start\. Stored access depends on"):
        checks.refuse_unsafe_start(opens_tokens=False)


def test_a_key_file_that_others_can_read_stops_the_start(db, old_key):
    LocalKeyFile(old_key)
    old_key.chmod(0o640)
    kms.key_management.cache_clear()
    with pytest.raises(SystemExit, match="its mode should be 0600"):
        checks.refuse_unsafe_start(opens_tokens=True)


def test_a_process_that_may_only_seal_starts_as_web_and_not_as_worker(db, monkeypatch):
    monkeypatch.setattr(LocalKeyFile, "open_data_key", denied)
    keys.check_start(opens=False)
    with pytest.raises(KeyUnavailable, match="denied"):
        keys.check_start(opens=True)


def denied(*_):
    raise KeyUnavailable("denied")


@pytest.mark.slow  # each starts a process of the product, to the end of it
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("process", ["web", "worker"])
def test_a_process_with_a_wrong_key_ends_at_once(firm, sandbox, process, tmp_path):
    connect_firm(firm, "quickbooks", sandbox)
    of = database.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{of['USER']}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}",
        "REDIS_URL": live.REDIS_URL,
        "KMS_LOCAL_KEY_FILE": str(tmp_path / "another.key"),
    }
    start = {"web": ["-c", "import athenty.wsgi"], "worker": ["manage.py", "worker"]}
    ended = subprocess.run(
        [sys.executable, *start[process]], cwd=_CHECKOUT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "Athenty does not start. Stored access depends on" in ended.stderr
