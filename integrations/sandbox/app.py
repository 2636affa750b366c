"""The sandbox's Flask application: both providers, the control API and the pages, over one store."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from . import control, control_companies, control_page, pages, request_log
from .answers import ANSWERS, ITEM_ANSWERS
from .clock import Clock
from .faults import Faults
from .limits import Limits
from .quickbooks import api as quickbooks_api
from .quickbooks import oauth as quickbooks_oauth
from .replays import Replays
from .seed import seed
from .state import Options, Sandbox, add_redirect_uri
from .store import Store
from .switches import Switches
from .xero import api as xero_api
from .xero import oauth as xero_oauth

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def create_app(options: Options | None = None) -> Flask:
    """The application of both providers, the control API and the pages, around a sandbox of its own."""
    app = Flask(__name__)
    app.json = unsorted_json(app)
    app.extensions["sandbox"] = open_sandbox(options or Options())
    app.before_request(request_log.begin)
    app.after_request(request_log.finish)
    providers = (quickbooks_oauth, quickbooks_api, xero_oauth, xero_api)
    for module in (*providers, control, control_companies, control_page, pages):
        app.register_blueprint(module.blueprint)
    app.wsgi_app = ignoring_case_in_xero_paths(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def open_sandbox(options: Options) -> Sandbox:
    """Open, or create and fill, the store; everything else begins anew at each start."""
    store = Store(options.store)
    seed(store)
    for uri in options.redirect_uris:
        add_redirect_uri(store, uri)
    return Sandbox(
        store=store, clock=Clock(store), apps=options.apps, limits=Limits(), faults=Faults(ANSWERS, ITEM_ANSWERS),
        replays=Replays(store), switches=Switches(store), seed=options.seed,
    )  # fmt: skip


def unsorted_json(app: Flask) -> DefaultJSONProvider:
    """JSON answers keep the order they were written in, for whoever reads them."""
    provider = DefaultJSONProvider(app)
    provider.sort_keys = False
    return provider


def ignoring_case_in_xero_paths(application: Wsgi) -> Wsgi:
    """Xero's own SDK asks for /Connections and /ManualJournals, its documents for /connections: both must work."""

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/xero/"):
            environ["PATH_INFO"] = environ["PATH_INFO"].lower()
        return application(environ, start_response)

    return serve
