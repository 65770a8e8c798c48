"""The lock: one holder, also across processes, and free when its process is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from profiles_sync.sync.lock import HomeLock

HOLD = """
import sys, time
from pathlib import Path
from profiles_sync.sync.lock import HomeLock
assert HomeLock(Path(sys.argv[1])).acquire("run-of-another-process")
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_nobody_holds_a_new_lock(tmp_path: Path) -> None:
    assert HomeLock(tmp_path / "sync.lock").holder() is None


def test_a_second_one_in_this_process_waits_in_vain(tmp_path: Path) -> None:
    first, second = HomeLock(tmp_path / "sync.lock"), HomeLock(tmp_path / "sync.lock")
    assert first.acquire("run-1")

    assert not second.acquire("run-2", wait_s=0.1)
    holder = second.holder()
    assert holder is not None
    assert holder.run_id == "run-1"

    first.release()
    assert second.holder() is None
    assert second.acquire("run-2", wait_s=0.1)


def test_another_process_holds_it_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "sync.lock"
    with held_by_another_process(path) as process:
        lock = HomeLock(path)
        assert not lock.acquire("mine", wait_s=0.1)
        holder = lock.holder()
        assert holder is not None
        assert (holder.run_id, holder.pid) == ("run-of-another-process", process.pid)

        process.send_signal(signal.SIGKILL)
        process.wait()

        assert lock.holder() is None
        assert lock.acquire("mine", wait_s=0.1)


def test_a_child_that_outlives_its_parent_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "sync.lock"
    parent = """
import subprocess, sys, time
from pathlib import Path
from profiles_sync.sync.lock import HomeLock
lock = HomeLock(Path(sys.argv[1]))
assert lock.acquire("killed")
lock.extend_to_children()
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", parent, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    lock = HomeLock(path)
    try:
        assert not lock.acquire("mine", wait_s=0.1)
        holder = lock.holder()
        assert holder is not None
        assert holder.run_id == "killed"
    finally:
        os.kill(child, signal.SIGKILL)
    assert lock.acquire("mine", wait_s=5)


def test_the_standard_input_comes_back(tmp_path: Path) -> None:
    before = os.fstat(0)
    with HomeLock(tmp_path / "sync.lock") as lock:
        assert lock.acquire("run-1")
        lock.extend_to_children()
        assert os.path.samestat(os.fstat(0), (tmp_path / "sync.lock").stat())

    assert os.path.samestat(os.fstat(0), before)


def test_looking_does_not_take_it(tmp_path: Path) -> None:
    path = tmp_path / "sync.lock"
    lock = HomeLock(path)
    with lock:
        assert lock.acquire("run-1")
    assert HomeLock(path).holder() is None
    assert HomeLock(path).acquire("run-2", wait_s=0)
