"""What a sync and the commands ask of a warehouse themselves, beside dbt; the engines that run here are asked by whole syncs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from profiles_sync.home import Home
from profiles_sync.landing import LandingOptions
from profiles_sync.privacy.commands import suppress_users
from profiles_sync.privacy.erase import begin, strip
from profiles_sync.project import open_workplace
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.launch import reinfer_columns
from profiles_sync.sync.outcome import LandingResult, Outcome, Status, TableResult
from profiles_sync.sync.prune import prune
from profiles_sync.sync.store import bind, open_store
from support.dbt import Deployment, environment
from support.landing import call, track
from support.pipeline import Pipeline

START = datetime(2024, 5, 1, tzinfo=timezone.utc)
RECORD = SyncRecord(
    "run-1",
    Status.SUCCESS,
    START,
    START + timedelta(seconds=5),
    "schedule",
    Outcome(
        Status.SUCCESS,
        (TableResult("pages", "model.profiles_sync.pages", "event_type", Status.SUCCESS, inserted=3),),
        LandingResult(("load-1",), 9),
    ),
)


def test_bookkeeping(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment, LandingOptions(backfill_months=2))
    pipeline.configure(retention={"raw_events_days": 30})
    pipeline.land(
        [
            track("m1", "Cart Viewed", properties={"total": 7}),
            call("page", "m2"),
            call("alias", "m3", userId="u9", previousId="u1"),
            call("page", "m4", userId="u9"),
        ]
    )
    with environment(deployment.env):
        workplace = open_workplace(Home(deployment.home))
        bind(workplace)
        with open_store(workplace) as store:
            house = store.warehouse
            for sync_id in ("first", "second"):
                store.begin_sync(sync_id)
            assert house.query(f"select sync_id, consumed from {house.ops('current_sync')}") == [("second", 0)]
            assert store.forget_lost_tables(store.standing().tables) == []
            progress = store.progress()
            assert (progress.landed, progress.resolved, dict(progress.tables)) == (4, 0, {})
            assert {name: progress.registry[name] for name in ("cart_viewed", "pages")} == {
                "cart_viewed": 1,
                "pages": 4,
            }

            store.add(RECORD, space_id="profiles", next_sync_at=START)
            assert store.missing({"run-1", "run-2"}) == {"run-2"}
            copied = house.query(f"select table_name, rows_inserted from {house.ops('sync_run_tables')}")
            assert copied == [("pages", 3)]

            assert store.extend_backfill(datetime(1970, 1, 1), ["cart_viewed"]) == ["cart_viewed"]
            store.retype_column("cart_viewed", "total", "varchar")
            registered = f"select data_type from {house.ops('column_registry')} where table_name = 'cart_viewed'"
            assert house.query(registered) == [("varchar",)]
            assert reinfer_columns(workplace) == [("cart_viewed", "total", "varchar", "integer")]
            assert house.query(registered) == [("integer",)]

        assert suppress_users(workplace, ["u1", "u2"], suppressed=True) == 2
        # What was landed today and built nowhere stays; the sync of 2024 is beyond 400 days.
        gone = {each.what.split(".")[-1].strip('"`'): each.count for each in prune(workplace, dry_run=False)}
        assert (gone["sync_runs"], gone["sync_run_tables"], gone["raw_events"]) == (1, 1, 0)
        pipeline.build("--select", "stg_events")
        erased, _ = begin(workplace, ["u1"], whole_profile=False)
        assert erased == 3
        strip(workplace)
        with open_store(workplace) as store:
            kinds = store.warehouse.query(
                f"select type, count(*) from {store.warehouse.staging('raw_events')} group by type order by type"
            )
        assert kinds == [("erased", 3), ("page", 1)]
    report = pipeline.land([call("page", "m5"), call("page", "m6", userId="u3")])
    assert (report.landed, dict(report.rejected)) == (1, {"suppressed": 1})
