"""An HTTP server that says what a test tells it to, also what no honest server would."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

REPLIES = Path(__file__).parent / "replies"


@dataclass
class Reply:
    """What the server says next. `raw`, when given, takes over the socket after the request was read."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[socket.socket], None] | None = None


def json_reply(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | (headers or {}))


def recorded(name: str) -> Reply:
    """A recorded reply byte for byte; the status is in the file's name, in the file, or 400."""
    path = REPLIES / name
    content = path.read_bytes()
    if path.suffix == ".json":
        value = json.loads(content)
        if isinstance(value, dict) and "http_status" in value:
            return json_reply(value["body"], value["http_status"])
        if isinstance(value, dict) and (status := value.get("Status") or value.get("status")):
            return Reply(status, content, {"Content-Type": "application/json"})
        return Reply(200, content, {"Content-Type": "application/json"})
    status = next((int(word) for word in path.stem.split("_") if word in {"403", "429"}), 400)
    return Reply(status, content, {"Content-Type": "application/xml"})


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Answers with the given replies in turn, the last one again and again, and keeps what it was asked."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.seen: list[Seen] = []
        self._replies: list[Reply] = []
        self._lock = threading.Lock()

    def answers(self, *replies: Reply) -> None:
        self._replies, self.seen = list(replies), []

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up in the middle of many of these tests; that is no news."""

    def next_reply(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.next_reply(Seen(self.command, self.path, dict(self.headers), body))
        if reply.raw:
            reply.raw(self.connection)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass
