"""Settings ▸ Audit Log: filters, pages, and the export of exactly what is shown."""

import csv
import gzip
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from athenty.organizations.models import Organization
from audit.actions import Action
from audit.models import AuditEvent

ADDRESS = "/settings/audit-log/"


@pytest.fixture
def page(parts):
    return parts["owner"].client


def event(organization, label: str, at: datetime, action=Action.MAPPING_UPDATED, actor=None, data=None) -> None:
    AuditEvent.objects.create(
        organization=organization, object_label=label, occurred_at=at, action=action, actor=actor, data=data or {}
    )


@pytest.fixture
def week(organization, parts) -> None:
    """Three days in New York, whose midnight is 5 am UTC."""
    owner, admin = parts["owner"].user, parts["admin"].user
    event(organization, "Late on the 1st", datetime(2026, 3, 2, 4, 59, tzinfo=UTC), actor=owner)
    early = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    event(organization, "Early on the 2nd", early, Action.CONNECTED, admin, {"provider": "xero"})
    event(organization, "Late on the 3rd", datetime(2026, 3, 4, 4, 59, tzinfo=UTC), Action.SYNC_FAILED)
    event(Organization.objects.get(slug="stranger"), "A stranger's", datetime(2026, 3, 2, 12, tzinfo=UTC))


def labels(response) -> list[str]:
    """The Object cells, in the order shown."""
    rows = response.content.decode().partition("<tbody>")[2].partition("</tbody>")[0].split("<tr>")[1:]
    return [row.split('data-label="Object">')[1].partition("</td>")[0].replace("&#x27;", "'") for row in rows]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"last": "2026-03-04"}, ["Late on the 3rd", "Early on the 2nd", "Late on the 1st"]),
        ({"first": "2026-03-02", "last": "2026-03-03"}, ["Late on the 3rd", "Early on the 2nd"]),
        ({"last": "2026-03-01"}, ["Late on the 1st"]),
        ({"last": "2026-03-04", "action": "integration.connected"}, ["Early on the 2nd"]),
        ({"last": "2026-03-04", "person": "system"}, ["Late on the 3rd"]),
        ({"last": "2026-03-04", "provider": "xero"}, ["Early on the 2nd"]),
    ],
)
def test_filters_show_the_firms_own_events_newest_first_by_the_firms_days(page, week, query, expected):
    assert labels(page.get(ADDRESS, query)) == expected


def test_a_person_can_be_filtered_also_after_leaving_the_firm(page, parts, week):
    admin = parts["admin"].user
    admin.memberships.all().delete()
    response = page.get(ADDRESS, {"last": "2026-03-04", "person": str(admin.pk)})
    assert labels(response) == ["Early on the 2nd"]
    assert f'<option value="{admin.pk}" selected>Admin Park</option>' in response.content.decode()


def test_a_stranger_can_not_be_asked_for(page, parts, week):
    response = page.get(ADDRESS, {"person": str(parts["stranger"].user.pk)})
    assert response.status_code == 422
    assert "Stranger" not in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        {"first": "soon"},
        {"first": "2026-03-04", "last": "2026-03-01"},
        {"first": "0001-01-01"},
        {"last": "9999-12-31"},
        {"action": "x"},
        {"provider": "sage"},
        {"person": "\0"},
    ],
)
def test_a_filter_that_can_not_be_read_is_named_and_shows_nothing(page, week, query):
    response = page.get(ADDRESS, query)
    assert response.status_code == 422
    assert labels(response) == []
    assert "Error: Audit Log" in response.content.decode()


def test_an_event_is_shown_with_its_label_code_and_what_changed(page, organization):
    event(
        organization,
        "QuickBooks",
        datetime(2026, 3, 2, 19, 5, tzinfo=UTC),
        data={"from": "live", "to": "batched", "provider": "quickbooks"},
    )
    shown = page.get(ADDRESS).content.decode()
    assert "Account mapping changed" in shown
    assert '<code class="row-note">integration.mapping_updated</code>' in shown
    assert '<div>Live → Batched</div><div><span class="muted">Provider:</span> QuickBooks Online</div>' in shown
    assert '<time datetime="2026-03-02T19:05:00+00:00">2 Mar 2026<br>2:05:00 pm EST</time>' in shown
    assert "Athenty (system)" in shown


def test_fifty_to_a_page_with_the_filter_kept_in_the_links(page, organization):
    for n in range(51):
        event(organization, f"Event {n}", datetime(2026, 3, 2, 12, 0, n % 60, tzinfo=UTC))
    first = page.get(ADDRESS, {"action": "integration.mapping_updated"})
    assert len(labels(first)) == 50
    assert '"?action=integration.mapping_updated&amp;page=2"' in first.content.decode()
    second = page.get(ADDRESS, {"action": "integration.mapping_updated", "page": "2"})
    assert labels(second) == ["Event 0"]
    assert "Page 2 – Audit Log – Athenty" in second.content.decode()


def test_where_it_was_done_is_told(page, parts, organization):
    at = datetime(2026, 3, 2, 12, tzinfo=UTC)
    for who, ip in ((parts["owner"].user, "203.0.113.7"), (parts["owner"].user, None), (None, None)):
        AuditEvent.objects.create(
            organization=organization, action=Action.MAPPING_UPDATED, occurred_at=at, actor=who, ip=ip
        )
    shown = page.get(ADDRESS, {"action": Action.MAPPING_UPDATED}).content.decode()
    cells = [cell.partition("</td>")[0] for cell in shown.split('data-label="Source">')[1:]]
    assert cells == ["System", "Command line", 'Web<span class="row-note">203.0.113.7</span>']


def test_the_page_costs_the_same_for_ten_events_and_for_three_hundred(page, parts, organization):
    costs, sizes = [], []
    for more in (10, 290):
        AuditEvent.objects.bulk_create(
            AuditEvent(organization=organization, action=Action.ENTRY_POSTED, actor=parts["owner"].user, data={"n": n})
            for n in range(more)
        )
        with CaptureQueriesContext(connection) as queries:
            response = page.get(ADDRESS)
        costs.append(len(queries))
        sizes.append(len(gzip.compress(response.content)))
    assert costs[0] == costs[1] < 15
    assert max(sizes) < 100_000


def test_an_empty_log_says_why(page, parts):
    query = {"first": "2020-01-01", "last": "2020-01-07", "person": parts["admin"].user.pk, "provider": "xero"}
    shown = " ".join(page.get(ADDRESS, query).content.decode().split())
    assert "No activity between 1 Jan 2020 and 7 Jan 2020, by Admin Park, at Xero." in shown


def exported(response) -> list[dict[str, str]]:
    text = response.content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))


def test_the_export_holds_exactly_the_filtered_events_and_is_itself_recorded(page, parts, week, organization):
    response = page.post(f"{ADDRESS}export/", {"first": "2026-03-02", "last": "2026-03-03"}, REMOTE_ADDR="203.0.113.7")
    rows = exported(response)
    assert [row["object"] for row in rows] == ["Late on the 3rd", "Early on the 2nd"]
    assert (rows[1]["when (UTC)"], rows[1]["who"], rows[1]["code"]) == (
        "2026-03-02T05:00:00Z",
        "Admin Park",
        "integration.connected",
    )
    assert 'filename="audit-log-park-lowe-2026-03-02-2026-03-03-' in response["Content-Disposition"]
    record = AuditEvent.objects.get(action="audit.exported")
    assert (record.actor, record.organization, record.ip) == (parts["owner"].user, organization, "203.0.113.7")
    assert record.data == {"filter": {"first": "2026-03-02", "last": "2026-03-03"}, "events": 2}


def test_the_export_button_sends_the_filter_that_is_shown(page, week):
    shown = page.get(ADDRESS, {"last": "2026-03-04", "action": "integration.connected"}).content.decode()
    form = shown.partition(f'action="{ADDRESS}export/"')[2]
    assert '<input type="hidden" name="action" value="integration.connected">' in form
    assert '<input type="hidden" name="last" value="2026-03-04">' in form


@pytest.mark.parametrize("label", ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_the_export_is_taken_for_a_formula(page, organization, label):
    event(organization, label, datetime(2026, 3, 2, 12, tzinfo=UTC))
    [row] = [row for row in exported(page.post(f"{ADDRESS}export/")) if row["code"] == "integration.mapping_updated"]
    assert row["object"] == f"'{label}"


def test_a_get_does_not_export(page):
    assert page.get(f"{ADDRESS}export/").status_code == 405
