"""manage.py create_organization: a firm and its owner, until there is a page to sign up on."""

import argparse
import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from athenty.organizations.models import Membership, Organization, User


class Command(BaseCommand):
    help = "Make a firm with its owner. Asks for the owner's password, or reads it from standard input."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help='the firm, such as "Park & Lowe LLP"')
        parser.add_argument("--slug", required=True, help="its short name in commands, such as park-lowe")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="the owner's e-mail, used to sign in")
        parser.add_argument("--owner-name", required=True, metavar="NAME", help="the owner's name as colleagues see it")
        parser.add_argument("--currency", default="USD", help="the ledger's one currency (default: %(default)s)")
        parser.add_argument("--time-zone", default="America/New_York", help="an IANA name (default: %(default)s)")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        firm = Organization(
            name=options["name"],
            slug=options["slug"],
            currency=options["currency"].upper(),
            time_zone=options["time_zone"],
        )
        owner = User(email=options["owner"].strip().lower(), name=options["owner_name"])
        password = getpass.getpass("Owner's password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            firm.full_clean()
            owner.set_password(password)
            owner.full_clean()
            validate_password(password, owner)
        except ValidationError as error:
            raise CommandError("\n".join(_sentences(error))) from None
        firm.save()
        owner.save()
        Membership.objects.create(organization=firm, user=owner, role=Membership.Role.OWNER)
        self.stdout.write(f"{firm} was made. {owner.email} can sign in as its owner.")


def _sentences(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return [f"Password: {sentence}" for sentence in error.messages]
    named = error.message_dict.items()
    return [f"{field.replace('_', ' ').capitalize()}: {sentence}" for field, all_of in named for sentence in all_of]
