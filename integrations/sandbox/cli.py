"""The options the sandbox starts with; `python -m integrations.sandbox` and `manage.py sandbox` share them."""

import argparse
import logging
import os
import sqlite3
import sys
from collections.abc import Sequence

from .app import create_app
from .server import serve
from .state import Options

EPILOG = """\
The sandbox prints one line, "sandbox ready http://HOST:PORT", when it listens, and ends on SIGTERM or Ctrl-C.
Its home page is at /, its books at /books/<provider>/<company>, its control page at /control/.
The client ids and secrets of its two registered apps come from SANDBOX_QUICKBOOKS_CLIENT_ID,
SANDBOX_QUICKBOOKS_CLIENT_SECRET, SANDBOX_XERO_CLIENT_ID and SANDBOX_XERO_CLIENT_SECRET.

Control API (JSON; <company> stands for <provider>/<company id>):
  GET    /control/books/<company>                   figures; /journals lists them, /changes what was changed since
  POST   /control/<company>/settings                lock dates, closed books, state, role, people who left
  GET    /control/<company>/accounts                the chart; POST adds; POST, DELETE …/<account id> change, delete
  POST   /control/<company>/odd_accounts            accounts that trip a careless integration
  POST   /control/<company>/refuse_account          {"account_id", "how": inactive, closed or open}
  POST   /control/<company>/journals/<journal id>   people edit a journal; DELETE deletes or voids it
  POST   /control/<company>/disconnect              its administrator removes the app
  POST   /control/<company>/reset_demo              a Xero demo company starts anew under another tenant id
  GET    /control/requests                          the request log: ?after= ?provider= ?call= ?tenant=
  GET    /control/tokens-issued                     every code and token ever issued, to search logs for
  POST   /control/clock                             {"advance_seconds": 3600}
  POST   /control/faults                            {"provider", "call", "do", "nth" or "share", ...}; DELETE lifts all
  GET    /control/answers                           the provider's answers that a fault can name
  POST   /control/switches                          {"xero_tier": "starter", ...}; GET lists them all
  POST   /control/limits                            {"enabled": false, "items_count_as_calls": false}
  POST   /control/redirect-uris                     {"redirect_uri": URL}
  POST   /control/reset                             empty books, no grants, real time

For example, to have the second batch from now entered but never answered:
  curl -X POST http://HOST:PORT/control/faults -H 'Content-Type: application/json' \\
    -d '{"provider": "quickbooks", "call": "batch", "do": "drop_after_commit", "nth": 2}'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0, the default, takes a free one")
    parser.add_argument(
        "--store",
        default=":memory:",
        metavar="PATH",
        help="SQLite file that keeps the books across restarts (default: in memory, gone at exit)",
    )
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URL",
        help="a callback address the registered apps may use, matched exactly; may be given several times",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of everything that is shuffled (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop. Returns the exit status; 1 with a sentence when the port or the file can't be used."""
    logging.basicConfig(level=logging.WARNING, format="sandbox %(levelname)s %(message)s")
    options = Options.from_environment(
        os.environ, store=arguments.store, redirect_uris=tuple(arguments.redirect_uri), seed=arguments.seed
    )
    try:
        serve(create_app(options), host=arguments.host, port=arguments.port)
    except (OSError, sqlite3.Error) as error:
        where = f"{arguments.host}:{arguments.port} with the store {arguments.store}"
        sys.stderr.write(f"The sandbox could not start on {where}: {error}\n")
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m integrations.sandbox",
        description="A stand-in for QuickBooks Online and Xero that keeps books and refuses what they refuse.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))
