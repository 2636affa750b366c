"""What `manage.py demo --once` runs inside its stack: mirror a ledger into both providers and compare the books."""

import argparse
import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from athenty.local import addresses, once
from athenty.local.proof import AccountTotals, Proof, ProviderProof
from athenty.local.walk import WalkFailed
from integrations.providers import PROVIDERS
from ledger.importing import ImportRefused

LEDGER = Path(__file__).resolve().parents[2] / "ledgers" / "consultancy"


class Command(BaseCommand):
    help = "Mirror a ledger into the sandbox's QuickBooks and Xero and compare the books. Exit 0 only if they agree."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--ledger", type=Path, default=LEDGER, metavar="PATH", help="see import_ledger (default: the real one)"
        )
        parser.add_argument("--entries", type=int, metavar="N", help="only its first N entries")
        parser.add_argument("--refuse", metavar="NUMBER", help="have the sandbox refuse this account of the ledger")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")

    def handle(self, *args: Any, **options: Any) -> None:
        request = once.Request(options["ledger"], options["entries"], options["refuse"])
        try:
            proof = once.run(
                request, site_url=settings.SITE_URL, sandbox_url=addresses.sandbox_url(), say=self.stdout.write
            )
        except (ImportRefused, once.UnknownAccount, WalkFailed, TimeoutError) as error:
            raise CommandError(str(error)) from None
        for provider in proof.providers:
            self._print(provider)
        if options["json"]:
            options["json"].write_text(json.dumps(proof.as_json(), indent=2) + "\n")
        self._conclude(proof)

    def _print(self, proof: ProviderProof) -> None:
        figures = proof.as_json()
        latency = figures["latency_seconds"]
        self.stdout.write(f"\n{PROVIDERS[proof.provider].name}")
        self.stdout.write(
            f"  posted {figures['posted']}, sent {figures['sent']}, waiting {figures['waiting']}, "
            f"needs attention {figures['needs_attention']}, unconfirmed {figures['unconfirmed']}"
        )
        journals = f"{proof.journals} journals, {proof.duplicates} of them twice, by {proof.write_calls} write calls"
        self.stdout.write(f"  in the sandbox's books: {journals}")
        self.stdout.write(
            f"  posting to sent, seconds: p50 {latency['p50']}, p95 {latency['p95']}, max {latency['max']}"
        )
        self.stdout.write(f"  {'account':<44}{'our debits':>14}{'theirs':>14}{'our credits':>14}{'theirs':>14}")
        for row in proof.accounts:
            self.stdout.write(_line(row))
        for refusal in proof.refusals:
            self.stdout.write(f"  {refusal}")

    def _conclude(self, proof: Proof) -> None:
        if proof.is_complete:
            verdict = "Every entry is in both books exactly once, and every account agrees"
            self.stdout.write(self.style.SUCCESS(f"\n{verdict} ({proof.seconds:.0f} s)."))
            return
        apart = {row.account for provider in proof.providers for row in provider.accounts if not row.agrees}
        refused = {name for provider in proof.providers for refusal in provider.refusals for name in refusal.accounts}
        raise CommandError(
            "The mirror is not complete.\n"
            f"  Refused by a provider: {'; '.join(sorted(refused)) or 'nothing'}.\n"
            f"  Accounts whose totals differ: {'; '.join(sorted(apart)) or 'none'}."
        )


def _line(row: AccountTotals) -> str:
    (debits, credits), (their_debits, their_credits) = row.ours, row.theirs
    mark = "" if row.agrees else "  DIFFERS"
    return (
        f"  {row.account[:43]:<44}{debits:>14,.2f}{their_debits:>14,.2f}{credits:>14,.2f}{their_credits:>14,.2f}{mark}"
    )
