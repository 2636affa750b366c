"""What every page shares: safe headers, the frame around it, the home page and the health check."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_safe

from athenty.organizations.access import OrganizationRequest, membership_of, public, signed_in


class SafeHeadersMiddleware:
    """What a browser may load and keep. Our pages hold no script or style of their own, so none is allowed inline."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = _content_security_policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = self.policy
        patch_vary_headers(response, ["HX-Request"])
        # Everyone's, rather than asking who it is: the database that knows may be what failed.
        patch_cache_control(response, no_store=True, private=True)
        return response


def _content_security_policy() -> str:
    # Chrome holds form-action against where a form's answer redirects to, and Connect redirects to the provider.
    addresses = (urlsplit(url) for url in (settings.QUICKBOOKS_AUTHORIZE_URL, settings.XERO_AUTHORIZE_URL))
    origins = sorted({f"{address.scheme}://{address.netloc}" for address in addresses})
    return "; ".join(
        [
            "default-src 'self'",
            f"form-action 'self' {' '.join(origins)}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "object-src 'none'",
        ]
    )


def frame(request: HttpRequest) -> dict[str, Any]:
    """What the base template shows around a page. `is_admin`: whether the person may open the firm's settings."""
    membership = getattr(request, "membership", None) or membership_of(request)
    return {
        "organization": membership.organization if membership else None,
        "membership": membership,
        "is_admin": bool(membership and membership.is_manager),
        "organizations_count": getattr(request, "organizations_count", 0),
        "support_email": settings.SUPPORT_EMAIL,
        "is_local": settings.LOCAL,
    }


@signed_in
@require_safe
def home(request: OrganizationRequest) -> HttpResponse:
    if request.membership.is_manager:
        return redirect("integrations:index")
    return TemplateResponse(request, "organizations/home.html")


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers 200 when this process can reach its database; a load balancer asks without signing in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")
