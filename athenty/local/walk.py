"""An owner's walk through the settings, over plain HTTP: sign in, connect, choose a start date, map, save."""

import re
import time
from collections.abc import Mapping
from datetime import date
from urllib.parse import urlsplit

import mechanicalsoup

_PATIENCE_SECONDS = 60
_LABEL = re.compile(r"account for (\S+) ")


class WalkFailed(Exception):
    """A page did not do what an owner would expect; the message says which, and what it showed instead."""


class Walk:
    """One browser session without JavaScript, signed in as one person."""

    def __init__(self, site_url: str) -> None:
        self._site = site_url
        self._browser = mechanicalsoup.StatefulBrowser(raise_on_404=True, user_agent="Athenty demo")
        self._browser.session.trust_env = False

    def sign_in(self, email: str, password: str) -> None:
        self._open("/sign-in/")
        form = self._browser.select_form("form[method=post]")
        form.set_input({"username" if form.form.find(attrs={"name": "username"}) else "email": email})
        form.set_input({"password": password})
        self._submit()
        if "/sign-in" in self._browser.url:
            raise WalkFailed(f"{email} could not sign in: {self._shown()}")

    def connect(self, provider: str, company: str) -> None:
        """Press Connect, choose the company on the provider's own page, allow, and come back connected."""
        self._open("/settings/integrations/?tab=connections")
        self._choose_form(f"/{provider}/connect/")
        self._submit()
        if self._browser.url.startswith(self._site):
            raise WalkFailed(f"{provider} was not reached: {self._shown()}")
        page = self._browser.page
        for radio in page.find_all("input", attrs={"type": "radio", "name": "company"}):
            label = page.find("label", attrs={"for": radio.get("id")}) or radio.find_parent("label")
            if label is not None and company in label.get_text():
                break
        else:
            raise WalkFailed(f"{provider}'s consent page does not offer {company}.")
        form = self._browser.select_form("form")
        form.set_radio({"company": radio["value"]})
        form.choose_submit(form.form.find("button", attrs={"value": "allow"}))
        self._submit()
        if not self._browser.url.startswith(f"{self._site}/settings/integrations/"):
            raise WalkFailed(f"{provider} did not send the browser back: {self._shown()}")
        self._await_connected(provider)

    def choose_start(self, provider: str, connection_id: str, on: date) -> None:
        """Show what the date would send, then start."""
        self._open(f"/settings/integrations/?tab=connections&{provider}_from={on.isoformat()}")
        self._choose_form(f"/{connection_id}/start/")
        self._submit()
        if self._form_action(f"/{connection_id}/start/") is not None:
            raise WalkFailed(f"{provider}'s start date was not taken: {self._shown()}")

    def refresh_chart(self, connection_id: str) -> None:
        self._open("/settings/integrations/?tab=connections")
        self._choose_form(f"/{connection_id}/chart/")
        self._submit()

    def map_accounts(self, connection_id: str, targets: Mapping[str, int]) -> None:
        """Fill in the mapping table, by our account numbers, and press Save mapping."""
        self._open("/settings/integrations/?tab=connections")
        form = self._choose_form(f"/{connection_id}/mapping/")
        for select in form.form.find_all("select"):
            label = form.form.find("label", attrs={"for": select["id"]})
            number = _LABEL.search(label.get_text(" ", strip=True) + " ") if label else None
            if number and number[1] in targets:
                form.set_select({select["name"]: str(targets[number[1]])})
        self._submit()
        errors = self._browser.page.select(".error-summary")
        if errors:
            raise WalkFailed(f"The mapping was not saved: {errors[0].get_text(' ', strip=True)}")

    def _await_connected(self, provider: str) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._browser.page.select_one(f"#{provider} .pill-connected") is None:
            if time.monotonic() > until:
                raise WalkFailed(f"{provider} did not become connected: {self._shown()}")
            time.sleep(0.2)
            self._open("/settings/integrations/?tab=connections")

    def _open(self, path: str) -> None:
        self._browser.open(self._site + path, timeout=30)

    def _submit(self) -> None:
        self._browser.submit_selected(timeout=60, update_state=True)

    def _form_action(self, ending: str) -> str | None:
        for form in self._browser.page.find_all("form", attrs={"action": True}):
            if urlsplit(form["action"]).path.endswith(ending) and form.get("method", "").lower() == "post":
                return str(form["action"])
        return None

    def _choose_form(self, ending: str) -> mechanicalsoup.Form:
        action = self._form_action(ending)
        if action is None:
            raise WalkFailed(f"The page has no form for {ending}: {self._shown()}")
        return self._browser.select_form(f'form[action="{action}"][method="post"]')

    def _shown(self) -> str:
        """The page's notices, or else its beginning: what a person would read first."""
        page = self._browser.page
        notices = [part.get_text(" ", strip=True) for part in page.select(".notice, .error-summary, .messages")]
        return " / ".join(notices) or page.get_text(" ", strip=True)[:300]
