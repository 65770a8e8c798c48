"""A run that another sync has followed, on any engine."""

from __future__ import annotations

from typing import Any

import pytest

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.sync.store import open_store
from support.dbt import DbtFailedError, Deployment, environment
from support.landing import call, track
from support.pipeline import Pipeline


def build_as(deployment: Deployment, sync_id: str, *models: str, overtaken: bool = False) -> None:
    """Run dbt as a sync; another one takes over when the last of the models sends its first statement."""
    with environment(deployment.env), open_store(open_workplace(Home(deployment.home))) as store:
        store.begin_sync(sync_id)
    nodes = []

    def take_over(event: Any) -> None:
        if event.info.name == "SQLQuery":
            nodes.append(event.data.node_info.node_name)
            if overtaken and nodes[-1] == models[-1] and nodes.count(models[-1]) == 1:
                deployment.query("update profiles_ops.current_sync set sync_id = 'another' where sync_id is not null")

    with environment({"PROFILES_SYNC_RUN_ID": sync_id}):
        deployment.dbt("run", "--select", *models, callbacks=[take_over])


def require_that_an_overtaken_run_writes_nothing(deployment: Deployment) -> None:
    """Overtake identity, an event table and a table of the present state, each once, and let the sync that follows end their work."""
    pipeline = Pipeline(deployment)
    pipeline.land([call("page", "m1"), track("m2", "Cart Viewed")])
    every_model = ("stg_events", "identity_resolution", "pages", "id_graph")
    build_as(deployment, "first", *every_model)
    # Table, its query, and its watermark.
    tables = {
        "identity_resolution": ("select max(to_event_no) from profiles_staging.identity_resolution", 2),
        "pages": ("select count(*) from profiles.pages", 1),
        "id_graph": ("select count(*) from profiles.id_graph", 1),
    }
    watermark = "select max(last_event_no) from profiles_ops.table_state where table_name = '{}'"

    pipeline.land([call("page", "m3", userId="u2")])
    for table, (query, before) in tables.items():
        with pytest.raises(DbtFailedError, match=f"(?s){table}: .*another sync has taken over this space"):
            build_as(deployment, f"overtaken in {table}", table, overtaken=True)
        assert deployment.query(query) == [(before,)]
        if table == "identity_resolution":
            assert deployment.query("select count(*) from profiles_staging.identity_events") == [(2,)]
            build_as(deployment, "resolves identities", table)
        else:
            assert deployment.query(watermark.format(table)) == [(2,)]

    build_as(deployment, "the sync that followed", *every_model)
    assert [deployment.query(query) for query, _ in tables.values()] == [[(3,)], [(2,)], [(2,)]]
