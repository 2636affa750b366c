"""manage.py create_operator: somebody of Athenty's own who may open the operators' pages, or may no longer."""

import argparse
import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from athenty.organizations.models import User


class Command(BaseCommand):
    help = "Make an operator, who may open /ops/. Asks for the password, or reads it from standard input."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email", help="used to sign in")
        parser.add_argument("--name", help="as the firms' audit logs show it")
        parser.add_argument("--end", action="store_true", help="this person may no longer open /ops/")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        if options["end"]:
            if not User.objects.filter(email=email, is_staff=True).update(is_staff=False):
                raise CommandError(f"{email} is no operator.")
            self.stdout.write(f"{email} may no longer open /ops/.")
            return
        operator = User(email=email, name=options["name"] or "", is_staff=True)
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            operator.set_password(password)
            operator.full_clean()
            validate_password(password, operator)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        operator.save()
        self.stdout.write(f"{email} can sign in and open /ops/.")
