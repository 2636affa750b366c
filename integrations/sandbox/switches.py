"""Switches of the whole sandbox: where providers differ by tier, by day or by source, a test chooses."""

from dataclasses import dataclass
from typing import Any

from .store import Store

ON_OFF = ("on", "off")
WINDOWS = ("sliding", "fixed")


@dataclass(frozen=True)
class Switch:
    """The first of `positions` is where it stands at the beginning."""

    positions: tuple[str, ...]
    about: str


SWITCHES: dict[str, Switch] = {
    "quickbooks_parallel_refresh_kills": Switch(
        ("off", "on"), "two refreshes of one value within five seconds: the second is refused and ends the grant"
    ),
    "quickbooks_windows": Switch(WINDOWS, "how a second and a minute are counted"),
    "quickbooks_retry_after": Switch(("none", "seconds", "date"), "whether a 429 carries Retry-After: 60, and how"),
    "xero_windows": Switch(("fixed", "sliding"), "how a minute and a day are counted"),
    "xero_tier": Switch(("core", "starter"), "5,000 calls a day and organisation, or 1,000"),
    "xero_retry_after": Switch(("seconds", "date"), "how the Retry-After of a minute or day is written"),
    "xero_token_scope": Switch(ON_OFF, "whether token answers carry a scope"),
    "xero_refresh_grace": Switch(ON_OFF, "whether a refresh token that was replaced works for 30 more minutes"),
    "xero_date_offset": Switch(ON_OFF, "dates as /Date(ms+0000)/ or /Date(ms)/"),
    "xero_drafts_drop_lines": Switch(
        ("off", "on"), "a draft with an unknown account is stored without that line, with a warning"
    ),
    "journal_changes": Switch(
        ("off", "on"), "whether apps may edit, void and delete journals; off refuses it as no business of a mirror"
    ),
}


class SwitchRefused(ValueError):
    """There is no such switch, or no such position."""


class Switches:
    """Their positions, kept in the store until a reset."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def position(self, name: str) -> str:
        return self._store.setting(f"switch {name}", SWITCHES[name].positions[0])

    def is_on(self, name: str) -> bool:
        return self.position(name) == "on"

    def turn(self, wanted: dict[str, Any]) -> None:
        """Turn some: all or none. Raises SwitchRefused with a sentence."""
        for name, position in wanted.items():
            if name not in SWITCHES:
                raise SwitchRefused(f"{name} is not one of {', '.join(SWITCHES)}.")
            if position not in SWITCHES[name].positions:
                raise SwitchRefused(f"{name} must be {' or '.join(SWITCHES[name].positions)}.")
        for name, position in wanted.items():
            self._store.set_setting(f"switch {name}", position)

    def positions(self) -> dict[str, str]:
        return {name: self.position(name) for name in SWITCHES}
