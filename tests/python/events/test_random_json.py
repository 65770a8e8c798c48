"""Random JSON: every value that went in is found in its column, or under its path in `_overflow`."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from functools import reduce
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from support.dbt import Deployment
from support.marks import slow_on
from support.pipeline import Pipeline

T = TypeVar("T")

KEYS = [
    "a", "A", "b", "a b", "a_b", "a.b", "aB", "id", "timestamp", "select", "event", "0", "1", "-1", "2nd", "", "_", "é", "日本", "🎉",
    "it's", 'q"uote', "back\\slash", "sl/ash", "til~de", "per%cent", "{{ x }}", "k" * 80, "K" * 80 + "x", "context_a", "name",
]  # fmt: skip
TEXTS = [
    "", " ", "x", "null", "true", "1", "1.5", "NaN", "it's", "é 😀", "a\x00b", "\u2028\x7f", "tab\tline\nend", "{{ jinja }}", "%s %(x)s",
    "2024-01-01T00:00:00Z", "2024-02-29T23:59:59.999999+05:30", "2024-01-01", "2024-01-01T00:00:00", "-- comment", "/* x */",
    "2024-02-29T23:59:59.123456789Z",
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 2**31, 2**63 - 1, -(2**63), 2**63, 10**30, 0.1, 1.0, -2.5, 1e-7, 1e15, 1e16, 123456789.125, 1e21, 1e300, 5e-320, -0.0,
]  # fmt: skip


SCALARS = (
    st.sampled_from(TEXTS)
    | st.sampled_from(NUMBERS)
    | st.text(max_size=20)
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
# Below the top few keys, so that the tables stay narrow enough for a quick test.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS[::6]), inner, max_size=2),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(st.sampled_from(KEYS) | st.text("aA_é0 .", max_size=2), VALUES, max_size=12)
# One key in another, deeper than anything is flattened.
CHAINS = st.builds(
    lambda inner, depth: reduce(lambda below, _: {"deep": below}, range(depth), inner), SCALARS, st.integers(8, 13)
)
BODIES = DOCUMENTS | st.builds(lambda document, chain: document | chain, DOCUMENTS, CHAINS)


def drawn(strategy: st.SearchStrategy[T], number: int, number_of_seed: int) -> list[T]:
    """So many examples of a strategy, the same for the same seed. A sync costs seconds, so they go into one together."""
    found: list[T] = []

    @seed(number_of_seed)
    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


def leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and len(path) < 11:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif value is not None:
        yield path, value


@dataclass(frozen=True)
class Registered:
    column: str
    data_type: str
    rank: int
    status: str


def fits(value: Any, data_type: str) -> bool:
    match data_type:
        case "varchar":
            return True
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int and -(2**63) <= value < 2**63
        case "float":
            return type(value) in (int, float)
        case "timestamp":
            return isinstance(value, str) and moment(value) is not None
    raise AssertionError(data_type)


def moment(text: str) -> datetime | None:
    if "T" not in text or text.endswith(":00:00"):
        return None
    try:
        # Python 3.10 reads no more than microseconds.
        text = re.sub(r"(\.\d{6})\d+", r"\1", text)
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc).replace(tzinfo=None)
    except ValueError:
        return None


def shows(cell: Any, value: Any, data_type: str) -> bool:
    """Whether a cell of a column of this type shows this value."""
    if data_type == "timestamp":
        return bool(cell == moment(value))
    if data_type != "varchar":
        return bool(cell == (float(value) if data_type == "float" else value))
    if isinstance(value, str):
        return bool(cell == value)
    if isinstance(value, bool):
        return bool(cell == str(value).lower())
    if isinstance(value, (int, float)):
        whole = float(value) % 1 == 0 and abs(value) < 1e18
        return bool(float(cell) == float(value)) and (not whole or cell.lstrip("-").isdigit())
    return same(json.loads(cell), value)


def rounds(cell: Any, value: Any, data_type: str) -> bool:
    """Whether a cell that shows a value shows it to its last digit no more."""
    if data_type == "timestamp":
        return re.search(r"\.\d{6}0*[1-9]", value) is not None
    return type(value) is int and int(Decimal(cell)) != value


def same(left: Any, right: Any) -> bool:
    """Whether two documents are equal; a number beyond 64 bits may have become the nearest float."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, bool) or isinstance(right, bool) or isinstance(left, str) or isinstance(right, str):
        return left is right or left == right
    return left == right or (left is not None and right is not None and float(left) == float(right))


@pytest.mark.parametrize(
    ("number", "size"),
    [
        pytest.param(1, 40, id="1"),
        pytest.param(2, 100, id="2 whole", marks=pytest.mark.slow),
    ],
)
@slow_on("postgres")
def test_every_value_is_found(deployment: Deployment, number: int, size: int) -> None:
    """`number` is the seed, `size` how many calls there are."""
    rng = random.Random(number)
    pipeline = Pipeline(deployment)
    bodies, contexts = drawn(BODIES, size, number), drawn(DOCUMENTS, size, number + 100)
    calls: list[dict[str, Any]] = []
    for place, (body, context) in enumerate(zip(bodies, contexts, strict=False)):
        call: dict[str, Any] = {
            "type": rng.choice(["track", "identify", "page", "group"]),
            "messageId": f"m{place}",
            "userId": f"u{place % 7}",
            "groupId": "g",
            "receivedAt": "2024-05-01T10:00:00Z",
            "context": context,
        }
        if call["type"] == "track":
            call |= {"event": rng.choice(["Thing", "Other Thing"]), "properties": body}
        else:
            call["properties" if call["type"] == "page" else "traits"] = body
            if call["type"] == "page" and place % 2:
                call["name"] = "Home"
        calls.append(call)
    assert len(calls) > 0.8 * size
    rng.shuffle(calls)
    pipeline.sync(calls[: len(calls) // 2])
    pipeline.sync(calls[len(calls) // 2 :])

    registry: dict[tuple[str, tuple[str, ...]], Registered] = {}
    for table, path, *rest in deployment.query(
        "select table_name, raw_path, column_name, data_type, path_rank, status from profiles_ops.column_registry"
    ):
        registry[(table, tuple(json.loads(path)))] = Registered(*rest)
    payloads = {
        message: (kind, slug, json.loads(payload.replace("\\u0000", "\\ufffd")))
        for message, kind, slug, payload in deployment.query(
            'select message_id, "type", event_slug, cast(payload as varchar) from profiles_staging.raw_events'
        )
    }
    noticed = set(
        deployment.query(
            "select table_name, column_name from profiles_ops.notices where notice in ('value_cast_failed', 'shared_column')"
        )
    )
    noticed_as_rounded = set(
        deployment.query("select table_name, column_name from profiles_ops.notices where notice = 'value_rounded'")
    )
    checked = defaultdict(int)
    tables = {"identify": "identifies", "page": "pages", "group": "groups"}
    for table in ("thing", "other_thing", "identifies", "pages", "groups", "tracks"):
        for row in deployment.documents(f"profiles.{table}"):
            kind, slug, payload = payloads[row["id"]]
            assert table in (tables.get(kind, slug), "tracks")
            rest = json.loads(row.pop("_overflow", None) or "{}")
            by_column: dict[str, list[tuple[Registered, str, Any]]] = defaultdict(list)
            for container in ("context", "properties", "traits"):
                if container != "context" and table == "tracks":
                    continue
                for path, value in leaves(payload.get(container, {}), (container,)):
                    place = registry[(table, path)]
                    raw_path = json.dumps(path, ensure_ascii=False, separators=(",", ":"))
                    if place.status == "overflow":
                        assert same(rest.pop(raw_path), value)
                        checked["beyond the limit"] += 1
                    else:
                        by_column[place.column].append((place, raw_path, value))
            if "name" in payload and table == "pages":
                # The call's own field comes before any property.
                by_column["name"].append((Registered("name", "varchar", 0, "shared"), '["name"]', payload["name"]))
            for column, found in by_column.items():
                found.sort(key=lambda each: each[0].rank)
                place, _, value = found[0]
                if fits(value, place.data_type):
                    assert shows(row[column], value, place.data_type), (table, column, value, row[column])
                    checked[f"as {place.data_type}"] += 1
                    if rounds(row[column], value, place.data_type):
                        assert (table, column) in noticed_as_rounded, (table, column, value)
                        checked["rounded"] += 1
                else:
                    assert row[column] is None, (table, column, value)
                for rank, (_, raw_path, other) in enumerate(found):
                    lost = not fits(other, place.data_type) if rank == 0 else raw_path in rest or not same(other, value)
                    if lost:
                        assert same(rest.pop(raw_path), other), (table, raw_path)
                        assert (table, column) in noticed
                        checked["misfit" if rank == 0 else "lost to another key"] += 1
            assert not rest
            registered = {
                place.column for (name, _), place in registry.items() if name == table and place.status == "active"
            }
            assert all(row[column] is None for column in registered - set(by_column))
    # The stream has something of everything.
    assert all(
        checked[kind] > size // 30
        for kind in ("as varchar", "as integer", "as float", "as boolean", "misfit", "lost to another key")
    ), dict(checked)
    assert checked["rounded"] or size < 100
