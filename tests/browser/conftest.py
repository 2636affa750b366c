"""A browser, signed in. Without one these tests are left out, and the run's last lines say so; in CI they fail."""

import os
from collections.abc import Iterable, Iterator

import pytest
from django.conf import settings

from athenty.organizations.models import Membership, User
from tests.browser import chromium as found
from tests.pages.firms import make_firm, make_person
from tests.signed_in import keep_sessions

# Where a page waits for the next test: it asks for nothing more while the tables are emptied, and being one of ours it
# stays in its process, as about:blank would not.
STILL = "/static/img/athenty.svg"


def pytest_collection_modifyitems(config, items):
    if found.path() or os.environ.get("CI"):
        return
    here = [item for item in items if item.path.is_relative_to(__file__.removesuffix("conftest.py"))]
    for item in here:
        item.add_marker(pytest.mark.skip(reason=found.MISSING))


@pytest.fixture(scope="package")
def chromium() -> Iterator:
    assert found.path(), found.MISSING
    with found.running() as browser:
        yield browser


@pytest.fixture
def firm(transactional_db):
    return make_firm()


@pytest.fixture
def owner(firm) -> User:
    return make_person(firm, "owner")


@pytest.fixture(scope="package")
def context_with(chromium):
    """A context for these options, the same each time: a new one would fetch and compile every script again."""
    contexts = {}

    def context(at: str | None, **options):
        key = (at, *sorted(options.items()))
        if key not in contexts:
            contexts[key] = chromium.new_context(**options)
            if at:
                contexts[key].clock.install(time=at)
        contexts[key].clear_cookies()
        return contexts[key]

    yield context
    for context in contexts.values():
        context.close()


@pytest.fixture
def open_page(context_with, live_server, firm):
    """Opens a page, as the firm's owner unless told otherwise, and fails when the browser's console complains."""
    pages, complaints, awaited = [], [], ["422", "403", "404"]

    def hear(message):
        if message.type == "error":
            complaints.append(message.text)

    def hear_error(error):
        complaints.append(str(error))

    def opened(
        path: str = "/settings/integrations/",
        *,
        role: str | None = "owner",
        width: int = 1280,
        at: str | None = None,
        complains: Iterable[str] = (),
        **options,
    ):
        """With `at`, the page's clock begins there and goes as `page.clock` is told. `complains`: the console may."""
        awaited.extend(complains)
        context = context_with(at, **options)
        if role:
            value = session(person(firm, role))
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}])
        # A new one would begin in a process that has compiled none of our scripts, nor axe.
        page = next((each for each in context.pages if each not in pages), None) or context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media="screen", color_scheme=options.get("color_scheme", "light"), forced_colors="none")
        page.on("console", hear)
        page.on("pageerror", hear_error)
        page.goto(live_server.url + path)
        return page

    yield opened
    for page in pages:
        page.remove_listener("console", hear)
        page.remove_listener("pageerror", hear_error)
        page.unroute_all()
        page.context.set_offline(False)
        page.goto(live_server.url + STILL)
    # Chromium logs these as errors, and they are the answers wanted: a refused form, a page one may not see.
    assert [text for text in complaints if not any(part in text for part in awaited)] == []


def person(firm, role: str) -> User:
    """Of the firm; an `operator` is of none."""
    if role == "operator":
        return User.objects.create_user("ops@athenty.test", name="Oda Ops", is_staff=True)
    membership = Membership.objects.filter(organization=firm, role=role).first()
    return membership.user if membership else make_person(firm, role)


def session(user: User) -> str:
    """The value of a cookie by which the browser is signed in."""
    [key] = keep_sessions([user])
    return key
