"""The option by which the mirror's commands name an organization."""

import argparse

from django.core.management.base import CommandError

from athenty.organizations.models import Organization


def add_organization(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--organization", metavar="SLUG", required=required, help="the firm, by its slug")


def organization_named(slug: str) -> Organization:
    try:
        return Organization.objects.get(slug=slug)
    except Organization.DoesNotExist:
        known = ", ".join(Organization.objects.order_by("slug").values_list("slug", flat=True)[:20])
        raise CommandError(f"--organization: there is no firm {slug!r}. Known: {known or 'none'}.") from None
