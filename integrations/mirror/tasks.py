"""When things run. Messages carry ids only and may be lost, repeated or late: each task fetches, and calls the act."""

from uuid import UUID

from celery import shared_task

from integrations.connections import connect, disconnect
from integrations.mapping import chart
from integrations.mirror import drain as draining
from integrations.mirror import heartbeat, schedule, sweeping


@shared_task
def drain(connection_id: str) -> None:
    draining.run_pass(UUID(connection_id))


@shared_task
def read_chart(connection_id: str) -> None:
    chart.read_if_due(UUID(connection_id))


@shared_task
def give_back_grant(connection_id: str) -> None:
    disconnect.give_back_grant(UUID(connection_id))


@shared_task
def sweep() -> None:
    """For what a lost wake-up left, and what falls due by the clock."""
    heartbeat.forget_the_dead()
    connect.forget_abandoned()
    schedule.flush_due_organizations()
    sweeping.wake_what_is_due()
