"""Checks at the start: a missing or unsafe production setting, or a wrong key, stops it."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import ERROR, Error, Tags, register, run_checks

from integrations.connections import keys
from integrations.connections.kms import KeyUnavailable


@register(Tags.security)
def production_keeps_keys_apart(**_: Any) -> list[Error]:
    """The local key file is for development: in production the key-encryption key lives behind the KMS boundary."""
    if settings.LOCAL:
        return []
    errors = []
    if settings.KMS_BACKEND == "local":
        errors.append(
            Error(
                "KMS_BACKEND is 'local', which keeps the key on this machine's disk.",
                hint="Set KMS_BACKEND=aws-kms and KMS_AWS_KEY_ID.",
                id="athenty.E001",
            )
        )
    elif not settings.KMS_AWS_KEY_ID:
        errors.append(
            Error(
                "KMS_AWS_KEY_ID is not set.",
                hint="Set it to the id or ARN of the key that wraps the tokens' data keys.",
                id="athenty.E002",
            )
        )
    if os.environ.get("ATHENTY_CRASH"):
        errors.append(
            Error("ATHENTY_CRASH is set: it kills the process on purpose.", hint="Unset it.", id="athenty.E004")
        )
    if len(settings.SECRET_KEY) < 50:
        errors.append(
            Error("SECRET_KEY is shorter than 50 characters.", hint="Generate a longer random one.", id="athenty.E003")
        )
    if not settings.EMAIL_HOST:
        errors.append(
            Error(
                "EMAIL_HOST is not set, so nobody would be told when a connection ends.",
                hint="Set it to the mail server's name, with EMAIL_PORT, EMAIL_HOST_USER and EMAIL_HOST_PASSWORD.",
                id="athenty.E005",
            )
        )
    return errors


def refuse_unsafe_start(*, opens_tokens: bool) -> None:
    """End this process, with a sentence, unless its settings are safe and its keys are those that it needs.

    For what is started without Django's checks: web servers, and workers, which alone open tokens.
    """
    problems = [str(problem) for problem in run_checks(tags=[Tags.security]) if problem.level >= ERROR]
    if not problems:
        try:
            keys.check_start(opens=opens_tokens)
        except KeyUnavailable as error:
            problems = [str(error)]
    if problems:
        raise SystemExit("Athenty does not start. " + " ".join(problems))
