"""Rows by day and table: exact sums of the syncs of each day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from profiles_sync.sync.health import measure
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import Group, Status, TableResult, conclude, skipped

NOW = datetime(2024, 5, 30, 0, 30, tzinfo=timezone.utc)


def sync(hours_ago: float, *tables: tuple[str, Group | None, int]) -> SyncRecord:
    started = NOW - timedelta(hours=hours_ago)
    results = [TableResult(name, name, group, Status.SUCCESS, inserted=rows) for name, group, rows in tables]
    return SyncRecord(f"{hours_ago}", Status.SUCCESS, started, started, "schedule", conclude(results))


def test_rows_are_summed_by_day_group_and_table() -> None:
    started = NOW - timedelta(hours=3)
    records = [
        sync(0.25, ("pages", "event_type", 5), ("identity_events", None, 99)),
        sync(1, ("pages", "event_type", 7), ("id_graph", "identity_graph", 2)),
        SyncRecord("x", Status.SKIPPED, started, started, "schedule", skipped("busy")),
        sync(24 * 2 + 0.4, ("order_completed", "event", 6)),
        sync(24 * 3, ("pages", "event_type", 1000)),
    ]

    health = measure(records, NOW, days=3)

    assert [(str(day.day), day.rows_synced) for day in health.days] == [
        ("2024-05-28", 6),
        ("2024-05-29", 9),
        ("2024-05-30", 5),
    ]
    assert health.days[1].rows == {"event_type": 7, "identity_graph": 2}
    assert health.days[1].syncs == {Status.SUCCESS: 1, Status.SKIPPED: 1}
    assert [(table.table, table.rows.total()) for table in health.tables] == [
        ("pages", 12),
        ("order_completed", 6),
        ("id_graph", 2),
    ]
    assert [round(health.share(table), 2) for table in health.tables] == [0.6, 0.3, 0.1]
    data = health.to_json()
    assert data["rows_synced"] == 20
    assert data["tables"][0]["days"] == {"2024-05-29": 7, "2024-05-30": 5}


def test_a_sync_that_went_on_for_days_hides_none_of_those_skipped_meanwhile() -> None:
    long = SyncRecord("long", Status.SUCCESS, NOW - timedelta(days=4), NOW, "schedule", conclude())

    assert measure([long, sync(1, ("pages", "event_type", 7))], NOW, days=3).rows_synced == 7


def test_nothing_synced_is_no_division_by_zero() -> None:
    health = measure([], NOW)

    assert (len(health.days), health.rows_synced, health.tables) == (30, 0, ())
