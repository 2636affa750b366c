"""System checks: a missing or unsafe production setting stops the start."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register


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
    return errors
