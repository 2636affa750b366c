"""What those who run the mirror see: lists that can only be looked at, and an act that asks first."""

from tests.browser.scenes.connections import entries_rejected
from tests.browser.scenes.listing import scene

OPS = "/ops/"


@scene(role="operator", is_djangos=True)
def operations(firm):
    return OPS


@scene(role="operator", is_djangos=True)
def operations_connections(firm):
    entries_rejected(firm)
    return f"{OPS}integrations/connection/"


@scene(role="operator", is_djangos=True)
def operations_entries(firm):
    entries_rejected(firm)
    return f"{OPS}integrations/queuerow/"


def _ask_to_retry(page) -> None:
    page.check("#action-toggle")
    page.select_option("[name=action]", "retry_connections")
    page.click("button[name=index]")
    page.wait_for_selector("text=This will change")


@scene(role="operator", is_djangos=True, act=_ask_to_retry)
def operations_ask_first(firm):
    entries_rejected(firm)
    return f"{OPS}integrations/connection/"
