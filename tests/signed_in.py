"""Browsers in which people signed in some time ago.

The test client's `force_login` does all of a sign-in, its record in the audit log included: a dozen statements, and a
seventh of the time of all tests that look at a page.
"""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.crypto import get_random_string

from athenty.organizations.models import User


def signed_in(user: User) -> Client:
    [browser] = all_signed_in([user])
    return browser


def all_signed_in(users: Sequence[User]) -> list[Client]:
    """A browser for each."""
    browsers = []
    for key in keep_sessions(users):
        browsers.append(browser := Client())
        browser.cookies[settings.SESSION_COOKIE_NAME] = key
    return browsers


def keep_sessions(users: Sequence[User]) -> list[str]:
    """A session for each; what its cookie holds."""
    store = SessionStore()
    sessions = Session.objects.bulk_create(
        Session(
            session_key=get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789"),
            session_data=store.encode(
                {
                    SESSION_KEY: str(user.pk),
                    BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                    HASH_SESSION_KEY: user.get_session_auth_hash(),
                }
            ),
            expire_date=store.get_expiry_date(),
        )
        for user in users
    )
    return [session.session_key for session in sessions]
