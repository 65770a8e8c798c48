"""The lock that every entry point takes before it writes: one home, one sync at a time.

It is the operating system's file lock, so it is free the moment its processes are gone, however they died.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        run_id: The sync's run, blank for a command that is no sync.
        pid: Its process.
        since: When it took the lock, in seconds since 1970.
    """

    run_id: str
    pid: int
    since: float


class HomeLock:
    """The lock of one home; a context manager that frees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._standard_input: int | None = None

    def acquire(self, run_id: str = "", *, wait_s: float = 1.0) -> bool:
        """Take the lock.

        Args:
            run_id: The sync that takes it.
            wait_s: How long to try. `holder` looks by taking the lock for an instant, which must not stop a sync.

        Returns:
            False when another one held it all the time.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + wait_s
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return False
            time.sleep(0.05)
        self._descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"run_id": run_id, "pid": os.getpid(), "since": time.time()}).encode(), 0)
        return True

    def fileno(self) -> int:
        """Return the lock's file descriptor: a child that inherits it holds the lock too, until it ends."""
        assert self._descriptor is not None
        return self._descriptor

    def extend_to_children(self) -> None:
        """Let every process started from now on hold the lock too, until it ends.

        A dbt that outlives a killed sync still writes. The lock becomes the standard input, the one thing that children
        inherit whoever starts them; dbt and landing read none.
        """
        assert self._descriptor is not None
        self._standard_input = os.dup(0)
        os.dup2(self._descriptor, 0)

    def release(self) -> None:
        """Free the lock; without effect when it is not held."""
        if self._standard_input is not None:
            os.dup2(self._standard_input, 0)
            os.close(self._standard_input)
            self._standard_input = None
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> Holder | None:
        """Return who holds the lock now, None when nobody does."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            if _try_lock(descriptor):
                return None
            text = os.pread(descriptor, 4096, 0)
        finally:
            os.close(descriptor)
        try:
            return Holder(**json.loads(text))
        except (ValueError, TypeError):
            # Taken, and its holder has not written its name yet.
            return Holder("", 0, time.time())

    def __enter__(self) -> HomeLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
