"""An object that has a key twice: the last one counts, on every engine, and a notice says so."""

from __future__ import annotations

import json
import random
from typing import Any

import orjson

from profiles_sync.landing.calls import _may_repeat_a_key, _with_last_keys
from support.landing import LandingSpace

KEYS = ['"a"', '"\\u0061"', '"b"', '"c,{"', '""', '"\\""']
SCALARS = ["1", "-2.5e3", '"x"', '"a\\"b,{}"', '"\\u0022"', "null", "true", '""', "[]", "{}"]


def value(rng: random.Random, depth: int) -> str:
    roll = rng.random()
    if roll < 0.3 and depth < 4:
        return an_object(rng, depth + 1)
    if roll < 0.45 and depth < 4:
        return f"[{', '.join(value(rng, depth + 1) for _ in range(rng.randint(0, 3)))}]"
    return rng.choice(SCALARS)


def an_object(rng: random.Random, depth: int = 0) -> str:
    members = [f"{rng.choice(KEYS)}{rng.choice([':', ' : '])}{value(rng, depth)}" for _ in range(rng.randint(0, 4))]
    return "{" + rng.choice([",", " , "]).join(members) + "}"


def repeats(text: bytes) -> bool:
    found = False

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        found = found or len(dict(pairs)) < len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=members)
    return found


def test_any_document() -> None:
    rng = random.Random(7)
    repeated = 0
    for _ in range(5000):
        line = an_object(rng).encode()
        document = orjson.loads(line)
        single = _with_last_keys(line)
        # The same values for who takes the last one, and nothing left to choose for who takes the first.
        assert orjson.loads(single) == document, line
        assert not repeats(single), line
        assert (single is line) == (not repeats(line)), line
        if single is not line:
            repeated += 1
            assert _may_repeat_a_key(line, document), line
    assert repeated > 1000
    assert not _may_repeat_a_key(
        b'{"a" : "x\\"y", "b": [1.0e2, {"a": "\\u00e9"}]}', {"a": 'x"y', "b": [100.0, {"a": "é"}]}
    )


def test_where_it_lands(space: LandingSpace) -> None:
    times = b'"receivedAt":"2024-05-01T10:00:00.000Z","timestamp":"2024-05-01T10:00:00.000Z"'
    twice = (
        b'{"type":"track","event":"E","messageId":"m1","userId":"u1","userId":"u2",%b,"properties":{"a":1,"a":{"x":2}}}'
        % times
    )
    once = b'{"type":"track","event":"E","messageId":"m2","userId":"u1",%b,"properties":{"a":{"x":2}}}' % times
    space.write("a.gz", [twice, once])
    report = space.land()
    assert [(notice.notice, notice.occurrences) for notice in report.notices] == [("duplicate_key", 1)]
    assert space.events("message_id", "user_id") == [("m1", "u2"), ("m2", "u1")]
    texts = [
        text
        for (text,) in space.query("select cast(payload as varchar) from profiles_staging.raw_events order by event_no")
    ]
    assert [orjson.loads(text)["properties"] for text in texts] == [{"a": {"x": 2}}] * 2
    assert not any(repeats(text.encode()) for text in texts)
    assert space.rows("ops.column_registry", "column_name", "raw_path") == [("a_x", '["properties","a","x"]')]
