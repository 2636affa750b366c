"""What nobody saw a provider do is marked: in one table, named in the README, and each text is in use."""

import re
from pathlib import Path

import pytest

from integrations.sandbox import unverified

SANDBOX = Path(unverified.__file__).parent


@pytest.mark.parametrize("name", [*unverified.TEXTS, *unverified.CHOICES])
def test_the_readme_names_every_unverified_behaviour(name):
    assert f"| `{name}` |" in (SANDBOX / "README.md").read_text(encoding="utf-8")


def test_every_unverified_text_is_used_and_none_is_used_that_is_not_in_the_table():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in SANDBOX.rglob("*.py"))
    used = set(re.findall(r'words\(\s*"(\w+)"', sources))
    assert used == set(unverified.TEXTS)
