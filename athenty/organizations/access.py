"""Who may see a page. Every view carries one of these decorators, and every object is fetched through the organization
that they find: `Account.objects.for_organization(request.organization)`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache

from athenty.organizations.models import Membership, Organization, User

_CHOSEN = "organization"  # the session's key

Page = Callable[Concatenate[HttpRequest, ...], HttpResponse]


class OrganizationRequest(HttpRequest):
    """What a view under `signed_in` or `admin_required` gets: it is about one organization, by one of its people."""

    user: User
    organization: Organization
    membership: Membership


OrganizationPage = Callable[Concatenate[Any, ...], HttpResponse]


def public(view: Page) -> Page:
    """Open to everyone, signed in or not."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: OrganizationPage) -> Page:
    """For everyone who belongs to the organization the request is about."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return _unless_turned_away(request) or view(request, *args, **kwargs)

    guarded.access = "signed_in"  # type: ignore[attr-defined]
    return never_cache(guarded)


def admin_required(view: OrganizationPage) -> Page:
    """For the organization's owners and admins. Its members and viewers get a 403 that says whom to ask."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if answer := _unless_turned_away(request):
            return answer
        if not request.membership.is_manager:  # type: ignore[attr-defined]
            return no_access(request)
        return view(request, *args, **kwargs)

    guarded.access = "admin"  # type: ignore[attr-defined]
    return never_cache(guarded)


def membership_of(request: HttpRequest) -> Membership | None:
    """The visitor's place in the organization they chose, or in their only one; None when neither is known.

    Looked up afresh for every request, since a membership may have ended or changed since the choice.
    """
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None
    memberships = list(Membership.objects.of(user))
    request.organizations_count = len(memberships)  # type: ignore[attr-defined]
    if len(memberships) == 1:
        return memberships[0]
    chosen = request.session.get(_CHOSEN)
    return next((membership for membership in memberships if membership.organization_id == chosen), None)


def choose(request: HttpRequest, membership: Membership) -> None:
    """Make the session one about this membership's organization."""
    request.session[_CHOSEN] = membership.organization_id


def no_access(request: HttpRequest) -> TemplateResponse:
    """The 403 page of the settings: who can help, and no hint of what lies behind."""
    membership = membership_of(request)
    helpers: list[User] = []
    if membership:
        managers = Membership.objects.for_organization(membership.organization).managers()
        helpers = [manager.user for manager in managers]
    return TemplateResponse(request, "403.html", {"area": _area(request), "helpers": helpers}, status=403)


def _area(request: HttpRequest) -> str:
    """The part of the settings that the address lies in, in words."""
    areas = {
        "/settings/integrations/": "Integrations",
        "/settings/trust-accounting/": "Trust Accounting",
        "/settings/audit-log/": "the Audit Log",
    }
    return next((name for start, name in areas.items() if request.path.startswith(start)), "this page")


def _unless_turned_away(request: HttpRequest) -> HttpResponse | None:
    """None, with the request's organization and membership set, or the answer to a visitor who has none."""
    if not request.user.is_authenticated:
        return _to_sign_in(request)
    membership = membership_of(request)
    if membership is None:
        return _to_choice(request)
    request.membership = membership  # type: ignore[attr-defined]
    request.organization = membership.organization  # type: ignore[attr-defined]
    return None


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if not _only_reads(request):
        messages.info(request, "You were signed out, so nothing was saved. Sign in, then do it again.")
    if _is_htmx(request):
        # A redirect would be followed by the script and the sign-in page put inside the page.
        sign_in = resolve_url("organizations:sign_in")
        return HttpResponse(headers={"HX-Redirect": f"{sign_in}?{urlencode({'next': page_it_came_from(request)})}"})
    return redirect_to_login(_address_to_return_to(request))


def _to_choice(request: HttpRequest) -> HttpResponse:
    choice = resolve_url("organizations:choose")
    return_to = _address_to_return_to(request)
    if _is_htmx(request):
        return HttpResponse(headers={"HX-Redirect": choice})
    return redirect(f"{choice}?{urlencode({'next': return_to})}")


def _address_to_return_to(request: HttpRequest) -> str:
    """The page itself; a form that was posted can't be gone back to, but the page that it stood on can."""
    return request.get_full_path() if _only_reads(request) else page_it_came_from(request)


def page_it_came_from(request: HttpRequest) -> str:
    """The page of ours that the visitor was on when they sent this; the home page when that is not known."""
    if _is_htmx(request):
        return request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
    address = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return "/"
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _only_reads(request: HttpRequest) -> bool:
    return request.method in {"GET", "HEAD"}


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
