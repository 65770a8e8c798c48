"""Readers in processes of their own: started afresh, fed one file at a time, gone before the load begins."""

from __future__ import annotations

import gc
import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from profiles_sync.landing.model import LandingError, NewFile
from profiles_sync.landing.reader import FileReader, FileResult, ReadingRules

_START = "from profiles_sync.landing.worker import main; main()"


def read_in_processes(
    files: Sequence[NewFile], folder: Path, rules: ReadingRules, workers: int, done: Callable[[FileResult], None]
) -> list[FileResult]:
    """Read files in several processes; the results are in the files' order.

    Args:
        files: What to read.
        folder: Where the scratch files go.
        rules: Rules of the load.
        workers: How many processes.
        done: Called with each result as it comes, one at a time.

    Raises:
        LandingError: A process failed or ended early.
    """
    # Large files first, so that no process is left alone with one at the end.
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in sorted(range(len(files)), key=lambda number: -files[number].size_bytes):
        waiting.put(number)
    results: dict[int, FileResult] = {}
    failures: list[Exception] = []
    lock = threading.Lock()
    processes = [_Process(folder, f"{number}", rules) for number in range(workers)]

    def drive(process: _Process) -> None:
        try:
            while not failures:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    break
                result = process.ask((number, files[number]))
                with lock:
                    results[number] = result
                    done(result)
            process.ask(None)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=drive, args=(process,), daemon=True) for process in processes]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for process in processes:
            process.end()
    if failures:
        raise failures[0]
    return [results[number] for number in range(len(files))]


class _Process:
    """One reader's process, as its parent sees it."""

    def __init__(self, folder: Path, name: str, rules: ReadingRules) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._send((folder, name, rules))

    def ask(self, request: tuple[int, NewFile] | None) -> Any:
        """Send a request and return the answer; None asks the reader to finish."""
        try:
            self._send(request)
            assert self._process.stdout is not None
            failed, answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise LandingError(
                f"a reading process ended with code {self._process.wait()}",
                hint="If it ran out of memory, use fewer workers; then land again: nothing is lost or doubled.",
                code="E_INTERNAL",
            ) from error
        if failed:
            raise LandingError(f"a reading process failed:\n{answer}", code="E_INTERNAL")
        return answer

    def end(self) -> None:
        """Stop the process if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    # What could not be sent is of no use any more.
                    continue

    def _send(self, request: object) -> None:
        assert self._process.stdin is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()


def main() -> None:
    """Be a reader: answer the requests on standard input."""
    # Calls are freed at once, without cycles; the collector would only walk over them.
    gc.disable()
    answers = os.fdopen(os.dup(1), "wb")
    # Whatever prints must not get between the answers.
    os.dup2(2, 1)
    requests = sys.stdin.buffer
    folder, name, rules = pickle.load(requests)
    reader = FileReader(folder, name, rules)
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        try:
            if request is None:
                reader.close()
            pickle.dump((False, None if request is None else reader.read(*request)), answers)
        except Exception:
            pickle.dump((True, traceback.format_exc()), answers)
        answers.flush()
        if request is None:
            return
