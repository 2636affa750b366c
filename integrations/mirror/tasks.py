"""When things run. Messages carry ids only and may be lost, repeated or late: each task fetches, and calls the act."""

from uuid import UUID

from celery import shared_task

from integrations.mapping import chart
from integrations.mirror import drain as draining
from integrations.mirror import heartbeat, schedule, sweeping
from integrations.mirror.slow_lane import slow_lane


@shared_task
def drain(connection_id: str) -> None:
    slow_lane.run(UUID(connection_id), draining.run_pass)


@shared_task
def read_chart(connection_id: str) -> None:
    chart.read_if_due(UUID(connection_id))


@shared_task
def sweep() -> None:
    """For what a lost wake-up left, and what falls due by the clock."""
    heartbeat.forget_the_dead()
    schedule.flush_due_organizations()
    sweeping.wake_what_is_due()
