"""What is synced of the events: selected tables and columns, filters, the backfill window, and more of it later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.sync.store import open_store
from support.dbt import Deployment, environment
from support.pipeline import Pipeline

pytestmark = pytest.mark.slow


def call(message_id: str, kind: str, received: str = "2024-05-01", **fields: Any) -> dict[str, Any]:
    moment = f"{received}T10:00:00.000Z"
    user = fields.pop("user", "u1")
    return {"type": kind, "messageId": message_id, "userId": user, "receivedAt": moment, "timestamp": moment, **fields}


def load(number: int) -> list[dict[str, Any]]:
    """A load with something for every kind of table; user `n` of each load merges with the first one's device."""
    day = f"2024-05-0{number}"
    properties = {"coupon": f"c{number}", "total": number, "Coupon": f"C{number}"}
    return [
        call(f"p{number}", "page", day, name=f"Page {number}", anonymousId="device"),
        call(f"t{number}", "track", day, event="Order Completed", properties=properties),
        call(f"x{number}", "track", day, event="Test Ping", properties={}),
        call(f"i{number}", "identify", day, traits={"plan": f"plan{number}", "city": f"city{number}"}),
        call(f"n{number}", "identify", day, user=f"new{number}", traits={"plan": "x"}, anonymousId=f"own{number}"),
        # No row, where the call's own wish is honoured.
        call(f"w{number}", "page", day, integrations={"Warehouses": {"all": False}}),
    ]


def ids(pipeline: Pipeline, table: str) -> set[str]:
    rows = pipeline.deployment.query(f"select id from {pipeline.deployment.space}.{table}")
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0] for row in rows}


def test_selected_tables_and_columns(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    query = deployment.query
    pipeline.configure(selective_sync={"tables": {"screens": False}})
    pipeline.sync(load(1))
    pipeline.configure(
        selective_sync={
            "tables": {
                "pages": False,
                "order_completed": {"columns": {"coupon": False}},
                "profile_traits_updates": {"columns": {"city": False}},
                "id_graph_updates": False,
                "test_ping": False,
            }
        },
        event_filters=["message_id = 'n2'"],
        honor_warehouse_opt_out=True,
    )
    pipeline.sync(load(2))
    assert ids(pipeline, "pages") == {"p1", "w1"}
    assert ids(pipeline, "test_ping") == {"x1"}
    assert ids(pipeline, "tracks") == {"t1", "x1", "t2", "x2"}
    # A filtered call is nowhere, and makes no profile.
    assert ids(pipeline, "identifies") == {"i1", "n1", "i2"}
    assert query("select count(*) from profiles_staging.identity_profiles") == [(2,)]
    assert query("select id, coupon, total, _overflow from profiles.order_completed order by id") == [
        ("t1", "c1", 1, '{"[\\"properties\\",\\"Coupon\\"]":"C1"}'),
        ("t2", None, 2, None),
    ]
    pipeline.configure(
        selective_sync={"default": False, "tables": {"pages": True, "id_graph_updates": True, "id_graph": True}},
        honor_warehouse_opt_out=True,
    )
    pipeline.sync(load(3))
    assert ids(pipeline, "pages") == {"p1", "w1", "p3"}
    assert ids(pipeline, "tracks") == {"t1", "x1", "t2", "x2"}
    # The present state has what came while it stood still.
    assert query("select count(*) from profiles.id_graph") == [(3,)]
    assert query("select count(*) from profiles.id_graph_updates") == [(3,)]
    assert query("select count(*) from profiles.profile_merges") == [(2,)]

    pipeline.configure(honor_warehouse_opt_out=False)
    pipeline.sync(load(4))
    assert ids(pipeline, "pages") == {"p1", "w1", "p3", "p4", "w4"}
    assert ids(pipeline, "order_completed") == {"t1", "t2", "t4"}
    assert ids(pipeline, "test_ping") == {"x1", "x4"}
    assert query("select count(*) from profiles.profile_merges") == [(4,)]
    assert query("select triggering_event_id, plan, city from profiles.profile_traits_updates order by seq") == [
        ("i1", "plan1", "city1"),
        ("n1", "x", None),
        ("i2", "plan2", None),
        ("i4", "plan4", "city4"),
        ("n4", "x", None),
    ]
    # Whatever was off in between: traits are what the calls say.
    assert query("select name, value from profiles.user_traits where value like '%4' order by 1") == [
        ("city", "city4"),
        ("plan", "plan4"),
    ]

    pipeline.configure(selective_sync={"tables": {"user_traits": False}})
    pipeline.sync(load(5))
    before = pipeline.contents()
    assert not any("plan5" in row for row in before["user_traits"])
    pipeline.rebuild()
    # The gaps are in the rebuilt tables too, and what stands still was not touched.
    assert pipeline.contents() == before
    pipeline.configure()
    pipeline.sync(load(6))
    assert query("select name, value from profiles.user_traits where value like '%6' order by 1") == [
        ("city", "city6"),
        ("plan", "plan6"),
    ]


HISTORY = [
    call("old1", "page", "2022-03-01", name="Old"),
    call("old2", "track", "2022-03-01", event="Order Completed", properties={"total": 1, "ancient": "a"}),
    call("old3", "track", "2022-03-01", event="Old Thing", properties={}),
    call("old4", "identify", "2022-03-01", traits={"plan": "first"}, anonymousId="device"),
    call("mid1", "page", "2024-02-29", name="Middle", anonymousId="device", user=None),
    call("mid2", "track", "2024-02-29", event="Order Completed", properties={"total": 2}),
    call("new1", "page", "2024-03-31", name="New"),
    call("new2", "track", "2024-04-30", event="Order Completed", properties={"total": 3}),
]
LATER = [
    call("late1", "page", "2022-04-01", name="Late and old"),
    call("late2", "track", "2024-05-02", event="Order Completed", properties={"total": 4}),
]


def extend(pipeline: Pipeline, since: datetime, *tables: str) -> list[str]:
    with environment(pipeline.deployment.env):
        workplace = open_workplace(Home(pipeline.deployment.home))
        with open_store(workplace) as store:
            found = store.extend_backfill(since, tables)
            assert (store.progress().unfilled == set()) == (found == [])
            return found


@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_history_of_event_tables(deployment: Deployment, tmp_path: Path) -> None:
    def pipeline_of(deployment: Deployment, months: Any) -> Pipeline:
        pipeline = Pipeline(deployment)
        pipeline.options = replace(pipeline.options, backfill_months=months)
        pipeline.configure(space_id="demo")
        pipeline.sync(HISTORY, now=datetime(2024, 5, 1))
        return pipeline

    pipeline = pipeline_of(deployment, 2)
    # Two months before the newest call of the first load: 29 February, to the second.
    assert ids(pipeline, "pages") == {"mid1", "new1"}
    assert ids(pipeline, "order_completed") == {"mid2", "new2"}
    assert ids(pipeline, "old_thing") == ids(pipeline, "identifies") == set()
    # Profiles and traits are made of everything.
    assert deployment.query("select value from profiles.user_traits") == [("first",)]
    assert deployment.query("select count(*) from profiles.pages where segment_id is null") == [(0,)]
    pipeline.sync(LATER, now=datetime(2024, 5, 2, 12))
    assert ids(pipeline, "pages") == {"mid1", "new1"}
    assert ids(pipeline, "order_completed") == {"mid2", "new2", "late2"}

    assert extend(pipeline, datetime(2022, 3, 15), "pages") == ["pages"]
    pipeline.build()
    assert ids(pipeline, "pages") == {"mid1", "new1", "late1"}
    assert ids(pipeline, "order_completed") == {"mid2", "new2", "late2"}
    # There already; and again.
    assert extend(pipeline, datetime(2022, 3, 16), "pages") == []
    pipeline.build()
    assert extend(pipeline, datetime(2022, 1, 1)) == [""]
    pipeline.land([call("last", "page", "2024-05-03", name="With the backfill")], now=datetime(2024, 5, 3, 12))
    pipeline.build()
    pipeline.build()
    found = pipeline.contents()
    assert ids(pipeline, "pages") == {"old1", "mid1", "new1", "late1", "last"}
    pipeline.rebuild()
    assert pipeline.contents() == found

    # Equal to a space that had all of it from the start.
    home = tmp_path / "whole" / "home"
    home.mkdir(parents=True)
    whole = pipeline_of(replace(deployment, home=home, space="whole", parse_cache=tmp_path / "target"), "all")
    whole.sync(LATER, now=datetime(2024, 5, 2, 12))
    whole.sync([call("last", "page", "2024-05-03", name="With the backfill")], now=datetime(2024, 5, 3, 12))
    assert whole.contents() == found


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_tests_of_tables_that_stand_still(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)

    def failing() -> set[str]:
        result = deployment.dbt("test", "--select", "test_type:singular", check=False)
        return {node.node.name for node in result.result.results if str(node.status) in ("fail", "error")}

    def tests(number: int, off: list[str]) -> set[str]:
        """The dbt tests that fail after a sync with a new profile, a merge of two and a trait, some tables off."""
        pipeline.configure(selective_sync={"tables": dict.fromkeys(off, False)})
        times = {"receivedAt": f"2024-05-{number:02}T10:00:00Z", "timestamp": f"2024-05-{number:02}T10:00:00Z"}
        identify = {"type": "identify", "traits": {"plan": f"p{number}", "email": "same@x.io"}} | times
        page = {"type": "page", "messageId": f"m{number}", "anonymousId": f"a{number}"} | times
        pipeline.sync([page, identify | {"messageId": f"n{number}", "anonymousId": f"a{number}"}])
        return failing()

    assert tests(1, []) == set()
    assert tests(2, ["id_graph"]) == set()
    assert tests(3, ["user_traits", "external_id_mapping", "profile_merges"]) == set()
    assert tests(4, ["id_graph_updates", "profile_traits_updates"]) == set()
    # What is present is whole again; the changes meanwhile are not in their tables.
    assert tests(5, []) == set()
    assert tests(6, ["id_graph"]) == set()
    deployment.query("update profiles.user_traits set value = 'wrong' where name = 'plan'")
    assert failing() == {"user_traits_agrees_with_profile_traits"}
