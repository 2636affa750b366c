"""The mapping as a file: what is written, what is read, and what is refused in words."""

import csv
import io

import pytest

from integrations.mapping import files
from integrations.mapping.reports import mapping_table
from integrations.mapping.saving import save_mapping
from integrations.models import Connection
from tests.pages.firms import account, make_connection, make_firm, make_person, target


@pytest.fixture
def connection(db) -> Connection:
    return make_connection(make_firm())


def proposal(connection: Connection, content: str | bytes) -> files.Proposal:
    content = content.encode() if isinstance(content, str) else content
    return files.read_proposal(connection, mapping_table(connection), content)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def reasons(found: files.Proposal) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in found.refused]


def test_a_download_uploaded_again_changes_nothing(connection):
    found = proposal(connection, files.as_csv(mapping_table(connection)))
    assert (found.rows, found.refused, found.unchanged) == ([], [], 5)


def test_a_download_into_an_empty_mapping_brings_everything_back(connection):
    text = files.as_csv(mapping_table(connection))
    connection.mappings.update(target=None)
    found = proposal(connection, text)
    assert {(row.row.account.number, row.target.remote_id) for row in found.added} == {
        ("1000", "42"), ("1100", "47"), ("2100", "81"), ("4000", "12"),
    }  # fmt: skip
    owner = make_person(connection.organization, "owner")
    save_mapping(connection, {row.row.account.pk: row.target_id for row in found.rows}, actor=owner)
    assert files.as_csv(mapping_table(connection)) == text


@pytest.mark.parametrize(
    "name", ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(1)", "\tx", "<script>alert(1)</script>"]
)
def test_hostile_names_are_no_formulas_and_go_round(connection, name):
    connection.chart.filter(remote_id="42").update(name=name.strip() or name, number="")
    connection.organization.accounts.filter(number="1000").update(name=name.strip() or name)
    text = files.as_csv(mapping_table(connection))
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows(text) for cell in row)
    assert proposal(connection, text).refused == []


def test_added_changed_removed_and_refused_are_told_apart(connection):
    found = proposal(
        connection,
        "Athenty number,Target id,Target number,Target name\n"
        "6000,61,,\n"  # added
        "1000,,1200,\n"  # refused: needs a customer
        "4000,,,\n"  # removed
        "1100,47,1100,Trust Account\n"  # as it is
        "2100,12,,\n"  # refused: client money to income
        "9999,42,,\n",  # refused: no account of ours
    )
    assert [row.line for row in found.added] == [2]
    assert [row.line for row in found.removed] == [4]
    assert found.unchanged == 1
    assert [line for line, _ in reasons(found)] == [3, 6, 7]
    assert "customer or supplier" in found.refused[0].reason
    assert "never income" in found.refused[1].reason
    assert found.refused[2].reason == "Your chart has no account “9999”."


def test_a_row_named_twice_is_refused_both_times(connection):
    found = proposal(connection, "Athenty number,Target id\n6000,61\n1000,42\n6000,42\n")
    assert reasons(found) == [(2, "The file names 6000 2 times."), (4, "The file names 6000 2 times.")]
    assert found.added == []


def test_an_id_that_the_name_gainsays_is_refused(connection):
    found = proposal(connection, "Athenty number,Target id,Target name\n6000,61,Sales\n")
    assert "The id is that of 6000 · Rent, the number and name are not." in found.refused[0].reason


def test_an_unknown_id_name_or_number_is_refused(connection):
    found = proposal(
        connection, "Athenty number,Target id,Target number,Target name\n6000,77,,\n1000,,77,\n4000,,,Nobody\n"
    )
    assert len(found.refused) == 3


def test_another_companys_target_is_refused(connection):
    other = make_connection(make_firm("Other", slug="other"), company_id="77")
    other.chart.filter(remote_id="42").update(remote_id="4242")
    assert proposal(connection, "Athenty number,Target id\n6000,4242\n").refused


def test_a_target_that_left_the_chart_is_refused(connection):
    connection.chart.filter(remote_id="61").update(is_listed=False)
    assert proposal(connection, "Athenty number,Target id\n6000,61\n").refused


def test_leading_zeros_that_a_spreadsheet_took_are_forgiven(connection):
    connection.chart.filter(remote_id="61").update(number="0061")
    assert len(proposal(connection, "Athenty number,Target id,Target number\n6000,61,61\n").added) == 1


def test_semicolons_and_windows_line_ends_are_read(connection):
    found = proposal(connection, '\ufeff"Athenty number";"Target id"\r\n"6000";"61"\r\n;\r\n')
    assert [row.target for row in found.added] == [target(connection, "61")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Athenty number,Target id\n6000,61\n".encode("utf-16"), "is not UTF-8"),
        ("Athenty number,Target id\n6000,Büro\n".encode("latin-1"), "is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not UTF-8"),
        (b"", "should name the columns"),
        (b"number,target\n1000,42\n", "should name the columns"),
        (b'Athenty number,Target id\n6000,"61\n', "not a readable CSV"),
        (b"Athenty number,Target id\n" + b"6000,61\n" * 50_000, "more than 5,000 rows"),
        (b"Athenty number,Target id\n" + b"6000,61\n" * 400_000, "larger than 2 MB"),
        (b"Athenty number,Target id\n6000," + b"x" * 200_000, "not a readable CSV"),
    ],
    ids=["utf-16", "latin-1", "picture", "empty", "other-columns", "open-quote", "many-rows", "large", "long-cell"],
)
def test_a_file_that_is_none_is_refused_in_words(connection, content, reason):
    with pytest.raises(files.UnreadableFile, match=reason):
        proposal(connection, content)
    assert account(connection.organization, "6000").mappings.count() == 0
