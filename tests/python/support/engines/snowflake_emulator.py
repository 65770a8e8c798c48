"""Snowflake: fakesnow behind the real connector (`fakesnow_server.py`)."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.engines import free_port, require, running


@dataclass(frozen=True)
class SnowflakeDatabase:
    """A database of the emulator."""

    port: int
    name: str

    @property
    def environment(self) -> Mapping[str, str]:
        """What the target `snowflake` of profiles.yml reads."""
        return {
            "PROFILES_SYNC_SNOWFLAKE_ACCOUNT": "fakesnow",
            "PROFILES_SYNC_SNOWFLAKE_USER": "test",
            "DBT_ENV_SECRET_SNOWFLAKE_PASSWORD": "test",
            "PROFILES_SYNC_SNOWFLAKE_HOST": "127.0.0.1",
            "PROFILES_SYNC_SNOWFLAKE_PORT": str(self.port),
            "PROFILES_SYNC_SNOWFLAKE_PROTOCOL": "http",
            "PROFILES_SYNC_SNOWFLAKE_DATABASE": self.name,
        }


@dataclass
class SnowflakeServer:
    """The running emulator; it makes a database when one is connected to."""

    port: int
    log: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def database(self) -> SnowflakeDatabase:
        return SnowflakeDatabase(self.port, f"TEST_{next(self._numbers)}")

    def statements(self) -> list[str]:
        """What was sent so far, oldest first."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def drop(self, database: SnowflakeDatabase) -> None:
        """Nothing to do: databases are in memory and end with the emulator."""


@contextmanager
def running_snowflake() -> Iterator[SnowflakeServer]:
    """Start the emulator.

    Raises:
        EngineUnavailableError: It is not installed.
    """
    require("dbt.adapters.snowflake", "fakesnow", "uvicorn")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="profiles_sync_snowflake_") as folder:
        sent = Path(folder, "statements.jsonl")
        command = [sys.executable, str(Path(__file__).with_name("fakesnow_server.py")), str(port), str(sent)]
        with running(command, port, Path(folder, "log")):
            yield SnowflakeServer(port, sent)
