"""The policy forbids inline scripts and styles, so no page may have any: the browser would drop it without a word."""

import re
from pathlib import Path

from django.conf import settings
from django.test import Client

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
INLINE = {
    "a script of its own": re.compile(r"<script(?![^>]*\bsrc=)", re.IGNORECASE),
    "a style of its own": re.compile(r"<style\b", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>{]*\sstyle\s*=", re.IGNORECASE),
    "a handler attribute": re.compile(r"<[^>{]*\s(on[a-z]+|hx-on[^=\s]*)\s*=", re.IGNORECASE),
    "an address that is a script": re.compile(r"javascript:", re.IGNORECASE),
    "a thing from another site": re.compile(r"<(script|link|img|iframe)[^>]*(src|href)=\"(https?:)?//", re.IGNORECASE),
}


def offences(path: Path) -> list[str]:
    text = path.read_text()
    return [f"{path.name} has {what}" for what, pattern in INLINE.items() if pattern.search(text)]


def test_no_template_has_anything_inline() -> None:
    assert len(TEMPLATES) > 20
    assert [offence for path in TEMPLATES for offence in offences(path)] == []


def test_the_check_sees_what_it_looks_for(tmp_path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<script>a()</script><style></style><p style="x"><a onclick="b()" href="javascript:c()">'
        '<script src="https://elsewhere.example/d.js"></script>'
    )
    assert len(offences(bad)) == len(INLINE)


def test_the_policy_lets_nothing_inline_and_nothing_from_elsewhere_run(db) -> None:
    policy = Client().get("/sign-in/").headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'self'"
    assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"
    assert not {"script-src", "style-src", "script-src-elem", "style-src-attr", "img-src"} & set(rules)
    assert "unsafe" not in policy
