"""A stand-in for Intuit and Xero: its own process, its own books. It shares no code with the product."""
