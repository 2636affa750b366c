"""The scripted server of the provider tests, and the firm and the sandbox of the mirror's."""

from tests.mirror.conftest import _key_file, firm, sandbox
from tests.providers.conftest import _scripted_server, server

__all__ = ["_key_file", "_scripted_server", "firm", "sandbox", "server"]
