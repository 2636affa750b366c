"""Xero's limits: 5 calls at once, 60 a minute and 5,000 a day (1,000 on the Starter tier) per organisation,
10,000 a minute per app.

Windows are fixed and begin at another moment for each organisation. Source: Xero's limits page and FAQ.
"""

from ..limits import Window
from ..state import Sandbox
from .bodies import Throttled

CONCURRENT, PER_MINUTE, APP_PER_MINUTE = 5, 60, 10_000
PER_DAY = {"core": 5000, "starter": 1000}
REMAINING_HEADERS = ("X-DayLimit-Remaining", "X-MinLimit-Remaining", "X-AppMinLimit-Remaining")


def enter(sandbox: Sandbox, *, tenant_id: str, client_id: str) -> None:
    """Count a call and hold one of the organisation's five places. Raises Throttled, holding and counting nothing.

    Limits are judged before idempotency keys: a replay costs a call, and a 429 wrote nothing.
    """
    limits = sandbox.limits
    with limits.lock:
        if limits.enabled:
            now = sandbox.clock.now()
            if limits.in_flight[tenant_id] >= CONCURRENT:
                raise Throttled("concurrent", None)
            day, minute, app = windows(sandbox, tenant_id=tenant_id, client_id=client_id)
            if not day.remaining(now):
                raise Throttled("day", day.seconds_left(now))
            if not minute.remaining(now):
                raise Throttled("minute", minute.seconds_left(now))
            if not app.remaining(now):
                raise Throttled("appminute", None)
            for window in (app, minute, day):
                window.count(now)
        limits.in_flight[tenant_id] += 1


def leave(sandbox: Sandbox, *, tenant_id: str) -> None:
    with sandbox.limits.lock:
        # A reset of the sandbox empties the places under calls that still hold one.
        sandbox.limits.in_flight[tenant_id] = max(0, sandbox.limits.in_flight[tenant_id] - 1)


def headers(sandbox: Sandbox, *, tenant_id: str, client_id: str) -> dict[str, str]:
    """What is left of each allowance; on every answer of the accounting API, refusals included."""
    limits, now = sandbox.limits, sandbox.clock.now()
    with limits.lock:
        found = windows(sandbox, tenant_id=tenant_id, client_id=client_id)
        return {name: str(window.remaining(now)) for name, window in zip(REMAINING_HEADERS, found, strict=True)}


def windows(sandbox: Sandbox, *, tenant_id: str, client_id: str) -> tuple[Window, Window, Window]:
    """The organisation's day and minute, and the app's minute."""
    limits, kind = sandbox.limits, sandbox.switches.position("xero_windows")
    per_day = PER_DAY[sandbox.switches.position("xero_tier")]
    return (
        limits.window(kind, "day", tenant_id, limit=per_day, seconds=86400),
        limits.window(kind, "minute", tenant_id, limit=PER_MINUTE, seconds=60),
        limits.window(kind, "app", client_id, limit=APP_PER_MINUTE, seconds=60),
    )
