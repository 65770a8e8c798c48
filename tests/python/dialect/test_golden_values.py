"""Golden values of the dialect macros: the same on every engine, computed here by other means."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from support.dbt import Deployment

TEXTS = [
    "",
    "abc",
    "ABC",
    "abc ",
    "it's",
    'a "q"',
    "zoë@exämple.com",
    "日本語 😀",
    "a" * 55,
    "a" * 56,
    "a" * 64,
    "a" * 200,
]


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def prepared(deployment: Deployment) -> Deployment:
    deployment.dbt("run-operation", "prepare_space")
    return deployment


def test_hashes(prepared: Deployment) -> None:
    expressions, expected = {}, {}
    for i, text in enumerate(TEXTS):
        # Jinja reads the argument as a string, SQL the literal in it.
        argument = literal(text).replace('"', '\\"')
        expressions[f"sha256_{i}"] = f'{{{{ profiles_sync.sha256_hex("{argument}") }}}}'
        expressions[f"sha1_{i}"] = f'{{{{ profiles_sync.sha1_hex("{argument}") }}}}'
        expressions[f"key_{i}"] = f'cast({{{{ profiles_sync.identifier_key("\'email\'", "{argument}") }}}} as varchar)'
        data = text.encode()
        expected[f"sha256_{i}"] = hashlib.sha256(data).hexdigest()
        expected[f"sha1_{i}"] = hashlib.sha1(data).hexdigest()
        expected[f"key_{i}"] = str(uuid.UUID(bytes=hashlib.sha256(b"email\0" + data).digest()[:16]))
    assert prepared.evaluate(expressions) == expected


def test_external_id_hash_vectors(prepared: Deployment) -> None:
    vectors = {
        "anonymous_id5285bc35-05ef-4d21": "522f632d8ae7fbb2a0275d6fa44f985acd374ff3",
        "emailjane.kim@segment.com": "bc269125e7a325f844980b80d7084928bbcaf304",
        "anonymous_idb50e18a5-1b8d-451c": "2676c51b0b4bf139b20294be6b744f1a9ac96b78",
        "user_idabc123def": "10f3ab8ce830b53fbf751a65a629030665d7de03",
        "phone123-456-7890": "290380bacbe7f75efda24d3752f7b3d172e09f00",
        "emailzoë@exämple.com": "6c251abfaef39fb93f7bcadc496a02ab9389dfcd",
    }
    found = prepared.evaluate(
        {f"v{i}": f'{{{{ profiles_sync.sha1_hex("{literal(text)}") }}}}' for i, text in enumerate(vectors)}
    )
    assert list(found.values()) == list(vectors.values())


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
    for text in TEXTS:
        assert prepared.query(f"select profiles_staging.sha1_hex({literal(text)})") == [
            (hashlib.sha1(text.encode()).hexdigest(),)
        ]


def test_numbers_and_times(prepared: Deployment) -> None:
    later = "{{ profiles_sync.next_microsecond(\"cast('2022-12-31 23:59:59.999999' as timestamp)\") }}"
    number = '{{{{ profiles_sync.number_text("{}") }}}}'
    found = prepared.evaluate(
        {
            "padded": '{{ profiles_sync.zero_padded("42", 12) }}',
            "cut": "{{ profiles_sync.epoch_ms(\"cast('2022-05-02 14:01:00.123999' as timestamp)\") }}",
            "next": f"cast({later} as varchar)",
            "whole": number.format("100000.0"),
            "negative": number.format("-3.0"),
            "fraction": number.format("19.99"),
            "tiny": number.format("1e-7"),
            "huge": number.format("1e28"),
        }
    )
    assert found == {
        "padded": "000000000042",
        "cut": 1651500060123,
        "next": "2023-01-01 00:00:00",
        "whole": "100000",
        "negative": "-3",
        "fraction": "19.99",
        "tiny": "1e-07",
        "huge": "1e+28",
    }


DOCUMENT = (
    '{"s": "it\'s \\"q\\" \\u00e9 😀\\t.", "i": 7, '
    '"big": 12345678901234567890123456789, "f": 19.5, "e": 1e5, "t": true, "n": null, '
    '"o": {"a b": {"c/d~e": "deep"}}, "l": [1, {"k": "a , b : c"}], "": "blank", "S": "other case", "0": "digit"}'
)
PATHS = ["s", "i", "big", "f", "e", "t", "n", "o", "l", "", "S", "0", "absent"]


def test_json(prepared: Deployment) -> None:
    paths = [[key] for key in PATHS] + [["o", "a b", "c/d~e"], ["o", "absent"], ["s", "x"]]
    values = ", ".join(
        f"{{{{ profiles_sync.json_kind(profiles_sync.json_path_value('d.v', paths, {i})) }}}} as k{i}, "
        f"case when {{{{ profiles_sync.json_kind(profiles_sync.json_path_value('d.v', paths, {i})) }}}} = 'string' "
        f"then {{{{ profiles_sync.json_string(profiles_sync.json_path_value('d.v', paths, {i})) }}}} "
        f"else {{{{ profiles_sync.json_compact(profiles_sync.json_path_value('d.v', paths, {i})) }}}} end as t{i}"
        for i in range(len(paths))
    )
    inline = (
        f"{{% set paths = {paths!r} %}} select {values} from "
        "(select {{ profiles_sync.json_paths('x.j', paths) }} as v from "
        f"(select cast({literal(DOCUMENT)} as {{{{ profiles_sync.column_type('json') }}}}) as j) as x) as d"
    )
    table = prepared.dbt("show", "--inline", inline, "--output", "json").result.results[0].agate_table
    row = table.rows[0]
    found = [(row[f"k{i}"], row[f"t{i}"]) for i in range(len(paths))]
    exponent = "100000.0" if prepared.engine == "duckdb" else "100000"
    assert found[:4] == [
        ("string", 'it\'s "q" é 😀\t.'),
        ("integer", "7"),
        ("integer", "12345678901234567890123456789"),
        ("float", "19.5"),
    ]
    # A number written with an exponent: each engine prints it its own way, its value is the same.
    assert found[4][1] == exponent
    assert found[5:] == [
        ("boolean", "true"),
        ("null", "null"),
        ("object", '{"a b":{"c/d~e":"deep"}}'),
        ("array", '[1,{"k":"a , b : c"}]'),
        ("string", "blank"),
        ("string", "other case"),
        ("string", "digit"),
        (None, None),
        ("string", "deep"),
        (None, None),
        (None, None),
    ]
