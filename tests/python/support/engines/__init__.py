"""Warehouses that cannot be installed here, as far as they can be had: an emulator each, started and stopped by the suite."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

START_SECONDS = 60


class EngineUnavailableError(Exception):
    """The engine cannot be had on this machine; the message says what is missing."""


class Database(Protocol):
    """One empty database of a running server."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the engine's target of profiles.yml reads."""


class Server(Protocol):
    """A running server."""

    def database(self) -> Database:
        """A new database, empty."""

    def drop(self, database: Database) -> None:
        """Remove a database."""


@runtime_checkable
class NotingServer(Server, Protocol):
    """A server that keeps what it is sent."""

    def statements(self) -> list[str]:
        """The statements so far, oldest first."""


def require(*modules: str) -> None:
    """Raise EngineUnavailableError unless the modules can be imported."""
    for module in modules:
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise EngineUnavailableError(
                f"no {module} for Python {sys.version_info[0]}.{sys.version_info[1]}: pip install -e '.[dev]'"
            )


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """Run a server until the end of the block; begins when it takes connections on its port."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[1]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield
    finally:
        # Asked to end, it would wait for the connections that its clients keep open; it has nothing to save.
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
