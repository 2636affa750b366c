"""The consent page, the same for both providers: who signs in, which company, Allow or Deny."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, render_template, request

from . import request_log
from .companies import Company, has_left, open_companies
from .state import redirect_uris, sandbox

# People who can sign in. One person may look after several firms' books, at Xero with one set of tokens.
USERS = {
    "pat": "Pat Lowe, bookkeeper",
    "olu": "Olu Okafor, bookkeeper",
    "ida": "Ida Berg, office manager",
}
PROVIDER_NAMES = {"quickbooks": "QuickBooks Online", "xero": "Xero"}
PROVIDER_OWNERS = {"quickbooks": "Intuit", "xero": "Xero"}


@dataclass(frozen=True)
class ConsentRequest:
    """The parameters of an authorize request, as given."""

    client_id: str
    redirect_uri: str
    response_type: str
    scope: str
    state: str
    challenge: str
    challenge_method: str

    @classmethod
    def from_query(cls) -> "ConsentRequest":
        return cls(
            client_id=request.args.get("client_id", ""), redirect_uri=request.args.get("redirect_uri", ""),
            response_type=request.args.get("response_type", ""), scope=request.args.get("scope", ""),
            state=request.args.get("state", ""), challenge=request.args.get("code_challenge", ""),
            challenge_method=request.args.get("code_challenge_method", ""),
        )  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What the person pressed. `companies` is empty only when they denied."""

    allowed: bool
    user_id: str
    companies: list[Company]


def unusable(provider: str, asked: ConsentRequest) -> str | None:
    """Why the browser can't be sent back at all: an unknown app or an address that is not registered exactly so."""
    if asked.client_id != sandbox().apps[provider].client_id:
        return f"No app is registered under the client_id {asked.client_id!r}."
    if asked.redirect_uri not in redirect_uris(sandbox().store, provider):
        return (
            f"The redirect_uri {asked.redirect_uri!r} is invalid. It must be listed in the app's settings and match"
            " exactly: scheme, host, port, path, case and trailing slash."
        )
    return None


def error_page(provider: str, problem: str, *, status: int) -> Response:
    """The provider's own error page. Nothing is sent back to the app, exactly as at the real provider."""
    request_log.note(provider=provider, call="authorize")
    page = render_template(
        "consent_error.html", problem=problem, provider=PROVIDER_NAMES[provider], owner=PROVIDER_OWNERS[provider]
    )
    return Response(page, status=status)


def consent_page(provider: str, asked: ConsentRequest, *, problem: str = "", status: int = 200) -> Response:
    page = render_template(
        "consent.html", provider=PROVIDER_NAMES[provider], owner=PROVIDER_OWNERS[provider], problem=problem,
        app_name=sandbox().apps[provider].name, scopes=asked.scope.split(), users=USERS,
        companies=open_companies(sandbox().store, provider), action=request.full_path, redirect_uri=asked.redirect_uri,
    )  # fmt: skip
    return Response(page, status=status, headers={"Cache-Control": "no-store", "X-Frame-Options": "DENY"})


def read_decision(provider: str) -> Decision | str:
    """The posted form, or a sentence that says what is missing from it."""
    user_id = request.form.get("user") or next(iter(USERS))
    if user_id not in USERS:
        return f"user must be one of {', '.join(USERS)}."
    if request.form.get("decision") == "deny":
        return Decision(allowed=False, user_id=user_id, companies=[])
    if request.form.get("decision") != "allow":
        return "decision must be allow or deny."
    known = {company.tenant_id: company for company in open_companies(sandbox().store, provider)}
    chosen = request.form.getlist("company")
    if not chosen:
        return "Choose a company."
    if unknown := [tenant_id for tenant_id in chosen if tenant_id not in known]:
        return f"company {unknown[0]!r} is not in the list."
    if left := [known[tenant_id].name for tenant_id in chosen if has_left(known[tenant_id], user_id)]:
        return f"{USERS[user_id]} has no access to {left[0]}."
    return Decision(allowed=True, user_id=user_id, companies=[known[tenant_id] for tenant_id in chosen])


def send_back(redirect_uri: str, **parameters: str) -> Response:
    """Redirect the browser to the app with these query parameters; empty ones are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value})
    separator = "&" if "?" in redirect_uri else "?"
    return Response(status=302, headers={"Location": f"{redirect_uri}{separator}{query}", "Cache-Control": "no-store"})
