"""Werkzeug's threaded server, speaking HTTP/1.1 with connections that stay open."""

import signal
import sys
import time
from io import BytesIO
from types import FrameType
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

# Set in a request's environment by an armed fault: how its answer goes over the wire. Pieces are so many bytes, and so
# many seconds apart.
PIECES, CUT = "sandbox.pieces", "sandbox.cut"


class KeepAliveHandler(WSGIRequestHandler):
    """Reads each request to its end and answers in one write, so that the connection can carry the next request.

    Werkzeug's own handler closes every connection, because it can't know how much of a request the application left
    unread; here nothing is ever left unread.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower().strip() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.environ = environ = self.make_environ()
        try:
            environ["wsgi.input"] = BytesIO(self._read_body(environ))
            status, headers, body = self._run_application(environ)
            self._answer(status, headers, body)
        except ConnectionError as error:
            self.close_connection = True
            self.connection_dropped(error, environ)

    def _read_body(self, environ: dict[str, Any]) -> bytes:
        if environ.get("wsgi.input_terminated"):  # a chunked request, already wrapped by make_environ
            return environ["wsgi.input"].read()
        return self.rfile.read(int(environ.get("CONTENT_LENGTH") or 0))

    def _run_application(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [status, headers]
            return None

        chunks = self.server.app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return started[0], started[1], body

    def _answer(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        names = set()
        for name, value in headers:
            self.send_header(name, value)
            names.add(name.lower())
        if "content-length" not in names and code != "204":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(body)
        self.wfile.flush()

    def _write(self, body: bytes) -> None:
        """The body in one piece, unless an armed fault wants it in many or cut off."""
        if self.environ.get(CUT):
            self.wfile.write(body[: len(body) // 2])
            raise ConnectionResetError("cut off by an armed fault")
        if self.environ.get(PIECES) is None:
            self.wfile.write(body)
            return
        size, pause_seconds = self.environ[PIECES]
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            time.sleep(pause_seconds)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the sandbox keeps a request log of its own, without tokens."""


def make_server(app: Flask, *, host: str, port: int) -> ThreadedWSGIServer:
    """A server that listens already; `port` 0 takes a free one, then found in its `port`."""
    server = ThreadedWSGIServer(host, port, app, handler=KeepAliveHandler)
    server.daemon_threads = True  # a connection kept open must not keep a stopping sandbox alive
    return server


def serve(app: Flask, *, host: str, port: int) -> None:
    """Print the ready line and serve until SIGTERM or Ctrl-C. Raises OSError when the address can't be had."""
    server = make_server(app, host=host, port=port)
    signal.signal(signal.SIGTERM, _leave)
    sys.stdout.write(f"sandbox ready http://{host}:{server.port}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        app.extensions["sandbox"].store.close()


def _leave(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
