"""The column registry: types, how they change, collisions and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles_sync.landing.registry import (
    RegisteredPath,
    RegistryChange,
    RegistryRules,
    infer_anew,
    least_upper_bound,
    tables_of,
    update_registry,
)
from profiles_sync.landing.structure import SLOTS, TYPES
from profiles_sync.naming import EVENT_TYPE_TABLES, NAME_RULES

RULES = RegistryRules.of(NAME_RULES["duckdb"], {}, 0)
TABLE = "order_completed"


def counts(**kinds: int) -> list[int]:
    return [kinds.get(name, 0) for name in SLOTS]


class Registry:
    """A registry that takes loads one after the other."""

    def __init__(self, rules: RegistryRules = RULES, table: str = TABLE, container: str = "properties") -> None:
        self.rules, self.table, self.container = rules, table, container
        self.rows: dict[str, RegisteredPath] = {}
        self.loads = 0

    def load(self, seen: Mapping[Any, list[int]]) -> RegistryChange:
        self.loads += 1
        paths = {
            (self.table, (self.container, *((key,) if isinstance(key, str) else key))): numbers
            for key, numbers in seen.items()
        }
        change = update_registry(
            self.rows.values(),
            paths,
            self.rules,
            load_id=f"load{self.loads}",
            first_event_no={self.table: 100 * self.loads},
        )
        for row in change.added:
            assert row.raw_path not in self.rows
        for row in change.updated:
            assert row.raw_path in self.rows
        self.rows |= {row.raw_path: row for row in (*change.added, *change.updated)}
        return change

    def columns(self) -> dict[str, str]:
        return {row.column_name: row.data_type for row in self.rows.values() if row.column_name}

    def ranks(self) -> dict[str, int]:
        return {row.raw_path: row.path_rank for row in self.rows.values()}


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        *[((kind,), kind) for kind in TYPES],
        (("integer", "float"), "float"),
        (("integer", "boolean"), "varchar"),
        (("timestamp", "varchar"), "varchar"),
        (("timestamp", "integer"), "varchar"),
        (("integer", "float", "varchar"), "varchar"),
    ],
)
def test_least_upper_bound(kinds: Iterable[str], expected: str) -> None:
    assert least_upper_bound(counts(**dict.fromkeys(kinds, 1))) == expected
    assert least_upper_bound(counts(**dict.fromkeys(kinds, 1), nulls=3)) == expected


def test_the_first_load_fixes_the_type() -> None:
    registry = Registry()
    change = registry.load({"price": counts(integer=3, float=1), "code": counts(varchar=1), "due": counts(timestamp=2)})
    assert registry.columns() == {"price": "float", "code": "varchar", "due": "timestamp"}
    assert change.new_columns == [(TABLE, "code"), (TABLE, "due"), (TABLE, "price")]
    assert change.notices == []
    row = registry.rows['["properties","price"]']
    assert (row.status, row.path_rank, row.first_load_id, row.first_event_no) == ("active", 1, "load1", 100)
    later = registry.load({"code": counts(integer=5, timestamp=1, boolean=1), "price": counts(integer=1)})
    assert (later.added, later.updated, later.new_columns, later.notices) == ([], [], [], [])


def test_null_makes_no_column() -> None:
    registry = Registry()
    registry.load({"coupon": counts(nulls=9)})
    assert registry.columns() == {}
    registry.load({"coupon": counts(nulls=9, boolean=1)})
    assert registry.columns() == {"coupon": "boolean"}


def test_integers_are_widened_by_floats_and_by_nothing_else() -> None:
    registry = Registry()
    registry.load({"total": counts(integer=3)})
    change = registry.load({"total": counts(varchar=2, boolean=1)})
    assert registry.columns() == {"total": "integer"}
    assert [(each.notice, each.table_name, each.column_name, each.occurrences) for each in change.notices] == [
        ("value_cast_failed", TABLE, "total", 3)
    ]
    change = registry.load({"total": counts(float=1, integer=1, varchar=4)})
    assert registry.columns() == {"total": "float"}
    assert registry.rows['["properties","total"]'].updated_load_id == "load3"
    assert [(each.notice, each.occurrences) for each in change.notices] == [
        ("column_widened", 1),
        ("value_cast_failed", 4),
    ]
    registry.load({"total": counts(integer=1)})
    assert registry.columns() == {"total": "float"}


@pytest.mark.parametrize("kind", ["timestamp", "boolean", "float", "integer"])
def test_what_a_column_does_not_take_is_counted(kind: str) -> None:
    registry = Registry()
    registry.load({"a": counts(**{kind: 1})})
    change = registry.load({"a": counts(varchar=7)})
    assert registry.columns() == {"a": kind}
    assert [each.occurrences for each in change.notices] == [7]
    assert registry.rows['["properties","a"]'].misfits == 7


@pytest.mark.parametrize(
    ("kinds", "data_type", "rounded"),
    [
        ({"integer": 3, "wide": 2}, "integer", 0),
        ({"integer": 3, "wide": 2, "float": 1}, "float", 2),
        ({"float": 3, "huge": 2}, "float", 2),
        ({"float": 3, "huge": 2, "varchar": 1}, "varchar", 2),
        ({"float": 3, "huge": 1, "long": 1}, "float", 2),
        ({"float": 3, "long": 1, "varchar": 1}, "varchar", 1),
        ({"integer": 3, "wide": 2, "varchar": 1}, "varchar", 0),
        ({"timestamp": 3, "fine": 2}, "timestamp", 2),
        ({"timestamp": 3, "fine": 2, "varchar": 1}, "varchar", 0),
    ],
)
def test_what_a_column_rounds_has_a_notice(kinds: dict[str, int], data_type: str, rounded: int) -> None:
    registry = Registry()
    first = registry.load({"a": counts(**kinds)})
    again = registry.load({"a": counts(**kinds)})
    assert registry.columns() == {"a": data_type}
    for change in (first, again):
        noticed = [each.occurrences for each in change.notices if each.notice == "value_rounded"]
        assert noticed == [rounded] * bool(rounded)


def test_a_type_given_in_the_settings() -> None:
    registry = Registry(RegistryRules.of(NAME_RULES["duckdb"], {f"{TABLE}.zip": "varchar", f"{TABLE}.n": "integer"}, 0))
    registry.load({"zip": counts(integer=3), "n": counts(integer=1)})
    assert registry.columns() == {"zip": "varchar", "n": "integer"}
    change = registry.load({"n": counts(float=2)})
    assert registry.columns() == {"zip": "varchar", "n": "integer"}
    assert [each.occurrences for each in change.notices] == [2]


def test_types_learnt_anew_are_those_of_all_calls() -> None:
    registry = Registry()
    registry.load(
        {"total": counts(integer=1), "Total": counts(integer=1), "at": counts(varchar=1), "gone": counts(boolean=1)}
    )
    registry.load({"total": counts(varchar=2), "at": counts(timestamp=1)})
    assert registry.rows['["properties","total"]'].misfits == 2
    seen = {
        (TABLE, ("properties", "total")): counts(integer=1, varchar=2),
        (TABLE, ("properties", "Total")): counts(integer=1),
        # The call with the text was erased.
        (TABLE, ("properties", "at")): counts(timestamp=1),
    }
    found = {row.raw_path: row for row in infer_anew(registry.rows.values(), seen, RULES)}
    assert {path: (row.data_type, row.misfits, row.path_rank) for path, row in found.items()} == {
        '["properties","total"]': ("varchar", 0, 1),
        '["properties","Total"]': ("varchar", 0, 2),
        '["properties","at"]': ("timestamp", 0, 1),
    }
    registry.rows |= found
    assert infer_anew(registry.rows.values(), seen, RULES) == []

    # What the settings say counts more, and what it does not take is counted.
    rules = replace(RULES, column_types={f"{TABLE}.total": "integer"})
    found = {row.raw_path: row for row in infer_anew(registry.rows.values(), seen, rules)}
    assert {path: (row.data_type, row.misfits) for path, row in found.items()} == {
        '["properties","total"]': ("integer", 2),
        '["properties","Total"]': ("integer", 0),
    }


def test_room_that_the_settings_made_is_taken_by_the_oldest_keys() -> None:
    registry = Registry(replace(RULES, max_columns=1))
    registry.load({"a": counts(integer=1)})
    registry.load({"z": counts(integer=1)})
    registry.load({"b": counts(integer=1), "c": counts(boolean=1)})
    assert [row.status for row in registry.rows.values()] == ["active", "overflow", "overflow", "overflow"]
    seen = {(TABLE, row.path): counts(integer=1) for row in registry.rows.values()}
    found = infer_anew(registry.rows.values(), seen, replace(RULES, max_columns=3))
    assert [(row.column_name, row.data_type, row.status) for row in found] == [
        ("z", "integer", "active"),
        ("b", "integer", "active"),
        ("c", "integer", "overflow"),
    ]
    # A column stays one where there is less room by now.
    assert [row.column_name for row in infer_anew(registry.rows.values(), seen, replace(RULES, max_columns=0))] == [
        "z", "b", "c",
    ]  # fmt: skip
    assert "a" not in {row.column_name for row in infer_anew(registry.rows.values(), seen, registry.rules)}


def test_a_column_that_every_row_has_and_a_null_stay_what_they_are() -> None:
    registry = Registry(table="pages")
    registry.load({"name": counts(varchar=1)})
    traits = Registry(table="profile_traits", container="traits")
    traits.load({"gone": counts(nulls=1)})
    rows = [*registry.rows.values(), *traits.rows.values()]
    assert {row.status for row in rows} == {"shared", "null"}
    seen = {
        ("pages", ("properties", "name")): counts(integer=3),
        ("profile_traits", ("traits", "gone")): counts(nulls=1),
    }
    assert infer_anew(rows, seen, RULES) == []


def test_several_paths_of_one_column() -> None:
    registry = Registry(table="identifies", container="traits")
    registry.load({"firstName": counts(varchar=1)})
    assert registry.ranks() == {'["traits","firstName"]': 1}
    change = registry.load({"first_name": counts(varchar=1), ("first", "name"): counts(integer=1)})
    assert registry.ranks() == {
        '["traits","first_name"]': 1,
        '["traits","first","name"]': 2,
        '["traits","firstName"]': 3,
    }
    assert registry.columns() == {"first_name": "varchar"}
    # Whoever reads the column is told once which keys it is made of, in the order in which they count.
    (notice,) = change.notices
    assert (notice.notice, notice.table_name, notice.column_name, notice.occurrences) == (
        "shared_column", "identifies", "first_name", 2,
    )  # fmt: skip
    assert '["traits","first_name"], ["traits","first","name"], ["traits","firstName"]' in notice.detail
    assert registry.load({"firstName": counts(varchar=1), "first_name": counts(varchar=1)}).notices == []


def test_the_name_of_a_page_and_its_property() -> None:
    registry = Registry(table="pages", container="properties")
    (notice,) = registry.load({"name": counts(varchar=2), "url": counts(varchar=2)}).notices
    assert (notice.notice, notice.column_name, notice.occurrences) == ("shared_column", "name", 2)
    assert notice.detail.startswith(
        'one column for ["name"], ["properties","name"]; of a call that has several of them'
    )
    assert registry.load({"name": counts(varchar=1)}).notices == []
    (notice,) = registry.load({"Name": counts(integer=1)}).notices
    assert notice.detail.startswith('one column for ["name"], ["properties","name"], ["properties","Name"]; ')


def test_the_key_that_is_the_column_counts_first_then_the_smallest_path() -> None:
    registry = Registry(table="identifies", container="context")
    registry.load({("app", "buildNo"): counts(varchar=1), ("app", "build_no"): counts(varchar=1)})
    registry.load({"IP": counts(varchar=1), "ip": counts(varchar=1)})
    assert [path for path, rank in registry.ranks().items() if rank == 1] == [
        '["context","app","buildNo"]', '["context","ip"]',
    ]  # fmt: skip


def test_a_name_that_was_cut_is_told_once() -> None:
    registry = Registry()
    change = registry.load({"k" * 200: counts(varchar=1), "k" * 201: counts(varchar=3)})
    (column,) = [name for name in registry.columns() if name != "k" * 200]
    assert [(each.notice, each.column_name, each.occurrences) for each in change.notices] == [("name_cut", column, 3)]
    assert registry.load({"k" * 201: counts(varchar=3)}).notices == []


def test_a_column_keeps_the_name_that_it_has() -> None:
    registry = Registry()
    registry.load({"Pivot": counts(varchar=1)})
    registry.rules = RegistryRules.of(NAME_RULES["postgres"], {}, 0)
    change = registry.load({"Pivot": counts(varchar=1), "pivot": counts(varchar=1)})
    assert (change.new_columns, set(registry.columns())) == ([(TABLE, "pivot")], {"_pivot", "pivot"})


def test_several_new_paths_of_one_column_share_its_type() -> None:
    registry = Registry()
    registry.load({"a.b": counts(integer=1), ("a", "b"): counts(float=1)})
    assert {row.data_type for row in registry.rows.values()} == {"float"}
    registry = Registry()
    registry.load({"aB": counts(integer=1)})
    registry.load({"a_b": counts(float=1)})
    assert {(row.raw_path, row.data_type) for row in registry.rows.values()} == {
        ('["properties","aB"]', "float"), ('["properties","a_b"]', "float"),
    }  # fmt: skip


def test_keys_beyond_the_column_limit_overflow() -> None:
    registry = Registry(RegistryRules.of(NAME_RULES["duckdb"], {}, 2))
    change = registry.load({"c": counts(varchar=1), "a": counts(varchar=1), "b": counts(integer=1)})
    assert {row.column_name: row.status for row in registry.rows.values()} == {
        "a": "active", "b": "active", "c": "overflow",
    }  # fmt: skip
    assert [(each.notice, each.occurrences) for each in change.notices] == [("column_limit", 1)]
    assert "_overflow" in change.notices[0].detail
    assert change.new_columns == [(TABLE, "a"), (TABLE, "b")]
    # A known column stays, a further path of it is none more, and a new key overflows again.
    registry.load({"a": counts(varchar=1), "A": counts(varchar=1), "d": counts(varchar=1), "c": counts(varchar=1)})
    assert registry.rows['["properties","A"]'].status == "active"
    assert registry.rows['["properties","d"]'].status == "overflow"
    assert registry.rows['["properties","c"]'].status == "overflow"


def test_traits_beyond_the_column_limit_are_rows() -> None:
    registry = Registry(RegistryRules.of(NAME_RULES["duckdb"], {}, 1), "profile_traits", "traits")
    change = registry.load({"a": counts(varchar=1), "b": counts(integer=1)})
    assert [each.detail for each in change.notices] == ["new keys beyond 1 columns; they are rows of user_traits"]


def test_the_engines_limit_leaves_room_for_the_fixed_columns() -> None:
    assert RegistryRules.of(NAME_RULES["postgres"], {}, 0).max_columns == 1550
    assert RegistryRules.of(NAME_RULES["bigquery"], {}, 0).max_columns == 300
    assert RegistryRules.of(NAME_RULES["postgres"], {}, 7).max_columns == 7
    assert RegistryRules.of(NAME_RULES["postgres"], {}, 1600).max_columns == 1550


def test_paths_go_to_the_tables_that_have_them() -> None:
    event_types = frozenset(EVENT_TYPE_TABLES.values())
    assert tables_of("identifies", ("traits", "a"), event_types) == ("identifies", "profile_traits")
    assert tables_of("identifies", ("context", "a"), event_types) == ("identifies",)
    assert tables_of("groups", ("traits", "a"), event_types) == ("groups",)
    assert tables_of(TABLE, ("context", "a"), event_types) == (TABLE, "tracks")
    assert tables_of(TABLE, ("properties", "a"), event_types) == (TABLE,)


def test_fixed_columns() -> None:
    pages = Registry(table="pages")
    change = pages.load(
        {"name": counts(integer=1), "Category": counts(varchar=1), "id": counts(varchar=1), "url": counts(varchar=1)}
    )
    # What lands in a column that every row has is registered, however its key is written, and is no new column.
    assert change.new_columns == [("pages", "_id"), ("pages", "url")]
    assert [(each.notice, each.column_name) for each in change.notices] == [
        ("shared_column", "category"), ("shared_column", "name"),
    ]  # fmt: skip
    assert {row.column_name: (row.data_type, row.status) for row in pages.rows.values()} == {
        "_id": ("varchar", "active"),
        "url": ("varchar", "active"),
        "name": ("varchar", "shared"),
        "category": ("varchar", "shared"),
    }
    traits = Registry(table="profile_traits", container="traits")
    traits.load({"id": counts(varchar=1), "email": counts(varchar=1), "2fa": counts(varchar=1)})
    assert set(traits.columns()) == {"email", "_id", "_2fa"}


@given(st.lists(st.dictionaries(st.sampled_from(["aB", "a_b", "a b", "c"]), st.sampled_from(TYPES)), max_size=6))
def test_ranks_do_not_depend_on_the_order_of_loads(loads: list[dict[str, str]]) -> None:
    forward, backward = Registry(), Registry()
    for seen in loads:
        forward.load({key: counts(**{kind: 1}) for key, kind in seen.items()})
    for seen in reversed(loads):
        backward.load({key: counts(**{kind: 1}) for key, kind in seen.items()})
    assert forward.ranks() == backward.ranks()


def test_a_row_is_replaced_as_a_whole() -> None:
    registry = Registry()
    registry.load({"a": counts(integer=1)})
    (before,) = registry.rows.values()
    registry.load({"a": counts(float=1)})
    (after,) = registry.rows.values()
    assert after == replace(before, data_type="float", updated_load_id="load2")
