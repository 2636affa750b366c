"""A way to the sandbox on which answers get lost when the work is done: by a reset, a close, or silence."""

import socket
import struct
import threading
from collections import Counter
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import urlsplit

RESET, CLOSED, SILENCE = "reset", "closed", "silence"
_PER_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class LossyWay:
    """Calls to `url` go on to the sandbox. Of a company that loses answers they lose those to its postings."""

    def __init__(self, sandbox_url: str) -> None:
        self.sandbox = urlsplit(sandbox_url).netloc
        self.lost: Counter[str] = Counter()
        """How many answers, by how they were lost; "" are those that were not."""
        self._losing: dict[str, tuple[int, tuple[str, ...], count[int]]] = {}
        self._listen(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def lose(self, company_id: str, *hows: str, every: int = 1) -> None:
        """The first of its answers, and of those that follow each so-manieth, in one of these ways after the other."""
        self._losing[company_id] = every, hows, count()

    def heal(self) -> None:
        self._losing.clear()

    def close(self) -> None:
        """Whoever calls is refused."""
        self._server.shutdown()
        self._server.server_close()

    def open_again(self) -> None:
        self._listen(int(self.url.rsplit(":", 1)[1]))

    def loss(self, path: str, headers: Mapping[str, str]) -> str | None:
        """What is to become of the answer to this call."""
        company_id = path.split("/company/")[-1].split("/")[0]
        losing = self._losing.get(headers.get("Xero-Tenant-Id", company_id))
        if losing is None or not ("/ManualJournals" in path or "/batch" in path):
            return None
        every, hows, calls = losing
        number = next(calls)
        how = None if number % every else hows[number // every % len(hows)]
        self.lost[how or ""] += 1
        return how

    def _listen(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Carrier)
        self._server.way = self
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    way: LossyWay

    def shutdown_request(self, request: Any) -> None:
        """Without a word before: what becomes of it is the carrier's."""
        self.close_request(request)


class _Carrier(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        way = self.server.way
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        there = HTTPConnection(way.sandbox, timeout=30)
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            content = answer.read()
        except (HTTPException, OSError):
            return  # a fault of the sandbox's own
        finally:
            there.close()
        how = way.loss(self.path, self.headers)
        if how == SILENCE:
            self.connection.recv(1)  # which ends when the caller hangs up
        elif how == RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if how is None:
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _PER_HOP:
                    self.send_header(name, value)
            self.send_header("Date", answer.headers["Date"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_DELETE = do_PUT = do_POST  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """The sandbox keeps a log."""
