"""Sync activity, one entry at one provider, the tie-out, and the comparison with a trial balance."""

from integrations.providers.base import Cause
from tests.browser.scenes.listing import scene
from tests.browser.scenes.stage import connect, leave_unconfirmed, post, refuse, send, settled

INDEX = "/settings/integrations/"
ACTIVITY = f"{INDEX}activity/"
TIE_OUT = f"{INDEX}tie-out/"


def _show_details(page) -> None:
    page.locator("details summary").first.click()


@scene()
def activity(firm):
    connection = connect(firm)
    refuse(connection, 3)
    refuse(connection, 1, Cause.ACCOUNT)
    leave_unconfirmed(connection)
    send(connection, 35)
    connect(firm, "xero", unmapped=2)
    return f"{ACTIVITY}?provider=quickbooks"


@scene()
def activity_without_a_match(firm):
    settled(firm)
    return f"{ACTIVITY}?status=needs_attention"


@scene()
def activity_before_the_first_connection(firm):
    return ACTIVITY


@scene(act=_show_details)
def activity_entry_sent(firm):
    return f"{ACTIVITY}{settled(firm).queue.latest('pk').pk}/"


@scene(act=_show_details)
def activity_entry_refused(firm):
    [row] = refuse(connect(firm), 1, Cause.ACCOUNT)
    return f"{ACTIVITY}{row.pk}/"


@scene()
def activity_entry_unconfirmed(firm):
    return f"{ACTIVITY}{leave_unconfirmed(connect(firm, 'xero')).pk}/"


@scene()
def tie_out_in_agreement(firm):
    settled(firm)
    return TIE_OUT


@scene()
def tie_out_with_differences(firm):
    post(firm, "Estate of Hubert Blaine: sale of the mill", "999999999999.99")
    connection = connect(firm)
    refuse(connection, 2)
    send(connection)
    return TIE_OUT


@scene()
def tie_out_entries(firm):
    connection = connect(firm)
    refuse(connection, 2)
    send(connection)
    return f"{TIE_OUT}entries/"


@scene()
def tie_out_before_the_first_connection(firm):
    return TIE_OUT


def _compare(page) -> None:
    rows = "Trial Balance\nAccount,Debit,Credit\n1010 Operating Checking,100.00,\n4000 Legal Fees Earned,,100.00\n"
    page.set_input_files("input[type=file]", {"name": "tb.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.click("form[enctype] button")
    page.wait_for_url("**/trial-balance/*/")


@scene(act=_compare)
def trial_balance_compared(firm):
    return f"{INDEX}{settled(firm).pk}/trial-balance/"
