"""The one customer and the one supplier that lines on receivable and payable accounts name: asked for by a person,
created by the worker."""

from django.db import transaction

from athenty.organizations.models import User
from audit import recording
from audit.actions import Action
from integrations.clock import database_now
from integrations.models import Connection
from integrations.models.chart import CatchAllParty
from integrations.providers.base import Company, Party
from integrations.providers.errors import NameTaken, Rejected

# The second and later ones are for a company that was mirrored before, or where somebody has the name.
_NAMES = {Party.CUSTOMER: "Athenty clients", Party.SUPPLIER: "Athenty suppliers"}
_TRIES = 5


@transaction.atomic
def ask_for(connection: Connection, party: Party, *, actor: User, ip: str | None = None) -> bool:
    """Have it created with the next reading of the chart, which the caller asks for.

    False when it is there or asked for already; after a refusal it is asked for anew.
    """
    asked, is_new = CatchAllParty.objects.select_for_update().get_or_create(
        connection=connection, party=party, defaults={"asked_by": actor, "asked_at": database_now()}
    )
    if not is_new and not asked.error:
        return False
    asked.asked_by, asked.asked_at, asked.error = actor, database_now(), ""
    asked.save()
    recording.record(
        Action.MAPPING_UPDATED,
        connection.organization,
        actor=actor,
        obj=str(connection),
        ip=ip,
        data={"provider": connection.provider_name, "to_be_created": party, "name": _NAMES[party]},
    )
    return True


def create_asked_for(connection: Connection, access_token: str, company: Company) -> None:
    """Create what was asked for, in the worker. Safe to repeat: each name has a key of its own.

    A refusal is kept for the person; what is transient raises the provider's errors, to be tried again.
    """
    for asked in connection.parties.filter(remote_id="", error=""):
        try:
            asked.name, asked.remote_id = _create(asked, access_token, company)
        except Rejected as refusal:
            asked.error = refusal.message or str(refusal)
        asked.save(update_fields=["name", "remote_id", "error"])


def _create(asked: CatchAllParty, access_token: str, company: Company) -> tuple[str, str]:
    party = Party(asked.party)
    for number in range(1, _TRIES + 1):
        name = _NAMES[party] if number == 1 else f"{_NAMES[party]} {number}"
        key = f"{asked.pk.hex}{number}"
        try:
            return name, asked.connection.provider.create_party(access_token, company, party, name=name, key=key)
        except NameTaken:
            if number == _TRIES:
                raise
    raise AssertionError("the last try returns or raises")
