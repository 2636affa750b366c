#!/usr/bin/env python
"""Django's entry point. `python manage.py help` lists Athenty's own commands."""

import os
import sys

from django.core.management import execute_from_command_line

# These play on this machine whatever its environment says, and never with production's settings.
LOCAL_COMMANDS = {"demo", "sandbox"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "athenty.settings")
    if LOCAL_COMMANDS.intersection(sys.argv[1:2]):
        os.environ["ATHENTY_PROFILE"] = "local"
    execute_from_command_line(sys.argv)
