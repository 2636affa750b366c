"""What a row of the tables of errors is, and what each of our classes comes to."""

from dataclasses import dataclass
from typing import Literal

from tests.providers.scripted_server import Reply

QUICKBOOKS, XERO = "quickbooks", "xero"


@dataclass(frozen=True)
class ErrorRow:
    """One error that a provider documents or was seen to give.

    `section` and `marker` name its row in the provider's fact sheet; `http` is empty where no answer comes. `replies`
    is what the provider says, in turn; `asked` is the call it answers. `expected` is our class: an error's name, or the
    outcome of the one journal that was sent with what tells it apart.
    """

    provider: str
    section: str
    http: str
    marker: str
    meaning: str
    expected: str
    replies: tuple[Reply, ...]
    asked: Literal["send", "refresh"] = "send"

    @property
    def name(self) -> str:
        return f"{self.provider} {self.section} {self.marker} ({self.http or 'no answer'})"

    @property
    def consequence(self) -> "Consequence":
        return CONSEQUENCES[self.expected.partition(":")[0]]


@dataclass(frozen=True)
class Consequence:
    """What the mirror does about the entry and about the connection.

    `row` and `status` are what their rows say of it after one such answer: the states of QueueRow and Connection.
    """

    entry: str
    connection: str
    row: str
    status: str = "connected"


_SAME_AGAIN = "the same bytes go again under the same key; unconfirmed once the provider forgets keys"
CONSEQUENCES = {
    "Accepted": Consequence("sent", "goes on", row="sent"),
    "Refused": Consequence(
        "needs attention, in the provider's words; the others of its send go on", "goes on", row="needs_attention"
    ),
    "Rejected": Consequence("needs attention, in the provider's words", "goes on", row="needs_attention"),
    "Uncertain": Consequence(_SAME_AGAIN, "goes on", row="sending"),
    "OutcomeUnknown": Consequence(_SAME_AGAIN, "sends nothing new until a harmless probe is answered", row="sending"),
    "NotWritten": Consequence("waits for a new delivery, under a new key", "as its error says", row="waiting"),
    "RateLimited": Consequence(
        "the same bytes go after the wait; no retry is spent",
        "waits as long as it was told, the whole company",
        row="sending",
    ),
    "Unavailable": Consequence(
        "the same bytes go after a backoff; after 8 tries set aside until a probe is answered",
        "goes on, and probes",
        row="sending",
    ),
    "SaysUnavailable": Consequence(
        "the same bytes go after a backoff, under the same key; unconfirmed once the provider forgets keys",
        "goes on with it before anything new",
        row="sending",
    ),
    "TokenRejected": Consequence(
        "the same bytes go after one refresh",
        "refreshes once; refused again it is disconnected: reconnect",
        row="sending",
        status="disconnected",
    ),
    "GrantLost": Consequence("waits", "disconnected: a person reconnects", row="sending", status="disconnected"),
    "ScopeMissing": Consequence("waits", "disconnected: a person reconnects", row="sending", status="disconnected"),
    "CompanyGone": Consequence("waits", "stops with its reason, until a person acts", row="sending", status="error"),
    "Misconfigured": Consequence("waits", "goes on: ours to fix, never the customer's", row="sending"),
}
