"""What a sync came to: status, rows by group, the error. Pure functions of what landing and dbt reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import takewhile
from typing import Any, Literal

from pydantic import TypeAdapter

Group = Literal["identity_graph", "event_type", "event"]
GROUPS: tuple[Group, ...] = ("identity_graph", "event_type", "event")

_ABOVE_A_CAUSE = re.compile(r"Encountered an error:|\w+ Error|\w+ Error in \w+ .*")


class Status(str, Enum):
    """Status of a sync or of one of its tables, in Segment's words."""

    SUCCESS = "Success"
    PARTIAL = "Partial success"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    RUNNING = "Running"


@dataclass(frozen=True)
class SyncError:
    """Why a sync or a table failed.

    Attributes:
        code: Code of the error catalogue.
        message: The message as dbt or the warehouse gave it, without credentials.
        hint: What to do.
    """

    code: str
    message: str
    hint: str = ""

    @property
    def headline(self) -> str:
        """Code and cause in one line: what dbt says above a cause, and the cause."""
        lines = [line.strip() for line in self.message.splitlines() if line.strip()]
        above = sum(1 for _ in takewhile(_ABOVE_A_CAUSE.fullmatch, lines))
        return f"{self.code}: " + ": ".join(line.rstrip(":") for line in lines[: above + 1])


@dataclass(frozen=True)
class TableResult:
    """One table step of a sync.

    Attributes:
        table: Name in the warehouse.
        unique_id: dbt's name of the step.
        group: Group that its rows count in; None for an internal table.
        status: `Success`, `Failed`, or `Skipped` when a step that it needs failed.
        inserted: Rows inserted by this sync.
        updated: Rows updated by this sync.
        deleted: Rows deleted by this sync.
        new_columns: Columns added by this sync.
        error: Why it failed or was skipped.
    """

    table: str
    unique_id: str
    group: Group | None
    status: Status
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    new_columns: tuple[str, ...] = ()
    error: SyncError | None = None

    @property
    def rows(self) -> int:
        """Rows synced: inserted, updated and deleted."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class LandingResult:
    """What landing brought.

    Attributes:
        load_ids: Loads.
        events: Calls accepted.
        rejected: Calls rejected.
        files: Files looked at.
        unread: Those that could not be read, and why.
        passed_over: Folders of an archive that were not looked into, as they are old.
    """

    load_ids: tuple[str, ...] = ()
    events: int = 0
    rejected: int = 0
    files: int = 0
    unread: tuple[str, ...] = ()
    passed_over: int = 0

    @property
    def events_read(self) -> int:
        """Calls read, accepted or not."""
        return self.events + self.rejected


@dataclass(frozen=True)
class IdentityResult:
    """Counts of the identity commits of a sync."""

    duplicates: int = 0
    filtered: int = 0
    profiles_created: int = 0
    profiles_merged: int = 0
    violations: int = 0


@dataclass(frozen=True)
class Outcome:
    """A finished sync, as history shows it."""

    status: Status
    tables: tuple[TableResult, ...] = ()
    landing: LandingResult = field(default_factory=LandingResult)
    identity: IdentityResult = field(default_factory=IdentityResult)
    error: SyncError | None = None
    preparation_s: float = 0.0
    loading_s: float = 0.0

    @property
    def rows_synced(self) -> int:
        """Rows inserted, updated and deleted in public tables."""
        return sum(self.rows(group) for group in GROUPS)

    def rows(self, group: Group) -> int:
        """Rows synced into the tables of one group."""
        return sum(table.rows for table in self.tables if table.group == group)

    @property
    def failed_tables(self) -> tuple[TableResult, ...]:
        """Table steps that did not finish."""
        return tuple(table for table in self.tables if table.status is not Status.SUCCESS)


def conclude(
    tables: Sequence[TableResult] = (),
    *,
    landing: LandingResult | None = None,
    identity: IdentityResult | None = None,
    error: SyncError | None = None,
) -> Outcome:
    """Judge a sync by its table steps.

    No step failed: Success, also without rows. Some failed: Partial success when rows were synced, else Failed.
    Rejected events and other notices change nothing.

    Args:
        tables: The steps that were to run.
        landing: What landing brought.
        identity: What identity resolution did.
        error: A failure outside of the steps: before them (landing, dbt's start), or of dbt itself.

    Returns:
        The outcome; its error is `error`, else the first step's that failed by itself.
    """
    outcome = Outcome(
        Status.SUCCESS, tuple(tables), landing or LandingResult(), identity or IdentityResult(), error=error
    )
    bad = outcome.failed_tables
    if not bad and error is None:
        return outcome
    if error is None:
        causes = [table.error for table in bad if table.status is Status.FAILED and table.error]
        error = causes[0] if causes else SyncError("E_DBT", f"{bad[0].table} was not built")
    return replace(outcome, status=Status.PARTIAL if outcome.rows_synced else Status.FAILED, error=error)


def skipped(message: str, *, code: str = "E_LOCKED") -> Outcome:
    """Outcome of a sync that found another one running, or syncs disabled."""
    return Outcome(Status.SKIPPED, error=SyncError(code, message))


_ADAPTER: TypeAdapter[Outcome] = TypeAdapter(Outcome)


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain JSON values."""
    data: dict[str, Any] = _ADAPTER.dump_python(outcome, mode="json")
    return data


def from_json(data: dict[str, Any]) -> Outcome:
    """Return the outcome that `to_json` wrote."""
    return _ADAPTER.validate_python(data)
