"""The sample queries: each one compiled by dbt, run, and held against what the calls say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from support.dbt import ROOT, Deployment
from support.pipeline import Pipeline, as_text


def call(message_id: str, kind: str, at: str, **fields: Any) -> dict[str, Any]:
    moment = f"2024-05-{at}Z"
    return {"type": kind, "messageId": message_id, "receivedAt": moment, "timestamp": moment, **fields}


def update(message_id: str, at: str, status: str, subscription: str, **ids: str) -> dict[str, Any]:
    properties = {"id": subscription, "status": status}
    return call(message_id, "track", at, event="Subscription Updated", properties=properties, **ids)


# Ada on a laptop and on a phone, which turn out to be one; Ben has many addresses.
WEB = [
    call("p1", "page", "01T10:05:00", anonymousId="laptop", name="Home"),
    call("i1", "identify", "01T10:20:00", anonymousId="laptop", userId="ada", traits={"email": "ada@x.io", "vips": True}),
    call("i2", "identify", "01T11:00:00", userId="ben", traits={"email": "ben@x.io"}),
    update("s1", "01T11:10:00", "trial", "sub_1", userId="ada"),
    update("s2", "01T11:20:00", "active", "sub_1", userId="ada"),
    update("s3", "01T11:30:00", "trial", "sub_2", userId="ben"),
    call("i3", "identify", "01T12:00:00", userId="ben", traits={"email": "b@y.io"}),
]  # fmt: skip
PHONE = [
    call("p2", "page", "02T08:00:00", anonymousId="phone", name="Start"),
    call("i4", "identify", "02T08:30:00", anonymousId="phone", traits={"email": "ada@phone.io"}),
    call("i5", "identify", "02T09:00:00", anonymousId="phone", userId="ada", traits={"vips": False}),
    update("s4", "02T09:10:00", "paused", "sub_1", anonymousId="phone"),
    update("s5", "02T09:05:00", "trial", "sub_3", userId="ada"),
]  # fmt: skip


@pytest.fixture
def analyses(deployment: Deployment) -> dict[str, list[dict[str, str]]]:
    """Rows of each analysis as text; profiles are named by the message that created them."""
    pipeline = Pipeline(deployment)
    pipeline.land_all({"web": WEB, "ios": PHONE})
    pipeline.build()
    created = dict(
        deployment.query(
            "select triggering_event_id, segment_id from profiles.id_graph_updates where segment_id = canonical_segment_id"
        )
    )
    names = {segment: message for message, segment in created.items()}
    variables = {"sample_profile": created["p1"], "sample_audience": "vips", "sample_value_limit": 1}
    compiled = deployment.dbt("compile", "--select", "resource_type:analysis", "--vars", json.dumps(variables))
    found = {}
    for result in compiled.result.results:
        rows = _rows(deployment, result.node.compiled_code)
        found[result.node.name] = [
            {column: _named(as_text(value), names) for column, value in row.items()} for row in rows
        ]
    return found


def _rows(deployment: Deployment, query: str) -> list[Mapping[str, Any]]:
    deployment.query("drop table if exists profiles_ops.shown")
    deployment.query(f"create table profiles_ops.shown as {query}")
    return list(deployment.documents("profiles_ops.shown"))


def _named(text: str, names: Mapping[str, str]) -> str:
    for segment, name in names.items():
        text = text.replace(segment, name)
    return text


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_each_analysis(analyses: dict[str, list[dict[str, str]]]) -> None:
    shipped = {path.stem for path in (ROOT / "dbt_project" / "analyses").glob("*.sql")}
    assert set(analyses) == shipped
    assert len(shipped) == 9
    assert analyses["profiles_created_and_merged_per_hour"] == [
        {"hr": f"2024-05-{hour}:00:00", "profile_event": what, "triggering_event_type": kind, "event_count": "1"}
        for hour, what, kind in (
            ("01 10", "profile creation", "page"),
            ("01 11", "profile creation", "identify"),
            ("02 08", "profile creation", "page"),
            ("02 09", "profile merge", "identify"),
        )
    ]
    assert sorted(row["external_id_values"] for row in analyses["profiles_above_a_value_limit"]) == [
        "ada@phone.io, ada@x.io",
        "b@y.io, ben@x.io",
    ]
    assert {row["value_count"] for row in analyses["profiles_above_a_value_limit"]} == {"2"}
    # Before the phone's profile merged, it had a value of its own.
    assert sorted(
        (row["canonical_segment_id"], row["segment_id"], row["event_source_id"], row["trait"])
        for row in analyses["origin_of_a_trait"]
    ) == [("p1", "p1", "web", "ada@x.io"), ("p1", "p2", "ios", "ada@phone.io")]
    merged = {row["canonical_segment_id"]: row["associated_segment_ids"] for row in analyses["merged_ids_per_profile"]}
    assert {name: set(ids.split(", ")) for name, ids in merged.items()} == {"p1": {"p1", "p2"}, "i2": {"i2"}}
    assert {row["canonical_segment_id"]: row["associated_external_ids"] for row in analyses["identifiers_per_profile"]} == {
        "p1": "ada(user_id), ada@phone.io(email), ada@x.io(email), laptop(anonymous_id), phone(anonymous_id)",
        "i2": "b@y.io(email), ben(user_id), ben@x.io(email)",
    }  # fmt: skip
    traits = {row["canonical_segment_id"]: (row["email"], row["vips"]) for row in analyses["current_traits"]}
    assert traits == {"p1": ("ada@phone.io", "false"), "i2": ("b@y.io", "")}
    assert [(row["id"], row["name"], row["canonical_segment_id"]) for row in analyses["pages_of_a_person"]] == [
        ("p1", "Home", "p1"),
        ("p2", "Start", "p1"),
    ]
    assert [(row["canonical_segment_id"], row["audience"], row["timestamp"]) for row in analyses["history_of_an_audience"]] == [
        ("p1", "true", "2024-05-01 10:20:00"),
        ("p1", "false", "2024-05-02 09:00:00"),
    ]  # fmt: skip
    statuses = {
        (row["canonical_segment_id"], row["subscription_id"]): (row["status"], row["updated_at"])
        for row in analyses["latest_subscription_status"]
    }
    assert statuses == {
        ("p1", "sub_1"): ("paused", "2024-05-02 09:10:00"),
        ("p1", "sub_3"): ("trial", "2024-05-02 09:05:00"),
        ("i2", "sub_2"): ("trial", "2024-05-01 11:30:00"),
    }
