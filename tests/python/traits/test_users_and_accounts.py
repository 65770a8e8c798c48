"""The tables `users` and `accounts`, which are off by default: the newest traits by raw id, whatever profile has them."""

from __future__ import annotations

from typing import Any

import pytest

from support.dbt import Deployment
from support.pipeline import Pipeline
from traits.calls import call, identify

# Models that are switched on and off are parsed anew each time.
pytestmark = pytest.mark.slow

MODELS = "users accounts user_id_traits group_id_traits users_and_groups_have_one_row_per_path"

FIRST = [
    identify("m1", "2024-01-01", {"plan": "pro", "address": {"city": "Oslo", "geo": {"lat": 1.5}}}, userId="u1"),
    identify("m2", "2024-01-03", {"plan": "max"}, userId="u1", anonymousId="a1"),
    identify("m3", "2024-01-03", {"plan": "basic"}, anonymousId="a2"),
    identify("m4", "2024-01-03", userId="u2", anonymousId="a2"),
    call(
        "group",
        "m5",
        "2024-01-03",
        traits={"name": "Acme", "size": 5, "seat": {"city": "Rome"}},
        groupId="g1",
        userId="u1",
    ),
    call("group", "m6", "2024-01-03", traits={"name": "Nobody"}, userId="u1"),
]
SECOND = [
    # Late: newer values stay, and what only it says is taken.
    identify("m7", "2024-01-04", {"plan": "old", "vip": True}, at="2024-01-02", userId="u1"),
    identify("m2", "2024-01-04", {"plan": "twice"}, userId="u1"),
    identify("m8", "2024-01-05", {"address": None}, userId="u1"),
    identify("m9", "2024-01-05", {"plan": 1, "id": "own"}, userId=7),
    call("track", "m10", "2024-01-06", userId="u2"),
    call("group", "m11", "2024-01-06", traits={"size": 6.5, "seat": None, "id": "own"}, groupId="g1", userId="u1"),
    call("group", "m12", "2024-01-06", traits={"name": None}, groupId=12, userId="u1"),
]  # fmt: skip


def users(pipeline: Pipeline) -> dict[str, tuple[Any, ...]]:
    names = ["id", "plan", "address_city", "address_geo_lat", "vip", "received_at", "timestamp"]
    return {row["id"]: tuple(row[name] for name in names[1:]) for row in pipeline.rows("users", names, "id")}


def accounts(pipeline: Pipeline, *more: str) -> dict[str, tuple[Any, ...]]:
    names = ["id", "name", "size", "seat_city", *more]
    return {row["id"]: tuple(row[name] for name in names[1:]) for row in pipeline.rows("accounts", names, "id")}


def test_newest_traits_by_raw_id(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.configure(enable_users_accounts=True)
    pipeline.land(FIRST)
    pipeline.build()
    assert pipeline.columns("users").keys() == {
        "id", "plan", "address_city", "address_geo_lat", "received_at", "uuid_ts", "timestamp",
    }  # fmt: skip
    assert accounts(pipeline) == {"g1": ("Acme", "5", "Rome")}

    pipeline.land(SECOND)
    pipeline.build()
    day = "2024-01-{:02} 00:00:00".format
    # u2 and the device with a plan are one person; by raw id u2 has no plan.
    assert users(pipeline) == {
        "u1": ("max", "", "", "true", day(5), day(5)),
        "u2": ("", "", "", "", day(3), day(3)),
        "7": ("1", "", "", "", day(5), day(5)),
    }
    assert accounts(pipeline, "_id") == {"g1": ("Acme", "6.5", "", "own"), "12": ("", "", "", "")}
    deployment.dbt("test", "--select", MODELS)


@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_off_on_and_rebuilt(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync(FIRST)
    assert not pipeline.columns("users")
    assert not pipeline.columns("accounts")

    # Switched on later, they have what came before.
    pipeline.configure(enable_users_accounts=True)
    pipeline.sync(SECOND)
    before = pipeline.contents()
    assert {*users(pipeline)} == {"u1", "u2", "7"}
    assert accounts(pipeline) == {"g1": ("Acme", "6.5", ""), "12": ("", "", "")}
    pipeline.rebuild()
    assert pipeline.contents() == before

    # A rebuild does not leave what it has not replayed: a call may have been erased since.
    pipeline.configure(enable_users_accounts=False)
    pipeline.rebuild()
    assert {*before} - {*pipeline.contents()} == {"users", "accounts"}
