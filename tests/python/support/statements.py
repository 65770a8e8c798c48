"""Statements that dbt runs for one model, with the processor time of each, and those of a whole sync."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Neither reads nor writes rows: transactions, sessions, DDL without a query, statistics, and adapters' looks at the catalog.
# A script of BigQuery's that holds a whole transaction does.
_NO_DATA = re.compile(
    r"\s*(/\*.*?\*/\s*)*(begin( transaction)?\s*;?\s*(/\*.*?\*/)?\s*;?\s*$|commit|rollback|set |drop |analyze|"
    r"create (unique )?index|create schema|create table [^(]+\(|alter |"
    r"select 1\s*$|select\s.*information_schema|with (relevant_tables|bound_views|relation) |select\s+.*pg_|"
    r"select\s.*duckdb_(databases|constraints)\(|"
    r"select\s.*from \(describe |show |describe )",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Statement:
    sql: str
    cpu_s: float

    @property
    def counted(self) -> bool:
        """Whether it reads or writes rows."""
        return not _NO_DATA.match(self.sql)

    @property
    def what(self) -> str:
        """Name of the table that it makes or fills, or how it begins."""
        text = re.sub(r"^\s*(/\*.*?\*/\s*)*", "", self.sql, flags=re.DOTALL)
        if found := re.match(
            r"(create temporary table|insert into|delete from|merge into|update)\s+(\S+)", text, re.IGNORECASE
        ):
            return f"{found[1].split()[0]} {found[2].split('.')[-1]}".replace('"', "")
        return " ".join(text.split())[:60]


def count(sent: Iterable[str]) -> tuple[int, int]:
    """How many statements read or write rows: of dbt's, which have its comment, and of the others."""
    dbt = own = 0
    for sql in sent:
        if Statement(sql, 0.0).counted:
            dbt, own = (dbt + 1, own) if '"app": "dbt"' in sql else (dbt, own + 1)
    return dbt, own


@dataclass
class Meter:
    """A callback for `dbtRunner`. `clock` gives processor seconds so far, those of the database included."""

    node: str
    clock: Callable[[], float] = time.process_time
    statements: list[Statement] = field(default_factory=list)
    _began: tuple[str, float] | None = None

    def __call__(self, event: Any) -> None:
        if event.info.name == "SQLQuery" and event.data.node_info.node_name == self.node:
            self._began = (event.data.sql, self.clock())
        elif event.info.name in ("SQLQueryStatus", "SQLCommit") and self._began is not None:
            sql, began = self._began
            self.statements.append(Statement(sql, self.clock() - began))
            self._began = None

    @property
    def cpu_s(self) -> float:
        return sum(each.cpu_s for each in self.statements)

    @property
    def counted(self) -> int:
        return sum(each.counted for each in self.statements)


def postgres_cpu_s(postmaster: int) -> float:
    """Processor seconds of a server and all its processes, ended ones included. Linux only."""
    ticks = 100.0

    def stat(pid: int) -> list[str]:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

    own = stat(postmaster)
    total = sum(int(own[place]) for place in (11, 12, 13, 14))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = stat(int(entry.name))
            except OSError:
                continue
            if int(fields[1]) == postmaster:
                total += int(fields[11]) + int(fields[12])
    return total / ticks
