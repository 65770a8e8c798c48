"""The copy of the history in the warehouse."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from profiles_sync.home import Home
from profiles_sync.landing import prepare_space
from profiles_sync.project import open_workplace
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import LandingResult, Outcome, Status, TableResult
from profiles_sync.sync.store import Store
from profiles_sync.warehouse import open_warehouse
from support.dbt import Deployment, environment
from support.marks import slow_on


@slow_on("postgres")
def test_notices_of_a_sync_and_its_loads_are_counted_by_table(deployment: Deployment) -> None:
    with environment(deployment.env):
        workplace = open_workplace(Home(deployment.home))
        prepare_space(workplace)
        start = datetime(2024, 5, 1, tzinfo=timezone.utc)
        tables = tuple(
            TableResult(name, f"model.profiles_sync.{name}", "event_type", Status.SUCCESS)
            for name in ("pages", "tracks", "screens")
        )
        outcome = Outcome(Status.SUCCESS, tables, LandingResult(("load-1", "load-2"), 9))
        with open_warehouse(workplace.target) as warehouse:
            columns = ["sync_id", "notice", "table_name", "occurrences"]
            rows = [
                ("load-1", "value_cast_failed", "pages", 3),
                ("load-2", "column_limit", "pages", 2),
                ("run-1", "row_check", "tracks", 1),
                ("run-0", "row_check", "tracks", 8),
                ("load-1", "bad_container", None, 7),
            ]
            warehouse.insert(warehouse.ops("notices"), columns, rows)
            record = SyncRecord("run-1", Status.SUCCESS, start, start + timedelta(seconds=5), "schedule", outcome)
            Store(warehouse).add(record, space_id="profiles", next_sync_at=None)

    counted = deployment.query("select table_name, notices from profiles_ops.sync_run_tables where run_id = 'run-1'")
    assert dict(counted) == {"pages": 5, "tracks": 1, "screens": 0}
