"""The lock files pin everything, and name no place to fetch it from: that is the machine's own business."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
LOCKS = sorted(CHECKOUT.glob("requirements*.txt"))
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
EXTRAS_AND_VERSION = re.compile(r"[\[<>=!~; ].*")


def pins(name: str) -> dict[str, str]:
    """{"django": "5.2.19", …} of one lock file."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", (CHECKOUT / name).read_text(), re.MULTILINE))


def asked_for(group: str | None = None) -> set[str]:
    """The names of the direct dependencies, of the project itself or of one of its groups."""
    entries = PROJECT["dependency-groups"][group] if group else PROJECT["project"]["dependencies"]
    names: set[str] = set()
    for entry in entries:
        if isinstance(entry, dict):
            names |= asked_for(entry["include-group"])
        else:
            names.add(EXTRAS_AND_VERSION.sub("", entry).lower())
    return names


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_names_no_place_to_fetch_from(lock: Path) -> None:
    places = re.compile(r"https?:|file:|--(extra-)?index|--find-links|--trusted-host|(^|\s)/|@ ")
    assert [line for line in lock.read_text().splitlines() if places.search(line)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_of_a_lock_file_is_a_pin_with_its_hashes(lock: Path) -> None:
    text = re.sub(r" \\\n\s*", " ", lock.read_text())
    entries = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    pin = re.compile(r"[a-z0-9.-]+==\S+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+")
    assert entries
    assert [entry for entry in entries if not pin.fullmatch(entry.strip())] == []


@pytest.mark.parametrize(
    ("lock", "group"),
    [
        ("requirements.txt", None),
        ("requirements-local.txt", "local"),
        ("requirements-dev.txt", "dev"),
        ("requirements-build.txt", "build"),
    ],
)
def test_everything_asked_for_is_pinned(lock: str, group: str | None) -> None:
    missing = asked_for(group) - pins(lock).keys()
    assert missing == set(), "run: make lock"


def test_a_larger_lock_agrees_with_the_smaller_one() -> None:
    production, local, dev = (pins(f"requirements{name}.txt") for name in ("", "-local", "-dev"))
    assert production.items() <= local.items() <= dev.items()
