"""What of a call lands where: odd payloads value by value, columns that grow, tables that appear."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.dbt import Deployment
from support.marks import slow_on
from support.pipeline import Pipeline, as_text

FIXED = {
    "id", "segment_id", "event_source_id", "event_source_name", "event_source_slug", "anonymous_id", "user_id", "received_at",
    "sent_at", "timestamp", "original_timestamp", "uuid_ts", "event", "event_text",
}  # fmt: skip


def call(message_id: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "messageId": message_id,
        "userId": "u1",
        "receivedAt": "2024-05-01T10:00:00.000Z",
        "timestamp": "2024-05-01T09:59:59.123456Z",
        **fields,
    }


def track(message_id: str, properties: Any, event: str = "Odd Thing", **fields: Any) -> dict[str, Any]:
    return call(message_id, "track", event=event, properties=properties, **fields)


def values(pipeline: Pipeline, table: str) -> dict[str, dict[str, str]]:
    """Columns of each row that are no fixed ones and not NULL, as text, by message."""
    columns = [column for column in pipeline.columns(table) if column not in FIXED]
    rows = pipeline.deployment.documents(f"profiles.{table}")
    found = {row["id"]: {name: as_text(row[name]) for name in columns if row[name] is not None} for row in rows}
    assert len(found) == len(rows)
    return found


def overflow(**values_at: Any) -> str:
    """The text of `_overflow` for values by dotted path."""
    return json.dumps(
        {json.dumps(path.split("__"), separators=(",", ":")): value for path, value in values_at.items()},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _raw(*path: str) -> str:
    return json.dumps(path, separators=(",", ":"))


def deep(depth: int, inner: Any) -> Any:
    for number in range(depth, 0, -1):
        inner = {f"k{number}": inner}
    return inner


ODD = {
    # Reserved names and words, digits in front, names without a Latin letter, an empty key.
    "reserved": {"id": 7, "timestamp": "then", "select": "kw", "event": "e", "context_x": 1, "user id": "u", "2nd": 2},
    "unnamed": {"日本語": "ja", "": "blank", "🎉": "party", "שלום": "rtl"},
    # Nesting: flattened to the tenth key, the rest is text; empty objects are nothing.
    "deep": {"a": {"b": {"c.d": {"E F": True}}}, "empty": {}, **deep(9, {"k10": {"k11": {"k12": [1]}}})},
    # A scalar, an array and an object at one place; keys that look like places of an array.
    "scalar_place": {"p": "text", "list": {"0": "key zero", "x": {"1": "key one"}}, "row": {"+0": "plus", "\t1": "tab"}},
    "object_place": {"p": {"q": 1}, "list": ["item zero", "item one"], "row": ["item zero", "item one"]},
    # Arrays keep the order of keys.
    "arrays": {"items": [{"sku": "b", "a": 1.50, "z": None}, [], "é", 1e2], "none": []},
    # Numbers.
    "numbers": {"int64": 9223372036854775807, "beyond": 9223372036854775808, "huge": 123456789012345678901234567890,
                "tiny": 1e-7, "minus": -0.0, "whole": 3.0, "exp": 1e5},
    # One column, several keys.
    "several": {"firstName": "camel", "first_name": "snake", "First Name": "words"},
    "only_camel": {"firstName": "camel", "first_name": None},
    "same": {"firstName": "same", "first_name": "same"},
    "cases": {"Key": 1, "key": 2, "KEY": 3},
    # Texts.
    "texts": {"quote": "it's \"q\" \\ /", "lines": "a\nb\tc", "blank": "", "braces": "{{ ref('x') }} {% raw %}", "emoji": "👩‍👩‍👧 é"},
    "times": {"utc": "2024-02-29T23:59:59.1234567Z", "zoned": "2024-01-01T00:30:00+05:30", "no_zone": "2024-01-01T00:00:00",
              "date": "2024-01-01", "no_day": "2023-02-29T00:00:00Z"},
    "nulls": {"never": None, "booleans": True},
}  # fmt: skip

EXPECTED = {
    "reserved": {"_id": "7", "_timestamp": "then", "_select": "kw", "_event": "e", "_context_x": "1", "_user_id": "u", "_2nd": "2"},
    "deep": {"a_b_c_d_e_f": "true", "k1_k2_k3_k4_k5_k6_k7_k8_k9_k10": '{"k11":{"k12":[1]}}'},
    "scalar_place": {"p": "text", "list_0": "key zero", "list_x_1": "key one", "row_0": "plus", "row_1": "tab"},
    "object_place": {"p_q": "1", "list": '["item zero","item one"]', "row": '["item zero","item one"]'},
    "arrays": {"items": '[{"sku":"b","a":1.5,"z":null},[],"é",100.0]', "none": "[]"},
    "numbers": {"int64": "9223372036854775807", "beyond": "9.223372036854776e+18", "huge": "1.2345678901234568e+29",
                "tiny": "1e-07", "minus": "0.0", "whole": "3.0", "exp": "100000.0"},
    "several": {"first_name": "snake",
                "_overflow": overflow(**{"properties__First Name": "words", "properties__firstName": "camel"})},
    "only_camel": {"first_name": "camel"},
    "same": {"first_name": "same"},
    "cases": {"key": "2", "_overflow": overflow(properties__KEY=3, properties__Key=1)},
    "texts": {"quote": "it's \"q\" \\ /", "lines": "a\nb\tc", "blank": "", "braces": "{{ ref('x') }} {% raw %}", "emoji": "👩‍👩‍👧 é"},
    "times": {"utc": "2024-02-29 23:59:59.123456", "zoned": "2023-12-31 19:00:00", "no_zone": "2024-01-01T00:00:00",
              "date": "2024-01-01", "no_day": "2023-02-29T00:00:00Z"},
    "nulls": {"booleans": "true"},
}  # fmt: skip


@slow_on("postgres")
def test_odd_payloads(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync([track(name, properties) for name, properties in ODD.items()])
    found = values(pipeline, "odd_thing")
    unnamed = found.pop("unnamed")
    # Names of no Latin letter get a column by their hash.
    assert sorted(unnamed.values()) == ["blank", "ja", "party", "rtl"]
    assert all(name.startswith("column_") for name in unnamed)
    assert found == EXPECTED

    # Now that the columns have their types, values of other types come.
    pipeline.sync(
        [
            track(
                "misfit",
                {"2nd": "two", "utc": "tomorrow", "booleans": "yes", "int64": 1.5, "beyond": "many", "key": [1]},
            ),
            track("fit", {"2nd": 3, "p": 1, "quote": False, "whole": 4, "date": 1e21, "lines": [1]}),
            track("nan_like", {"whole": "NaN", "minus": "Infinity", "int64": 12}),
        ]
    )
    found = values(pipeline, "odd_thing")
    assert found["misfit"] == {
        # A fraction widened the column of whole numbers, and counts.
        "int64": "1.5",
        "_overflow": json.dumps(
            {
                f'["properties","{key}"]': value
                for key, value in {
                    "2nd": "two", "beyond": "many", "booleans": "yes", "key": [1], "utc": "tomorrow",
                }.items()
            },
            separators=(",", ":"),
        ),
    }  # fmt: skip
    assert found["fit"] == {"_2nd": "3", "p": "1", "quote": "false", "whole": "4.0", "date": "1e+21", "lines": "[1]"}
    assert found["nan_like"] == {
        "int64": "12.0",
        "_overflow": overflow(properties__minus="Infinity", properties__whole="NaN"),
    }
    # What was there before is as it was, but for the widened column.
    assert found["numbers"] == {**EXPECTED["numbers"], "int64": "9.223372036854776e+18"}
    assert found["times"] == EXPECTED["times"]
    types = pipeline.columns("odd_thing")
    number, moment = (
        ("double", "timestamp")
        if deployment.engine == "duckdb"
        else ("double precision", "timestamp without time zone")
    )
    assert (types["int64"], types["beyond"], types["_2nd"]) == (number, number, "bigint")
    assert (types["utc"], types["no_day"], types["booleans"]) == (moment, types["quote"], "boolean")
    notices = deployment.query(
        "select column_name, occurrences from profiles_ops.notices "
        "where notice = 'value_cast_failed' and table_name = 'odd_thing' order by column_name"
    )
    assert notices == [("_2nd", 1), ("beyond", 1), ("booleans", 1), ("key", 1), ("minus", 1), ("utc", 1), ("whole", 1)]


@slow_on("duckdb")
def test_every_call_type(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync(
        [
            call(
                "p1", "page", name="Home", category=None, properties={"name": "other", "category": "Shop", "url": "u"}
            ),
            call("p2", "page", properties={"name": "Only property"}),
            call("s1", "screen", name="Main", properties={"name": {"no": "text"}}),
            call("g1", "group", groupId=42, traits={"employees": 7, "group id": "trait"}),
            call("a1", "alias", previousId="old", traits={"x": 1}),
            call("i1", "identify", traits={"plan": "pro", "id": "t1"}, context={"traits": {"plan": "free"}}),
            call("i2", "identify", context={"traits": {"plan": "from context"}}),
            call("i3", "identify", traits="no object"),
            track("t1", {"x": 1}, context={"app": "plain", "ip": "::1", "groupId": "c1"}),
            track("t2", "no object", context={"app": {"name": "shop"}}),
            track("t1", {"x": 2}),
            {**track("t3", {}), "userId": "null"},
            {
                **track("t4", {"x": 3}),
                "sentAt": "2024-05-01T10:00:00Z",
                "originalTimestamp": "2024-05-01T08:00:00+02:00",
            },
        ]
    )
    assert values(pipeline, "pages") == {
        # The call's own name counts; the property of that name is kept beside it.
        "p1": {"name": "Home", "category": "Shop", "url": "u", "_overflow": overflow(properties__name="other")},
        "p2": {"name": "Only property"},
    }
    assert values(pipeline, "screens") == {"s1": {"name": "Main", "name_no": "text"}}
    assert values(pipeline, "groups") == {"g1": {"group_id": "42", "employees": "7", "_group_id": "trait"}}
    assert values(pipeline, "aliases") == {"a1": {"previous_id": "old", "x": "1"}}
    assert values(pipeline, "identifies") == {
        "i1": {"plan": "pro", "_id": "t1", "context_traits_plan": "free"},
        "i2": {"plan": "from context", "context_traits_plan": "from context"},
        "i3": {},
    }
    assert values(pipeline, "odd_thing") == {
        "t1": {"x": "1", "context_app": "plain", "context_ip": "::1", "context_group_id": "c1"},
        "t2": {"context_app_name": "shop"},
        "t3": {},
        "t4": {"x": "3"},
    }
    # `tracks` has every track and its context, but no property.
    assert values(pipeline, "tracks") == {
        "t1": {"context_app": "plain", "context_ip": "::1", "context_group_id": "c1"},
        "t2": {"context_app_name": "shop"},
        "t3": {},
        "t4": {},
    }
    assert pipeline.rows("tracks", ["id", "event", "event_text", "user_id", "sent_at", "original_timestamp"], "id")[2:] == [
        {"id": "t3", "event": "odd_thing", "event_text": "Odd Thing", "user_id": "null", "sent_at": "",
         "original_timestamp": "2024-05-01 09:59:59.123456"},
        {"id": "t4", "event": "odd_thing", "event_text": "Odd Thing", "user_id": "u1", "sent_at": "2024-05-01 10:00:00",
         "original_timestamp": "2024-05-01 06:00:00"},
    ]  # fmt: skip
    # A blocked id alone resolves nothing.
    assert deployment.query("select id from profiles.odd_thing where segment_id is null") == [("t3",)]


@pytest.mark.slow
def test_tables_and_columns_appear_in_the_sync_that_brings_them(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync([track("a1", {"n": 1}, event="First Thing"), track("a2", {"n": 2}, event="first thing")])
    models = deployment.home / "models"
    written = {path.name: path.read_text() for path in models.iterdir()}
    assert set(written) == {"event__first_thing.sql", "event__first_thing.yml"}

    pipeline.sync([track("b1", {"m": "new"}, event="First Thing"), track("b2", {"n": 1}, event="Tracks")])
    assert values(pipeline, "first_thing") == {"a1": {"n": "1"}, "a2": {"n": "2"}, "b1": {"m": "new"}}
    assert values(pipeline, "_tracks") == {"b2": {"n": "1"}}
    texts = {row[0] for row in deployment.query("select event_text from profiles.first_thing")}
    assert texts == {"First Thing", "first thing"}

    # What dbt compiles may not go over the models, which lie outside of the project.
    before = {path: path.read_bytes() for path in models.iterdir()}
    deployment.dbt("docs", "generate")
    deployment.dbt("build")
    assert {path: path.read_bytes() for path in models.iterdir()} == before
    assert written["event__first_thing.sql"] == (models / "event__first_thing.sql").read_text()

    # A run without news writes nothing, and marks nothing.
    marks = deployment.query("select table_name, last_event_no, uuid_ts from profiles_ops.table_state order by 1")
    pipeline.build("--select", "event_types", "event__*")
    assert values(pipeline, "first_thing") == {"a1": {"n": "1"}, "a2": {"n": "2"}, "b1": {"m": "new"}}
    assert marks == deployment.query(
        "select table_name, last_event_no, uuid_ts from profiles_ops.table_state order by 1"
    )


@pytest.mark.slow
def test_columns_beyond_the_limit(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.options = replace(pipeline.options, max_columns_per_table=2)
    pipeline.sync([track("m1", {"a": 1, "b": 2, "c": {"d": "x"}, "e": [1, {"f": None}], "g": None})])
    pipeline.sync([track("m2", {"a": 5, "c": {"d": 7, "h": True}}), track("m3", {"b": 9})])
    assert values(pipeline, "odd_thing") == {
        "m1": {"a": "1", "b": "2", "_overflow": overflow(properties__c__d="x", properties__e=[1, {"f": None}])},
        "m2": {"a": "5", "_overflow": overflow(properties__c__d=7, properties__c__h=True)},
        "m3": {"b": "9"},
    }
    # Traits beyond the limit of profile_traits are rows of user_traits all the same.
    pipeline.sync([call("i1", "identify", traits={"p": 1, "q": 2, "r": "three"})])
    assert set(pipeline.columns("profile_traits")) >= {"p", "q"}
    assert "r" not in pipeline.columns("profile_traits")
    assert deployment.query("select name, value from profiles.user_traits order by 1") == [
        ("p", "1"),
        ("q", "2"),
        ("r", "three"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["postgres"], indirect=True)
def test_a_call_beyond_the_row_and_the_select(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    # Each too short to be moved out of a row of 8,160 bytes, and more than the 1,664 entries of a SELECT.
    texts = {(f"g{n // 250}", f"k{n:04}"): f"{n:020}x" for n in range(1700)}
    body: dict[str, dict[str, Any]] = {}
    for (group, key), text in texts.items():
        body.setdefault(group, {})[key] = text
    # One column of two keys: their values are the last to be split off.
    twice = {**body, "g0": {**body["g0"], "K0000": "another of 21 letters"}}
    numbers = {group: dict.fromkeys(body[group], 1) for group in ("g0", "g1", "g2")}
    few = {"g0": dict.fromkeys(body["g0"]), "g1": body["g1"], "g2": dict(list(body["g2"].items())[:66])}
    pipeline.sync([track("m1", twice), track("m2", numbers), track("m3", few), call("i1", "identify", traits=body)])

    columns = {"_".join(path): text for path, text in texts.items()}
    shown = dict(list(columns.items())[:316])
    rest = {path: text for path, text in texts.items() if "_".join(path) not in shown}
    found = values(pipeline, "odd_thing") | values(pipeline, "identifies")
    lost = {message: json.loads(found[message].pop("_overflow")) for message in ("m1", "i1")}
    assert found["m1"] == shown | {"g0_k0000": "another of 21 letters"}
    first = {("g0", "k0000"): body["g0"]["k0000"]}
    assert lost["m1"] == {_raw("properties", *path): text for path, text in (first | rest).items()}
    assert (found["i1"], lost["i1"]) == (shown, {_raw("traits", *path): text for path, text in rest.items()})
    assert found["m2"] == dict.fromkeys(list(columns)[:750], "1")
    assert found["m3"] == dict(list(columns.items())[250:566])
    assert dict(deployment.query("select name, value from profiles.user_traits")) == columns
    for table in ("profile_traits", "profile_traits_updates"):
        (row,) = deployment.documents(f"profiles.{table}")
        assert {name: row[name] for name in row.keys() & columns.keys() if row[name] is not None} == shown
    deployment.dbt("test", "--select", "profile_traits_is_the_newest_snapshot user_traits_agrees_with_profile_traits")


@pytest.mark.slow
def test_a_failed_table_catches_up(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync([track("m1", {"n": 1}), track("o1", {"n": 1}, event="Other Thing")])
    # Something stands in the way of one table.
    deployment.query("alter table profiles.odd_thing rename to elsewhere")
    deployment.query("create view profiles.odd_thing as select 1 as x")
    pipeline.land([track("m2", {"n": 2}), track("o2", {"n": 2}, event="Other Thing")])
    assert not deployment.dbt("run", check=False).success
    assert set(values(pipeline, "other_thing")) == {"o1", "o2"}
    deployment.query("drop view profiles.odd_thing")
    deployment.query("alter table profiles.elsewhere rename to odd_thing")
    pipeline.sync([track("m3", {"n": 3})])
    assert values(pipeline, "odd_thing") == {"m1": {"n": "1"}, "m2": {"n": "2"}, "m3": {"n": "3"}}
    assert set(values(pipeline, "tracks")) == {"m1", "m2", "m3", "o1", "o2"}
