"""An owner's walk through the settings, over plain HTTP: sign in, connect, choose a start date, map, save."""

import re
import time
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

import requests
from lxml import html

_PATIENCE_SECONDS = 60
_TIMEOUT = (3, 60)
_CARDS = "/settings/integrations/?tab=connections"
_LABEL = re.compile(r"account for (\S+) ")


class WalkFailed(Exception):
    """A page did not do what an owner would expect; the message says which, and what it showed instead."""


class Walk:
    """One browser session without JavaScript, signed in as one person."""

    def __init__(self, site_url: str) -> None:
        self._site = site_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._url = ""
        self._page = html.Element("html")

    def sign_in(self, email: str, password: str) -> None:
        self._open("/sign-in/")
        form = self._form("/sign-in/")
        fields = {field: password if field == "password" else email for field in ("email", "username", "password")}
        self._submit(form, {name: value for name, value in fields.items() if name in form.fields})
        if "/sign-in" in self._url:
            raise WalkFailed(f"{email} could not sign in: {self._shown()}")

    def connect(self, provider: str, company: str) -> None:
        """Press Connect, choose the company on the provider's own page, allow, and come back connected."""
        self._open(_CARDS)
        self._submit(self._form(f"/{provider}/connect/"))
        if self._url.startswith(self._site):
            raise WalkFailed(f"{provider} was not reached: {self._shown()}")
        [consent] = self._page.forms
        offered = {
            " ".join(choice.xpath("ancestor::label")[0].text_content().split()): choice.get("value")
            for choice in consent.xpath(".//input[@name='company']")
        }
        chosen = next((value for label, value in offered.items() if label.startswith(company)), None)
        if chosen is None:
            raise WalkFailed(f"{provider}'s consent page offers {', '.join(offered)}, and not {company}.")
        self._submit(consent, {"company": chosen, "decision": "allow"})
        if not self._url.startswith(f"{self._site}/settings/integrations/"):
            raise WalkFailed(f"{provider} did not send the browser back: {self._shown()}")
        self._await_connected(provider)

    def choose_start(self, provider: str, connection_id: str, on: date) -> None:
        """Show what the date would send, then start."""
        self._open(f"{_CARDS}&{provider}_from={on.isoformat()}")
        self._submit(self._form(f"/{connection_id}/start/"))
        if self._find_form(f"/{connection_id}/start/") is not None:
            raise WalkFailed(f"{provider}'s start date was not taken: {self._shown()}")

    def refresh_chart(self, connection_id: str) -> None:
        self._open(_CARDS)
        self._submit(self._form(f"/{connection_id}/chart/"))

    def map_accounts(self, connection_id: str, targets: Mapping[str, str]) -> None:
        """Type the names of their accounts into the mapping table, by our account numbers, and press Save mapping."""
        self._open(_CARDS)
        form = self._form(f"/{connection_id}/mapping/")
        names = {box.get("id"): box.get("name") for box in form.xpath(".//input[@id]")}
        choices = {}
        for label in form.xpath(".//label[@for]"):
            number = _LABEL.search(f"{label.text_content()} ")
            if number and number[1] in targets:
                choices[names[label.get("for")]] = targets[number[1]]
        self._submit(form, choices)
        errors = self._page.find_class("error-summary")
        if errors:
            raise WalkFailed(f"The mapping was not saved: {_text(errors[0])}")

    def _await_connected(self, provider: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self._page.xpath(f"//*[@id='{provider}']//*[contains(@class, 'pill-connected')]"):
            if time.monotonic() > until:
                raise WalkFailed(f"{provider} did not become connected: {self._shown()}")
            time.sleep(0.2)
            self._open(_CARDS)

    def _open(self, path: str) -> None:
        self._take(self._session.get(self._site + path, timeout=_TIMEOUT))

    def _submit(self, form: html.FormElement, changes: Mapping[str, str] | None = None) -> None:
        values = dict(form.form_values()) | dict(changes or {})
        # A browser names where the form stood, and the CSRF check of an https site asks for it.
        headers = {"Referer": self._url}
        self._take(self._session.post(form.action, data=values, headers=headers, timeout=_TIMEOUT))

    def _take(self, response: requests.Response) -> None:
        self._url = response.url
        self._page = html.document_fromstring(response.text, base_url=response.url)
        self._page.make_links_absolute()
        if response.status_code >= 500:
            # Without its query, which may hold an authorization code.
            raise WalkFailed(f"{urlsplit(response.url).path} answered {response.status_code}: {self._shown()}")

    def _form(self, ending: str) -> html.FormElement:
        form = self._find_form(ending)
        if form is None:
            raise WalkFailed(f"The page has no form for {ending}: {self._shown()}")
        return form

    def _find_form(self, ending: str) -> html.FormElement | None:
        """The form that posts to an address with this ending; one without an address posts to its own page."""
        for form in self._page.forms:
            if form.method == "POST" and urlsplit(form.action or self._url).path.endswith(ending):
                return form
        return None

    def _shown(self) -> str:
        """The page's notices, or else its beginning: what a person would read first."""
        notices = [*self._page.find_class("notice"), *self._page.find_class("error-summary")]
        return " / ".join(_text(part) for part in notices) or _text(self._page)[:300]


def _text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())
