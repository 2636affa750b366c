"""One HTTP call to a provider: on the closed list, within a deadline, once, and with a truthful word when it fails.

Each call has its own connection. A kept-alive connection that the server closes in the moment of its next use is the
commonest way to an unknown outcome, and a handshake costs less than one.
"""

import contextlib
import http.client
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from urllib.parse import urlsplit

import certifi
import requests
import urllib3
from django.conf import settings
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from integrations.providers.errors import OutcomeUnknown, Unavailable
from integrations.providers.texts import request_id

logger = logging.getLogger(__name__)

USER_AGENT = "Athenty-mirror/1.0"
CONNECT_TIMEOUT = timedelta(seconds=5)
FIRST_BYTE_WITHIN = timedelta(seconds=20)
"""A call that leaves later, say because its process was stopped, could reach a provider that has forgotten the first
one: it does not leave."""
READ_TIMEOUT = timedelta(seconds=30)
"""For everything but sending journals: names, charts, tokens."""
MAX_ANSWER_BYTES = 5 * 1024 * 1024


class CallNotAllowed(Exception):
    """Our bug: a call that is not on the provider's closed list. Raised before a byte leaves."""


@dataclass(frozen=True)
class Call:
    """One call that an adapter may make.

    `address` names the setting that holds the first part of the URL. `path` follows it, and each `{}` in it stands for
    one segment. `body`, where given, must also approve of the request's body. `writes` marks the calls that post
    journals: only their failures can leave something behind in the books.
    """

    method: str
    address: str
    path: str = ""
    body: Callable[[bytes], bool] | None = None
    writes: bool = False

    def covers(self, method: str, url: str, body: bytes) -> bool:
        pattern = re.escape(getattr(settings, self.address) + self.path).replace(r"\{\}", "[A-Za-z0-9-]+")
        return (
            method == self.method
            and re.fullmatch(rf"{pattern}(\?[^#]*)?", url) is not None
            and (self.body is None or self.body(body))
        )


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. The access token that asked is already scrubbed from headers and body."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    request_id: str = ""


class Transport(BaseAdapter):
    """Sends what is on `calls`. Safe for any number of threads: it keeps no connection, cookie or token.

    It is also an adapter of requests, for requests-oauthlib's session to mount.
    """

    def __init__(self, calls: Sequence[Call], *, request_id_header: str) -> None:
        super().__init__()
        self.calls = tuple(calls)
        self._request_id_header = request_id_header

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        parameters: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        timeout: timedelta = READ_TIMEOUT,
    ) -> Response:
        """Send once and return the answer, whatever its status.

        Raises Unavailable when nothing was sent, or when nothing could be written anyway; else OutcomeUnknown.
        """
        request = requests.Request(method, url, headers=dict(headers), params=parameters, data=body or None).prepare()
        answer = self.send(request, timeout=timeout.total_seconds())
        return Response(
            status=answer.status_code,
            headers=answer.headers,
            body=answer.content,
            request_id=request_id(answer.headers, self._request_id_header),
        )

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: object = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one prepared request. Of the options only `timeout` counts, as the total in seconds."""
        call = self._allowed(request)
        seconds = float(timeout) if isinstance(timeout, int | float) else READ_TIMEOUT.total_seconds()
        request.headers["User-Agent"] = USER_AGENT
        request.headers["Accept-Encoding"] = "gzip"
        wire = _Wire(seconds)
        started = time.monotonic()
        try:
            status, headers, body = wire.exchange(request)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, _AnswerTooLong) as error:
            reason = "the time was up" if wire.is_cut else type(error).__name__
            logger.warning("%s %s failed: %s", call.method, urlsplit(request.url).path, reason)
            doubtful = call.writes and wire.first_byte_sent
            raise (OutcomeUnknown if doubtful else Unavailable)(f"The connection failed: {reason}.") from error
        logger.info(
            "%s %s answered %s in %d ms",
            call.method,
            urlsplit(request.url).path,
            status,
            (time.monotonic() - started) * 1000,
        )
        return _answer(request, status, headers, body)

    def close(self) -> None:
        """There is nothing to close, but requests asks for it."""

    def _allowed(self, request: requests.PreparedRequest) -> Call:
        method, url, body = request.method or "", request.url or "", _as_bytes(request.body)
        for call in self.calls:
            if call.covers(method, url, body):
                return call
        raise CallNotAllowed(f"{method} {urlsplit(url).path} is not on the closed list of calls.")


def retry_after(headers: Mapping[str, str], otherwise: timedelta = timedelta(seconds=60)) -> timedelta:
    """The wait that `Retry-After` asks for, in seconds or by a date, at most a day. It is often absent."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isascii() and asked.isdigit():
        wait = timedelta(seconds=int(asked[:9]))
    elif until := _moment(asked):
        # By the sender's clock, which may be minutes away from ours.
        wait = until - (_moment(headers.get("Date", "")) or datetime.now(UTC))
    else:
        wait = otherwise
    return min(max(wait, timedelta(seconds=1)), timedelta(days=1))


def _moment(text: str) -> datetime | None:
    """An HTTP date such as "Mon, 02 Mar 2026 09:00:00 GMT"; None for anything else."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class _AnswerTooLong(Exception):
    pass


class _Wire:
    """The connection of one call: how far it has come, and the power to cut it when the time is up.

    The call runs in a thread of its own, which its caller leaves behind then. Nothing less bounds it: a look-up of the
    host's name knows no time-out, and no time-out of urllib3 ends an answer that drips, since each byte starts it
    afresh. A thread that was left behind sends nothing any more.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._leaves_until = time.monotonic() + min(seconds, FIRST_BYTE_WITHIN.total_seconds())
        self._ends_at = time.monotonic() + seconds
        self.first_byte_sent = False
        self.is_cut = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def exchange(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        answer: Future[tuple[int, Mapping[str, str], bytes]] = Future()
        threading.Thread(target=self._exchange, args=(request, answer), daemon=True).start()
        try:
            return answer.result(self.seconds)
        finally:
            if not answer.done():
                self._cut()

    def _exchange(
        self, request: requests.PreparedRequest, answer: Future[tuple[int, Mapping[str, str], bytes]]
    ) -> None:
        try:
            answer.set_result(self._ask(request))
        except BaseException as error:  # noqa: BLE001 - for the caller, whatever it is
            answer.set_exception(error)

    def _ask(self, request: requests.PreparedRequest) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(request.url or "")
        host, port = parts.hostname or "", parts.port
        pool = (
            _HttpsPool(host, port, ssl_context=_tls(), wire=self)
            if parts.scheme == "https"
            else _HttpPool(host, port, wire=self)
        )
        try:
            answer = pool.urlopen(
                request.method or "",
                request.path_url,
                body=request.body,
                headers=dict(request.headers),
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(self.seconds, CONNECT_TIMEOUT.total_seconds()), read=self.seconds),
            )
            try:
                body = _read(answer)
            finally:
                answer.close()
        finally:
            pool.close()
        return answer.status, dict(answer.headers), body

    def connected(self, to: socket.socket) -> None:
        self._socket = to

    def about_to_send(self) -> None:
        until = self._ends_at if self.first_byte_sent else self._leaves_until
        with self._lock:
            if self.is_cut or time.monotonic() > until:
                raise TimeoutError
            self.first_byte_sent = True

    def _cut(self) -> None:
        with self._lock:  # what `first_byte_sent` says from here on stays true
            self.is_cut = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may be closed already
                # Not the TLS socket's own shutdown, which takes its state away under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _OnWire:
    """A urllib3 connection that tells its wire when it is connected and when its first byte leaves."""

    def __init__(self, *args: object, wire: _Wire, **options: object) -> None:
        super().__init__(*args, **options)
        self._wire = wire

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._wire.connected(self.sock)  # type: ignore[attr-defined]

    def send(self, data: object) -> None:
        if self.sock is None:  # type: ignore[attr-defined]
            self.connect()
        self._wire.about_to_send()
        super().send(data)  # type: ignore[misc]


class _HttpConnection(_OnWire, urllib3.connection.HTTPConnection):
    pass


class _HttpsConnection(_OnWire, urllib3.connection.HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


@cache
def _tls() -> ssl.SSLContext:
    """Certificates and host names verified, TLS 1.2 or later. One for the process: loading the roots takes 20 ms."""
    return ssl.create_default_context(cafile=certifi.where())


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """The decoded body. Stops at the limit as it unpacks, so a small compressed body can't fill the memory."""
    pieces, length = [], 0
    for piece in answer.stream(64 * 1024, decode_content=True):
        length += len(piece)
        if length > MAX_ANSWER_BYTES:
            raise _AnswerTooLong
        pieces.append(piece)
    return b"".join(pieces)


def _answer(
    request: requests.PreparedRequest, status: int, headers: Mapping[str, str], body: bytes
) -> requests.Response:
    """What was read, as requests' own response, without the credentials that the provider may have echoed."""
    credentials = request.headers.get("Authorization", "").partition(" ")[2]
    if credentials:
        body = body.replace(credentials.encode(), b"[redacted]")
        headers = {name: value.replace(credentials, "[redacted]") for name, value in headers.items()}
    answer = requests.Response()
    answer.status_code = status
    answer.headers = CaseInsensitiveDict(headers)
    answer.encoding = "utf-8"
    answer.url = request.url or ""
    answer.request = request
    answer._content = body
    return answer


def _as_bytes(body: object) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b""
