"""When the care of connections runs. Messages carry ids only and may be lost, repeated or late."""

from uuid import UUID

from celery import shared_task

from integrations.connections import keeping, returning, telling


@shared_task
def give_back_grant(grant_id: str) -> None:
    returning.give_back(UUID(grant_id))


@shared_task
def renew(connection_id: str) -> None:
    keeping.renew_if_idle(UUID(connection_id))


@shared_task
def send_mail(connection_id: str) -> None:
    telling.send_due(UUID(connection_id))


@shared_task
def care() -> None:
    """For what a lost wake-up left, and what falls due by the clock."""
    keeping.wake_idle()
    telling.warn_of_ends()
    telling.wake_due()
    returning.wake_due()
    returning.return_abandoned()
