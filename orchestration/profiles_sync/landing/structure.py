"""Which keys calls carry, with values of which types: what the column registry is made of.

Calls of one kind mostly look alike. So a call is not walked key by key: the keys of an object and the types of its
values, taken as they come, are its shape, and shapes are counted. Only strings that can change a column's type, and numbers, are looked
at themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from profiles_sync.landing.timestamps import is_fine, is_timestamp

Path = tuple[str, ...]
# Values seen by type, in the order of `SLOTS`.
Counts = list[int]

TYPES = ("timestamp", "integer", "float", "boolean", "varchar")
# Beside the types, what a column may round: integers of 64 bits that no float equals, numbers beyond 64 bits, decimals with digits beyond a
# float's, and points in time with digits beyond the microsecond.
SLOTS = (*TYPES, "nulls", "wide", "huge", "long", "fine")
_TIMESTAMP, _INTEGER, _FLOAT, _BOOLEAN, _VARCHAR, _NULLS, _WIDE, _HUGE, _LONG, _FINE = range(10)


class RoundedFloat(float):
    """A decimal read as the nearest float: its digits say another number."""


_SLOT_BY_TYPE: dict[type, int] = {
    bool: _BOOLEAN,
    int: _INTEGER,
    float: _FLOAT,
    RoundedFloat: _FLOAT,
    str: _VARCHAR,
    list: _VARCHAR,
    type(None): _NULLS,
}

DEPTH = 10
"""Keys below a container that are flattened; an object further down is one value, as JSON text."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
# Up to here every integer is a float.
_EXACT = 2**53
# Longer than any point in time in microseconds that ends with `Z`.
_MAYBE_FINE = len("2022-05-02T14:01:00.123456Z")
# Distinct shapes kept before they are added up, and distinct paths kept before they are handed over: keys made of ids
# must not fill the memory.
SHAPES_KEPT = 20_000
PATHS_KEPT = 200_000


class _Shape:
    """Objects with the same keys and types at one place."""

    __slots__ = ("count", "fine", "floats", "huge", "integers", "nested", "strings", "times", "wide")

    def __init__(self) -> None:
        self.count = 0
        # Of keys in `strings`: how many values were points in time.
        self.times: dict[str, int] = {}
        # Keys whose strings have all been points in time so far, or must be told apart for good.
        self.strings: list[str] = []
        self.integers: list[str] = []
        self.floats: list[str] = []
        # What a column may round, by key; integers beyond 64 bits count as floats.
        self.wide: dict[str, int] = {}
        self.huge: dict[str, int] = {}
        self.fine: dict[str, int] = {}
        self.nested: list[tuple[str, _Place]] = []


class _Place:
    """Where an object stands: a container or a key below one."""

    __slots__ = ("children", "path", "plain", "shapes")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shapes: dict[tuple[Any, ...], _Shape] = {}
        self.children: dict[str, _Place] = {}
        # Keys that have held a string which is no point in time.
        self.plain: set[str] = set()


class Structure:
    """Counts the shapes of calls, by table and container.

    Args:
        exact: Paths of columns that are timestamps already. Their strings are told apart for good, so that values which
            do not fit can be counted; elsewhere one ordinary string settles that the column is text.
    """

    def __init__(self, exact: frozenset[Path] = frozenset()) -> None:
        self._exact = exact
        self._places: dict[tuple[str, str], _Place] = {}
        self._shapes = 0
        self._counts: dict[tuple[str, Path], Counts] = {}

    def add(self, table: str, container: str, value: dict[str, Any]) -> None:
        """Count one object of a container (`context`, `properties`, `traits`) of a call that belongs to `table`."""
        place = self._places.get((table, container))
        if place is None:
            place = self._places[(table, container)] = _Place((container,))
        self._walk(place, value)
        if self._shapes > SHAPES_KEPT:
            self._fold()

    def merge(self, other: Structure) -> None:
        """Add what another one counted, which is empty afterwards."""
        for key, counts in other.counts():
            self._count(key, counts)
        other.clear()

    def counts(self) -> Iterator[tuple[tuple[str, Path], Counts]]:
        """Yield ((table, path), values by type) of all that was counted."""
        self._fold()
        yield from self._counts.items()

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
        self._counts.clear()
        self._shapes = 0

    @property
    def paths(self) -> int:
        """Distinct paths kept."""
        return len(self._counts)

    def _walk(self, place: _Place, value: dict[str, Any]) -> None:
        signature = tuple(value) + tuple(map(type, value.values()))
        shape = place.shapes.get(signature)
        if shape is None:
            shape = place.shapes[signature] = self._new_shape(place, value)
        shape.count += 1
        settled = False
        for key in shape.strings:
            text = value[key]
            if len(text) > 19 and text[10] == "T" and is_timestamp(text):
                shape.times[key] += 1
                if len(text) > _MAYBE_FINE and is_fine(text):
                    _add(shape.fine, key)
            elif (*place.path, key) not in self._exact:
                place.plain.add(key)
                settled = True
        if settled:
            shape.strings = [key for key in shape.strings if key not in place.plain]
        for key in shape.integers:
            number = value[key]
            if not -_EXACT <= number <= _EXACT:
                if not _SMALLEST <= number <= _LARGEST:
                    _add(shape.huge, key)
                elif int(float(number)) != number:
                    _add(shape.wide, key)
        for key in shape.floats:
            # An integer just below the smallest one was read as that one.
            if not _SMALLEST < value[key] <= _LARGEST:
                _add(shape.huge, key)
        for key, child in shape.nested:
            self._walk(child, value[key])

    def _new_shape(self, place: _Place, value: dict[str, Any]) -> _Shape:
        self._shapes += 1
        shape = _Shape()
        for key, item in value.items():
            kind = type(item)
            if kind is str and key not in place.plain:
                shape.strings.append(key)
                shape.times[key] = 0
            elif kind is int:
                shape.integers.append(key)
            elif kind is float:
                shape.floats.append(key)
            elif kind is dict and len(place.path) < DEPTH:
                child = place.children.get(key)
                if child is None:
                    child = place.children[key] = _Place((*place.path, key))
                shape.nested.append((key, child))
        return shape

    def _fold(self) -> None:
        for (table, _), place in self._places.items():
            self._fold_place(table, place)
        self._places.clear()
        self._shapes = 0

    def _fold_place(self, table: str, place: _Place) -> None:
        for signature, shape in place.shapes.items():
            half = len(signature) // 2
            for key, kind in zip(signature[:half], signature[half:], strict=True):
                counts = [0] * len(SLOTS)
                if kind is dict:
                    if len(place.path) < DEPTH:
                        continue
                    counts[_VARCHAR] = shape.count
                else:
                    counts[_SLOT_BY_TYPE[kind]] = shape.count
                    # One ordinary string makes the whole key text, whatever came before it.
                    if key in shape.strings:
                        counts[_TIMESTAMP] = shape.times[key]
                        counts[_VARCHAR] -= shape.times[key]
                    counts[_WIDE] = shape.wide.get(key, 0)
                    counts[_HUGE] = shape.huge.get(key, 0)
                    counts[_FINE] = shape.fine.get(key, 0)
                    if kind is RoundedFloat:
                        counts[_LONG] = shape.count
                    if kind is int:
                        counts[_FLOAT] += counts[_HUGE]
                        counts[_INTEGER] -= counts[_HUGE]
                self._count((table, (*place.path, key)), counts)
        for child in place.children.values():
            self._fold_place(table, child)

    def _count(self, key: tuple[str, Path], counts: Counts) -> None:
        known = self._counts.get(key)
        if known is None:
            self._counts[key] = list(counts)
        else:
            for slot, number in enumerate(counts):
                known[slot] += number


def _add(numbers: dict[str, int], key: str) -> None:
    numbers[key] = numbers.get(key, 0) + 1
