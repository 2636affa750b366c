"""The providers' own libraries work against the sandbox as their documents show them.

In a process of its own: xero-python has one configuration for a process, and ours is in this one.
"""

import subprocess
import sys

SEEN = [
    "python-quickbooks reads Park & Lowe LLP and",
    "It saves one journal entry, which gets the id 228, and the id 228 when it is sent again.",
    "It reads the refusals 6140 and 2500.",
    "It creates 40 more in batches, with 0 faults.",
    "The sandbox's books hold 41 journals.",
    "xero-python reads Park & Lowe LLP and",
    "It creates one manual journal, which is POSTED.",
    "It creates 5 more in one request, each OK.",
    "A good and a bad one together are OK and ERROR.",
    "A bad one in the other error mode raises: Account code '1000' is not a valid code for this document.",
    "The sandbox's books hold 7 journals.",
]


def test_both_libraries_connect_create_and_batch():
    script = subprocess.run(
        [sys.executable, "-m", "tests.fidelity.sdks"], capture_output=True, text=True, timeout=120, check=False
    )
    assert script.returncode == 0, script.stderr
    said = script.stdout.splitlines()
    assert len(said) == len(SEEN)
    for sentence, expected in zip(said, SEEN, strict=True):
        assert sentence.startswith(expected)
