"""What can go wrong at a provider. The type says what to do next; the details are for the log and for support.

No message, attribute or repr here may hold a token: providers echo them (Intuit does in the detail of a 401), so
adapters redact before they raise.
"""

from datetime import timedelta


class ProviderError(Exception):
    """The provider did not do what was asked.

    `code` (at most 40 characters) and `message` are the provider's own, redacted; where an answer could not be read,
    the message quotes its start. `http_status` is None when no answer came; `request_id` is `intuit_tid` or
    `Xero-Correlation-Id`, which both providers ask for in support cases.
    """

    def __init__(
        self, message: str = "", *, code: str = "", http_status: int | None = None, request_id: str = ""
    ) -> None:
        super().__init__(message or self.__doc__)
        self.message = message
        self.code = code
        self.http_status = http_status
        self.request_id = request_id


class Unavailable(ProviderError):
    """Nothing was written: no connection could be made, or the provider said it is down. Try again later."""


class SaysUnavailable(Unavailable):
    """A send was answered with 503, and not in the provider's own words.

    It ought to mean that nothing was written; but a gateway says it, too, of a call that it has passed on and lost
    patience with. So it is tried later like any other, and only as what may have been written: the same bytes under the
    same key, for as long as the provider surely recognises them.
    """


class RateLimited(ProviderError):
    """Nothing was written: too many calls. Come back after `retry_after`.

    `scope` says what the limit covers: "company" or "app".
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: timedelta,
        scope: str = "company",
        code: str = "",
        http_status: int | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message, code=code, http_status=http_status, request_id=request_id)
        self.retry_after = retry_after
        self.scope = scope


class OutcomeUnknown(ProviderError):
    """It may have been written: time-out, reset, 5xx or an answer that could not be read. Never taken for a refusal."""


class TokenRejected(ProviderError):
    """Nothing was written: the access token was refused (401). Refresh it once and send the same bytes again."""


class GrantLost(ProviderError):
    """The person's grant is gone (expired, withdrawn, rotated away): only a reconnect helps."""


class ScopeMissing(GrantLost):
    """The consent does not cover what the mirror needs. A new one that leaves no permission out helps."""


class CompanyGone(ProviderError):
    """The company can't be reached with this grant: deleted, lapsed, disconnected there, or the person lost access.

    `code` is DISCONNECTED or PERMISSION where the provider lets the two be told apart, else its own code.
    """

    DISCONNECTED = "disconnected"
    PERMISSION = "permission"


class Misconfigured(ProviderError):
    """The provider refuses Athenty itself (client id, secret, scope): ours to fix, never the customer's."""


class Rejected(ProviderError):
    """The whole call was understood and refused, and nothing was written. Its entries need attention."""


class NameTaken(Rejected):
    """Somebody at the provider has this name already."""
