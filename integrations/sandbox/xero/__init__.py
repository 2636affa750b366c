"""Xero's accounting API, as far as a one-way mirror meets it."""
