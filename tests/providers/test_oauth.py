"""The token endpoints: what we send, what we take from the answer, and which failures end a grant."""

import base64
import json
import logging
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from integrations.providers import PROVIDERS
from integrations.providers.errors import (
    CompanyGone,
    GrantLost,
    Misconfigured,
    RateLimited,
    ScopeMissing,
    Unavailable,
)
from integrations.providers.xero.oauth import SCOPES, authorization_event
from tests.providers.examples import ACCESS_TOKEN, REFRESH_TOKEN, company
from tests.providers.scripted_server import Reply, json_reply

REDIRECT_URI = "https://athenty.test/settings/integrations/callback/"
TOKENS = {"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 3600, "token_type": "bearer"}
both = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


def exchange(provider, *, code_verifier="", realm=None):
    back = {"realmId": company().id if realm is None else realm}
    tokens = provider.exchange_code(
        code="the-code", redirect_uri=REDIRECT_URI, code_verifier=code_verifier, callback_parameters=back
    )
    return tokens, provider.companies(tokens, back)


def error(code: str, status: int = 400, **members: str) -> Reply:
    return json_reply({"error": code} | members, status)


# Asking for consent --------------------------------------------------------------------------------------------------


@both
def test_the_browser_is_sent_with_state_scope_and_the_exact_callback(server, provider):
    request = provider.authorization_request(redirect_uri=REDIRECT_URI, state="the-state")
    query = dict(parse_qsl(urlsplit(request.url).query))
    assert request.url.startswith(server.url)
    assert (query["response_type"], query["state"], query["redirect_uri"]) == ("code", "the-state", REDIRECT_URI)
    assert server.seen == []


def test_intuit_gets_no_pkce_and_one_scope(server):
    request = PROVIDERS["quickbooks"].authorization_request(redirect_uri=REDIRECT_URI, state="s")
    query = dict(parse_qsl(urlsplit(request.url).query))
    assert request.code_verifier == ""
    assert "code_challenge" not in query
    assert query["scope"] == "com.intuit.quickbooks.accounting"


def test_xero_gets_pkce_and_granular_scopes(server):
    request = PROVIDERS["xero"].authorization_request(redirect_uri=REDIRECT_URI, state="s")
    query = dict(parse_qsl(urlsplit(request.url).query))
    assert (query["code_challenge_method"], len(request.code_verifier)) == ("S256", 64)
    assert request.code_verifier not in request.url
    assert request.code_verifier not in repr(request)
    assert query["scope"].split() == [
        "openid",
        "profile",
        "email",
        "offline_access",
        "accounting.manualjournals",
        "accounting.settings.read",
    ]


# Trading the code ----------------------------------------------------------------------------------------------------


def test_intuits_code_is_traded_once_and_its_company_confirmed(server, settings):
    info = {"CompanyInfo": {"CompanyName": "Harbor Law LLP", "Country": "US"}}
    preferences = {"Preferences": {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}}}
    answer = TOKENS | {"x_refresh_token_expires_in": 8_726_400, "x_refresh_token_hard_expires_in": "157680000"}
    server.answers(json_reply(answer), json_reply(info), json_reply(preferences))
    tokens, (found,) = exchange(PROVIDERS["quickbooks"])
    assert (found.id, found.name, found.home_currency) == (company().id, "Harbor Law LLP", "USD")
    assert tokens.refresh_expires_in == timedelta(days=101)
    assert tokens.grant_expires_in == timedelta(days=1825)
    traded = server.seen[0]
    assert parse_qs(traded.body.decode()) == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "redirect_uri": [REDIRECT_URI],
    }
    credentials = f"{settings.QUICKBOOKS_CLIENT_ID}:{settings.QUICKBOOKS_CLIENT_SECRET}".encode()
    assert traded.headers["Authorization"] == f"Basic {base64.b64encode(credentials).decode()}"
    assert traded.headers["x-include-refresh-token-hard-expires-in"] == "true"
    assert [seen.path for seen in server.seen].count("/quickbooks/token") == 1


@pytest.mark.parametrize("realm", ["", "12a", "1/../2", "١٢"])
def test_a_missing_or_odd_realm_stops_before_the_code_is_spent(server, realm):
    with pytest.raises(CompanyGone):
        exchange(PROVIDERS["quickbooks"], realm=realm)
    assert server.seen == []


def test_an_altered_realm_is_found_out(server):
    fault = {"fault": {"error": [{"message": "ApplicationAuthorizationFailed", "code": "3100"}], "type": "SERVICE"}}
    server.answers(json_reply(TOKENS), json_reply(fault, 403))
    with pytest.raises(CompanyGone):
        exchange(PROVIDERS["quickbooks"])


def access_token_of(event: str, **claims: str) -> str:
    payload = json.dumps({"authentication_event_id": event} | claims)
    return f"eyJhbGciOiJSUzI1NiJ9.{base64.urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.c2ln"


def connection(number: int, **members: str) -> dict[str, str]:
    named = {"id": f"c-{number}", "tenantId": f"t-{number}", "tenantName": f"Firm {number}"}
    return named | {"tenantType": "ORGANISATION"} | members


ORGANISATION = {"Organisations": [{"Name": "Example Law LLP", "BaseCurrency": "NZD", "CountryCode": "NZ"}]}


def test_xero_names_the_organisations_of_this_consent(server):
    token = TOKENS | {
        "access_token": access_token_of("event-1"),
        "scope": f"{' '.join(SCOPES)} accounting.transactions",
    }
    practice = connection(2, tenantType="PRACTICE")
    server.answers(json_reply(token), json_reply([connection(1), practice]), json_reply(ORGANISATION))
    tokens, companies = exchange(PROVIDERS["xero"], code_verifier="v" * 64)
    assert [(found.id, found.connection_id, found.home_currency) for found in companies] == [("t-1", "c-1", "NZD")]
    assert parse_qs(server.seen[0].body.decode())["code_verifier"] == ["v" * 64]
    assert server.seen[1].path == "/xero/connections?authEventId=event-1"
    assert tokens.scopes == (*SCOPES, "accounting.transactions")


def test_a_consent_that_leaves_a_permission_out_is_told_from_a_lost_grant(server):
    server.answers(json_reply(TOKENS | {"scope": "openid offline_access accounting.settings.read"}))
    with pytest.raises(ScopeMissing, match="leaves out accounting"):
        exchange(PROVIDERS["xero"], code_verifier="v" * 64)


@pytest.mark.parametrize(
    ("changes", "is_new"),
    [
        ({}, True),
        ({"updatedDateUtc": "2026-11-02T18:46:19.5187840"}, True),
        ({"updatedDateUtc": "2026-11-03T08:00:00.0000000"}, False),
        ({"createdDateUtc": None}, False),
    ],
)
def test_an_organisation_that_this_consent_added_is_told_from_one_that_was_there(server, changes, is_new):
    token = TOKENS | {"access_token": access_token_of("event-1")}
    moments = {"createdDateUtc": "2026-11-02T18:46:19.5164400", "updatedDateUtc": "2026-11-02T18:46:19.5164400"}
    server.answers(json_reply(token), json_reply([connection(1) | moments | changes]), json_reply(ORGANISATION))
    _, [found] = exchange(PROVIDERS["xero"])
    assert found.added_now is is_new


def test_a_grant_of_xero_names_its_person(server):
    server.answers(json_reply(TOKENS | {"access_token": access_token_of("event-1", xero_userid="person-7")}))
    assert PROVIDERS["xero"].refresh(REFRESH_TOKEN).person_id == "person-7"


def test_a_consent_that_added_no_organisation_falls_back_to_all_of_them(server):
    token = TOKENS | {"access_token": access_token_of("event-1")}
    everything = json_reply([connection(1), connection(2)])
    server.answers(json_reply(token), json_reply([]), everything, json_reply(ORGANISATION))
    _, companies = exchange(PROVIDERS["xero"])
    assert [found.id for found in companies] == ["t-1", "t-2"]
    assert server.seen[2].path == "/xero/connections"


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.W10.c", "..", "a.bnVsbA.c", "é.é.é", "a.!!!.c"])
def test_a_token_without_readable_claims_names_no_consent(token):
    assert authorization_event(token) == ""


# Refreshing ----------------------------------------------------------------------------------------------------------


@both
def test_a_refresh_sends_the_client_as_basic_and_brings_the_new_pair(server, provider):
    server.answers(json_reply(TOKENS | {"access_token": "new-access", "refresh_token": "new-refresh"}))
    tokens = provider.refresh(REFRESH_TOKEN)
    assert (tokens.access_token, tokens.refresh_token) == ("new-access", "new-refresh")
    (seen,) = server.seen
    assert parse_qs(seen.body.decode()) == {"grant_type": ["refresh_token"], "refresh_token": [REFRESH_TOKEN]}
    assert seen.headers["Authorization"].startswith("Basic ")


@both
def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(server, provider):
    server.answers(json_reply({name: TOKENS[name] for name in ("access_token", "expires_in", "token_type")}))
    assert provider.refresh(REFRESH_TOKEN).refresh_token == REFRESH_TOKEN


@both
@pytest.mark.parametrize("lifetime", [{}, {"expires_in": None}])
def test_lifetimes_that_are_not_told_are_the_published_ones(server, provider, lifetime):
    server.answers(json_reply({name: value for name, value in TOKENS.items() if name != "expires_in"} | lifetime))
    tokens = provider.refresh(REFRESH_TOKEN)
    assert timedelta(minutes=30) <= tokens.access_expires_in <= timedelta(hours=1)
    assert tokens.refresh_expires_in == provider.refresh_lifetime
    assert tokens.grant_expires_in is None


@both
@pytest.mark.parametrize(
    "reply",
    [
        error("invalid_grant"),
        error("invalid_grant", error_description="Incorrect or invalid refresh token"),
        error("invalid_grant", x_error_reason="user_not_in_realm"),
    ],
)
def test_only_invalid_grant_ends_a_grant(server, provider, reply):
    server.answers(reply)
    with pytest.raises(GrantLost) as raised:
        provider.refresh(REFRESH_TOKEN)
    assert raised.value.code == "invalid_grant"


@both
@pytest.mark.parametrize(
    "reply",
    [
        error("invalid_client", 401),
        error("unauthorized_client"),
        error("invalid_scope"),
        error("invalid_request"),
        error("unsupported_grant_type"),
    ],
)
def test_what_is_wrong_with_athenty_is_never_the_customers(server, provider, reply):
    server.answers(reply)
    with pytest.raises(Misconfigured):
        provider.refresh(REFRESH_TOKEN)


@both
@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, b"<html>"),
        Reply(502),
        error("invalid_grant", 503),
        Reply(200, b"<html>Sign in</html>"),
        Reply(200, b""),
        Reply(200, b"[]"),
        Reply(200, b"null"),
        Reply(400, b"<html>"),
        Reply(404, b"not here"),
        Reply(302, b"", {"Location": "/quickbooks/token"}),
        json_reply({}),
        json_reply({"token_type": "bearer"}),
        json_reply(TOKENS | {"access_token": None}),
        json_reply(TOKENS | {"access_token": ["x"]}),
        json_reply(TOKENS | {"expires_in": "soon"}),
        json_reply(TOKENS | {"refresh_token": 7}),
        error("a_word_never_heard_before"),
        error("temporarily_unavailable"),
        Reply(raw=lambda connection: connection.close()),
    ],
    ids=lambda reply: f"{reply.status}-{reply.body[:30]!r}",
)
def test_no_other_answer_costs_a_connection(server, provider, reply):
    server.answers(reply)
    with pytest.raises(Unavailable):
        provider.refresh(REFRESH_TOKEN)
    assert len(server.seen) == 1


@both
def test_a_throttled_token_endpoint_says_when_to_come_back(server, provider):
    server.answers(Reply(429, b"", {"Retry-After": "30"}))
    with pytest.raises(RateLimited) as raised:
        provider.refresh(REFRESH_TOKEN)
    assert raised.value.retry_after == timedelta(seconds=30)


REQUEST_ID = {"quickbooks": "intuit_tid", "xero": "Xero-Correlation-Id"}


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_grant"}, GrantLost),
        (401, {"error": "invalid_client"}, Misconfigured),
        (400, {"error": "a_word_never_heard_before"}, Unavailable),
        (500, {}, Unavailable),
        (200, {"access_token": "a"}, Unavailable),
        (429, {}, RateLimited),
    ],
)
def test_every_refusal_of_a_refresh_carries_what_support_asks_for(server, name, status, body, expected):
    server.answers(json_reply(body | {"refresh_token": None}, status, {REQUEST_ID[name]: "1-69f0a24d"}))
    with pytest.raises(expected) as raised:
        PROVIDERS[name].refresh(REFRESH_TOKEN)
    assert (raised.value.http_status, raised.value.request_id) == (status, "1-69f0a24d")


@both
def test_tokens_in_an_answer_that_can_not_be_read_are_not_quoted(server, provider):
    server.answers(Reply(200, b'{"access_token":"short-one","refresh_token":"short-two"'))
    with pytest.raises(Unavailable) as raised:
        provider.refresh("short-three")
    assert "short" not in repr(vars(raised.value)) + str(raised.value)
    server.answers(Reply(502, b"<html>short-three</html>"))
    with pytest.raises(Unavailable) as raised:
        provider.refresh("short-three")
    assert raised.value.message == "<html>[redacted]</html>"


# Revoking ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(200), Reply(400), Reply(400, b"not json")])
def test_intuits_grant_is_revoked_or_was_dead_already(server, reply):
    server.answers(reply)
    PROVIDERS["quickbooks"].disconnect(
        refresh_token=REFRESH_TOKEN, access_token=ACCESS_TOKEN, company=company(), last_of_this_grant=True
    )
    (seen,) = server.seen
    assert json.loads(seen.body) == {"token": REFRESH_TOKEN}
    assert seen.headers["Authorization"].startswith("Basic ")


@both
@pytest.mark.parametrize(("status", "expected"), [(401, Misconfigured), (500, Unavailable), (503, Unavailable)])
def test_a_revocation_that_failed_says_so(server, provider, status, expected):
    server.answers(Reply(status, REFRESH_TOKEN.encode()))
    with pytest.raises(expected) as raised:
        provider.disconnect(
            refresh_token=REFRESH_TOKEN, access_token=ACCESS_TOKEN, company=company(), last_of_this_grant=True
        )
    assert REFRESH_TOKEN not in str(raised.value)


# Nothing leaks -------------------------------------------------------------------------------------------------------


@both
def test_no_secret_reaches_a_log_an_error_or_a_repr(server, provider, caplog, settings):
    for name in ("integrations", "urllib3", "requests_oauthlib", "oauthlib", "xero_python"):
        # As the settings hold the libraries, whatever LOG_LEVEL says.
        caplog.set_level(logging.DEBUG if name == "integrations" else logging.INFO, logger=name)
    server.answers(error("invalid_grant", error_description=f"the-code {REFRESH_TOKEN} {ACCESS_TOKEN}"))
    with pytest.raises(GrantLost) as of_exchange:
        exchange(provider, code_verifier="v" * 64)
    with pytest.raises(GrantLost) as of_refresh:
        provider.refresh("opaque-refresh")
    server.answers(json_reply(TOKENS))
    said = repr(provider.refresh(REFRESH_TOKEN)) + caplog.text
    for raised in (of_exchange, of_refresh):
        said += repr(raised.value) + repr(vars(raised.value)) + repr(raised.value.__cause__)
    for secret in (ACCESS_TOKEN, REFRESH_TOKEN, "v" * 64, settings.QUICKBOOKS_CLIENT_SECRET):
        assert secret not in said
    assert "the-code" not in repr(vars(of_exchange.value))
