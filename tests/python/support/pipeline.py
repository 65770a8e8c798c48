"""Calls through the real parts: landed from an archive's files, then dbt, in a deployment of a test."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from profiles_sync.home import Home
from profiles_sync.landing import LandingOptions, LoadReport, Source, land
from profiles_sync.project import open_workplace, project_dir
from profiles_sync.settings import load_settings
from profiles_sync.sync.event_models import read_registry, write_dbt_files
from profiles_sync.warehouse import open_warehouse
from support.dbt import Deployment, environment

Call = Mapping[str, Any]


@dataclass
class Pipeline:
    """A deployment and the archive that it is fed from."""

    deployment: Deployment
    options: LandingOptions = field(default_factory=LandingOptions)
    files: int = 0

    def configure(self, **values: Any) -> None:
        """Write the home's settings."""
        (self.deployment.home / "profiles_sync.yml").write_text(json.dumps(values))

    def land(
        self, calls: Iterable[Call | bytes], *, source: str = "source_1", now: datetime | None = None
    ) -> LoadReport:
        """Put calls into a new file of a source's archive, and land it."""
        return self.land_all({source: list(calls)}, now=now)

    def land_all(self, calls: Mapping[str, Sequence[Call | bytes]], *, now: datetime | None = None) -> LoadReport:
        """Put the calls of several sources into a new file each, and land them as one load."""
        archive = self.deployment.home.parent / "archive"
        if not self.files:
            # Landing would have it done by a dbt of its own, which parses the project anew for each home.
            self.deployment.dbt("run-operation", "prepare_space")
        for source, lines in calls.items():
            self.files += 1
            path = archive / "segment-logs" / source / "2022-05-02" / f"{self.files:05d}.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(b"".join(_line(line) + b"\n" for line in lines)))
        with environment(self.deployment.env):
            workplace = open_workplace(Home(self.deployment.home))
            settings = load_settings(workplace.home, project_dir(), workplace.target.schema).canonical_text()
            report = land(workplace, [Source(str(archive))], self.options, settings=settings, now=now)
            with open_warehouse(workplace.target) as warehouse:
                write_dbt_files(workplace.home, read_registry(warehouse))
        return report

    def build(self, *arguments: str) -> None:
        """Build every table that is there."""
        self.deployment.dbt("run", *arguments)

    def sync(self, calls: Iterable[Call | bytes], *, source: str = "source_1", now: datetime | None = None) -> None:
        """Land calls, and build."""
        self.land(calls, source=source, now=now)
        self.build()

    def rebuild(self) -> None:
        """Replay everything into shadow tables, and put them in place of the live ones."""
        with environment({"PROFILES_SYNC_SHADOW": "__rebuild"}):
            self.deployment.dbt("run-operation", "prepare_rebuild")
            self.deployment.dbt("run")
            self.deployment.dbt("run-operation", "finish_rebuild")

    def contents(self) -> dict[str, list[str]]:
        """Rows of all tables of the space, sorted, without the columns that say when a sync ran."""
        return self.deployment.contents(self.deployment.space, without=("uuid_ts", "etl_ts"))

    def rows(self, table: str, columns: Sequence[str], order_by: str) -> list[dict[str, str]]:
        """Rows of a table of the space as the text of a CSV file would have them; NULL is blank."""
        with self.deployment.open() as warehouse:
            quoted = warehouse.column_list(columns)
        found = self.deployment.query(f"select {quoted} from {self.deployment.space}.{table} order by {order_by}")
        return [{column: as_text(value) for column, value in zip(columns, row, strict=True)} for row in found]

    def columns(self, table: str) -> dict[str, str]:
        """Columns of a table of the space and their types, in order."""
        return dict(
            self.deployment.query(
                "select column_name, lower(data_type) from information_schema.columns "
                f"where table_schema = '{self.deployment.space}' and table_name = '{table}' order by ordinal_position"
            )
        )


def expected_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with expected contents."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _line(call: Call | bytes) -> bytes:
    return call if isinstance(call, bytes) else json.dumps(call).encode()


def as_text(value: object) -> str:
    """The text that stands for a value in files with expected rows."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value)
