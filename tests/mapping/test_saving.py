"""Saving the mapping: the rules, two people at once, and what the audit log keeps. Written straight to the database."""

import pytest

from audit.models import AuditEvent
from integrations.mapping.saving import MappingRefused, save_mapping
from integrations.models import Connection
from tests.pages.firms import account, make_connection, make_firm, make_person, post, target


@pytest.fixture
def organization(db):
    return make_firm()


@pytest.fixture
def connection(organization) -> Connection:
    post(organization, 2)
    return make_connection(organization, mapped=False)


@pytest.fixture
def ada(organization):
    return make_person(organization, "owner", "Ada Park")


@pytest.fixture
def ben(organization):
    return make_person(organization, "admin", "Ben Lowe")


def choose(connection, **chosen: str | None) -> dict[int, int | None]:
    return {
        account(connection.organization, number[1:]).pk: target(connection, remote_id).pk if remote_id else None
        for number, remote_id in chosen.items()
    }


def saved(connection) -> dict[str, str]:
    chosen = connection.mappings.exclude(target=None).values_list("account__number", "target__remote_id")
    return dict(chosen)


def refusal(connection, choices, actor, **more) -> dict[str, str]:
    before = saved(connection)
    with pytest.raises(MappingRefused) as refused:
        save_mapping(connection, choices, actor=actor, **more)
    assert saved(connection) == before
    numbers = dict(connection.organization.accounts.values_list("pk", "number"))
    return {numbers.get(pk, "?"): sentence for pk, sentence in refused.value.errors.items()}


def test_client_money_owed_is_never_income(connection, ada):
    assert "never income" in refusal(connection, choose(connection, n2100="12"), ada)["2100"]


@pytest.mark.parametrize("remote_id", ["81", "12", "61"])
def test_money_in_trust_is_always_an_asset(connection, ada, remote_id):
    assert "is an asset" in refusal(connection, choose(connection, n1100=remote_id), ada)["1100"]


def test_client_money_and_the_firms_own_never_share_a_target(connection, ada):
    refused = refusal(connection, choose(connection, n1000="42", n1100="42"), ada)
    assert (
        refused["1000"]
        == "Client money and the firm's own never share an account, and 1100 Trust Bank goes to this one."
    )
    assert "1000 Operating Bank goes to this one" in refused["1100"]


def test_client_money_can_not_join_what_was_saved_before(connection, ada):
    save_mapping(connection, choose(connection, n1000="42"), actor=ada)
    assert "1000 Operating Bank" in refusal(connection, choose(connection, n1100="42"), ada)["1100"]


def test_client_money_and_the_firms_own_may_change_places_in_one_save(connection, ada):
    save_mapping(connection, choose(connection, n1000="42", n1100="47"), actor=ada)
    save_mapping(connection, choose(connection, n1000="47", n1100="42"), actor=ada)
    assert (saved(connection)["1000"], saved(connection)["1100"]) == ("47", "42")


def test_two_of_ours_may_share_a_target(connection, ada):
    assert save_mapping(connection, choose(connection, n6000="61", n1000="61"), actor=ada).changed == 2


@pytest.mark.parametrize("is_theirs", [True, False])
def test_another_firms_account_or_target_is_refused(connection, ada, is_theirs):
    other = make_connection(make_firm("Other", slug="other"), company_id="77", mapped=False)
    ours, theirs = account(connection.organization, "1000").pk, target(other, "42").pk
    foreign = {ours: theirs} if is_theirs else {account(other.organization, "1000").pk: target(connection, "42").pk}
    assert refusal(connection, foreign, ada)


def test_a_target_that_left_the_chart_since_the_page_was_made_is_refused(connection, ada):
    choices = choose(connection, n1000="42", n6000="61")
    connection.chart.filter(remote_id="42").update(is_listed=False)
    assert refusal(connection, choices, ada) == {"1000": "Choose an account from the QuickBooks list."}


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unseen(connection, ada, ben):
    seen = choose(connection, n1000=None, n6000=None)
    save_mapping(connection, choose(connection, n1000="47"), actor=ben, loaded=seen)
    refused = refusal(connection, choose(connection, n1000="42", n6000="61"), ada, loaded=seen)
    assert refused == {
        "1000": "Ben Lowe chose 1100 · Trust Account meanwhile. Save again to replace that with your choice."
    }


def test_saving_again_with_the_others_choice_in_view_replaces_it(connection, ada, ben):
    save_mapping(connection, choose(connection, n1000="47"), actor=ben)
    save_mapping(connection, choose(connection, n1000="42"), actor=ada, loaded=choose(connection, n1000="47"))
    assert saved(connection) == {"1000": "42"}


def test_rows_that_only_the_other_person_touched_are_kept_and_said(connection, ada, ben):
    seen = choose(connection, n1000=None, n1100=None, n6000=None)
    save_mapping(connection, choose(connection, n1000="42", n1100="47"), actor=ben, loaded=seen)
    result = save_mapping(connection, choose(connection, n6000="61"), actor=ada, loaded=seen)
    assert result.meanwhile == {"Ben Lowe": 2}
    assert saved(connection) == {"1000": "42", "1100": "47", "6000": "61"}


def test_the_same_choice_by_two_people_is_no_conflict(connection, ada, ben):
    seen = choose(connection, n1000=None)
    save_mapping(connection, choose(connection, n1000="42"), actor=ben, loaded=seen)
    assert save_mapping(connection, choose(connection, n1000="42"), actor=ada, loaded=seen).changed == 0


def test_one_event_per_save_tells_each_row_before_and_after(connection, ada):
    save_mapping(connection, choose(connection, n1000="42", n6000="61"), actor=ada, ip="192.0.2.7")
    save_mapping(connection, choose(connection, n1000=None, n6000="42"), actor=ada)
    first, second = AuditEvent.objects.filter(action="integration.mapping_updated").order_by("pk")
    assert (first.actor, first.ip, first.data["provider"]) == (ada, "192.0.2.7", "quickbooks")
    assert second.data["changes"] == [
        {"account": "1000 Operating Bank", "from": "1000 · Operating Cash (id 42)", "to": ""},
        {"account": "6000 Rent", "from": "6000 · Rent (id 61)", "to": "1000 · Operating Cash (id 42)"},
    ]


def test_a_refused_save_leaves_no_event(connection, ada):
    refusal(connection, choose(connection, n2100="12", n1000="42"), ada)
    assert not AuditEvent.objects.exists()


def test_saving_keeps_what_is_required(connection, ada):
    save_mapping(connection, choose(connection, n1000="42", n6000="61"), actor=ada)
    assert connection.mappings.get(account__number="1000").is_required
    assert not connection.mappings.get(account__number="6000").is_required
