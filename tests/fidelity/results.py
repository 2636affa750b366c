"""A pytest plugin that runs the tests it is asked for and keeps what came of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest


@dataclass
class Result:
    """`properties` is what the test recorded. Passed means: found, run and without a failure."""

    runs: int = 0
    failures: int = 0
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def has_passed(self) -> bool:
        return self.runs > 0 and not self.failures

    @property
    def word(self) -> str:
        return "passed" if self.has_passed else "FAILED" if self.failures else "NOT FOUND"


class Results:
    """`wanted`: ids of tests. One without its parameters, of a class or of a file stands for all that are in it."""

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = tuple(wanted)
        self._by_test: dict[str, Result] = {}

    @property
    def failed(self) -> bool:
        return any(result.failures for result in self._by_test.values())

    def of_row(self, name: str) -> Result:
        """Of the test that recorded this name as its row."""
        recorded = (result for result in self._by_test.values() if result.properties.get("row") == name)
        return next(recorded, Result())

    def of_tests(self, tests: Iterable[str]) -> Result:
        """All of them together: one that was not found fails."""
        of_each = [self._of_all_in(test) for test in tests]
        missing = sum(not result.runs for result in of_each)
        return Result(sum(result.runs for result in of_each), missing + sum(result.failures for result in of_each))

    def _of_all_in(self, test: str) -> Result:
        inside = [result for name, result in self._by_test.items() if _stands_for(test, name)]
        return Result(sum(result.runs for result in inside), sum(result.failures for result in inside))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        kept = [item for item in items if any(_stands_for(test, item.nodeid) for test in self._wanted)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = self._by_test.setdefault(report.nodeid, Result())
        result.runs += report.when == "call" and not report.skipped
        result.failures += report.failed
        result.properties |= {name: str(value) for name, value in report.user_properties}


def _stands_for(test: str, name: str) -> bool:
    return name == test or name.startswith((f"{test}[", f"{test}::"))
