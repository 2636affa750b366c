"""The transport keeps its promises with a server that breaks every one of its own."""

import gzip
import logging
import socket
import ssl
import threading
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations.providers import transport as transport_module
from integrations.providers.errors import OutcomeUnknown, Unavailable
from integrations.providers.texts import excerpt, redact
from integrations.providers.transport import Call, CallNotAllowed, Transport, retry_after
from tests.providers.examples import ACCESS_TOKEN
from tests.providers.scripted_server import Reply

HEADERS = {"Authorization": f"Bearer {ACCESS_TOKEN}"}


@pytest.fixture
def transport() -> Transport:
    return Transport(
        [
            Call("GET", "XERO_API_URL", "/Accounts"),
            Call("GET", "XERO_API_URL", "/Things/{}"),
            Call("PUT", "XERO_API_URL", "/ManualJournals", writes=True),
        ],
        request_id_header="Xero-Correlation-Id",
    )


def read(transport: Transport, settings, **options):
    return transport.call("GET", f"{settings.XERO_API_URL}/Accounts", headers=HEADERS, **options)


def write(transport: Transport, settings, **options):
    return transport.call("PUT", f"{settings.XERO_API_URL}/ManualJournals", headers=HEADERS, body=b"{}", **options)


def self_signed_certificate(folder: Path) -> Path:
    """A file with a key and a certificate for localhost that its own key has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


def dripping(first: bytes, *, every: float, for_seconds: float):
    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        end = time.monotonic() + for_seconds
        while time.monotonic() < end:
            try:
                connection.sendall(b" ")
            except OSError:
                return
            time.sleep(every)

    return drip


def test_an_answer_comes_back_whole_whatever_its_status(server, transport, settings):
    server.answers(Reply(418, b"short and stout", {"Xero-Correlation-Id": "abc"}))
    answer = read(transport, settings)
    assert (answer.status, answer.body, answer.request_id) == (418, b"short and stout", "abc")
    assert answer.headers["xero-correlation-id"] == "abc"


def test_we_say_who_we_are_and_keep_no_cookies(server, transport, settings):
    server.answers(Reply(200, b"{}", {"Set-Cookie": "tenant=1; Path=/"}))
    read(transport, settings)
    read(transport, settings)
    assert all(seen.headers["User-Agent"].startswith("Athenty") for seen in server.seen)
    assert "Cookie" not in server.seen[1].headers


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",  # no length: the end of the connection ends the body
        b"HTTP/1.1 200 OK\r\nX-Slow:",  # still in the headers
        b"",
    ],
)
def test_a_dripping_answer_ends_when_the_time_is_up(server, transport, settings, first):
    server.answers(Reply(raw=dripping(first, every=0.05, for_seconds=5)))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="time was up"):
        write(transport, settings, timeout=timedelta(seconds=0.5))
    assert time.monotonic() - started < 1.5


def test_a_silent_server_ends_when_the_time_is_up(server, transport, settings):
    server.answers(Reply(raw=lambda _connection: time.sleep(3)))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        read(transport, settings, timeout=timedelta(seconds=0.4))
    assert time.monotonic() - started < 1.5


def test_a_closed_port_sent_nothing(transport, settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.XERO_API_URL = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable):
            write(transport, settings)


def test_an_unknown_host_sent_nothing(transport, settings):
    settings.XERO_API_URL = "http://no-such-host.invalid"
    with pytest.raises(Unavailable):
        write(transport, settings)


def test_a_look_up_that_hangs_ends_when_the_time_is_up_and_sends_nothing_later(
    server, transport, settings, monkeypatch
):
    looked_up, real = threading.Event(), socket.getaddrinfo

    def slow(*arguments, **options):
        time.sleep(1.5)
        looked_up.set()
        return real(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="time was up"):
        write(transport, settings, timeout=timedelta(seconds=0.2))
    assert time.monotonic() - started < 1.2
    assert looked_up.wait(5)
    time.sleep(0.2)
    assert server.seen == []


def test_a_reset_after_the_first_byte_leaves_a_write_unknown_and_a_read_unavailable(server, transport, settings):
    server.answers(Reply(raw=lambda connection: connection.close()))
    with pytest.raises(OutcomeUnknown):
        write(transport, settings)
    with pytest.raises(Unavailable):
        read(transport, settings)


def test_a_body_that_ends_too_early_is_not_an_answer(server, transport, settings):
    server.answers(Reply(raw=lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}")))
    with pytest.raises(OutcomeUnknown):
        write(transport, settings)


def test_what_is_not_http_is_not_an_answer(server, transport, settings):
    server.answers(Reply(raw=lambda c: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")))
    with pytest.raises(OutcomeUnknown):
        write(transport, settings)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(server, transport, settings, status):
    server.answers(Reply(status, b"", {"Location": f"{settings.XERO_API_URL}/Accounts"}))
    assert write(transport, settings).status == status
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_nothing_is_sent_twice(server, transport, settings, status):
    server.answers(Reply(status, b"", {"Retry-After": "1"}))
    assert write(transport, settings).status == status
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "41"}, 41),
        ({"Retry-After": "Mon, 02 Mar 2026 09:05:00 GMT", "Date": "Mon, 02 Mar 2026 09:00:00 GMT"}, 300),
        ({"Retry-After": "Mon, 02 Mar 2026 09:05:00 GMT", "Date": "Mon, 02 Mar 2026 09:09:00 GMT"}, 1),
        ({"Retry-After": "Mon, 02 Mar 2026 09:05:00 GMT"}, 1),
        ({"Retry-After": "Fri, 02 Mar 2096 09:05:00 GMT", "Date": "Mon, 02 Mar 2026 09:00:00 GMT"}, 86_400),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "0"}, 1),
        ({}, 60),
    ],
)
def test_how_long_to_wait_is_read_as_seconds_or_as_a_date_by_the_senders_clock(headers, seconds):
    assert retry_after(headers) == timedelta(seconds=seconds)


def test_too_long_an_answer_is_refused(server, transport, settings):
    server.answers(Reply(200, b" " * (transport_module.MAX_ANSWER_BYTES + 1)))
    with pytest.raises(OutcomeUnknown):
        write(transport, settings)


def test_a_gzip_bomb_is_refused_before_it_unfolds(server, transport, settings):
    bomb = gzip.compress(b"\0" * 200_000_000, 1)
    server.answers(Reply(200, bomb, {"Content-Encoding": "gzip"}))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        read(transport, settings)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("reply", ["a gzip bomb", "10 MB"])
def test_too_much_of_an_answer_takes_little_memory(server, transport, settings, reply):
    """At most 20 MB, of which the part that is kept takes five."""
    bomb = Reply(200, gzip.compress(b"\0" * 100_000_000, 1), {"Content-Encoding": "gzip"})
    server.answers(bomb if reply == "a gzip bomb" else Reply(200, b"\0" * 10_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(OutcomeUnknown):
            write(transport, settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_bytes_that_are_not_the_gzip_they_claim_are_no_answer(server, transport, settings):
    server.answers(Reply(200, b"not gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(OutcomeUnknown):
        write(transport, settings)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ManualJournals"),
        ("POST", "/ManualJournals"),
        ("PUT", "/ManualJournals/123"),
        ("GET", "/Accounts/"),
        ("GET", "/Accounts/../Journals"),
        ("GET", "/Things/a/b"),
        ("GET", "/Things/%2e%2e"),
        ("GET", "/accounts"),
    ],
)
def test_a_call_off_the_list_never_leaves(server, transport, settings, method, path):
    server.answers(Reply(200, b"{}"))
    with pytest.raises(CallNotAllowed):
        transport.call(method, settings.XERO_API_URL + path, headers=HEADERS)
    assert server.seen == []


def test_another_host_with_the_right_path_is_off_the_list(transport, settings):
    with pytest.raises(CallNotAllowed):
        transport.call("GET", "http://attacker.invalid/xero/api.xro/2.0/Accounts", headers=HEADERS)


def test_a_certificate_that_nobody_vouches_for_is_refused_before_a_byte_of_the_request(transport, settings, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed_certificate(tmp_path))
    received: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                received.append(secure.recv(1000))
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        settings.XERO_API_URL = f"https://localhost:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable):
            write(transport, settings)
        thread.join(5)
    assert b"".join(received) == b""


@pytest.mark.parametrize(
    ("told", "kept"),
    [("gw-0f8fad5b-d9cb-469f-a165-70867728950e",) * 2, ("a b\tc", "abc"), ("x" * 500, "x" * 120), ("", "")],
)
def test_the_request_id_is_kept_as_one_short_word(server, transport, settings, told, kept):
    server.answers(Reply(200, b"{}", {"Xero-Correlation-Id": told}))
    assert read(transport, settings).request_id == kept


def test_an_echoed_token_is_scrubbed_from_body_and_headers(server, transport, settings):
    echo = f"Token expired: {ACCESS_TOKEN}"
    server.answers(Reply(401, echo.encode(), {"WWW-Authenticate": echo}))
    answer = read(transport, settings)
    assert answer.body == b"Token expired: [redacted]"
    assert ACCESS_TOKEN not in str(dict(answer.headers))


@pytest.mark.parametrize(
    "secret",
    [
        ACCESS_TOKEN,
        "RT1-17-H0-1700000000abcdef",
        "AB11729384756abcdefXYZ",
        "Bearer abc.def-ghi",
        "a1B2" * 12,
    ],
)
def test_whatever_looks_like_a_token_is_redacted(secret):
    assert secret not in redact(f"said {secret}, then")
    assert redact(f"said {secret}, then").endswith(", then")


def test_words_ids_and_known_texts_survive_redaction():
    text = (
        "Account code '090' is not a valid code for this document. 0f8fad5b-d9cb-469f-a165-70867728950e "
        "token expired at 01/02/2026; Malformed bearer token: too short; DocNumber=ATH-0000001"
    )
    assert redact(text) == text


def test_an_excerpt_is_short_and_clean():
    body = (f"<html>{ACCESS_TOKEN} \x00" + "word " * 10_000).encode()
    assert len(excerpt(body)) <= 500
    assert ACCESS_TOKEN not in excerpt(body)
    assert "\x00" not in excerpt(body)


def test_no_token_reaches_a_log_even_at_debug(server, transport, settings, caplog):
    caplog.set_level(logging.DEBUG)
    server.answers(Reply(200, ACCESS_TOKEN.encode()), Reply(raw=lambda c: c.close()))
    answer = read(transport, settings)
    with pytest.raises(OutcomeUnknown) as raised:
        write(transport, settings)
    assert ACCESS_TOKEN not in caplog.text + repr(answer) + repr(raised.value) + repr(transport)
