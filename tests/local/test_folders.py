import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from athenty.local import folders
from athenty.local.folders import FolderInUse, HeldFolder, PrivateFolder


def test_the_second_to_ask_for_a_folder_reads_what_the_first_said(state: Path) -> None:
    first = HeldFolder(state / "held")
    first.note("It is mine.")
    with pytest.raises(FolderInUse, match=r"^It is mine\.$"):
        HeldFolder(state / "held")
    first.release()
    HeldFolder(state / "held").release()


def test_a_killed_process_leaves_its_folder_free_and_the_sweep_removes_it(state: Path) -> None:
    script = (
        "from athenty.local.folders import PrivateFolder\n"
        "import os; print(PrivateFolder('test').path, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    left = Path(killed.stdout.strip())
    assert left.is_dir()
    long_ago = time.time() - 2 * folders._SWEEP_AFTER_SECONDS
    os.utime(left, (long_ago, long_ago))
    folders.sweep()
    assert not left.exists()


def test_the_sweep_leaves_a_folder_of_that_name_which_is_not_one_of_ours() -> None:
    with tempfile.TemporaryDirectory(prefix="athenty-other-") as other:
        long_ago = time.time() - 2 * folders._SWEEP_AFTER_SECONDS
        os.utime(other, (long_ago, long_ago))
        folders.sweep()
        assert Path(other).is_dir()
        assert list(Path(other).iterdir()) == []


def test_the_sweep_leaves_a_folder_that_is_in_use() -> None:
    used = PrivateFolder("test")
    long_ago = time.time() - 2 * folders._SWEEP_AFTER_SECONDS
    os.utime(used.path, (long_ago, long_ago))
    folders.sweep()
    assert used.path.is_dir()
    used.remove()
