"""Write an act down, in the transaction of the act, so that both are kept or neither."""

from typing import Any

from django.db import models

from athenty.organizations.models import Organization, User
from audit.actions import Action
from audit.models import AuditEvent

_SECRET_WORDS = ("token", "secret", "password", "authorization", "verifier", "credential", "cookie")


class SecretOffered(ValueError):
    """What was to be recorded has a key that names a secret. Secrets never enter the audit log."""


def record(
    action: Action,
    organization: Organization,
    *,
    actor: User | None = None,
    obj: models.Model | str | None = None,
    data: dict[str, Any] | None = None,
    ip: str | None = None,
) -> AuditEvent:
    """Record that `actor` (None: Athenty itself) did `action` to `obj`, a saved row or just its label.

    `data` is JSON: what was and what is, amounts and dates as text. Raises SecretOffered, and records nothing, when a
    key in it, at any depth, looks like the name of a secret.
    """
    _refuse_secrets(data)
    row = obj if isinstance(obj, models.Model) else None
    return AuditEvent.objects.create(
        organization=organization,
        actor=actor,
        action=action,
        object_type=row._meta.label_lower if row else "",
        object_id=str(row.pk) if row else "",
        object_label=str(obj or "")[:300],
        data=data or {},
        ip=ip,
    )


def _refuse_secrets(value: object) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            # "code" alone is OAuth's; a provider's error code goes under a longer name.
            if str(key).lower() == "code" or any(word in str(key).lower() for word in _SECRET_WORDS):
                raise SecretOffered(f"{key!r} looks like the name of a secret, and secrets never enter the audit log.")
            _refuse_secrets(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_secrets(inner)
