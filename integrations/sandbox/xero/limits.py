"""Xero's limits: 5 calls at once, 60 a minute and 5,000 a day per organisation, 10,000 a minute per app.

Windows are fixed and begin at another moment for each organisation. Source: Xero's limits page and FAQ.
"""

from ..state import Sandbox
from .bodies import Throttled

CONCURRENT, PER_MINUTE, PER_DAY, APP_PER_MINUTE = 5, 60, 5000, 10_000


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
            app = limits.fixed_window("app", client_id, limit=APP_PER_MINUTE, seconds=60)
            minute = limits.fixed_window("minute", tenant_id, limit=PER_MINUTE, seconds=60)
            day = limits.fixed_window("day", tenant_id, limit=PER_DAY, seconds=86400)
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
        windows = {
            "X-DayLimit-Remaining": limits.fixed_window("day", tenant_id, limit=PER_DAY, seconds=86400),
            "X-MinLimit-Remaining": limits.fixed_window("minute", tenant_id, limit=PER_MINUTE, seconds=60),
            "X-AppMinLimit-Remaining": limits.fixed_window("app", client_id, limit=APP_PER_MINUTE, seconds=60),
        }
        return {name: str(window.remaining(now)) for name, window in windows.items()}
