"""The operators' pages, on Django's admin: what support reads, and the few acts it may do for a firm."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeAlias

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver
from django.utils import timezone

AnyAdmin: TypeAlias = "admin.ModelAdmin[Any]"

MOST_AT_ONCE = 500
"""So many rows an act takes at a time: as many as a person can be shown before agreeing."""


class OperatorsSite(admin.AdminSite):
    """For staff. To everybody else there is nothing here: 404, or the sign-in when nobody is signed in."""

    site_header = site_title = "Athenty operations"
    index_title = "What the mirror is doing (times are UTC)"
    site_url = None
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLResolver | URLPattern]:
        """Without the admin's own sign-in, which counts no wrong passwords, and its pages for changing one."""
        left_out = {"login", "logout", "password_change", "password_change_done", "autocomplete", "view_on_site"}
        kept = [pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in left_out]
        for page in _pages(kept):
            # The admin asks `admin_view` anew for each request, so what that returns can't carry the mark.
            page.callback.access = "staff"
        return kept

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        @wraps(guarded)
        def staff_only(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not self.has_permission(request):
                raise Http404
            return guarded(request, *args, **kwargs)

        return staff_only


def _pages(patterns: Sequence[URLResolver | URLPattern]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _pages(pattern.url_patterns)
        else:
            yield pattern


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when run
    """A list and a page per row, to look at. Which fields are shown is always said, so that no new one slips in."""

    list_per_page = 25
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each would be a count of its own

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Nothing but what the list's own filters ask: whoever may filter by a field can find out what it holds."""
        for filtered in self.get_list_filter(request) if request else ():
            name = filtered if isinstance(filtered, str) else getattr(filtered, "parameter_name", None)
            if name and lookup in {name, f"{name}__exact", f"{name}__isnull"}:
                return True
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        for pk in request.POST.getlist("_selected_action"):
            try:
                self.model._meta.pk.to_python(pk)
            except ValidationError:
                raise BadRequest("A chosen row has no such name.") from None
        return super().changelist_view(request, extra_context)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class AgeFilter(admin.SimpleListFilter):
    """How long ago a moment is. `field` names it; `never` is what an empty one means, or empty if it has no meaning."""

    field = ""
    never = ""
    _AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        ages = [(name, f"More than {'an' if name == 'hour' else 'a'} {name} ago") for name in self._AGES]
        return [*ages, ("never", self.never)] if self.never else ages

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() == "never":
            return queryset.filter(**{f"{self.field}__isnull": True})
        age = self._AGES.get(self.value() or "")
        return queryset.filter(**{f"{self.field}__lt": timezone.now() - age}) if age else queryset


def ask_first(
    model_admin: AnyAdmin,
    request: HttpRequest,
    *,
    action: str,
    question: str,
    button: str,
    changes: Sequence[str],
    chosen: Sequence[Any],
    concerned: Sequence[Any] = (),
) -> TemplateResponse:
    """The page between an act's choice and its doing: what will change, line by line.

    Agreeing sends `confirmed` and the `chosen` rows again; `concerned` are the rows that change where those are others.
    """
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question,
        "action": action,
        "button": button,
        "changes": changes,
        "chosen": chosen,
        "concerned": concerned,
        "opts": model_admin.model._meta,
    }
    return TemplateResponse(request, "admin/ask_first.html", context)


def utc(at: datetime | None, *, never: str = "") -> str:
    """A moment as logs write it, `2026-03-12 14:05:09`, short enough for a column."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else never


def concerned_by(request: HttpRequest) -> list[int]:
    """The rows that the person was shown before agreeing."""
    return [int(pk) for pk in request.POST.getlist("concerned") if pk.isascii() and pk.isdecimal()]


def is_confirmed(request: HttpRequest) -> bool:
    return request.POST.get("confirmed") == "yes"


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]
    """Rows that stand with another, to look at."""

    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True
