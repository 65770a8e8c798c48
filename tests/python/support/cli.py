"""The command line as a user runs it: a process of its own, a home of the test's, outward connections noted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

PROGRAM = Path(sys.executable).with_name("profiles-sync")

# Python imports this at its start, in dbt's and Dagster's processes too.
_WATCH = """
import os, socket
_connect, _resolve = socket.socket.connect, socket.getaddrinfo
def _note(host):
    if str(host) not in ("127.0.0.1", "localhost", "::1", "None", ""):
        with open(os.environ["TEST_CONNECTIONS"], "a") as file:
            file.write(f"{host}\\n")
        raise OSError(f"the test allows no connection to {host}")
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        _note(address[0])
    return _connect(self, address)
def getaddrinfo(host, *arguments, **named):
    _note(host.decode() if isinstance(host, bytes) else host)
    return _resolve(host, *arguments, **named)
socket.socket.connect, socket.getaddrinfo = connect, getaddrinfo
"""


@dataclass
class Cli:
    """A home and how to call ``profiles-sync`` on it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        watch = self.folder / "watch"
        watch.mkdir(parents=True, exist_ok=True)
        (watch / "sitecustomize.py").write_text(_WATCH)

    @classmethod
    def reading_archive(
        cls, folder: Path, environment: Mapping[str, str] | None = None, *, configuration: str = ""
    ) -> Cli:
        """A home whose syncs read `folder/archive`; `configuration` is more of its file."""
        cli = cls(folder, environment or {})
        cli.home.mkdir()
        (cli.home / "profiles_sync.yml").write_text(f"sources: [{folder}/archive]\n{configuration}")
        return cli

    @property
    def home(self) -> Path:
        """The home."""
        return self.folder / "home"

    @property
    def env(self) -> dict[str, str]:
        """Environment of the processes: nothing of this one's configuration."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PROFILES_SYNC_", "DBT_", "DAGSTER"))
        }
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.folder / "watch"), os.environ.get("PYTHONPATH")))),
            "TEST_CONNECTIONS": str(self.folder / "connections.txt"),
            **self.environment,
        }

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.run_words(*command.split(), "--home", str(self.home), *arguments)

    def run_words(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of several words to its end; the home is named by the environment."""
        return subprocess.run(
            [str(PROGRAM), *words],
            env={"PROFILES_SYNC_HOME": str(self.home), **self.env},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def json(self, command: str, *arguments: str, exit_code: int = 0) -> Any:
        """Run a command that must end with `exit_code`, and return its data."""
        finished = self.run(command, *arguments, "--json")
        assert finished.returncode == exit_code, finished.stdout + finished.stderr
        return json.loads(finished.stdout)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return at once."""
        return subprocess.Popen(
            [str(PROGRAM), *command.split(), "--home", str(self.home), *arguments],
            env=self.env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the home's DuckDB file."""
        with duckdb.connect(str(self.home / "warehouse.duckdb")) as connection:
            return connection.execute(sql).fetchall()

    def count(self, table: str) -> int:
        """Number of rows of a table."""
        return int(self.query(f"select count(*) from {table}")[0][0])

    @property
    def connections(self) -> list[str]:
        """Hosts, other than this machine, that any process tried to reach."""
        path = self.folder / "connections.txt"
        return path.read_text().split() if path.exists() else []
