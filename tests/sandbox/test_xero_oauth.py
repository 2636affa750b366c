import base64
import hashlib

import pytest

from .callers import CALLBACK, DEMO_COMPANY, OTHER_AND_SONS, PARK_AND_LOWE, XERO_SCOPE, Xero, journal, query_of

MINUTE, DAY = 60, 86400
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def test_the_consent_page_says_it_is_a_sandbox_and_lets_a_company_be_chosen(client):
    page = Xero(client).authorize(method="GET").text
    assert "SANDBOX, not Xero" in page
    assert "accounting.manualjournals" in page
    assert PARK_AND_LOWE in page


def test_allowing_sends_back_code_scope_and_state(client):
    told = query_of(Xero(client).authorize().location)
    assert set(told) == {"code", "scope", "state", "session_state"}
    assert told["state"] == "opaque"
    assert told["scope"].split() == XERO_SCOPE.split()


def test_denying_sends_back_access_denied_in_xeros_words(client):
    told = query_of(Xero(client).authorize(form={"decision": "deny"}).location)
    assert told == {
        "error": "access_denied",
        "error_description": "TenantConsent status DENIED",
        "state": "opaque",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"redirect_uri": CALLBACK + "/"},
        {"client_id": "somebody-else"},
        {"scope": "openid accounting.transactions"},
        {"response_type": "token"},
    ],
)
def test_a_bad_request_gets_xeros_own_page_and_never_comes_back(client, wrong):
    answer = Xero(client).authorize(method="GET", **wrong)
    assert answer.status_code == 500
    assert answer.location is None
    assert "SANDBOX" in answer.text


def test_a_code_buys_thirty_minutes_and_claims_that_name_the_consent(client):
    xero = Xero(client)
    answer = xero.exchange(xero.code()).json
    assert answer["expires_in"] == 30 * MINUTE
    assert answer["token_type"] == "Bearer"
    assert {"access_token", "refresh_token", "id_token", "scope"} <= set(answer)
    xero.access_token = answer["access_token"]
    claims = xero.claims()
    assert claims["exp"] - claims["iat"] == 30 * MINUTE
    assert xero.connections().json[0]["authEventId"] == claims["authentication_event_id"]


def test_without_offline_access_there_is_no_refresh_token(client):
    xero = Xero(client)
    answer = xero.exchange(xero.code(scope="accounting.manualjournals")).json
    assert "refresh_token" not in answer
    assert "id_token" not in answer


def test_a_code_works_once_for_five_minutes_with_its_own_redirect_uri(client, advance):
    xero = Xero(client)
    code = xero.code()
    assert xero.exchange(code, redirect_uri=CALLBACK + "/").json == {"error": "invalid_grant"}
    assert xero.exchange(code).status_code == 200
    assert xero.exchange(code).status_code == 400
    late = xero.code()
    advance(5 * MINUTE + 1)
    assert xero.exchange(late).json == {"error": "invalid_grant"}


def test_a_challenge_must_be_answered_and_only_then_is_a_verifier_asked_for(client):
    xero = Xero(client)
    challenge = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert xero.exchange(xero.code(**challenge)).json == {"error": "invalid_grant"}
    assert xero.exchange(xero.code(**challenge), code_verifier="w" * 64).json == {"error": "invalid_grant"}
    assert xero.exchange(xero.code(**challenge), code_verifier=VERIFIER).status_code == 200
    assert xero.exchange(xero.code()).status_code == 200


def test_credentials_may_stand_in_the_header_or_the_form_and_must_be_right(client):
    xero = Xero(client)
    form = {"grant_type": "authorization_code", "code": xero.code(), "redirect_uri": CALLBACK}
    assert xero.token(form, secret="wrong").json == {"error": "invalid_client"}
    in_form = form | {"client_id": "demo-xero", "client_secret": "demo-xero-secret"}
    assert client.post("/xero/connect/token", data=in_form).status_code == 200
    assert xero.token({"grant_type": ""}).json == {"error": "unsupported_grant_type"}


def test_every_refresh_gives_a_new_pair_and_the_previous_token_thirty_minutes_of_grace(xero, advance):
    first = xero.refresh_token
    second = xero.refresh(first).json["refresh_token"]
    assert second != first
    advance(30 * MINUTE)
    assert xero.refresh(first).status_code == 200
    advance(1)
    assert xero.refresh(first).json == {"error": "invalid_grant"}
    assert xero.refresh(second).status_code == 200


def test_a_refresh_token_lapses_after_sixty_days_unused(xero, advance):
    advance(59 * DAY)
    held = xero.refresh(xero.refresh_token).json["refresh_token"]
    advance(60 * DAY)
    assert xero.refresh(held).json == {"error": "invalid_grant"}


def test_scopes_add_up_over_a_persons_consents(client):
    Xero(client, user="pat").connected()
    later = Xero(client, user="pat")
    granted = later.exchange(later.code(scope="openid accounting.contacts")).json["scope"].split()
    assert granted[:2] == ["openid", "accounting.contacts"]
    assert set(XERO_SCOPE.split()) < set(granted)
    other = Xero(client, user="olu")
    assert other.exchange(other.code(scope="openid")).json["scope"] == "openid"


def test_an_expired_token_is_told_with_its_moment(xero, advance):
    advance(30 * MINUTE)
    answer = xero.call("GET", "Organisation")
    assert answer.status_code == 401
    assert answer.json["Title"] == "Unauthorized"
    assert answer.json["Detail"] == "TokenExpired: token expired at 03/02/2026 12:30:00"


def test_a_token_without_the_scope_is_401_authorization_unsuccessful(client):
    xero = Xero(client).connected(scope="openid offline_access accounting.settings.read")
    assert xero.call("GET", "Accounts").status_code == 200
    answer = xero.put(journal())
    assert (answer.status_code, answer.json["Detail"]) == (401, "AuthorizationUnsuccessful")
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("tenant", ["", OTHER_AND_SONS, "not-a-tenant"])
def test_a_missing_or_foreign_tenant_is_403_authentication_unsuccessful(xero, tenant):
    answer = xero.call("GET", "Organisation", headers={"xero-tenant-id": tenant})
    assert (answer.status_code, answer.json["Detail"]) == (403, "AuthenticationUnsuccessful")


def test_connections_show_the_organisation_with_zoneless_seven_digit_times(xero):
    (connection,) = xero.connections().json
    assert connection["tenantId"] == PARK_AND_LOWE
    assert connection["tenantName"] == "Park & Lowe LLP"
    assert connection["tenantType"] == "ORGANISATION"
    assert connection["createdDateUtc"] == "2026-03-02T12:00:00.0000000"


def test_connections_add_up_over_consents_and_can_be_asked_for_one_consent(client, xero):
    later = Xero(client, DEMO_COMPANY, user="pat").connected()
    assert [row["tenantId"] for row in later.connections().json] == [PARK_AND_LOWE, DEMO_COMPANY]
    event = later.claims()["authentication_event_id"]
    assert [row["tenantId"] for row in later.connections(authEventId=event).json] == [DEMO_COMPANY]
    assert xero.call("GET", "Organisation", headers={"xero-tenant-id": DEMO_COMPANY}).status_code == 200


def test_a_renewed_connection_keeps_its_id_and_shows_a_later_update(client, xero, advance):
    (before,) = xero.connections().json
    advance(60)
    (after,) = Xero(client, user="pat").connected().connections().json
    assert after["id"] == before["id"]
    assert after["createdDateUtc"] == before["createdDateUtc"]
    assert after["updatedDateUtc"] > before["updatedDateUtc"]


def delete(xero, connection_id):
    return xero.client.delete(
        f"/xero/connections/{connection_id}", headers={"Authorization": f"Bearer {xero.access_token}"}
    )


def test_deleting_a_connection_takes_its_own_id_and_leaves_the_token_alive(xero):
    (connection,) = xero.connections().json
    for wrong in (connection["tenantId"], connection["authEventId"]):
        assert (delete(xero, wrong).status_code, delete(xero, wrong).json["Detail"]) == (
            403,
            "AuthenticationUnsuccessful",
        )
    assert delete(xero, "00000000-0000-0000-0000-000000000000").status_code == 404
    gone = delete(xero, connection["id"])
    assert (gone.status_code, gone.data) == (204, b"")
    assert xero.connections().json == []
    assert xero.call("GET", "Organisation").status_code == 403
    assert xero.refresh(xero.refresh_token).status_code == 200


def test_a_revocation_ends_every_connection_of_that_person_and_nobody_elses(client, xero):
    second_firm = Xero(client, DEMO_COMPANY, user="pat").connected()
    somebody_else = Xero(client, user="olu").connected()
    form = {"token": xero.refresh_token, "client_id": "demo-xero", "client_secret": "demo-xero-secret"}
    answer = client.post("/xero/connect/revocation", data=form)
    assert (answer.status_code, answer.data) == (200, b"")
    for dead in (xero, second_firm):
        assert dead.call("GET", "Organisation").status_code == 401
        assert dead.refresh(dead.refresh_token).json == {"error": "invalid_grant"}
    assert somebody_else.call("GET", "Organisation").status_code == 200


def test_a_removal_inside_xero_shows_as_403_while_the_token_still_refreshes(xero):
    xero.control("disconnect", {})
    assert xero.call("GET", "Accounts").json["Detail"] == "AuthenticationUnsuccessful"
    assert xero.connections().json == []
    assert xero.refresh(xero.refresh_token).status_code == 200


def test_paths_and_connections_ignore_case(client, xero):
    bearer = {"Authorization": f"Bearer {xero.access_token}"}
    assert client.get("/xero/Connections", headers=bearer).status_code == 200
    assert xero.call("GET", "ORGANISATION").status_code == 200
