"""Intuit's throttles: 10 calls a second and 500 a minute per company, 40 batches a minute per company and app.

Source: Intuit's limits-and-throttles page. How items count is our safe reading: see CHOICES in unverified.py.
"""

from ..state import Sandbox
from .answers import throttled

PER_SECOND, PER_MINUTE, BATCHES_PER_MINUTE, BATCHES_PER_MINUTE_ALL_APPS = 10, 500, 40, 120


def count_call(sandbox: Sandbox, *, realm: str, client_id: str, items: int, is_batch: bool) -> None:
    """Count a call about to be served. Raises GatewayFault 429 when a window is full, and then counts nothing."""
    limits = sandbox.limits
    with limits.lock:
        if not limits.enabled:
            return
        now = sandbox.clock.now()
        cost = max(1, items) if limits.items_count_as_calls else 1
        kind = sandbox.switches.position("quickbooks_windows")
        charges = [
            (limits.window(kind, "second", realm, client_id, limit=PER_SECOND, seconds=1), 1),
            (limits.window(kind, "minute", realm, limit=PER_MINUTE, seconds=60), cost),
        ]
        if is_batch:
            charges += [
                (limits.window(kind, "batch", realm, client_id, limit=BATCHES_PER_MINUTE, seconds=60), 1),
                (limits.window(kind, "batch", realm, limit=BATCHES_PER_MINUTE_ALL_APPS, seconds=60), 1),
            ]
        if not all(window.remaining(now) for window, _ in charges):
            raise throttled()
        for window, charge in charges:
            window.count(now, charge)
