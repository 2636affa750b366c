"""Named places at which a test kills the process, to show that the promises hold there. Inert unless armed.

`ATHENTY_CRASH=name:n` ends the process, as `kill -9` would, the n-th time it comes past `name`. The system check
`athenty.E004` refuses to start production with it set.
"""

import os
from itertools import count

_name, _, _nth = os.environ.get("ATHENTY_CRASH", "").partition(":")
_passes = count(1)


def crash_point(name: str) -> None:
    if name == _name and next(_passes) == int(_nth or 1):
        os._exit(137)
