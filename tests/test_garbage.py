"""No request and no send waits while the garbage collector looks through the program itself."""

import gc
import importlib
import sys

import pytest
from celery.signals import worker_ready

from athenty import garbage
from integrations.mirror import heartbeat


@pytest.fixture
def set_aside(monkeypatch):
    """How often it was done."""
    done = []
    monkeypatch.setattr(garbage, "set_aside_what_is_here", lambda: done.append(1))
    return done


def test_what_is_here_is_not_looked_through_again():
    here = [[], []]
    garbage.set_aside_what_is_here()
    looked_through = {id(each) for each in gc.get_objects()}
    assert not looked_through & {id(each) for each in here}


def test_a_worker_sets_aside_what_it_has_loaded(monkeypatch, set_aside):
    monkeypatch.setattr(heartbeat, "_start", lambda kind: None)
    worker_ready.send(sender="a worker")
    assert len(set_aside) == 1


@pytest.mark.django_db
def test_a_web_process_sets_aside_what_it_has_loaded(monkeypatch, set_aside):
    monkeypatch.setattr("django.setup", lambda **_: None)  # has been done here, and would begin the logs anew
    monkeypatch.delitem(sys.modules, "athenty.wsgi", raising=False)
    importlib.import_module("athenty.wsgi")
    assert len(set_aside) == 1
