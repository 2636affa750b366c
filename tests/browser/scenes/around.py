"""Signing in, and the pages that say no."""

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
    return "/settings/integrations/"


@scene()
def not_found(firm):
    return "/settings/trust-accounting/entries/999999/"
