"""The mirror on the operators' pages: what is connected, what waits, what was sent. No token is ever shown."""

from integrations.admin import connections, firms, sends

__all__ = ["connections", "firms", "sends"]
