"""A deployment of its own for a test, on a real engine: a home, its warehouse, and dbt run on it in this process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dbt.adapters.base.impl import DEFAULT_BASE_BEHAVIOR_FLAGS
from dbt.cli.main import dbtRunner, dbtRunnerResult

from profiles_sync.home import Home
from profiles_sync.project import USERS_ACCOUNTS_VARIABLE, Target, open_workplace
from profiles_sync.settings import load_users_accounts
from profiles_sync.warehouse import Warehouse, open_warehouse
from support.engines import Database

ROOT = Path(__file__).resolve().parents[3]
# Writing them takes a third of dbt's time; only documentation and a manifest that is asked for are read.
WITHOUT_ARTIFACTS = {"DBT_WRITE_JSON": "false"}
_FLAGS = tuple(DEFAULT_BASE_BEHAVIOR_FLAGS)


class DbtFailedError(AssertionError):
    """dbt ended with an error; the message holds what failed."""


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of this process for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def invoke(runner: dbtRunner, command: list[str]) -> dbtRunnerResult:
    """Run dbt in this process, as in a new one.

    Every adapter adds its flags to one list of dbt's, which nobody empties; for each of them dbt reads the whole stack's sources.
    """
    DEFAULT_BASE_BEHAVIOR_FLAGS[:] = _FLAGS
    return runner.invoke(command)


@dataclass(frozen=True)
class Deployment:
    """One home and its warehouse.

    `parse_cache` is a target folder that deployments at the same place share, so that dbt parses the project once.
    """

    home: Path
    engine: str
    parse_cache: Path
    database: Database | None = None
    space: str = "profiles"

    @property
    def env(self) -> dict[str, str]:
        """Environment that dbt and `profiles-sync` need for this deployment."""
        values = {
            "PROFILES_SYNC_HOME": str(self.home),
            "PROFILES_SYNC_SPACE": self.space,
            "PROFILES_SYNC_TARGET": self.engine,
            "DBT_PROFILES_DIR": str(ROOT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DO_NOT_TRACK": "1",
            # As a sync reads it of the home's file.
            USERS_ACCOUNTS_VARIABLE: "true" if load_users_accounts(Home(self.home)) else "",
        }
        return values | (self.database.environment if self.database else {})

    def dbt(
        self,
        *arguments: str,
        check: bool = True,
        project_dir: Path = ROOT,
        callbacks: Sequence[Callable[[Any], None]] = (),
    ) -> dbtRunnerResult:
        """Run dbt; raises DbtFailedError with the failing nodes' messages unless `check` is off. `callbacks` get dbt's events."""
        # dbt keeps what it parsed under one set of variables only, and a rebuild's tables have other names.
        variables = arguments[arguments.index("--vars") + 1] if "--vars" in arguments else ""
        variables += os.environ.get("PROFILES_SYNC_SHADOW", "")
        target = self.parse_cache / hashlib.sha1(variables.encode()).hexdigest()[:8] if variables else self.parse_cache
        command = [*arguments, "--project-dir", str(project_dir), "--target-path", str(target)]
        command += ["--log-path", str(self.home / "logs"), "--quiet"]
        with environment(self.env if arguments[0] in ("docs", "parse") else self.env | WITHOUT_ARTIFACTS):
            result = invoke(dbtRunner(callbacks=list(callbacks)), command)
        if check and not result.success:
            nodes = getattr(result.result, "results", None) or []
            failed = [
                f"{node.node.name if hasattr(node, 'node') else node.unique_id}: {node.message}"
                for node in nodes
                if str(node.status) in ("error", "fail")
            ]
            raise DbtFailedError("\n".join(failed) or f"dbt {' '.join(arguments)}: {result.exception or result.result}")
        return result

    @cached_property
    def _target(self) -> Target:
        # dbt's rendering of a profile takes longer than most queries.
        return open_workplace(Home(self.home)).target

    def open(self) -> Warehouse:
        """A connection of our own to the warehouse, for the caller to close."""
        with environment(self.env):
            return open_warehouse(self._target)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query, none of another statement; the connection is closed again at once."""
        with self.open() as warehouse:
            if sql.split(maxsplit=1)[0].lower() in ("select", "with"):
                return warehouse.query(sql)
            warehouse.execute(sql)
            return []

    def evaluate(self, expressions: Mapping[str, str]) -> dict[str, Any]:
        """Values of SQL expressions that may call macros, by name, in one statement of `dbt show`."""
        columns = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
        result = self.dbt("show", "--inline", f"select {columns}", "--output", "json")
        table = result.result.results[0].agate_table
        # Snowflake gives names in upper case.
        values = {name.lower(): value for name, value in zip(table.column_names, table.rows[0].values(), strict=True)}
        return {name: values[name] for name in expressions}

    def contents(
        self, schema: str, tables: Callable[[str], bool] = lambda _: True, *, without: Container[str] = ()
    ) -> dict[str, list[str]]:
        """Rows of the tables and views of a schema as sorted texts, by name, `without` some columns; over one connection."""
        with self.open() as warehouse:
            columns: dict[str, list[str]] = {}
            for table, column in warehouse.query(
                "select table_name, column_name from information_schema.columns "
                f"where table_schema = '{schema}' order by table_name, ordinal_position"
            ):
                if tables(table):
                    columns.setdefault(table, []).append(column)
            found: dict[str, list[str]] = {}
            for table, names in columns.items():
                rows = (
                    dict(zip(names, row, strict=True)) for row in warehouse.query(f"select * from {schema}.{table}")
                )
                found[table] = sorted(
                    repr({name: row[name] for name in sorted(row) if name not in without}) for row in rows
                )
            return found

    def documents(self, table: str) -> list[Any]:
        """Rows of a table as mappings, in no order."""
        columns = [
            row[0]
            for row in self.query(
                "select column_name from information_schema.columns where table_schema = "
                f"'{table.split('.')[0]}' and table_name = '{table.split('.')[1]}' order by ordinal_position"
            )
        ]
        return [dict(zip(columns, row, strict=True)) for row in self.query(f"select * from {table}")]


def as_json(value: Any) -> str:
    """Stable text of a value, for comparisons in messages."""
    return json.dumps(value, sort_keys=True, default=str)
