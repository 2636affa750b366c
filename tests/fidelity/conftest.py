"""The scripted server of the provider tests."""

from tests.providers.conftest import _scripted_server, server

__all__ = ["_scripted_server", "server"]
