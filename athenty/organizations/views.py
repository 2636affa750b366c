"""Signing in and out, and choosing the organization to work in."""

from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from athenty.organizations import access
from athenty.organizations.access import public
from athenty.organizations.forms import SignInForm
from athenty.organizations.models import Membership, User


@public
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        login(request, form.user)
        return HttpResponseRedirect(_next_on_this_site(request))
    if request.method == "GET" and request.user.is_authenticated:
        return HttpResponseRedirect(_next_on_this_site(request))
    status = 422 if form.is_bound else 200
    context = {"form": form, "next": _next_on_this_site(request)}
    return TemplateResponse(request, "organizations/sign_in.html", context, status=status)


@public
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("organizations:sign_in")


@public
@never_cache
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    """Which of their organizations a person works in from now on. `public`, since none is chosen yet."""
    if not isinstance(request.user, User):
        return redirect("organizations:sign_in")
    memberships = Membership.objects.of(request.user)
    if request.method == "POST":
        slug = request.POST.get("organization", "").replace("\0", "")
        access.choose(request, get_object_or_404(memberships, organization__slug=slug))
        return HttpResponseRedirect(_next_on_this_site(request))
    context = {"memberships": memberships, "next": _next_on_this_site(request)}
    return TemplateResponse(request, "organizations/choose.html", context)


def _next_on_this_site(request: HttpRequest) -> str:
    """Where to go on, if it is a page of ours; else the home page."""
    address = request.POST.get("next") or request.GET.get("next") or "/"
    ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if ours else "/"
