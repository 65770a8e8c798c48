"""A run that another sync has followed writes nothing, and a clock that jumps takes nothing away."""

from __future__ import annotations

import pytest

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.sync.store import open_store
from support.dbt import DbtFailedError, Deployment, environment
from support.landing import call, track
from support.pipeline import Pipeline
from support.places import Place
from support.postgres import PostgresDatabase


def begin_sync(deployment: Deployment, sync_id: str) -> None:
    with environment(deployment.env), open_store(open_workplace(Home(deployment.home))) as store:
        store.begin_sync(sync_id)


def test_an_orphan_writes_nothing(place: Place, postgres_database: PostgresDatabase) -> None:
    deployment = Deployment(place.home, "postgres", place.target("postgres"), postgres_database)
    pipeline = Pipeline(deployment)
    pipeline.sync([call("page", "m1"), track("m2", "Cart Viewed")])
    before = pipeline.contents()
    commits = deployment.query("select count(*) from profiles_staging.identity_resolution")
    pipeline.land([call("page", "m3"), track("m4", "Cart Viewed")])
    begin_sync(deployment, "the orphan")
    # Another sync takes over while this one resolves identities.
    deployment.query(
        "create function public.take_over() returns trigger language plpgsql as $$ begin "
        "update profiles_ops.current_sync set sync_id = 'another'; return null; end $$;"
        "create trigger take_over after insert on profiles_staging.identity_events execute function public.take_over()"
    )

    with environment({"PROFILES_SYNC_RUN_ID": "the orphan"}), pytest.raises(DbtFailedError) as refused:
        pipeline.build()

    assert "identity_resolution: " in str(refused.value)
    assert "another sync has taken over this space" in str(refused.value)
    assert deployment.query("select count(*) from profiles_staging.identity_resolution") == commits
    assert pipeline.contents() == before

    # One that starts too late leaves the other one's mark alone.
    deployment.query("drop trigger take_over on profiles_staging.identity_events; drop function public.take_over()")
    begin_sync(deployment, "the sync that followed")
    with environment({"PROFILES_SYNC_RUN_ID": "the orphan"}), pytest.raises(DbtFailedError):
        pipeline.build()
    mark = "select sync_id, consumed from profiles_ops.current_sync"
    assert deployment.query(mark) == [("the sync that followed", 0)]
    assert pipeline.contents() == before

    with environment({"PROFILES_SYNC_RUN_ID": "the sync that followed"}):
        pipeline.build()
    assert deployment.query("select id from profiles.pages order by id") == [("m1",), ("m3",)]
    assert deployment.query("select id from profiles.cart_viewed order by id") == [("m2",), ("m4",)]


@pytest.mark.slow
def test_a_clock_that_was_set_back_marks_later_syncs_later(place: Place) -> None:
    deployment = Deployment(place.home, "duckdb", place.target("duckdb"))
    pipeline = Pipeline(deployment)
    pipeline.sync([call("page", "m1")])
    # As if the clock had stood in 2099 for one sync and one load.
    deployment.query("update profiles_ops.current_sync set uuid_ts = timestamp '2099-01-01', consumed = 1")
    deployment.query("update profiles_ops.loads set loaded_at = timestamp '2099-01-01'")
    pipeline.land([call("page", "m2")])
    begin_sync(deployment, "after the jump")
    pipeline.build()

    marks = dict(deployment.query("select id, uuid_ts from profiles.pages"))
    assert f"{marks['m2']:%Y-%m-%d %H:%M:%S.%f}" == "2099-01-01 00:00:00.000001"
    loads = [str(moment) for (moment,) in deployment.query("select loaded_at from profiles_ops.loads order by 1")]
    assert loads == ["2099-01-01 00:00:00", "2099-01-01 00:00:00.000001"]
    # The clock of windows is the calls' arrival, no later than their landing.
    assert deployment.query("select count(distinct clock_ms) from profiles_staging.identity_resolution") == [(1,)]
