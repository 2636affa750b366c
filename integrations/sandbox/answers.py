"""Answers of either provider that can be asked for by name, and the recorded ones among them."""

from .named import Named
from .quickbooks.answers import ANSWERS as QUICKBOOKS
from .quickbooks.answers import FAULTS
from .xero.answers import ANSWERS as XERO

ANSWERS: dict[str, dict[str, Named]] = {"quickbooks": QUICKBOOKS, "xero": XERO}
# What one item of a batch can be told.
ITEM_ANSWERS = tuple(FAULTS)
