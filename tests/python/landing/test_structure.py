"""Structure: which paths carry values of which types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles_sync.landing import structure
from profiles_sync.landing.structure import DEPTH, SLOTS, RoundedFloat, Structure
from profiles_sync.landing.timestamps import is_timestamp


def counted(
    *values: dict[str, Any], exact: frozenset[tuple[str, ...]] = frozenset()
) -> dict[tuple[str, ...], dict[str, int]]:
    found = Structure(exact)
    for value in values:
        found.add("pages", "properties", value)
    return {path[1:]: _named(counts) for (_, path), counts in found.counts()}


def _named(counts: list[int]) -> dict[str, int]:
    return {name: number for name, number in zip(SLOTS, counts, strict=True) if number}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "boolean"),
        (0, "integer"),
        (-(2**63), "integer"),
        (1.0, "float"),
        ("2024-05-01T10:00:00Z", "timestamp"),
        ("2024-05-01T10:00:00.123+02:00", "timestamp"),
        ("2024-05-01T10:00:00", "varchar"),
        ("2024-05-01", "varchar"),
        ("12", "varchar"),
        ("", "varchar"),
        ([1, 2], "varchar"),
        ([], "varchar"),
        ([{"a": 1}], "varchar"),
        (None, "nulls"),
    ],
)
def test_types_of_values(value: object, kind: str) -> None:
    assert counted({"a": value}) == {("a",): {kind: 1}}


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (RoundedFloat(0.1), {"float": 1, "long": 1}),
        (2**53, {"integer": 1}),
        (2**53 + 1, {"integer": 1, "wide": 1}),
        (-(2**53) - 1, {"integer": 1, "wide": 1}),
        (2**62, {"integer": 1}),
        (2**63 - 1, {"integer": 1, "wide": 1}),
        (2**63, {"float": 1, "huge": 1}),
        (1e30, {"float": 1, "huge": 1}),
        (-float(2**63), {"float": 1, "huge": 1}),
        (-1e18, {"float": 1}),
        ("2024-05-01T10:00:00.123456Z", {"timestamp": 1}),
        ("2024-05-01T10:00:00.123456000+00:00", {"timestamp": 1}),
        ("2024-05-01T10:00:00.1234561Z", {"timestamp": 1, "fine": 1}),
        ("2024-05-01T10:00:00.123456009-08:00", {"timestamp": 1, "fine": 1}),
    ],
)
def test_what_a_column_may_round(value: object, kinds: dict[str, int]) -> None:
    assert counted({"a": value}) == {("a",): kinds}
    twice = {kind: 2 * number for kind, number in kinds.items()}
    assert counted({"a": value}, {"b": {"c": True}}, {"a": value})[("a",)] == twice


def test_objects_are_flattened_and_empty_ones_are_nothing() -> None:
    value = {"a": {"b": {"c": 1}, "d": "x"}, "e": {}, "f.g": True}
    assert counted(value) == {("a", "b", "c"): {"integer": 1}, ("a", "d"): {"varchar": 1}, ("f.g",): {"boolean": 1}}


def test_scalar_in_one_call_and_object_in_another() -> None:
    assert counted({"app": "x"}, {"app": {"name": "y"}}, {"app": None}) == {
        ("app",): {"varchar": 1, "nulls": 1},
        ("app", "name"): {"varchar": 1},
    }


def test_below_ten_levels_an_object_is_one_value() -> None:
    value: Any = {"leaf": 1}
    for number in range(DEPTH, 0, -1):
        value = {f"k{number}": value}
    assert counted(value) == {tuple(f"k{number}" for number in range(1, DEPTH + 1)): {"varchar": 1}}


def test_one_ordinary_string_makes_a_key_text_unless_it_is_a_timestamp_already() -> None:
    values = [
        {"at": "2024-05-01T10:00:00Z"},
        {"at": "2024-05-01T10:00:00Z"},
        {"at": "soon"},
        {"at": "2024-05-01T10:00:00Z"},
    ]
    assert counted(*values)[("at",)]["varchar"] >= 1
    assert counted(*values, exact=frozenset({("properties", "at")})) == {("at",): {"timestamp": 3, "varchar": 1}}


def test_tables_and_containers_are_counted_apart() -> None:
    found = Structure()
    found.add("pages", "context", {"a": 1})
    found.add("pages", "properties", {"a": 1})
    found.add("tracks", "context", {"a": 1.5})
    assert {key: _named(counts) for key, counts in found.counts()} == {
        ("pages", ("context", "a")): {"integer": 1},
        ("pages", ("properties", "a")): {"integer": 1},
        ("tracks", ("context", "a")): {"float": 1},
    }


_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "",
            "x",
            "2024-05-01T10:00:00Z",
            "2024-02-30T10:00:00Z",
            "2024-05-01T10:00:00.5+01:00",
            "2024-05-01T10:00:00.123456789Z",
        ]
    ),
    st.lists(st.integers(), max_size=2),
)
_KEYS = st.sampled_from(["a", "b", "c", "at"])
_OBJECTS = st.dictionaries(
    _KEYS, st.recursive(_SCALARS, lambda inner: st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8), max_size=4
)


def _walk(value: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, item in value.items():
        here = (*path, key)
        if isinstance(item, dict):
            yield from _walk(item, here)
        elif item is None:
            yield here, "nulls"
        elif isinstance(item, bool):
            yield here, "boolean"
        elif isinstance(item, int):
            fits = -(2**63) <= item < 2**63
            yield here, "integer" if fits else "float"
            if int(float(item)) != item or not fits:
                yield here, "wide" if fits else "huge"
        elif isinstance(item, float):
            yield here, "float"
            if abs(item) >= 2**63:
                yield here, "huge"
        elif isinstance(item, str) and is_timestamp(item):
            yield here, "timestamp"
            if "123456789" in item:
                yield here, "fine"
        else:
            yield here, "varchar"


@given(st.lists(_OBJECTS, max_size=12), st.integers(0, 3), st.booleans())
def test_counts_are_those_of_a_walk(values: list[dict[str, Any]], kept: int, split: bool) -> None:
    """With every timestamp told apart, the counts are exact, however often shapes are added up and merged."""
    expected = Counter(found for value in values for found in _walk(value, ("properties",)))
    exact = frozenset(path for path, _ in expected)
    before = structure.SHAPES_KEPT
    structure.SHAPES_KEPT = kept
    try:
        total, part = Structure(exact), Structure(exact)
        for value in values:
            part.add("pages", "properties", value)
            if split:
                total.merge(part)
        total.merge(part)
        found = {
            (path, kind): number for (_, path), counts in total.counts() for kind, number in _named(counts).items()
        }
    finally:
        structure.SHAPES_KEPT = before
    assert found == expected
