"""The firm and the browsers of the pages' tests."""

from tests.pages.conftest import firm, other_firms_connection, owner, people

__all__ = ["firm", "other_firms_connection", "owner", "people"]
