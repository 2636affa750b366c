"""QuickBooks Online, as far as a one-way mirror meets it."""
