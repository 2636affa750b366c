"""What our own code can't compose holds up nothing else."""

import pytest

from integrations.models import QueueRow
from integrations.providers.quickbooks import payloads as quickbooks
from integrations.providers.xero import payloads as xero

from .conftest import pass_over, states

FAILING = "the one that fails"


@pytest.fixture
def _fails_on_one(monkeypatch) -> None:
    for module, name in ((quickbooks, "journal_entry"), (xero, "manual_journal")):
        compose = getattr(module, name)

        def fail_on_one(draft, compose=compose):
            if draft.memo == FAILING:
                raise RuntimeError("a bug of ours")
            return compose(draft)

        monkeypatch.setattr(module, name, fail_on_one)


@pytest.mark.usefixtures("_fails_on_one")
def test_an_entry_that_cannot_be_composed_is_set_aside_alone(firm, connection):
    firm.post(("1100", "2100", "1.00"))
    firm.post(("1100", "2100", "2.00"), memo=FAILING)
    firm.post(("1100", "2100", "3.00"))
    assert pass_over(connection)
    assert states(connection) == ["sent", "needs_attention", "sent"]
    assert QueueRow.objects.needing_attention().get().provider_code == "not-composed"


@pytest.mark.usefixtures("_fails_on_one")
def test_nothing_is_sent_when_nothing_could_be_composed(firm, connection):
    firm.post(("1100", "2100", "2.00"), memo=FAILING)
    assert not pass_over(connection)
    assert states(connection) == ["needs_attention"]
