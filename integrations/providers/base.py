"""What Athenty needs from an accounting provider, and no more, in neutral words and shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from integrations.providers.errors import ProviderError


class Classification(StrEnum):
    """The five classes of account, spelled as `ledger.Account.type` spells them."""

    ASSET = "asset"
    LIABILITY = "liability"
    EQUITY = "equity"
    REVENUE = "revenue"
    EXPENSE = "expense"


@dataclass(frozen=True)
class TokenSet:
    """What a token endpoint answered. Its repr hides the tokens."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_in: timedelta
    refresh_expires_in: timedelta
    grant_expires_in: timedelta | None = None
    """The hard end of the grant however often it is refreshed (Intuit: five years); None when the provider has none."""
    scopes: tuple[str, ...] = ()
    person_id: str = ""
    """Whose consent it is, where the provider's grants are a person's and reach all that they connected (Xero); a
    revocation then ends it for other firms, too. Empty where a grant is one company's."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """Where to send the browser. `code_verifier` is kept on the server; empty where the provider takes no PKCE."""

    url: str
    code_verifier: str = field(repr=False)


@dataclass(frozen=True)
class Company:
    """A company file at the provider.

    `id` names it in every later call (QuickBooks: realmId, Xero: tenantId). `connection_id` is what Xero wants for
    releasing it, empty elsewhere. `home_currency` is an ISO code, and empty while it has not been read. What a provider
    says is cut: ids to 64 characters, the name to 255, currency and country to 3.
    """

    id: str
    name: str
    home_currency: str = ""
    country: str = ""
    connection_id: str = ""
    added_now: bool = False
    """Whether the sign-in that brought it here added it to what we reach; else we reached it before."""
    is_demo: bool = False
    closed_through: date | None = None
    """Entries dated on or before this are refused, as the provider said when last asked."""
    refuses_duplicate_numbers: bool = False
    """Whether a journal number used before is refused, which lets a re-send of unknown outcome be repeated safely."""


class Party(StrEnum):
    """Whom an account may want named on each of its lines."""

    CUSTOMER = "customer"
    SUPPLIER = "supplier"


@dataclass(frozen=True)
class RemoteAccount:
    """One account of the provider's chart. Balances in its answers are dropped unparsed.

    Its texts are cut: `id` to 64 characters, `number` 40, `name` 600, `kind` 60, `currency` 3.
    `refusal` is empty when journals may be posted to it, else a short code that the mapping page words, such as
    "bank", "system", "inactive", "currency", "needs_name", "non_posting", "no_code".
    """

    id: str
    number: str
    name: str
    kind: str
    """The provider's own word for its type, as a bookkeeper reads it there ("Other Current Liability")."""
    classification: Classification | None
    currency: str
    is_active: bool
    is_trust: bool
    """The provider marks it as holding client money."""
    refusal: str
    party: Party | None = None
    """Whom its lines must name; then `refusal` is "needs_name" where nothing else is in the way."""


# Drafts are not frozen: those of a batch are made while its connection is locked, and frozen ones take twice as long.
@dataclass(slots=True)
class DraftLine:
    """One line: exactly one of debit and credit is positive, two decimals, in the company's home currency.

    `party_id` is the provider's id of the customer or supplier that the line names; None and empty for most lines.
    """

    account_id: str
    account_number: str
    debit: Decimal | None
    credit: Decimal | None
    description: str
    party: Party | None = None
    party_id: str = ""

    def __post_init__(self) -> None:
        amount = self.credit if self.debit is None else self.debit
        has_both = self.debit is not None and self.credit is not None
        if amount is None or has_both or not amount.is_finite() or amount <= 0:
            raise ValueError(f"The line on account {self.account_number} needs a debit or a credit above zero.")


@dataclass(slots=True)
class JournalDraft:
    """A provider-neutral journal about to be sent. `reference` is unique and stable per connection and entry, <= 21."""

    reference: str
    on: date
    memo: str
    lines: tuple[DraftLine, ...]

    def __post_init__(self) -> None:
        if len(self.lines) < 2:
            raise ValueError(f"The journal {self.reference!r} has {len(self.lines)} lines; it needs at least two.")


@dataclass(frozen=True)
class SealedBody:
    """The exact bytes of one send, and how each of its journals, in the given order, is recognised in the answer."""

    body: bytes
    item_ids: tuple[str, ...]


class Cause(StrEnum):
    """Why an entry was set aside, and so what lets it go again."""

    ACCOUNT = "account"
    PERIOD = "period"
    DUPLICATE = "duplicate"
    PERMISSION = "permission"
    UNAVAILABLE = "unavailable"
    """The provider was away for longer than the retry budget; not a person's to lift, it lifts itself."""
    OTHER = "other"


@dataclass(frozen=True)
class Accepted:
    """The provider has the journal under `remote_id`. `already_there` when an earlier send of ours had put it there."""

    item_id: str
    remote_id: str
    already_there: bool = False


@dataclass(frozen=True)
class Refused:
    """The provider understood one journal, refused it and wrote nothing. `code` and `message` are its own words.

    `account_id` is the provider's account that it blames, where it names one.
    """

    item_id: str
    cause: Cause
    code: str
    message: str
    account_id: str = ""


@dataclass(frozen=True)
class Uncertain:
    """The answer says nothing certain of this journal: it is missing, doubled or unreadable there.

    `message` says what is wrong with the answer and quotes its start, redacted: for support, not for the card.
    """

    item_id: str
    message: str


@dataclass(frozen=True)
class NotWritten:
    """This journal was turned away for a reason that is not its own, such as too many calls, and was not written.

    It waits to be sent anew, in another delivery: a repeat of the same bytes could bring the same answer out of the
    provider's memory. `error` is never OutcomeUnknown, and says what holds for the connection as if it had been raised.
    """

    item_id: str
    error: ProviderError


Outcome = Accepted | Refused | Uncertain | NotWritten


@dataclass(frozen=True)
class SendResult:
    """One outcome for each journal sent, and what the answer says of our allowance."""

    outcomes: tuple[Outcome, ...]
    http_status: int
    request_id: str
    calls_left_today: int | None = None


@dataclass(frozen=True)
class SealedSend:
    """What an adapter needs to send a delivery: the same object gives the same bytes on the wire every time."""

    company_id: str
    idempotency_key: str
    body: bytes = field(repr=False)
    references: tuple[str, ...]
    """Each journal's reference, in the order sealed."""
    item_ids: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """A provider's published limits per company, and what they mean for a send.

    `rest_after_unknown` is how long each send of unknown outcome must rest, counted from its own first byte, before the
    same bytes go again; `replay_window` is how long from the very first one a repeat may begin and the provider surely
    recognises it, whenever it gets round to it; None when for ever.
    """

    batch_size: int
    calls_per_minute: int
    entries_per_minute: int | None
    in_flight: int
    rest_after_unknown: timedelta
    replay_window: timedelta | None
    send_timeout: timedelta
    """The longest that one send may take; by then its socket is closed."""
    calls_to_read: int
    """What reading company and chart once uses up of `calls_per_minute`."""
    app_calls_per_minute: int | None = None
    """What all companies of the app share; None where the provider limits each company alone."""


@dataclass(frozen=True)
class ClearingGuide:
    """How a firm goes on where a provider refuses journals to an account: by another account beside it."""

    refusals: frozenset[str]
    """The codes of `RemoteAccount.refusal` that another account is the way out of."""
    kinds: Mapping[Classification, str]
    """What type to give it there, in the provider's words."""
    steps: tuple[str, ...]
    """How to add one there, a sentence each."""
    longest_number: int


class Provider(Protocol):
    """One accounting provider. Stateless: tokens and ids come with each call; nothing of a company is kept."""

    name: str
    """How people call it: "QuickBooks Online"."""
    short_name: str
    limits: Limits
    removal: str
    """Where a person ends our access on the provider's own pages: "Settings ▸ Connected apps in Xero"."""
    refresh_lifetime: timedelta
    """How long an unused refresh token lives, for saying so to people; a TokenSet carries the real figure."""
    refusals: Mapping[str, str]
    """For each code that `RemoteAccount.refusal` may hold, the sentence that tells a person why and what to do."""

    clearing: ClearingGuide | None
    """None where every account of the firm's own takes journals."""

    # OAuth
    def authorization_request(self, *, redirect_uri: str, state: str) -> AuthorizationRequest: ...
    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, callback_parameters: dict[str, str]
    ) -> TokenSet:
        """Trade the code for tokens, once."""
        ...

    def companies(self, tokens: TokenSet, callback_parameters: dict[str, str]) -> list[Company]:
        """The companies that this consent covers, read from the provider. Empty when none of what it covers has books.

        Raises ScopeMissing when the consent does not cover all that we need.
        """
        ...

    def refresh(self, refresh_token: str) -> TokenSet: ...
    def disconnect(self, *, refresh_token: str, access_token: str, company: Company, last_of_this_grant: bool) -> None:
        """End our access to one company at the provider. Already gone counts as done."""
        ...

    # What a mirror may read
    def company(self, access_token: str, company: Company) -> Company: ...
    def list_accounts(self, access_token: str, company: Company) -> list[RemoteAccount]: ...

    def journal_url(self, company_id: str, journal_id: str) -> str:
        """Where a person who is signed in there looks at a journal of ours. Nothing of it is ever fetched."""
        ...

    # What a mirror writes
    def create_party(self, access_token: str, company: Company, party: Party, *, name: str, key: str) -> str:
        """Create a customer or supplier with nothing but this name, and return its id. A repeat under the same `key`
        returns the first one's. Raises NameTaken when somebody there is called so already."""
        ...

    def seal(self, drafts: Sequence[JournalDraft], company: Company) -> SealedBody:
        """The bytes that send these journals. Equal drafts give equal bytes. Pure: no clock, no network."""
        ...

    def send(self, access_token: str, sealed: SealedSend) -> SendResult:
        """Send a sealed delivery. Raises the errors of `errors.py`; anything else is our bug.

        Only this raises OutcomeUnknown: a doubtful answer to any other call wrote no journal, so it is Unavailable.
        """
        ...
