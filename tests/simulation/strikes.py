"""What may befall a call, for the dice to choose from."""

import random
from collections.abc import Callable

from tests.simulation.provider import Strike

_HTML = (("Content-Type", "text/html"),)
_JSON = (("Content-Type", "application/json"),)

STRIKES: list[Callable[[random.Random], Strike]] = [
    lambda dice: Strike(refused=True),
    lambda dice: Strike(lost_on_the_way=True),
    lambda dice: Strike(silent=True),
    lambda dice: Strike(reset=True),
    lambda dice: Strike(commits_after=dice.choice([1.0, 20.0, 90.0, 118.0]), silent=dice.random() < 0.5),
    lambda dice: Strike(commits_after=dice.choice([90.0, 118.0])),
    lambda dice: Strike(
        status=dice.choice([500, 502, 503, 504]), headers=_HTML, body=b"<h1>Sorry</h1>", does_the_work=False
    ),
    lambda dice: Strike(
        status=dice.choice([500, 502, 503, 504]), headers=_HTML, body=b"<h1>Sorry</h1>", does_the_work=True
    ),
    lambda dice: Strike(status=429, headers=(*_JSON, ("Retry-After", str(dice.choice([1, 60, 600]))))),
    lambda dice: Strike(
        status=429, headers=(*_JSON, ("X-Rate-Limit-Problem", dice.choice(["concurrent", "appminute"])))
    ),
    lambda dice: Strike(
        status=401, headers=_JSON, body=b'{"Title":"Unauthorized","Detail":"TokenExpired: token expired"}'
    ),
    lambda dice: Strike(status=200, headers=_HTML, body=b"<html>proxy</html>", does_the_work=dice.random() < 0.5),
    lambda dice: Strike(mangle=lambda body: body[: len(body) // 2]),
    lambda dice: Strike(mangle=lambda body: b""),
]
