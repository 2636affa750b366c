"""`python -m tests.fidelity`: runs what shows the sandbox and the adapters true to Intuit and Xero, and says so in two
tables. Leaves with 0 only when everything passed and nothing is missing without a stated reason."""

import sys
from pathlib import Path

import pytest

from tests.fidelity.errors import ROWS
from tests.fidelity.items import Item, read_items
from tests.fidelity.results import Results
from tests.fidelity.tables import show

CHECKOUT = Path(__file__).resolve().parents[2]
# The errors of the first table, what the mirror does about each class of them, and the providers' own libraries.
OURS = tuple(f"tests/fidelity/test_{name}.py" for name in ("error_rows", "consequences", "sdks"))


def main() -> int:
    items = read_items()
    files = sorted({test.partition("::")[0] for item in items for test in item.tests})
    present = [file for file in files if (CHECKOUT / file).is_file()]
    results = Results([*OURS, *(test for item in items for test in item.tests)])
    pytest.main(["-q", "--no-header", "-p", "no:randomly", "--tb=short", *OURS, *present], plugins=[results])
    passed = show_errors(results)
    passed &= show_items(items, results)
    return 0 if passed and not results.failed else 1


def show_errors(results: Results) -> bool:
    found = {row.name: results.of_row(row.name) for row in ROWS}
    show(
        "What each error of Intuit's and Xero's comes to",
        ("provider", "HTTP", "code or text", "means", "is read as", "the entry", "the connection", ""),
        [
            (
                row.provider,
                row.http or "none",
                row.marker,
                row.meaning,
                found[row.name].properties.get("class", row.expected),
                row.consequence.entry,
                row.consequence.connection,
                found[row.name].word,
            )
            for row in ROWS
        ],
    )
    return all(result.has_passed for result in found.values())


def show_items(items: list[Item], results: Results) -> bool:
    rows, complete = [], True
    for item in items:
        result = results.of_tests(item.tests)
        complete &= result.has_passed or (not item.tests and bool(item.reason))
        shown_by = "\n".join(item.tests) or item.reason or "MISSING, and no reason is stated"
        rows.append((item.provider, item.number, item.what, shown_by, result.word if item.tests else ""))
    show("What the sandbox imitates, and the test that shows it", ("provider", "item", "what", "shown by", ""), rows)
    return complete


if __name__ == "__main__":
    sys.exit(main())
