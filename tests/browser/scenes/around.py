"""Signing in, the pages that say no, and what stands where the page can't be had."""

from django.test import RequestFactory

from athenty import error_pages
from tests.browser.scenes.connections import INDEX
from tests.browser.scenes.listing import scene


@scene(role=None)
def sign_in(firm):
    return "/sign-in/"


def _wrong_password(page) -> None:
    page.fill("[name=username], [name=email]", "owner@demo.test")
    page.fill("[name=password]", "not this one")
    page.click("main button")
    page.wait_for_selector(".error-summary")


@scene(role=None, act=_wrong_password)
def sign_in_refused(firm):
    return "/sign-in/"


@scene(role="member")
def no_access(firm):
    return INDEX


@scene()
def not_found(firm):
    return "/settings/trust-accounting/entries/999999/"


def _fail(page) -> None:
    body = error_pages.server_error(RequestFactory().get(INDEX)).content
    page.route(
        "**/settings/integrations/", lambda route: route.fulfill(status=500, content_type="text/html", body=body)
    )
    page.reload()


@scene(role=None, act=_fail, complains=("500",))
def something_went_wrong(firm):
    return INDEX


def _go_offline(page) -> None:
    page.context.set_offline(True)
    page.click("text=Sync Mode")
    page.wait_for_selector("#alert:not(:empty)")


@scene(act=_go_offline, complains=("ERR_INTERNET_DISCONNECTED", "htmx:"))
def offline(firm):
    return INDEX
