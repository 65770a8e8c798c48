"""Golden values of the dialect macros: the same on every engine, computed here by other means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from support.dbt import Deployment

TEXTS = [
    "abc",
    "ABC",
    "abc ",
    "it's",
    'a "q"',
    "back\\slash \\n",
    "two\nlines",
    "zoë@exämple.com",
    "日本語 😀",
    "a" * 55,
    "a" * 56,
    "a" * 64,
    "a" * 200,
]


@pytest.fixture(scope="module")
def prepared(shared_deployment: Deployment) -> Deployment:
    shared_deployment.dbt("run-operation", "prepare_space")
    return shared_deployment


def hold(deployment: Deployment, column: str, values: Sequence[str | None]) -> str:
    """Put texts, numbered from 0, where no engine's literals play a part; return the table's name."""
    path = deployment.home / "values.json"
    path.write_text("\n".join(json.dumps({"n": n, "v": value}) for n, value in enumerate(values)))
    rows = (
        f"select n, v from read_json('{path}', columns = {{n: 'bigint', v: 'varchar'}}, format = 'newline_delimited')"
    )
    with deployment.open() as warehouse:
        table = warehouse.staging("raw_events")
        warehouse.execute(f"delete from {table} where event_no >= 0")
        warehouse.insert_query(table, ["event_no", column], rows, deployment.home)
    return "{{ profiles_sync.contract_relation('raw_events') }} as held"


def select(deployment: Deployment, expressions: Mapping[str, str], source: str, *, before: str = "") -> list[list[Any]]:
    """Values of SQL expressions that may call macros, a row for each held value, in their order."""
    columns = ", ".join(f"{expression} as {name}" for name, expression in expressions.items())
    inline = f"{before} select n, {columns} from {source}"
    table = (
        deployment.dbt("show", "--inline", inline, "--output", "json", "--limit", "-1").result.results[0].agate_table
    )
    return [list(row.values())[1:] for row in sorted(table.rows, key=lambda row: int(row[0]))]


def per_text(deployment: Deployment, expressions: Mapping[str, str], texts: Sequence[str | None]) -> list[list[Any]]:
    """The same of texts; `t` is the text."""
    source = f"(select held.event_no as n, held.user_id as t from {hold(deployment, 'user_id', texts)}) as texts"
    return select(deployment, expressions, source)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_hashes(prepared: Deployment) -> None:
    found = per_text(
        prepared,
        {
            "sha256": "{{ profiles_sync.sha256_hex('t') }}",
            "sha1": "{{ profiles_sync.sha1_hex('t') }}",
            "key": "{{ profiles_sync.key16_text(profiles_sync.key16('t')) }}",
            "identifier": "{{ profiles_sync.key16_text(profiles_sync.identifier_key(\"'email'\", 't')) }}",
        },
        TEXTS,
    )
    # No text of Redshift holds a zero byte.
    between = "\1" if prepared.engine == "redshift" else "\0"
    assert found == [
        [digest(text), hashlib.sha1(text.encode()).hexdigest(), digest(text)[:32], digest(f"email{between}{text}")[:32]]
        for text in TEXTS
    ]


def test_external_id_hash_vectors(prepared: Deployment) -> None:
    vectors = {
        "anonymous_id5285bc35-05ef-4d21": "522f632d8ae7fbb2a0275d6fa44f985acd374ff3",
        "emailjane.kim@segment.com": "bc269125e7a325f844980b80d7084928bbcaf304",
        "anonymous_idb50e18a5-1b8d-451c": "2676c51b0b4bf139b20294be6b744f1a9ac96b78",
        "user_idabc123def": "10f3ab8ce830b53fbf751a65a629030665d7de03",
        "phone123-456-7890": "290380bacbe7f75efda24d3752f7b3d172e09f00",
        "emailzoë@exämple.com": "6c251abfaef39fb93f7bcadc496a02ab9389dfcd",
    }
    found = per_text(prepared, {"digest": "{{ profiles_sync.sha1_hex('t') }}"}, list(vectors))
    assert [row[0] for row in found] == list(vectors.values())


def test_postgres_sha1_without_pgcrypto(prepared: Deployment) -> None:
    if prepared.engine != "postgres":
        pytest.skip("only Postgres has no SHA-1 of its own")
    statement = (
        prepared.dbt(
            "show",
            "--inline",
            "select $$ {{ profiles_sync.postgres_sha1_function('profiles_staging') }} $$ as made",
            "--output",
            "json",
        )
        .result.results[0]
        .agate_table.rows[0]["made"]
    )
    prepared.query(statement)
    found = per_text(prepared, {"digest": "{{ profiles_sync.sha1_hex('t') }}"}, TEXTS)
    assert [row[0] for row in found] == [hashlib.sha1(text.encode()).hexdigest() for text in TEXTS]


def test_postgres_sha1_outlives_the_pgcrypto_that_it_called(prepared: Deployment) -> None:
    if prepared.engine != "postgres":
        pytest.skip("only Postgres has no SHA-1 of its own")
    expected = [hashlib.sha1(text.encode()).hexdigest() for text in TEXTS]
    with prepared.open() as warehouse:
        offered = warehouse.query("select 1 from pg_available_extensions where name = 'pgcrypto'")
        if offered:
            # As another space had installed it into a schema of its own.
            warehouse.execute('drop extension if exists pgcrypto; create schema "Other"')
            warehouse.execute('create extension pgcrypto schema "Other"')
            prepared.dbt("run-operation", "prepare_space")
            source = "select prosrc from pg_proc where proname = 'sha1_hex'"
            assert '"Other".digest(' in warehouse.query(source)[0][0]
            assert [
                row[0] for row in per_text(prepared, {"digest": "{{ profiles_sync.sha1_hex('t') }}"}, TEXTS)
            ] == expected
            warehouse.execute('drop schema "Other" cascade')
        else:
            warehouse.execute("set check_function_bodies = off")
            warehouse.execute(
                f"create or replace function {warehouse.staging('sha1_hex')}(value text) returns text language sql "
                "as 'select other.digest(value)'"
            )

    prepared.dbt("run-operation", "prepare_space")

    assert [row[0] for row in per_text(prepared, {"digest": "{{ profiles_sync.sha1_hex('t') }}"}, TEXTS)] == expected


def test_texts(prepared: Deployment) -> None:
    """Literals are what they say, and texts are compared by their bytes: case, trailing blanks and accents count."""
    literals = {
        f"is_{i}": f"case when t = {{{{ profiles_sync.text_literal({text!r}) }}}} then 1 else 0 end"
        for i, text in enumerate(TEXTS)
    }
    found = per_text(prepared, literals, TEXTS)
    assert found == [[int(text == other) for other in TEXTS] for text in TEXTS]
    order = ["B", "Z", "a", "a b", "a-b", "ab", "b", "é", "日"]
    ranked = per_text(prepared, {"place": "row_number() over (order by {{ profiles_sync.bytewise('t') }})"}, order)
    assert [row[0] for row in ranked] == list(range(1, len(order) + 1))


def test_joined_texts(prepared: Deployment) -> None:
    found = per_text(
        prepared,
        {
            "joined": "{{ profiles_sync.concat_text([\"'<'\", 't', \"'>'\"]) }}",
            "lower": "{{ profiles_sync.ascii_lower('t') }}",
        },
        ["Ab ", "ÄÖ Z", None],
    )
    assert found == [["<Ab >", "ab "], ["<ÄÖ Z>", "ÄÖ z"], [None, None]]


def test_blanks_are_characters(prepared: Deployment) -> None:
    found = per_text(prepared, {"kept": "{{ profiles_sync.null_if_empty('t') }}"}, ["", " ", "a ", None])
    assert found == [[None], [" "], ["a "], [None]]


def test_full_match(prepared: Deployment) -> None:
    expressions = {
        f"p{i}": f"case when {{{{ profiles_sync.full_match('t', {pattern!r}) }}}} then 1 else 0 end"
        for i, pattern in enumerate(["[a-z]+[0-9]{2}", "a|ab", "it's.*", "\\d+", "(?i)IT'S [(?:a-z]+"])
    }
    assert per_text(prepared, expressions, ["abc12", "xabc12!", "ab", "it's so", "123"]) == [
        [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 0],
    ]  # fmt: skip


def test_timestamps_of_texts(prepared: Deployment) -> None:
    expected = {
        "2022-05-02T14:01:00Z": datetime(2022, 5, 2, 14, 1),
        "2022-05-02T14:01:00.123456789+05:30": datetime(2022, 5, 2, 8, 31, 0, 123456),
        "2022-05-02T00:00:00.5-0800": datetime(2022, 5, 2, 8, 0, 0, 500000),
        "2024-02-29T23:59:59.999999Z": datetime(2024, 2, 29, 23, 59, 59, 999999),
        "1969-12-31T23:59:59.9Z": datetime(1969, 12, 31, 23, 59, 59, 900000),
        "9999-12-31T23:59:59Z": datetime(9999, 12, 31, 23, 59, 59),
        "9999-12-31T23:59:59-01:00": None,
        "2023-02-29T00:00:00Z": None,
        "2022-04-31T00:00:00Z": None,
        "2022-05-02T14:01:00": None,
        "2022-05-02": None,
        "2022-05-02 14:01:00Z": None,
        "2022-05-02T24:00:00Z": None,
        "x2022-05-02T14:01:00Z": None,
        "7": None,
        "": None,
    }
    found = per_text(prepared, {"moment": "{{ profiles_sync.text_timestamp('t') }}"}, list(expected))
    assert dict(zip(expected, [_moment(row[0]) for row in found], strict=True)) == expected


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    # BigQuery's are of UTC and say so.
    return moment.replace(tzinfo=None)


def test_numbers_and_times(prepared: Deployment) -> None:
    def moment(macro: str, text: str) -> str:
        return f"{{{{ profiles_sync.{macro}(\"cast('{text}' as \" ~ profiles_sync.column_type('timestamp') ~ ')') }}}}"

    def number(text: str) -> str:
        return f"{{{{ profiles_sync.number_text('{text}') }}}}"

    found = prepared.evaluate(
        {
            "padded": "{{ profiles_sync.zero_padded('42', 12) }}",
            "cut": moment("epoch_ms", "2022-05-02 14:01:00.123999"),
            "micro": moment("epoch_us", "2022-05-02 14:01:00.123999"),
            "later": "{{ profiles_sync.epoch_us(profiles_sync.next_microsecond("
            "\"cast('2022-12-31 23:59:59.999999' as \" ~ profiles_sync.column_type('timestamp') ~ ')')) }}",
            "text": moment("timestamp_text", "2022-05-02 14:01:00.999999"),
            "whole": number("100000.0"),
            "negative": number("-3.0"),
            "fraction": number("19.99"),
            "tiny": number("1e-7"),
            "huge": number("1e28"),
        }
    )
    assert found == {
        "padded": "000000000042",
        "cut": 1651500060123,
        "micro": 1651500060123999,
        "later": 1672531200000000,
        "text": "2022-05-02T14:01:00",
        "whole": "100000",
        "negative": "-3",
        "fraction": "19.99",
        "tiny": "1e-07",
        "huge": "1e+28",
    }


def test_the_clock_is_utc(prepared: Deployment) -> None:
    now = _moment(prepared.evaluate({"clock": "{{ profiles_sync.now_utc() }}"})["clock"])
    assert now is not None
    assert abs((datetime.utcnow() - now).total_seconds()) < 60


DOCUMENT = (
    '{"s": "it\'s \\"q\\" \\u00e9 😀\\t. \\\\ ", "i": 7, '
    '"big": 12345678901234567890123456789, "f": 19.5, "e": 1e5, "t": true, "n": null, '
    '"o": {"a b": {"c/d~e": "deep"}}, "l": [1, {"k": "a , b : c"}], "": "blank", "S": "other case", "0": "digit", '
    '"at": "2022-05-02T14:01:00.123456Z", "x.y": "dot", "it\'s": "quote", "neg": -5, "zero": 0.0, "empty": "", "list": []}'
)
KEYS = [
    "s",
    "i",
    "big",
    "f",
    "e",
    "t",
    "n",
    "o",
    "l",
    "",
    "S",
    "0",
    "absent",
    "at",
    "x.y",
    "it's",
    "neg",
    "zero",
    "empty",
    "list",
]


def documents(
    deployment: Deployment, expression: str, paths: list[list[str]], payloads: Sequence[str]
) -> list[list[Any]]:
    """An expression on each path's value, `V` in the text, for each document."""
    value = "profiles_sync.json_path_value('d.v', paths, {})"
    expressions = {f"v{i}": expression.replace("V", value.format(i)) for i in range(len(paths))}
    source = (
        "(select held.event_no as n, {{ profiles_sync.json_paths('held.payload', paths) }} as v "
        f"from {hold(deployment, 'payload', payloads)}) as d"
    )
    return select(deployment, expressions, source, before=f"{{% set paths = {paths!r} %}}")


def test_json(prepared: Deployment) -> None:
    paths = [[key] for key in KEYS] + [["o", "a b", "c/d~e"], ["o", "absent"], ["s", "x"], ["l", "k"]]
    text = (
        "case when {{ profiles_sync.json_kind(V) }} = 'string' then {{ profiles_sync.json_string(V) }} "
        "else {{ profiles_sync.json_compact(V) }} end"
    )
    kinds = documents(prepared, "{{ profiles_sync.json_kind(V) }}", paths, [DOCUMENT])[0]
    texts = documents(prepared, text, paths, [DOCUMENT])[0]
    found = dict(zip(map(tuple, paths), zip(kinds, texts, strict=True), strict=True))
    # A number written with an exponent or a fraction of zero: each engine prints it its own way, its value is the same.
    assert float(found.pop(("e",))[1]) == 100000
    assert float(found.pop(("zero",))[1]) == 0
    # A blank key has no name in Redshift's navigation.
    assert found.pop(("",)) == ((None, None) if prepared.engine == "redshift" else ("string", "blank"))
    assert found == {
        ("s",): ("string", 'it\'s "q" é 😀\t. \\ '),
        ("i",): ("integer", "7"),
        ("big",): ("integer", "12345678901234567890123456789"),
        ("f",): ("float", "19.5"),
        ("t",): ("boolean", "true"),
        ("n",): ("null", "null"),
        ("o",): ("object", '{"a b":{"c/d~e":"deep"}}'),
        ("l",): ("array", '[1,{"k":"a , b : c"}]'),
        ("S",): ("string", "other case"),
        ("0",): ("string", "digit"),
        ("absent",): (None, None),
        ("at",): ("string", "2022-05-02T14:01:00.123456Z"),
        ("x.y",): ("string", "dot"),
        ("it's",): ("string", "quote"),
        ("neg",): ("integer", "-5"),
        ("empty",): ("string", ""),
        ("list",): ("array", "[]"),
        ("o", "a b", "c/d~e"): ("string", "deep"),
        ("o", "absent"): (None, None),
        ("s", "x"): (None, None),
        ("l", "k"): (None, None),
    }


def test_json_as_columns(prepared: Deployment) -> None:
    values = ['"text"', "7", "9223372036854775807", "9223372036854775808", "19.5", "1e28", "true", "null", "[1, 2]", '{"a": 1}',
              '"2022-05-02T14:01:00.5+01:00"', "-0.5", '""', '"true"', '"7"']  # fmt: skip
    payloads = [f'{{"v": {value}}}' for value in values] + ["{}"]

    def column(data_type: str) -> list[Any]:
        rows = documents(prepared, f"{{{{ profiles_sync.json_as(V, '{data_type}') }}}}", [["v"]], payloads)
        return [row[0] for row in rows]

    assert column("varchar") == [
        "text", "7", "9223372036854775807", "9.223372036854776e+18", "19.5", "1e+28", "true", None, "[1,2]", None,
        "2022-05-02T14:01:00.5+01:00", "-0.5", "", "true", "7", None,
    ]  # fmt: skip
    none = [None] * len(payloads)
    assert [None if value is None else int(value) for value in column("integer")] == [
        None,
        7,
        9223372036854775807,
        *none[3:],
    ]
    floats = [None if value is None else float(value) for value in column("float")]
    assert floats == [None, 7, 2.0**63, 2.0**63, 19.5, 1e28, *none[6:11], -0.5, *none[12:]]
    assert column("boolean") == [*none[:6], True, *none[7:]]
    moments = [_moment(value) for value in column("timestamp")]
    assert moments == [*none[:10], datetime(2022, 5, 2, 13, 1, 0, 500000), *none[11:]]


def test_json_of_texts(prepared: Deployment) -> None:
    value = "profiles_sync.json_of_text('t')"
    found = per_text(
        prepared,
        {
            "kind": f"{{{{ profiles_sync.json_kind({value}) }}}}",
            "compact": f"{{{{ profiles_sync.json_compact({value}) }}}}",
            "empty": f"case when {{{{ profiles_sync.json_is_empty({value}) }}}} then 1 else 0 end",
        },
        ['"7"', "7", '{"a":["b"]}', "{}", "true", None],
    )
    assert found == [
        ["string", '"7"', 0],
        ["integer", "7", 0],
        ["object", '{"a":["b"]}', 0],
        ["object", "{}", 1],
        ["boolean", "true", 0],
        [None, None, 0],
    ]


def test_json_arrays(prepared: Deployment) -> None:
    hold(prepared, "user_id", ['[{"a": "x"}, 7, "two"]', "[]", '{"a": 1}', None])
    inline = (
        "select event_no, item_no, {{ profiles_sync.json_compact('item') }} as item from {{ profiles_sync.json_array_rows("
        "profiles_sync.contract_relation('raw_events'), 'event_no', 'user_id', \"user_id like '[%'\") }} as items"
    )
    table = prepared.dbt("show", "--inline", inline, "--output", "json", "--limit", "-1").result.results[0].agate_table
    rows = sorted((int(row[0]), int(row[1]), row[2]) for row in table.rows)
    assert rows == [(0, 1, '{"a":"x"}'), (0, 2, "7"), (0, 3, '"two"')]


def test_unpivot(prepared: Deployment) -> None:
    hold(prepared, "user_id", ["x", None])
    inline = (
        "{% set wide = '(select event_no as n, user_id as a, anonymous_id as b from ' "
        "~ profiles_sync.contract_relation('raw_events') ~ ')' %}"
        "select pairs.n, pairs.label, pairs.{{ profiles_sync.quote_column('value') }} as v from "
        "{{ profiles_sync.unpivot(wide, ['n'], {'a': '[\"it\\'s a\"]', 'b': 'b'}) }} as pairs"
    )
    table = prepared.dbt("show", "--inline", inline, "--output", "json", "--limit", "-1").result.results[0].agate_table
    assert [(int(row[0]), row[1], row[2]) for row in table.rows] == [(0, '["it\'s a"]', "x")]
