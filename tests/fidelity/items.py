"""What a stand-in for Intuit and Xero has to imitate, and the tests that show it: `integrations/sandbox/fidelity.json`.

The file is a list of objects: `provider` and `item` (a number of the provider's fact sheet), `what` in a few words,
`test` (one pytest id, or several), or in its place a `reason` why there is none.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "integrations" / "sandbox" / "fidelity.json"
# How many items the lists of the two fact sheets have.
LENGTHS = {"quickbooks": 10, "xero": 12}


@dataclass(frozen=True)
class Item:
    provider: str
    number: str
    what: str
    tests: tuple[str, ...] = ()
    reason: str = ""


def read_items(file: Path = FILE) -> list[Item]:
    """Every entry of the file, and an empty one for each item that it leaves out."""
    items = [_item(entry) for entry in json.loads(file.read_text())] if file.is_file() else []
    named = {(item.provider, int(digits[0])) for item in items if (digits := re.findall(r"\d+", item.number))}
    for provider, length in LENGTHS.items():
        items += [Item(provider, str(number), "") for number in range(1, length + 1) if (provider, number) not in named]
    return items


def _item(entry: dict[str, object]) -> Item:
    tests = entry.get("test") or []
    return Item(
        provider=str(entry["provider"]),
        number=str(entry["item"]),
        what=str(entry["what"]),
        tests=(tests,) if isinstance(tests, str) else tuple(map(str, tests)) if isinstance(tests, list) else (),
        reason=str(entry.get("reason") or ""),
    )
