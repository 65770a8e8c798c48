"""Stops the processes of `profiles-sync up` when it was killed and cannot do it itself.

It is told the process groups on its standard input. That ends when its parent is gone, however it died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

DONE = "done"
STOP_WAIT_S = 20.0


def main() -> None:
    """Wait for the end of the standard input, and stop every group named there unless the last word is `done`."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    words = sys.stdin.read().split()
    if words and words[-1] == DONE:
        return
    groups = [int(word) for word in words]
    for group in reversed(groups):
        _signal(group, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while time.monotonic() < deadline and any(_signal(group, 0) for group in groups):
        time.sleep(0.2)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    main()
