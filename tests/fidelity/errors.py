"""Every error of both providers, with what it comes to."""

from tests.fidelity import quickbooks_errors, xero_errors

ROWS = (*quickbooks_errors.ROWS, *xero_errors.ROWS)
