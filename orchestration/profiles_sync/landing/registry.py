"""The column registry: which path makes which column of which type, and how it changes with a load.

Pure functions from what stood there and what a load brought to what stands there now.
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from profiles_sync.landing.model import Notice
from profiles_sync.landing.structure import SLOTS, TYPES, Counts, Path
from profiles_sync.naming import TRAIT_TABLE, NameRules, column_name, is_shared_column, path_order, raw_path

ACTIVE = "active"
OVERFLOW = "overflow"
# A trait's path at which only null has come: null there removes what stands below it.
NULL = "null"
_REMOVABLE = (TRAIT_TABLE, "groups")
# A path that lands in a column which every row has; that column is no column of the registry.
SHARED = "shared"
# What a column of a type takes besides its own values.
_CASTS = {"varchar": frozenset(TYPES), "float": frozenset({"float", "integer"})}
# What a column of a type rounds. A decimal, and beyond 64 bits any number, is a float, also where it becomes text.
_ROUNDED = {"float": ("wide", "huge", "long"), "varchar": ("huge", "long"), "timestamp": ("fine",)}
# Paths that a notice names.
_PATHS_TOLD = 5
# Room for the fixed columns.
COLUMNS_RESERVED = 50


@dataclass(frozen=True)
class RegisteredPath:
    """A row of the column registry. Fields as in the table."""

    table_name: str
    column_name: str
    raw_path: str
    data_type: str
    path_rank: int
    status: str
    misfits: int
    first_load_id: str
    first_event_no: int
    updated_load_id: str

    @property
    def path(self) -> Path:
        """The path as its keys."""
        return tuple(json.loads(self.raw_path))


@dataclass(frozen=True)
class RegistryChange:
    """What a load changes in the column registry.

    Attributes:
        added: New rows.
        updated: Rows that replace those of the same table and path.
        new_columns: (table, column) that were not there.
        notices: What is worth knowing about it.
    """

    added: list[RegisteredPath]
    updated: list[RegisteredPath]
    new_columns: list[tuple[str, str]]
    notices: list[Notice]


@dataclass(frozen=True)
class RegistryRules:
    """What the registry follows.

    Attributes:
        names: How columns are named.
        column_types: `<table>.<column>` to its type, instead of the type found.
        max_columns: Most columns of a table that come from keys; 0: no limit.
    """

    names: NameRules
    column_types: Mapping[str, str]
    max_columns: int

    @classmethod
    def of(cls, names: NameRules, column_types: Mapping[str, str], max_columns: int) -> RegistryRules:
        """Return the rules: at most the engine's limit less the room for fixed columns, which `max_columns` 0 stands for."""
        if names.columns:
            most = names.columns - COLUMNS_RESERVED
            max_columns = min(max_columns, most) if max_columns else most
        return cls(names, column_types, max_columns)


def tables_of(table: str, path: Path, event_tables: frozenset[str]) -> Sequence[str]:
    """Return the registry tables that a path of a call takes part in.

    Args:
        table: Where its calls belong: an event type table, or for a Track its event's table.
        path: Container and keys.
        event_tables: All event type tables.
    """
    if table == "identifies":
        return (table, TRAIT_TABLE) if path[0] == "traits" else (table,)
    if table in event_tables:
        return (table,)
    return (table, "tracks") if path[0] == "context" else (table,)


def removable(table: str, path: Path) -> bool:
    """Whether null at a path removes a trait: of a profile, or of a group (the table `accounts`)."""
    return table in _REMOVABLE and path[0] == "traits"


def least_upper_bound(counts: Counts) -> str:
    """Return the type that takes all values: one type stays, integers with floats are floats, all else is text."""
    seen = {name for name, number in _values(counts).items() if number}
    if len(seen) == 1:
        return seen.pop()
    return "float" if seen == {"integer", "float"} else "varchar"


def update_registry(
    known: Iterable[RegisteredPath],
    seen: Mapping[tuple[str, Path], Counts],
    rules: RegistryRules,
    *,
    load_id: str,
    first_event_no: Mapping[str, int],
) -> RegistryChange:
    """Work the structure of a load into the registry.

    Args:
        known: Rows of the tables concerned.
        seen: Values by type, by (registry table, path).
        rules: Rules of the space.
        load_id: The load.
        first_event_no: First event of the load, by registry table.
    """
    by_table: dict[str, list[RegisteredPath]] = defaultdict(list)
    for row in known:
        by_table[row.table_name].append(row)
    seen_by_table: dict[str, dict[Path, Counts]] = defaultdict(dict)
    for (table, path), counts in seen.items():
        seen_by_table[table][path] = counts

    change = RegistryChange([], [], [], [])
    for table in sorted(seen_by_table):
        _update_table(change, table, by_table[table], seen_by_table[table], rules, load_id, first_event_no[table])
    return change


def infer_anew(
    known: Iterable[RegisteredPath], seen: Mapping[tuple[str, Path], Counts], rules: RegistryRules
) -> list[RegisteredPath]:
    """Decide about each column as if all calls had come in one load; names and ranks stay.

    A column without values keeps its type, one that is a column stays one, and of those in `_overflow` the oldest become columns as far
    as there is room by now.

    Args:
        known: All rows of the tables concerned.
        seen: Values by type of all landed calls, by (registry table, path).
        rules: Rules of the space as they are today.

    Returns:
        The rows that change, as they are to be.
    """
    tables: dict[str, dict[str, list[RegisteredPath]]] = defaultdict(lambda: defaultdict(list))
    for row in known:
        if row.status in (ACTIVE, OVERFLOW):
            tables[row.table_name][row.column_name].append(row)
    changed = []
    for table, columns in tables.items():
        active = sum(rows[0].status == ACTIVE for rows in columns.values())
        for name, rows in sorted(
            columns.items(), key=lambda each: (min(row.first_event_no for row in each[1]), each[0])
        ):
            counts = {row.path: seen.get((table, row.path), [0] * len(SLOTS)) for row in rows}
            total = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
            forced = rules.column_types.get(f"{table}.{name}")
            data_type, status = forced or rows[0].data_type, rows[0].status
            if forced is None and any(_values(total).values()):
                data_type = least_upper_bound(total)
            if status == OVERFLOW and (not rules.max_columns or active < rules.max_columns):
                status = ACTIVE
                active += 1
            for row in rows:
                found = replace(row, data_type=data_type, status=status, misfits=_not_cast(data_type, counts[row.path]))
                if found != row:
                    changed.append(found)
    return changed


def _update_table(
    change: RegistryChange,
    table: str,
    known: list[RegisteredPath],
    seen: Mapping[Path, Counts],
    rules: RegistryRules,
    load_id: str,
    first_event_no: int,
) -> None:
    registered = {row.path: row for row in known}
    rows: dict[str, list[RegisteredPath]] = defaultdict(list)
    for row in known:
        if row.status != NULL:
            rows[row.column_name].append(row)
    columns: dict[str, dict[Path, Counts]] = defaultdict(dict)
    for path, counts in seen.items():
        earlier = registered.get(path)
        # A column keeps its name, also where another version or another setting would give it another one.
        name = earlier.column_name if earlier and earlier.status != NULL else column_name(table, path, rules.names)
        if any(_values(counts).values()):
            columns[name][path] = counts
        elif removable(table, path) and counts[SLOTS.index("nulls")] and path not in registered:
            change.added.append(
                RegisteredPath(table, "", raw_path(path), "varchar", 0, NULL, 0, load_id, first_event_no, load_id)
            )

    active = sum(paths[0].status == ACTIVE for paths in rows.values())
    left_out = 0
    for name in sorted(columns):
        paths, before = columns[name], rows.get(name, [])
        total = [sum(numbers) for numbers in zip(*paths.values(), strict=True)]
        shared = is_shared_column(table, name)
        forced = rules.column_types.get(f"{table}.{name}")
        if shared:
            data_type, status = "varchar", SHARED
        elif before:
            data_type, status = before[0].data_type, before[0].status
            if data_type == "integer" and total[TYPES.index("float")] and forced is None:
                # Text in the same load does not keep it from being widened, and is not cast afterwards either.
                data_type = "float"
                if status == ACTIVE:
                    detail = "integers before, floats from now on; those beyond 53 bits became the nearest float"
                    change.notices.append(Notice("column_widened", table, name, total[TYPES.index("float")], detail))
        else:
            data_type = forced or least_upper_bound(total)
            status = ACTIVE if not rules.max_columns or active < rules.max_columns else OVERFLOW
            if status == ACTIVE:
                active += 1
                change.new_columns.append((table, name))
                if any(column_name(table, path, rules.names.uncut) != name for path in paths):
                    detail = f"a name of more than {rules.names.name_length} characters was cut: {_listed(paths)}"
                    change.notices.append(Notice("name_cut", table, name, sum(_values(total).values()), detail))
            else:
                left_out += 1
        if failed := _not_cast(data_type, total):
            kept = "their text is in user_traits" if table == TRAIT_TABLE else "they are kept in _overflow"
            change.notices.append(
                Notice("value_cast_failed", table, name, failed, f"values that are no {data_type}; {kept}")
            )
        if status != OVERFLOW and (rounded := _rounded(data_type, total)):
            how = "cut to the microsecond" if data_type == "timestamp" else "the nearest number of 53 bits"
            change.notices.append(
                Notice("value_rounded", table, name, rounded, f"shown as {how}; raw_events has them as they came")
            )
        every = {row.path for row in before} | paths.keys()
        # A page's own name is one more key of the column.
        own = [(name,)] if shared else []
        if status != OVERFLOW and len(own) + len(every) > max(1, len(own) + len(before)):
            change.notices.append(
                Notice(
                    "shared_column",
                    table,
                    name,
                    sum(_values(total).values()),
                    f"one column for {_listed([*own, *sorted(every, key=lambda path: path_order(name, path))])}; of a call that has "
                    "several of them it shows the first one, and others that differ are kept in _overflow"
                    + (" of identifies" if table == TRAIT_TABLE else ""),
                )
            )
        before += [registered[path] for path in paths if path in registered and registered[path].status == NULL]
        _update_column(change, table, name, before, paths, data_type, status, load_id, first_event_no)
    if left_out:
        change.notices.append(
            Notice(
                "column_limit",
                table,
                None,
                left_out,
                f"new keys beyond {rules.max_columns} columns; "
                + ("they are rows of user_traits" if table == TRAIT_TABLE else "they are kept in _overflow"),
            )
        )


def _update_column(
    change: RegistryChange,
    table: str,
    name: str,
    before: list[RegisteredPath],
    paths: Mapping[Path, Counts],
    data_type: str,
    status: str,
    load_id: str,
    first_event_no: int,
) -> None:
    known = {row.path: row for row in before}
    every = sorted({*known, *paths}, key=lambda path: path_order(name, path))
    for rank, path in enumerate(every, 1):
        misfits = _not_cast(data_type, paths[path]) if path in paths else 0
        row = known.get(path)
        if row is None:
            change.added.append(
                RegisteredPath(
                    table, name, raw_path(path), data_type, rank, status, misfits, load_id, first_event_no, load_id
                )
            )
            continue
        changed = replace(
            row, column_name=name, data_type=data_type, path_rank=rank, status=status, misfits=row.misfits + misfits
        )
        if changed != row:
            change.updated.append(replace(changed, updated_load_id=load_id))


def _listed(paths: Iterable[Path]) -> str:
    """Return the first few paths as text."""
    return ", ".join(raw_path(path) for path in itertools.islice(paths, _PATHS_TOLD))


def _values(counts: Counts) -> dict[str, int]:
    """Return the number of values of each type; null is none."""
    return dict(zip(TYPES, counts, strict=False))


def _not_cast(data_type: str, counts: Counts) -> int:
    taken = _CASTS.get(data_type, frozenset({data_type}))
    return sum(number for name, number in _values(counts).items() if name not in taken)


def _rounded(data_type: str, counts: Counts) -> int:
    """Return how many values a column of a type shows, but not to the last digit."""
    return sum(counts[SLOTS.index(slot)] for slot in _ROUNDED.get(data_type, ()))
