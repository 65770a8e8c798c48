"""Three syncs, the third with a new column, one that gets wider, and a merge: the same contents on every engine."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import pytest

from support.dbt import Deployment
from support.pipeline import Pipeline

ODD = "it's \\ 100% ? 😀 é "


def call(message_id: str, minute: int, kind: str, **fields: Any) -> dict[str, Any]:
    at = f"2024-05-01T10:{minute:02}:00.123456Z"
    times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
    return {"type": kind, "messageId": message_id, **times, **fields}


def order(message_id: str, minute: int, user: str, **properties: Any) -> dict[str, Any]:
    return call(message_id, minute, "track", event="Order Completed", userId=user, properties=properties)


SYNCS = [
    [
        call("m1", 1, "identify", anonymousId="a1", traits={"email": "jane@example.com", "age": 7}),
        order("m2", 2, "u1", total=10),
        # Blanks at the end and case make another user.
        order("m3", 3, "u1 ", total=11),
        order("m4", 4, "U1", total=12),
    ],
    [order("m5", 11, "u1", total=13), order("m2", 12, "u1", total=99)],
    [
        # A fraction in an integer's column, a new column, and the e-mail address that unites two profiles.
        order("m6", 21, "u1", total=7.5, note=ODD),
        call("m7", 22, "identify", userId="u1", traits={"email": "jane@example.com", "age": None, "plan": ODD}),
    ],
]


def profile(message_id: str) -> str:
    """The id of the profile that a message created."""
    return "use_" + hashlib.sha256(f"demo:{message_id}".encode()).hexdigest()[:27]


def moment(minute: int) -> str:
    return str(datetime(2024, 5, 1, 10, minute, 0, 123456))


@pytest.mark.slow
def test_three_syncs(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.configure(space_id="demo")
    for calls in SYNCS:
        pipeline.sync(calls)

    def rows(table: str, *columns: str) -> list[list[str]]:
        found = pipeline.rows(table, columns, order_by="1")
        return sorted(list(row.values()) for row in found)

    assert rows("order_completed", "id", "segment_id", "user_id", "total", "note", "received_at", "event_text") == [
        ["m2", profile("m2"), "u1", "10.0", "", moment(2), "Order Completed"],
        ["m3", profile("m3"), "u1 ", "11.0", "", moment(3), "Order Completed"],
        ["m4", profile("m4"), "U1", "12.0", "", moment(4), "Order Completed"],
        ["m5", profile("m2"), "u1", "13.0", "", moment(11), "Order Completed"],
        ["m6", profile("m2"), "u1", "7.5", ODD, moment(21), "Order Completed"],
    ]
    assert rows("id_graph", "segment_id", "canonical_segment_id", "timestamp") == sorted(
        [
            [profile("m1"), profile("m1"), moment(1)],
            [profile("m2"), profile("m1"), moment(22)],
            [profile("m3"), profile("m3"), moment(3)],
            [profile("m4"), profile("m4"), moment(4)],
        ]
    )
    assert rows("user_identifiers", "canonical_segment_id", "type", "value", "timestamp") == sorted(
        [
            [profile("m1"), "anonymous_id", "a1", moment(1)],
            [profile("m1"), "email", "jane@example.com", moment(1)],
            [profile("m1"), "user_id", "u1", moment(2)],
            [profile("m3"), "user_id", "u1 ", moment(3)],
            [profile("m4"), "user_id", "U1", moment(4)],
        ]
    )
    assert rows("user_traits", "canonical_segment_id", "name", "value") == sorted(
        [[profile("m1"), "email", "jane@example.com"], [profile("m1"), "plan", ODD]]
    )
    assert rows("profile_traits", "canonical_segment_id", "email", "plan", "age", "merged_to") == sorted(
        [
            [profile("m1"), "jane@example.com", ODD, "", ""],
            [profile("m2"), "", "", "", profile("m1")],
            [profile("m3"), "", "", "", ""],
            [profile("m4"), "", "", "", ""],
        ]
    )
    assert rows("identifies", "id", "email", "age", "plan") == [
        ["m1", "jane@example.com", "7", ""],
        ["m7", "jane@example.com", "", ODD],
    ]
