"""Rows synced by day and table: whether the warehouse is as busy as it uses to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import GROUPS, Group, Status


@dataclass(frozen=True)
class Day:
    """One day, UTC: rows synced by group, syncs by status."""

    day: date
    rows: Counter[Group]
    syncs: Counter[Status]

    @property
    def rows_synced(self) -> int:
        """Rows synced into public tables."""
        return self.rows.total()


@dataclass(frozen=True)
class TableHealth:
    """One public table: its group, and its rows synced by day."""

    table: str
    group: Group
    rows: Counter[date]


@dataclass(frozen=True)
class Health:
    """Every day of a span, oldest first, and every table that got rows in it, the busiest first."""

    days: tuple[Day, ...]
    tables: tuple[TableHealth, ...]

    @property
    def rows_synced(self) -> int:
        """Rows synced in the whole span."""
        return sum(day.rows_synced for day in self.days)

    def share(self, table: TableHealth) -> float:
        """Return a table's part of all rows, from 0 to 1."""
        return table.rows.total() / self.rows_synced if self.rows_synced else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "rows_synced": self.rows_synced,
            "days": [
                {
                    "day": day.day.isoformat(),
                    "rows_synced": day.rows_synced,
                    "rows": {group: day.rows[group] for group in GROUPS},
                    "syncs": {status.value: count for status, count in day.syncs.items()},
                }
                for day in self.days
            ],
            "tables": [
                {
                    "table": table.table,
                    "group": table.group,
                    "rows_synced": table.rows.total(),
                    "share": round(self.share(table), 4),
                    "days": {day.isoformat(): rows for day, rows in sorted(table.rows.items())},
                }
                for table in self.tables
            ],
        }


def measure(records: Iterable[SyncRecord], now: datetime, *, days: int = 30) -> Health:
    """Count what syncs brought, day by day.

    Args:
        records: The syncs that ended, the last one first. A sync counts on the day that it started.
        now: The time, UTC.
        days: How many days, today included.
    """
    span = [now.date() - timedelta(days=back) for back in reversed(range(days))]
    found = {day: Day(day, Counter(), Counter()) for day in span}
    tables: dict[tuple[str, Group], Counter[date]] = {}
    for record in records:
        day = found.get(record.started_at.date())
        if day is None:
            # One that began before the span may have ended after others that began in it.
            if (record.finished_at or record.started_at).date() < span[0]:
                break
            continue
        day.syncs[record.status] += 1
        for table in record.outcome.tables if record.outcome else ():
            if table.group is not None and table.rows:
                day.rows[table.group] += table.rows
                tables.setdefault((table.table, table.group), Counter())[day.day] += table.rows
    listed = [TableHealth(name, group, rows) for (name, group), rows in tables.items()]
    return Health(tuple(found.values()), tuple(sorted(listed, key=lambda each: (-each.rows.total(), each.table))))
