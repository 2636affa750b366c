"""Folders held by one process at a time: the state folder, and short private ones in the system's temporary folder."""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_PREFIX = "athenty-"
_LOCK = "lock"
# A folder younger than this may belong to a process that has not locked it yet.
_SWEEP_AFTER_SECONDS = 60


class FolderInUse(Exception):
    """Another process holds the folder. The message is what that process said about itself."""


class HeldFolder:
    """A folder under an exclusive lock, which the kernel releases however we end.

    `note` is a sentence for the next one who tries: see FolderInUse.
    """

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._lock = _locked(path)

    def note(self, sentence: str) -> None:
        self._lock.seek(0)
        self._lock.truncate()
        self._lock.write(sentence)
        self._lock.flush()

    def release(self) -> None:
        self._lock.close()


class PrivateFolder(HeldFolder):
    """A new folder with a short path that only this user may enter. `remove()` deletes it.

    Short because a socket's path may have 107 bytes at most (unix(7)), which a checkout's own path can exceed.
    """

    def __init__(self, purpose: str) -> None:
        sweep()
        super().__init__(Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-")))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()


def sweep() -> None:
    """Remove the private folders that processes killed by `kill -9` left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        with suppress(OSError, FolderInUse):
            status = folder.lstat()
            ours = status.st_uid == os.getuid() and (folder / _LOCK).is_file()
            if ours and time.time() - status.st_mtime > _SWEEP_AFTER_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder, ignore_errors=True)


def _locked(folder: Path) -> IO[Any]:
    lock = (folder / _LOCK).open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with lock:
            lock.seek(0)
            raise FolderInUse(lock.read() or f"Another process is using {folder}.") from None
    return lock
