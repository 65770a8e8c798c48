"""Input that breaks rules: what of it lands where, by name and value. More of it in `test_event_tables.py`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from support.dbt import Deployment
from support.landing import call, track
from support.pipeline import Pipeline, as_text

LONG = "Very " * 60
EMOJI, HEBREW = "🎉 Party", "הזמנה הושלמה"
WIDE = {f"Property {number}": number for number in range(400)}


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:8]


def raw_path(*keys: str) -> str:
    return json.dumps(keys, ensure_ascii=False, separators=(",", ":"))


def line(message_id: str, properties: bytes, event: bytes = b"Odd") -> bytes:
    times = b'"receivedAt":"2024-05-01T10:00:00.000Z","timestamp":"2024-05-01T10:00:00.000Z"'
    return b'{"type":"track","event":"%b","messageId":"%b","userId":"u1",%b,"properties":%b}' % (
        event,
        message_id.encode(),
        times,
        properties,
    )


CALLS: list[dict[str, Any] | bytes] = [
    track("wide", "Wide", properties=WIDE),
    track("long", LONG, properties={"n": 1}),
    track("long2", LONG + "Other", properties={"n": 2}),
    track("emoji", EMOJI, properties={"🎉": 1, "n": 3}),
    track("hebrew", HEBREW, properties={"שם": "דן", "n": 4}),
    track("select", "Select", properties={"select": "s", "timestamp": "t", "id": "i", "segment_id": 5}),
    track("digits", "2nd Visit", properties={"2nd": True}),
    call("page", "page", properties={"id": 7, "received_at": "yesterday", "_id": "own"}),
    call("group", "group", groupId="g", traits={"group_id": "trait", "id": 1}),
    call("identify", "identify", traits={"id": "t", "seq": 1, "e-mail": "a@x.io", "": "blank"}),
    # Nothing that is no text may be a name.
    line("nul", b'{"a\\u0000b":"x\\u0000y","half":"\\ud800","pair":"\\ud83c\\udf89"}'),
    line("twice", b'{"a":1,"b":{"c":1},"a":"last","b":{"d":2}}'),
    line("numbers", b'{"n":1e400,"big":18446744073709551616,"exact":9223372036854775807,"tiny":1e-400}'),
    line("small", b'{"list":[2.47032822e-324]}'),
    line("badutf8", b'{"a":"\xff\xfe"}'),
    line("nan", b'{"a":NaN}'),
    line("cut", b'{"a":1'),
    track("wrong", 5, properties={}),
    track("types", "Odd", properties=[1, 2], context="none"),
]


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_where_it_lands(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    # With Segment's own limits the wide call would be rejected.
    pipeline.options = replace(pipeline.options, strict_unify_limits=False)
    report = pipeline.land(CALLS)
    pipeline.build()
    rejected = deployment.query("select reason, payload_text from profiles_ops.rejected_events order by file_row")
    assert [reason for reason, _ in rejected] == ["invalid_json"] * 4 + ["missing_event_name"]
    assert "numbers" in rejected[0][1]
    assert "badutf8" in rejected[1][1]
    # Two long names are two tables, cut where the engine's names end.
    length = 63 if deployment.engine == "postgres" else 200
    slugs = ["_".join(["very"] * 60), "_".join(["very"] * 60 + ["other"])]
    long_tables = [f"{slug[: length - 9]}_{sha1(slug)}" for slug in slugs]
    notices = {(each.notice, each.table_name, each.column_name): each.occurrences for each in report.notices}
    assert notices == {
        ("unstorable_character", None, None): 1,
        ("duplicate_key", None, None): 1,
        ("bad_container", None, "properties"): 1,
        ("bad_container", None, "context"): 1,
        ("name_cut", long_tables[0], None): 1,
        ("name_cut", long_tables[1], None): 1,
        ("shared_column", "pages", "_id"): 2,
    }

    def row(table: str, message_id: str, *columns: str) -> list[str]:
        quoted = ", ".join(f'"{column}"' for column in columns)
        return [
            as_text(value)
            for value in deployment.query(f"select {quoted} from profiles.{table} where id = '{message_id}'")[0]
        ]

    assert row("wide", "wide", *(f"property_{number}" for number in range(400))) == [str(n) for n in range(400)]
    for message_id, table, value in (("long", long_tables[0], "1"), ("long2", long_tables[1], "2")):
        assert row(table, message_id, "n", "event", "event_text") == [
            value,
            table,
            LONG if message_id == "long" else LONG + "Other",
        ]
    party = f"column_{sha1(raw_path('properties', '🎉'))}"
    assert row("party", "emoji", "n", "event_text", party) == ["3", EMOJI, "1"]
    assert row(f"event_{sha1(HEBREW)}", "hebrew", "n", "event_text") == ["4", HEBREW]
    assert row("_select", "select", "_select", "_timestamp", "_id", "_segment_id", "id") == [
        "s",
        "t",
        "i",
        "5",
        "select",
    ]
    assert row("_2nd_visit", "digits", "_2nd") == ["true"]
    # `_id` of the call and its `id` meet in one column: the smaller path has it, the other one is kept beside it.
    assert row("pages", "page", "_id", "_received_at", "_overflow") == [
        "own",
        "yesterday",
        '{"[\\"properties\\",\\"id\\"]":7}',
    ]
    assert row("groups", "group", "group_id", "_group_id", "_id") == ["g", "trait", "1"]
    blank = f"column_{sha1(raw_path('traits', ''))}"
    assert row("identifies", "identify", "_id", "seq", "e_mail", blank) == ["t", "1", "a@x.io", "blank"]
    # What begins with an underscore is no column of profile_traits alone.
    assert deployment.query("select _id, _seq from profiles.profile_traits_updates") == [("t", 1)]
    assert not {"_id", "_seq"} & pipeline.columns("profile_traits").keys()
    assert deployment.query("select name, value from profiles.user_traits order by 1") == [
        ("_id", "t"),
        ("_seq", "1"),
        (blank, "blank"),
        ("e_mail", "a@x.io"),
    ]
    assert row("odd", "nul", "a_b", "half", "pair") == ["x\ufffdy", "\ufffd", "🎉"]
    assert row("odd", "twice", "a", "b_d") == ["last", "2"]
    assert "b_c" not in pipeline.columns("odd")
    assert row("odd", "small", "list") == ["[0.0]"]
    assert row("odd", "types", "a", "_overflow" if "_overflow" in pipeline.columns("odd") else "a") == ["", ""]
    assert {ident for (ident,) in deployment.query("select id from profiles.odd")} == {"nul", "twice", "types", "small"}


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_the_limits_of_segment(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    report = pipeline.land(
        [track("wide", "Wide", properties=WIDE), track("fits", "Wide", properties=dict(list(WIDE.items())[:300]))]
    )
    assert (report.landed, report.rejected) == (1, {"too_many_properties": 1})
