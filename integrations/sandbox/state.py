"""What one running sandbox holds: its store, clock, registered apps, counters and armed faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import current_app

from .clock import Clock
from .faults import Faults
from .limits import Limits
from .replays import Replays
from .store import Store
from .switches import Switches

PROVIDERS = ("quickbooks", "xero")


@dataclass(frozen=True)
class RegisteredApp:
    """An app as the provider's developer portal knows it."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Options:
    """How a sandbox is started. `store` is a file path or ":memory:"."""

    store: str = ":memory:"
    redirect_uris: tuple[str, ...] = ()
    seed: int = 1
    apps: Mapping[str, RegisteredApp] = field(
        default_factory=lambda: {provider: registered_app(provider, {}) for provider in PROVIDERS}
    )

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], *, store: str, redirect_uris: tuple[str, ...], seed: int
    ) -> "Options":
        apps = {provider: registered_app(provider, environ) for provider in PROVIDERS}
        return cls(store=store, redirect_uris=redirect_uris, seed=seed, apps=apps)


def registered_app(provider: str, environ: Mapping[str, str]) -> RegisteredApp:
    prefix = f"SANDBOX_{provider.upper()}"
    return RegisteredApp(
        name="Athenty",
        client_id=environ.get(f"{prefix}_CLIENT_ID") or f"demo-{provider}",
        client_secret=environ.get(f"{prefix}_CLIENT_SECRET") or f"demo-{provider}-secret",
    )


@dataclass
class Sandbox:
    store: Store
    clock: Clock
    apps: Mapping[str, RegisteredApp]
    limits: Limits
    faults: Faults
    replays: Replays
    switches: Switches
    seed: int


def sandbox() -> Sandbox:
    """The sandbox that serves the current request."""
    return current_app.extensions["sandbox"]


def add_redirect_uri(store: Store, uri: str, *, providers: tuple[str, ...] = PROVIDERS) -> None:
    for provider in providers:
        store.execute("INSERT OR IGNORE INTO redirect_uris VALUES (?, ?)", provider, uri)


def redirect_uris(store: Store, provider: str) -> list[str]:
    return [row["uri"] for row in store.rows("SELECT uri FROM redirect_uris WHERE provider = ?", provider)]
