"""S10 to S15 of the security checklist: what is stored, and who can open it."""

import base64
import logging
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from django.conf import settings as live
from django.core import mail
from django.core.management import call_command
from django.db import connection as database
from django.urls import reverse
from django.utils import timezone

from athenty import checks
from audit.actions import Action
from audit.models import AuditEvent
from integrations.connections import keys, kms, returning, start, tasks, telling, tokens
from integrations.connections.kms import KeyUnavailable
from integrations.connections.kms.local import LocalKeyFile
from integrations.mapping import chart
from integrations.models import Connection, GrantToReturn, SealedGrant
from integrations.providers.errors import ProviderError
from tests.connections.sign_in import allow
from tests.mirror.conftest import connect_firm, make_firm, map_everything, pass_over, states
from tests.security.conftest import browser_of, come_back, connect, press_connect

INDEX = "/settings/integrations/"
_CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def decrypt_is_denied(monkeypatch):
    """The web role's policy: it may make data keys and nothing else. What `denied.undo()` ends, the worker may."""

    def refuse(*_):
        raise KeyUnavailable("AccessDenied: this role may not open what is sealed.")

    with monkeypatch.context() as denied:
        denied.setattr(LocalKeyFile, "open_data_key", refuse)
        denied.setattr(LocalKeyFile, "rewrap", refuse)
        yield denied


def whole_database() -> str:
    """Every column of every row, as its own superuser sees it."""
    found = []
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            found.extend(row for (row,) in cursor.fetchall())
    return "\n".join(found)


def spellings(token: str) -> list[str]:
    """The token as itself, and as it could stand in a dump."""
    raw = token.encode()
    return [token, raw.hex(), base64.b64encode(raw).decode()[:-4], base64.urlsafe_b64encode(raw).decode()[:-4]]


def leaked(sandbox, *texts: str) -> list[str]:
    issued = sandbox.tokens_issued()
    assert issued
    return [token for token in issued for text in texts if any(each in text for each in spellings(token))]


def busy_firm(browser, firm, sandbox) -> None:
    """Connected to both, refreshed, one more consent waiting to be given back, one choice open."""
    for name in ("quickbooks", "xero"):
        connect(browser, name)
        connection = Connection.objects.get(provider_name=name)
        tokens.access_token(connection, refused=tokens.access_token(connection))
    other = browser_of(make_firm("Other Law", currency="CAD"))
    connect(other, "quickbooks", "Other & Sons LLP")
    third = browser_of(make_firm("Third Law"))
    come_back(third, allow(press_connect(third, "xero"), "Demo Company (US)", "Other & Sons LLP"))
    assert GrantToReturn.objects.exists()


def test_s10_a_dump_of_the_database_and_the_webs_environment_hold_no_token(browser, firm, sandbox):
    busy_firm(browser, firm, sandbox)
    environment = "\n".join(f"{name}={value}" for name, value in os.environ.items())
    assert leaked(sandbox, whole_database(), environment) == []


def test_s10_what_the_dump_holds_does_not_open_for_the_web_role(browser, firm, sandbox, decrypt_is_denied):
    for name in ("quickbooks", "xero"):
        connect(browser, name)
    for grant in SealedGrant.objects.select_related("connection"):
        of = grant.connection
        with pytest.raises(KeyUnavailable, match="AccessDenied"):
            tokens.open_tokens(grant.tokens, tokens.place(of.organization_id, of.provider_name, of.pk))
        with pytest.raises(KeyUnavailable, match="AccessDenied"):
            tokens.access_token(of)


def test_s10_with_decrypt_denied_the_web_connects_shows_every_page_and_disconnects(
    browser, firm, provider_name, sandbox, decrypt_is_denied
):
    keys.check_start(opens=False)
    connect(browser, provider_name)
    connection = Connection.objects.get()
    assert connection.is_connected

    decrypt_is_denied.undo()  # the worker's part
    chart.read_if_due(connection.pk)
    start.start_mirroring(connection, timezone.localdate(), actor=firm.owner)
    map_everything(firm, connection)
    firm.post(("1100", "2100", "12.50"))
    pass_over(connection)
    assert states(connection) == ["sent"]

    def refuse(*_):
        raise KeyUnavailable("AccessDenied")

    decrypt_is_denied.setattr(LocalKeyFile, "open_data_key", refuse)
    decrypt_is_denied.setattr(LocalKeyFile, "rewrap", refuse)
    pages = [
        f"{INDEX}?tab=connections",
        f"{INDEX}?tab=sync-mode",
        "/settings/audit-log/",
        "/settings/trust-accounting/",
    ]
    pages += [reverse("integrations:disconnect", args=[connection.pk])]
    pages += [reverse("integrations:reconnect", args=[provider_name])]
    pages += [reverse("integrations:mapping", args=[connection.pk])]
    for page in pages:
        assert browser.get(page).status_code == 200, page
    browser.post(reverse("integrations:refresh_chart", args=[connection.pk]))
    browser.post(reverse("integrations:disconnect", args=[connection.pk]))
    connection.refresh_from_db()
    assert connection.status == "disconnected"

    decrypt_is_denied.undo()
    returning.give_back(GrantToReturn.objects.get().pk)
    assert [call["status"] for call in sandbox.requests(provider_name, "revoke")] == [200]


def test_s11_two_rows_swapped_are_refused_and_alarmed(firm, provider_name, sandbox, caplog):
    mine = connect_firm(firm, provider_name, sandbox)
    other = make_firm("Other Law")
    theirs = connect_firm(other, provider_name, sandbox, "Other & Sons LLP")
    for each, owner in ((mine, firm), (theirs, other)):
        start.start_mirroring(each, timezone.localdate(), actor=owner.owner)
        map_everything(owner, each)
        owner.post(("1100", "2100", "12.50"))
    first, second = SealedGrant.objects.get(connection=mine), SealedGrant.objects.get(connection=theirs)
    first.tokens, second.tokens = second.tokens, first.tokens
    first.save()
    second.save()
    calls = len(sandbox.requests(provider_name, "token"))
    for each in (mine, theirs):
        pass_over(each)
        each.refresh_from_db()
        assert (each.status, each.status_reason) == ("disconnected", "seal_broken")
        assert "sent" not in states(each)
        assert sandbox.journals(provider_name, each.company_id) == []
        telling.send_due(each.pk)
    assert len(sandbox.requests(provider_name, "token")) == calls
    alarms = AuditEvent.objects.filter(action=Action.DISCONNECTED, data__cause="seal_broken")
    assert alarms.count() == 2
    assert [record.levelname for record in caplog.records if "altered or moved" in record.message] == ["CRITICAL"] * 2
    assert len(mail.outbox) == 2
    page = browser_of(firm).get(INDEX).content.decode()
    assert "Athenty could not open its stored access to Park &amp; Lowe LLP" in page


@pytest.mark.parametrize("how", ["columns", "older version", "altered"])
def test_s11_a_record_in_another_column_or_altered_is_refused(firm, sandbox, how):
    connection = connect_firm(firm, "xero", sandbox)
    tokens.access_token(connection, refused=tokens.access_token(connection))
    grant = SealedGrant.objects.get()
    record = bytes(grant.tokens)
    grant.tokens = {
        "columns": bytes(grant.previous_tokens),
        "older version": b"\x00" + record[1:],
        "altered": record[:-1] + bytes([record[-1] ^ 1]),
    }[how]
    grant.save()
    with pytest.raises(tokens.StoredAccessBroken):
        tokens.access_token(connection)


@pytest.mark.slow  # it kills a process again and again
@pytest.mark.django_db(transaction=True)
def test_s12_a_rotation_killed_half_way_is_finished_by_the_next_and_nobody_reconnects(
    firm, sandbox, settings, tmp_path
):
    companies = {"quickbooks": ["Park & Lowe LLP", "Other & Sons LLP"], "xero": ["Park & Lowe LLP", "Other & Sons LLP"]}
    connections = [
        connect_firm(make_firm(f"{name} Law {number}"), name, sandbox, company)
        for name, both in companies.items()
        for number, company in enumerate(both)
    ]
    old, new = Path(settings.KMS_LOCAL_KEY_FILE), tmp_path / "new.key"
    of = database.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{of['USER']}@{quote(of['HOST'], safe='')}:{of['PORT']}/{of['NAME']}",
        "KMS_LOCAL_KEY_FILE": str(new),
        "KMS_LOCAL_OLD_KEY_FILES": str(old),
        "ATHENTY_CRASH": "rotating:3",
    }
    killed = subprocess.run(
        [sys.executable, "manage.py", "rotate_keys"], cwd=_CHECKOUT, env=environment, capture_output=True, timeout=60
    )
    assert killed.returncode == 137, killed.stderr
    settings.KMS_LOCAL_KEY_FILE, settings.KMS_LOCAL_OLD_KEY_FILES = str(new), [str(old)]
    kms.key_management.cache_clear()
    assert sorted(keys.in_use().values()) == [2, 2]
    for connection in connections:  # the load goes on meanwhile
        tokens.access_token(connection, refused=tokens.access_token(connection))
        break
    call_command("rotate_keys", stdout=StringIO())
    old.unlink()
    settings.KMS_LOCAL_OLD_KEY_FILES = []
    kms.key_management.cache_clear()
    keys.check_start(opens=True)
    for connection in connections:
        assert connection.provider.company(tokens.access_token(connection), connection.company).name


@pytest.mark.parametrize("trouble", ["missing", "wrong", "cut short"])
def test_s13_without_the_right_key_no_process_starts_and_nothing_is_stored_in_the_clear(
    browser, firm, sandbox, settings, tmp_path, trouble
):
    connect(browser, "xero")
    key = tmp_path / "other.key"
    if trouble == "cut short":
        key.touch(mode=0o600)
    settings.KMS_LOCAL_KEY_FILE = str(tmp_path / "no" / "folder" / "k") if trouble == "missing" else str(key)
    kms.key_management.cache_clear()
    for opens in (True, False):
        with pytest.raises(SystemExit, match=r"Athenty does not start\. "):
            checks.refuse_unsafe_start(opens_tokens=opens)
    other = browser_of(make_firm("Other Law"))
    if trouble == "cut short":
        connect(other, "quickbooks")
        assert "Athenty could not store the access safely." in other.get(INDEX).content.decode()
        assert SealedGrant.objects.count() == 1
    assert leaked(sandbox, whole_database()) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"KMS_BACKEND": "local"}, "KMS_BACKEND is 'local', which keeps the key on this machine's disk"),
        ({"KMS_AWS_KEY_ID": ""}, "KMS_AWS_KEY_ID is not set"),
        ({"EMAIL_HOST": ""}, "EMAIL_HOST is not set, so nobody would be told when a connection ends"),
    ],
)
def test_s13_production_refuses_a_key_on_its_own_disk_and_what_it_can_not_do_without(settings, changes, sentence):
    safe = {"LOCAL": False, "KMS_BACKEND": "aws-kms", "KMS_AWS_KEY_ID": "alias/a", "EMAIL_HOST": "mail.example"}
    for name, value in (safe | {"SECRET_KEY": "s" * 50} | changes).items():
        setattr(settings, name, value)
    with pytest.raises(SystemExit, match=re.escape(sentence)):
        checks.refuse_unsafe_start(opens_tokens=True)


@pytest.mark.django_db(transaction=True)
def test_s14_no_secret_is_in_logs_pages_redis_mail_or_the_audit_log(browser, firm, sandbox, caplog):
    with caplog.at_level(logging.DEBUG):
        busy_firm(browser, firm, sandbox)
        pages = [INDEX, f"{INDEX}?tab=sync-mode", "/settings/audit-log/"]
        for connection in Connection.objects.filter(organization=firm.organization):
            chart.read_if_due(connection.pk)
            pages.append(reverse("integrations:disconnect", args=[connection.pk]))
            grant = connection.grant
            assert not leaked(sandbox, repr(grant), str(grant), repr(connection))
        seen = [browser.get(page).content.decode() for page in pages]
        connection = Connection.objects.filter(provider_name="quickbooks").first()
        sandbox.disconnect_there("quickbooks", connection.company_id)
        with pytest.raises(ProviderError) as failed:
            connection.provider.company(tokens.access_token(connection), connection.company)
        browser.post(reverse("integrations:disconnect", args=[connection.pk]))
        tasks.care()
    events = "\n".join(str(event.data) for event in AuditEvent.objects.all())
    mails = "\n".join(message.body for message in mail.outbox)
    queue = "\n".join(redis_texts())
    secrets = [live.QUICKBOOKS_CLIENT_SECRET, live.XERO_CLIENT_SECRET]
    texts = [caplog.text, events, mails, queue, repr(failed.value), *seen]
    assert leaked(sandbox, *texts) == []
    assert not [secret for secret in secrets if any(secret in text for text in texts)]
    assert not re.search(r"Basic [A-Za-z0-9+/]{20,}", "\n".join(texts))


def redis_texts() -> list[str]:
    """Everything that the broker holds: keys, lists, hashes."""
    client = redis.Redis.from_url(live.REDIS_URL, decode_responses=True, encoding_errors="replace")
    texts = []
    for key in client.scan_iter():
        kind = client.type(key)
        readers = {"list": lambda k: client.lrange(k, 0, -1), "hash": client.hgetall, "set": client.smembers}
        texts.append(f"{key} {readers.get(kind, client.dump if kind == 'zset' else client.get)(key)}")
    return texts


# What a committed key, token or password looks like.
_LOOKS_LIKE_A_SECRET = [
    r"AKIA[0-9A-Z]{16}",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"gh[pousr]_[A-Za-z0-9]{36}",
    r"xox[abprs]-[A-Za-z0-9-]{10,}",
    r"\beyJ[A-Za-z0-9_-]{60,}\.[A-Za-z0-9_-]{60,}\.",
    r"(?i)(secret|password|token|api_?key)\w*\s*[:=]\s*[\"'][A-Za-z0-9+/_=-]{32,}[\"']",
]
_SAY_SO_THEMSELVES = ("not-a-secret", "of-the-test")


def is_made_up(found: str) -> bool:
    return any(words in found for words in _SAY_SO_THEMSELVES)


def test_s15_the_repository_carries_no_key():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=_CHECKOUT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    found = []
    for name in filter(None, listed):
        path = _CHECKOUT / name
        if not path.is_file() or path.suffix in {".key", ".pem", ".webp"}:
            assert path.suffix not in {".key", ".pem"}, name
            continue
        text = path.read_bytes().decode("utf-8", "ignore")
        for pattern in _LOOKS_LIKE_A_SECRET:
            found += [f"{name}: {hit[0][:60]}" for hit in re.finditer(pattern, text) if not is_made_up(hit[0])]
    assert found == []


def test_s15_production_asks_for_its_secrets_and_never_shows_errors():
    given = {name: value for name, value in os.environ.items() if not name.startswith(("ATHENTY", "SECRET_KEY"))}
    code = "import athenty.settings as s; print(s.DEBUG)"
    asked = subprocess.run([sys.executable, "-c", code], cwd=_CHECKOUT, env=given, capture_output=True, text=True)
    assert asked.returncode != 0
    assert "SECRET_KEY is not set" in asked.stderr
    assert live.DEBUG is False
