"""The worked examples in which traits play a part, and more about nulls: snapshots, present traits, and traits in rows."""

from __future__ import annotations

from typing import Any

from support.dbt import Deployment
from support.marks import slow_on
from support.pipeline import Pipeline, as_text
from traits.calls import call, identify

T2 = [
    identify("t2_m1", "2024-01-01", {"email": "jane@example1.com"}, userId="abc123"),
    identify("t2_m2", "2024-01-02", {"email": "jane@example1.com"}, userId="abc456"),
]
T8 = [
    identify("t8_m1", "2024-02-01", userId="u0"),
    identify("t8_m2", "2024-02-02", {"email": "e1@x.io"}, anonymousId="t8_a1"),
    call("page", "t8_m3", "2024-02-03", anonymousId="t8_a2"),
    identify("t8_m4", "2024-02-04", {"email": "e1@x.io", "plan": "pro"}, anonymousId="t8_a2"),
    identify("t8_m5", "2024-02-05", userId="u0", anonymousId="t8_a2"),
]
T9 = [
    call("page", "t9_m1", "2024-03-01", anonymousId="t9_a1"),
    identify("t9_m2", "2024-03-02", {"plan": "free", "city": "Rome"}, userId="t9_u1"),
    identify("t9_m3", "2024-03-03", {"email": "e@x.io", "plan": "pro"}, anonymousId="t9_a3"),
    {
        **call("track", "t9_m4", "2024-03-04", userId="t9_u1", anonymousId="t9_a1"),
        "context": {"traits": {"email": "e@x.io", "city": "Bari"}},
    },
]
T12 = [
    identify("t12_m1", "2024-04-10", {"plan": "pro"}, userId="t12_u1"),
    identify("t12_m2", "2024-04-11", {"plan": "free", "city": "Oslo"}, at="2024-04-05", userId="t12_u1"),
    identify("t12_m3", "2024-04-12", {"city": None}, userId="t12_u1"),
    identify("t12_m4", "2024-04-13", {"city": "Bergen"}, at="2024-04-11T12:00:00", userId="t12_u1"),
    identify("t12_m3", "2024-04-14", {"city": "dup"}, userId="t12_u1"),
]
NULLS = [
    # A null at an object takes away what stands below it, also what arrives late and no column is known of yet.
    identify("n_m1", "2024-05-01", {"address": {"city": "Oslo", "geo": {"lat": 59.9}}, "plan": "pro"}, userId="n_u1"),
    identify("n_m2", "2024-05-02", {"address": None, "future": None}, userId="n_u1"),
    identify("n_m3", "2024-05-03", {"future": {"x": "late"}, "nick": ""}, at="2024-05-01T12:00:00", userId="n_u1"),
    identify("n_m4", "2024-05-04", {"address": {"city": "Bergen"}}, userId="n_u1"),
    # Two keys, one trait.
    identify("n_m5", "2024-05-05", {"firstName": "A", "first_name": "B"}, userId="n_u1"),
    identify("n_m6", "2024-05-06", {"firstName": None}, userId="n_u1"),
]
VALUES = [
    identify("v_m1", "2024-06-01", {"age": 41, "score": 2.50, "vip": True, "tags": ["a", {"b": 1}]}, userId="v_u1"),
    identify(
        "v_m2",
        "2024-06-02",
        {"born": "1980-01-02T03:04:05.678+02:00", "seen": "2024-01-01T00:00:00.000Z"},
        userId="v_u1",
    ),
    identify("v_m3", "2024-06-03", {"_secret": "s", "id": "x1", "2fa": True, "order": 3}, userId="v_u2"),
    identify("v_m4", "2024-06-04", {}, userId="v_u3"),
    {**identify("v_m5", "2024-06-05", userId="v_u3"), "context": {"traits": {"plan": "rudder"}}},
    call("group", "v_m6", "2024-06-06", traits={"plan": "group's"}, userId="v_u3", groupId="g1"),
    # Dated in the future: it counts from its arrival.
    identify("v_m7", "2024-06-07", {"plan": "future"}, at="2034-01-01", userId="v_u3"),
    identify("v_m8", "2024-06-08", {"plan": "now"}, userId="v_u3"),
    # Neither key is the column's own name, so the smaller path counts.
    identify("v_m10", "2024-06-08T01:00:00", {"Home": {"city": "large"}, "home": {"city": "small"}}, userId="v_u4"),
]
LATER_VALUES = [
    # The columns have their types by now.
    identify("v_m9", "2024-06-09", {"age": "about forty", "score": 3, "vip": "yes"}, userId="v_u1"),
]


@slow_on("postgres")
def test_worked_examples(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync([*T2, *T8[:3], *T9[:2], *T12[:2], *NULLS[:2], *VALUES])
    pipeline.sync([T8[3], *T9[2:], *T12[2:4], *NULLS[2:4], *LATER_VALUES])
    pipeline.sync([T8[4], T12[4], *NULLS[4:]])
    ids = dict(
        pipeline.deployment.query(
            "select triggering_event_id, segment_id from profiles.id_graph_updates where segment_id = canonical_segment_id"
        )
    )

    assert snapshots(pipeline, ids) == {
        "t2_m1": ("t2_m1", {"email": "jane@example1.com"}),
        "t2_m2": ("t2_m2", {"email": "jane@example1.com"}),
        "t8_m2": ("t8_m2", {"email": "e1@x.io"}),
        "t8_m4": ("t8_m2", {"email": "e1@x.io", "plan": "pro"}),
        "t8_m5": ("t8_m1", {"email": "e1@x.io", "plan": "pro"}),
        "t9_m2": ("t9_m2", {"plan": "free", "city": "Rome"}),
        "t9_m3": ("t9_m3", {"plan": "pro", "email": "e@x.io"}),
        "t9_m4": ("t9_m1", {"plan": "pro", "city": "Rome", "email": "e@x.io"}),
        "t12_m1": ("t12_m1", {"plan": "pro"}),
        "t12_m2": ("t12_m1", {"plan": "pro", "city": "Oslo"}),
        "t12_m3": ("t12_m1", {"plan": "pro"}),
        "t12_m4": ("t12_m1", {"plan": "pro"}),
        "n_m1": ("n_m1", {"address_city": "Oslo", "address_geo_lat": "59.9", "plan": "pro"}),
        "n_m2": ("n_m1", {"plan": "pro"}),
        "n_m3": ("n_m1", {"plan": "pro", "nick": ""}),
        "n_m4": ("n_m1", {"plan": "pro", "nick": "", "address_city": "Bergen"}),
        "n_m5": ("n_m1", {"plan": "pro", "nick": "", "address_city": "Bergen", "first_name": "B"}),
        "n_m6": ("n_m1", {"plan": "pro", "nick": "", "address_city": "Bergen"}),
        "v_m1": ("v_m1", {"age": "41", "score": "2.5", "vip": "true", "tags": '["a",{"b":1}]'}),
        "v_m2": ("v_m1", {"age": "41", "score": "2.5", "vip": "true", "tags": '["a",{"b":1}]',
                          "born": "1980-01-02 01:04:05.678000", "seen": "2024-01-01 00:00:00"}),
        # `_secret` is a trait like any other once it is snake-cased; the others get the underscore of taken names.
        "v_m3": ("v_m3", {"secret": "s", "_id": "x1", "_2fa": "true", "_order": "3"}),
        "v_m5": ("v_m4", {"plan": "rudder"}),
        "v_m7": ("v_m4", {"plan": "future"}),
        "v_m8": ("v_m4", {"plan": "now"}),
        "v_m10": ("v_m10", {"home_city": "large"}),
        # A text is no integer and no boolean, and the older value is not the present one either.
        "v_m9": ("v_m1", {"score": "3.0", "tags": '["a",{"b":1}]',
                          "born": "1980-01-02 01:04:05.678000", "seen": "2024-01-01 00:00:00"}),
    }  # fmt: skip

    present = {
        "t2_m1": {"email": "jane@example1.com"},
        "t2_m2": {"email": "jane@example1.com"},
        "t8_m1": {"email": "e1@x.io", "plan": "pro"},
        "t9_m1": {"plan": "pro", "city": "Rome", "email": "e@x.io"},
        "t12_m1": {"plan": "pro"},
        "n_m1": {"plan": "pro", "nick": "", "address_city": "Bergen"},
        "v_m1": {"age": "about forty", "score": "3", "vip": "yes", "tags": '["a",{"b":1}]',
                 "born": "1980-01-02T01:04:05.678Z", "seen": "2024-01-01T00:00:00.000Z"},
        "v_m3": {"secret": "s", "_id": "x1", "_2fa": "true", "_order": "3"},
        "v_m4": {"plan": "now"},
        "v_m10": {"home_city": "large"},
    }  # fmt: skip
    assert rows_of(pipeline, ids) == present
    merged = {"t8_m2": "t8_m1", "t8_m3": "t8_m1", "t9_m2": "t9_m1", "t9_m3": "t9_m1"}
    typed = {name: dict(traits) for name, traits in present.items()}
    # Segment's table has no names that begin with an underscore.
    typed["v_m3"] = {"secret": "s"}
    typed["v_m1"] = {"score": "3.0", "tags": '["a",{"b":1}]',
                     "born": "1980-01-02 01:04:05.678000", "seen": "2024-01-01 00:00:00"}  # fmt: skip
    assert profiles(pipeline, ids) == {
        **{name: (None, traits) for name, traits in typed.items()},
        **{name: (into, {}) for name, into in merged.items()},
    }
    assert deployment.query("select home_city from profiles.identifies where id = 'v_m10'") == [("large",)]
    assert deployment.query(
        "select name, seq from profiles.user_traits where value in ('rudder', 'about forty', 'yes', 'now') order by 1"
    ) == [
        ("age", f"1717891200000{seq_tail(deployment, 'v_m9')}"),
        ("plan", f"1717804800000{seq_tail(deployment, 'v_m8')}"),
        ("vip", f"1717891200000{seq_tail(deployment, 'v_m9')}"),
    ]


def test_snapshots_of_changes_only(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.configure(traits_updates_only_on_change=True)
    pipeline.sync(
        [
            *T12[:4],
            identify("c_m1", "2024-07-01", {"plan": "new"}, userId="c_u1"),
            identify("c_m2", "2024-07-02", {"plan": "old"}, at="2024-06-01", anonymousId="c_a1"),
            call("page", "c_m3", "2024-07-03", userId="c_u1", anonymousId="c_a1"),
            identify("d_m1", "2024-07-04", {"plan": "old"}, userId="d_u1"),
            identify("d_m2", "2024-07-05", {"plan": "new"}, anonymousId="d_a1"),
            call("page", "d_m3", "2024-07-06", userId="d_u1", anonymousId="d_a1"),
        ]
    )
    assert deployment.query("select triggering_event_id from profiles.profile_traits_updates order by 1") == [
        ("c_m1",), ("c_m2",), ("d_m1",), ("d_m2",), ("d_m3",), ("t12_m1",), ("t12_m2",), ("t12_m3",),
    ]  # fmt: skip


def seq_tail(deployment: Deployment, message_id: str) -> str:
    query = f"select min(event_no) from profiles_staging.raw_events where message_id = '{message_id}'"
    return f"{deployment.query(query)[0][0]:012d}000001"


FIXED = {
    "id", "segment_id", "seq", "uuid_ts", "timestamp", "received_at", "etl_ts", "merged_to", "canonical_segment_id",
}  # fmt: skip


def trait_columns(pipeline: Pipeline, table: str) -> list[str]:
    return [name for name in pipeline.columns(table) if name not in FIXED and not name.startswith("triggering_")]


def snapshots(pipeline: Pipeline, ids: dict[str, str]) -> dict[str, tuple[str, dict[str, str]]]:
    """Snapshots by event: the profile, by the event that created it, and its traits as text."""
    names = {segment: message for message, segment in ids.items()}
    columns = trait_columns(pipeline, "profile_traits_updates")
    return {
        event: (names[segment], traits)
        for event, segment, traits in _rows(
            pipeline, "profile_traits_updates", "triggering_event_id", "segment_id", columns
        )
    }


def profiles(pipeline: Pipeline, ids: dict[str, str]) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Profiles that have traits or are merged: what into, and their traits as text."""
    names: dict[str | None, str | None] = {segment: message for message, segment in ids.items()} | {None: None}
    columns = trait_columns(pipeline, "profile_traits")
    found = {
        names[segment]: (names[into], traits)
        for segment, into, traits in _rows(pipeline, "profile_traits", "canonical_segment_id", "merged_to", columns)
    }
    assert len(found) == len(ids)
    return {name: row for name, row in found.items() if name is not None and row != (None, {})}


def rows_of(pipeline: Pipeline, ids: dict[str, str]) -> dict[str, dict[str, str]]:
    """The rows of `user_traits` by profile."""
    names = {segment: message for message, segment in ids.items()}
    result: dict[str, dict[str, str]] = {}
    for segment, name, value in pipeline.deployment.query(
        "select canonical_segment_id, name, value from profiles.user_traits"
    ):
        assert name not in result.setdefault(names[segment], {})
        result[names[segment]][name] = value
    return result


def _rows(
    pipeline: Pipeline, table: str, first: str, second: str, columns: list[str]
) -> list[tuple[Any, Any, dict[str, str]]]:
    quoted = ", ".join(f'"{column}"' for column in [first, second, *columns])
    return [
        (a, b, {column: as_text(value) for column, value in zip(columns, values, strict=True) if value is not None})
        for a, b, *values in pipeline.deployment.query(f"select {quoted} from profiles.{table}")
    ]
