"""The mirror's own firm and sandbox, and what the company's people do to their chart meanwhile."""

from typing import Any

from integrations.mapping import chart
from integrations.models import ChartAccount, Connection
from tests.mirror.conftest import (
    _key_file,
    connection,
    firm,
    pass_over,
    provider_name,
    read_chart_if_due,
    sandbox,
)
from tests.sandbox_server import Sandbox

__all__ = ["_key_file", "connection", "firm", "provider_name", "sandbox"]


def edit_there(sandbox: Sandbox, target: ChartAccount, **changes: Any) -> None:
    """Rename, renumber, retype, archive or restore the account, as people do at the provider."""
    company = target.connection
    path = f"{company.provider_name}/{company.company_id}/accounts/{target.remote_id}"
    sandbox._ask("POST", path, json=changes)


def delete_there(sandbox: Sandbox, target: ChartAccount) -> None:
    company = target.connection
    sandbox._ask("DELETE", f"{company.provider_name}/{company.company_id}/accounts/{target.remote_id}")


def archive_there(sandbox: Sandbox, target: ChartAccount) -> None:
    archived = {"active": False} if target.connection.provider_name == "quickbooks" else {"status": "ARCHIVED"}
    edit_there(sandbox, target, **archived)


def restore_there(sandbox: Sandbox, target: ChartAccount) -> None:
    restored = {"active": True} if target.connection.provider_name == "quickbooks" else {"status": "ACTIVE"}
    edit_there(sandbox, target, **restored)


def read_chart(connection: Connection) -> None:
    """As the worker does when a person presses Refresh chart, or a day later."""
    chart.ask_for_reading(connection)
    read_chart_if_due(connection)
    connection.refresh_from_db()


def target_of(connection: Connection, number: str) -> ChartAccount:
    return connection.mappings.select_related("target__connection").get(account__number=number).target


def drain_all(connection: Connection) -> None:
    """Passes until nothing more happens, reading the chart where a refusal asked for it, as the workers do."""
    while pass_over(connection):
        read_chart_if_due(connection)
