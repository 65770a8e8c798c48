"""What `prune` removes, and what it must keep."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.home import Home
from profiles_sync.privacy.commands import delete_users
from profiles_sync.privacy.requests import Action, RequestStatus, record
from profiles_sync.project import open_workplace
from profiles_sync.sync import history
from profiles_sync.sync.launch import extend_backfill, retype_column
from profiles_sync.sync.progress import SilentReporter
from profiles_sync.sync.prune import prune, pruned_events
from profiles_sync.sync.store import bind
from profiles_sync.warehouse import open_warehouse
from support.dbt import Deployment, environment
from support.landing import call, track
from support.pipeline import Pipeline
from support.places import Place

OLD = "now()::timestamp - interval 401 day"
RECENT = "now()::timestamp - interval 399 day"


@pytest.fixture
def pipeline(place: Place) -> Iterator[Pipeline]:
    deployment = Deployment(place.home, "duckdb", place.target("duckdb"))
    with environment(deployment.env):
        yield Pipeline(deployment)


@dg.op
def nothing() -> None:
    pass


@dg.job(tags={history.SYNC_TAG: "true"})
def a_sync() -> None:
    nothing()


def runs(home: Path) -> set[str]:
    with history.open_instance(Home(home)) as instance:
        return {run.run_id for run in instance.get_runs()}


def test_it_keeps_within_the_retention(pipeline: Pipeline) -> None:
    deployment = pipeline.deployment
    pipeline.configure(retention={"raw_events_days": 30})
    pipeline.sync([call("page", "m1", properties={"total": 1}), call("page", "m2"), b"no json"])
    with history.open_instance(Home(deployment.home)) as instance:
        copied, not_copied, recent = (a_sync.execute_in_process(instance=instance).run_id for _ in range(3))
    with sqlite3.connect(deployment.home / "dagster" / "history" / "runs.db") as database:
        for run_id in (copied, not_copied):
            database.execute("update runs set create_timestamp = '2024-01-01 00:00:00' where run_id = ?", [run_id])
    for run_id, moment in ((copied, OLD), (recent, RECENT)):
        deployment.query(f"insert into profiles_ops.sync_runs (run_id, finished_at) values ('{run_id}', {moment})")
        deployment.query(f"insert into profiles_ops.sync_run_tables (run_id, table_name) values ('{run_id}', 'pages')")
        deployment.query(f"insert into profiles_ops.notices (notice, noticed_at) values ('{run_id}', {moment})")
    deployment.query(f"update profiles_ops.rejected_events set rejected_at = {OLD}")
    deployment.query("update profiles_staging.raw_events set landed_on = current_date - 31 where message_id = 'm1'")
    # Landed and not built yet: it stays, however old.
    pipeline.land([call("page", "m3")])
    deployment.query("update profiles_staging.raw_events set landed_on = current_date - 31 where message_id = 'm3'")
    artifacts = deployment.home / "target" / "runs"
    for number in range(12):
        (artifacts / str(number)).mkdir(parents=True)
        os.utime(artifacts / str(number), (number, number))
    expected = {
        "sync_runs": 1, "sync_run_tables": 1, "notices": 1, "rejected_events": 1, "identity_violations": 0,
        "raw_events": 1, "Dagster runs": 1, "dbt artifacts": 2,
    }  # fmt: skip
    workplace = open_workplace(Home(deployment.home))
    bind(workplace)
    ledger = deployment.query("select * from profiles_ops.landed_files order by 1")

    told = prune(workplace, dry_run=True)
    assert {each.what.split(".")[-1].strip('"'): each.count for each in told} == expected
    assert len(deployment.query("select * from profiles_staging.raw_events")) == 3
    assert runs(deployment.home) == {copied, not_copied, recent}

    assert prune(workplace, dry_run=False) == told
    assert deployment.query("select run_id from profiles_ops.sync_runs") == [(recent,)]
    assert deployment.query("select run_id from profiles_ops.sync_run_tables") == [(recent,)]
    notices = "select notice from profiles_ops.notices where length(notice) = 36"
    assert deployment.query(notices) == [(recent,)]
    assert deployment.query("select count(*) from profiles_ops.rejected_events") == [(0,)]
    landed = "select message_id from profiles_staging.raw_events order by 1"
    assert deployment.query(landed) == [("m2",), ("m3",)]
    # The warehouse does not know the other old one yet.
    assert runs(deployment.home) == {not_copied, recent}
    assert sorted(path.name for path in artifacts.iterdir()) == sorted(str(number) for number in range(2, 12))
    assert deployment.query("select * from profiles_ops.landed_files order by 1") == ledger

    with open_warehouse(workplace.target) as warehouse:
        assert pruned_events(warehouse) == 1
    # An erasure would have to rebuild: nothing of it is begun, and syncs go on.
    with pytest.raises(ProfilesSyncError, match=r"1 landed calls were pruned.*\n.*nothing was erased"):
        delete_users(workplace, SilentReporter(), ["u1"], whole_profile=False)
    assert deployment.query("select count(*) from profiles_ops.privacy_requests") == [(0,)]
    # The same holds for a column of another type, and for a backfill that goes back to what is gone.
    pages = "select data_type from profiles_ops.column_registry where table_name = 'pages' and column_name = 'total'"
    with pytest.raises(ProfilesSyncError, match="1 landed calls were pruned"):
        retype_column(workplace, "pages", "total", "varchar")
    assert deployment.query(pages) == [("integer",)]
    with pytest.raises(ProfilesSyncError, match=r"1 landed calls were pruned.*\n?.*--since 20"):
        extend_backfill(workplace, datetime(1970, 1, 1), [])
    assert deployment.query("select count(*) from profiles_ops.backfill_boundaries") == [(1,)]
    pipeline.build()
    assert deployment.query("select id from profiles.pages order by 1") == [("m1",), ("m2",), ("m3",)]
    # Once it is built, the other old call goes too.
    assert [each.what for each in prune(workplace, dry_run=True) if each.count] == [told[5].what]
    # Nor does a call go that an erasure will rebuild from.
    with open_warehouse(workplace.target) as warehouse:
        record(warehouse, Action.DELETE, ["u1"], RequestStatus.RUNNING, 1)
    with pytest.raises(ProfilesSyncError, match="an erased user"):
        prune(workplace, dry_run=False)
    assert deployment.query("select count(*) from profiles_staging.raw_events") == [(2,)]


@pytest.mark.slow
def test_a_table_without_news_holds_no_call_back(pipeline: Pipeline) -> None:
    deployment = pipeline.deployment
    pipeline.configure(retention={"raw_events_days": 30})
    pipeline.sync([track("m1", "Cart Viewed")])
    workplace = open_workplace(Home(deployment.home))
    bind(workplace)

    def after(calls: list[dict[str, Any]]) -> int:
        """Calls that go after a sync that did not build the table."""
        pipeline.land(calls)
        pipeline.build("--exclude", "event__cart_viewed")
        deployment.query("update profiles_staging.raw_events set landed_on = current_date - 31")
        return next(each.count for each in prune(workplace, dry_run=True) if "raw_events" in each.what)

    assert after([call("page", "m2")]) == 2
    # With news that it failed to take, it does.
    assert after([track("m3", "Cart Viewed"), call("page", "m4")]) == 1
