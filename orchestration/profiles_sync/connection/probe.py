"""The connection test: everything that a sync does with a warehouse, once, in a table that is gone afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.project import Target
from profiles_sync.warehouse import PROBE, Warehouse, open_warehouse

_CLOCK_TOLERANCE_S = 300.0


class Verdict(str, Enum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
        name: Of the check.
        verdict: What it came to; a warning does not stop a sync.
        detail: What was found, or the error as the warehouse gave it.
        advice: What to do.
    """

    name: str
    verdict: Verdict
    detail: str = ""
    advice: str = ""


@dataclass(frozen=True)
class _Check:
    name: str
    run: Callable[[], str]
    advice: str
    # Whether the checks after it make sense when it fails.
    essential: bool = True


class ConnectionTest:
    """Runs the checks on a target.

    Attributes:
        seen_address: The address that the warehouse sees this machine at, once it was asked; None where it does not
            tell.
    """

    def __init__(self, target: Target) -> None:
        self.seen_address: str | None = None
        self._target = target
        self._house: Warehouse | None = None
        self._made_schemas: list[str] = []
        self._made_tables: list[str] = []
        self._warning = ""

    def run(self) -> Iterator[CheckResult]:
        """Run one check after the other, each when the next result is asked for; at the end nothing is left behind."""
        file = Path(self._target.address) if self._target.kind == "duckdb" else None
        is_new = file is not None and not file.exists()
        stopped = False
        try:
            for check in self._checks():
                if stopped:
                    yield CheckResult(check.name, Verdict.NOT_RUN)
                    continue
                self._warning = ""
                try:
                    detail = check.run()
                except ProfilesSyncError as error:
                    stopped = check.essential
                    advice = error.hint if error.code in ("E_AUTH", "E_NETWORK", "E_CONFIG") else ""
                    yield CheckResult(
                        check.name,
                        Verdict.FAILED,
                        f"{error.code}: {error.message}",
                        advice or check.advice or error.hint,
                    )
                else:
                    verdict = Verdict.WARNING if self._warning else Verdict.OK
                    yield CheckResult(check.name, verdict, detail, self._warning)
        finally:
            self._clean_up()
            if file is not None and is_new:
                file.unlink(missing_ok=True)

    def _checks(self) -> list[_Check]:
        grants = f"`profiles-sync grants {self._target.kind}` prints what an administrator has to run"
        on_schemas = f"Missing: the right to create schemas, or to create tables in schemas that are there; {grants}."
        owner = f"The user should own the schema, or have every right on its tables; {grants}."
        return [
            _Check("connect", self._connect, ""),
            _Check("identity", self._identity, ""),
            _Check("create schema", self._create_schemas, on_schemas),
            _Check("create table", self._create_tables, on_schemas),
            _Check(
                "alter table", lambda: self._change(f"alter table {{}} {self._open.add_column} added integer"), owner
            ),
            _Check("insert", lambda: self._change("insert into {} (id, added) values (1, 1), (2, 2)"), owner),
            _Check("update", lambda: self._change("update {} set added = 3 where id = 1"), owner),
            _Check("replace rows", self._replace, owner),
            _Check("select", self._select, owner),
            _Check("delete", lambda: self._change("delete from {} where id = 1"), owner),
            _Check("catalog", self._catalog, "Let the user read information_schema."),
            _Check("drop table", self._drop, owner),
            _Check("clock", self._clock, "", essential=False),
            _Check("limits", self._limits, "", essential=False),
        ]

    @property
    def _open(self) -> Warehouse:
        assert self._house is not None
        return self._house

    @property
    def _probe(self) -> str:
        return self._open.qualified(self._open.schemas.space, PROBE)

    def _connect(self) -> str:
        self._house = open_warehouse(self._target)
        return f"{self._target.kind} {self._target.address}"

    def _identity(self) -> str:
        user = str(self._open.query(self._open.user_query)[0][0])
        if self._open.address_query:
            self.seen_address = self._open.query(self._open.address_query)[0][0]
        return f"user {user}" + (f", seen at {self.seen_address}" if self.seen_address else "")

    def _create_schemas(self) -> str:
        self._open.refuse_foreign_tables()
        schemas = self._open.schemas
        for schema in (schemas.space, schemas.staging, schemas.ops):
            if not self._open.schema_exists(schema):
                self._open.execute(f"create schema {self._open.quote(schema)}")
                self._made_schemas.append(schema)
        there = "made and removed again" if self._made_schemas else "are there already"
        return f"{schemas.space}, {schemas.staging} and {schemas.ops} {there}"

    def _create_tables(self) -> str:
        schemas = self._open.schemas
        for schema in (schemas.space, schemas.staging, schemas.ops):
            table = self._open.qualified(schema, PROBE)
            # Left by a test that was killed.
            self._open.execute(f"drop table if exists {table}")
            self._open.execute(f"create table {table} (id integer)")
            self._made_tables.append(table)
        return f"{PROBE}, in each schema"

    def _change(self, statement: str) -> str:
        self._open.execute(statement.format(self._probe))
        return ""

    def _replace(self) -> str:
        with self._open.transaction():
            self._change("delete from {} where id = 2")
            self._change("insert into {} (id, added) values (2, 4)")
        return "delete and insert in one transaction"

    def _select(self) -> str:
        rows = self._open.query(f"select id, added from {self._probe} order by id")
        if [tuple(map(int, row)) for row in rows] != [(1, 3), (2, 4)]:
            raise ProfilesSyncError(
                f"what was written reads as {rows}", hint="Report this, with the warehouse's version."
            )
        return ""

    def _catalog(self) -> str:
        if not self._open.table_exists(self._open.schemas.space, PROBE):
            raise ProfilesSyncError("the catalog does not show the table that was just made", code="E_PERMISSION")
        return ""

    def _drop(self) -> str:
        while self._made_tables:
            self._open.execute(f"drop table {self._made_tables[-1]}")
            self._made_tables.pop()
        return ""

    def _clock(self) -> str:
        apart = float(self._open.query(self._open.clock_query)[0][0]) - time.time()
        if abs(apart) > _CLOCK_TOLERANCE_S:
            self._warning = (
                "Set the clock of one of them right: the times of syncs and loads would contradict each other."
            )
        return f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine"

    def _limits(self) -> str:
        self._warning = " ".join(self._open.shortcomings())
        return ""

    def _clean_up(self) -> None:
        if self._house is None:
            return
        with suppress(ProfilesSyncError):
            self._drop()
        for schema in reversed(self._made_schemas):
            with suppress(ProfilesSyncError):
                self._house.execute(f"drop schema {self._house.quote(schema)}")
        self._house.close()
