"""Providers' words, made fit to be stored, logged and shown: no token, no odd character, not too long."""

import re
from collections.abc import Mapping
from urllib.parse import quote


def plain(value: object, longest: int) -> str:
    """The text without space around it; empty for what is no text.

    JSON can hold NUL and half a surrogate pair, which neither Postgres nor UTF-8 takes.
    """
    if not isinstance(value, str):
        return ""
    return value[: 2 * longest].replace("\x00", "").encode("utf-8", "replace").decode().strip()[:longest]


def redact(text: str, *secrets: str, longest: int = 1000) -> str:
    """The start of the text without the given secrets, and without anything that looks like a token."""
    text = plain(text, 40 * longest)
    for secret in filter(None, secrets):
        text = text.replace(secret, "[redacted]")
    return _TOKEN_LIKE.sub("[redacted]", text)[:longest]


def excerpt(body: bytes, *secrets: str, longest: int = 500) -> str:
    """The start of an answer that could not be read, for support."""
    return redact(body[: 40 * longest].decode("utf-8", "replace"), *secrets, longest=longest)


def quoting(sentence: str, body: bytes) -> str:
    """The sentence and, where there is any, the start of the answer that it complains of."""
    start = excerpt(body)
    return f"{sentence} It begins: {start}" if start else f"{sentence} It is empty."


def request_id(headers: Mapping[str, str], name: str) -> str:
    """What the provider asks for in support cases: one printable word."""
    return "".join(re.findall(r"[!-~]", headers.get(name, "")))[:120]


def page_url(pattern: str, **ids: str) -> str:
    """The address of a page of theirs: each id in the place that the pattern keeps for it, as {journal_id}."""
    for name, value in ids.items():
        pattern = pattern.replace(f"{{{name}}}", quote(value, safe=""))
    return pattern


# A JWT, Intuit's refresh tokens (RT1-..., AB11...), a bearer header, and any long run that no word or UUID makes.
_TOKEN_LIKE = re.compile(
    r"eyJ[\w-]{4,}(?:\.[\w-]*)*|\bRT1-[\w-]{4,}|\bAB11\w{8,}|(?i:\b(?:bearer|basic)\s+(?!token\b)[\w.~+/=-]{8,})|[\w-]{40,}"
)
