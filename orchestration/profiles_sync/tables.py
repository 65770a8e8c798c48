"""What is in the space: its tables, how many rows and columns, the last new row, what was noticed about them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from profiles_sync.errors import ConfigError
from profiles_sync.naming import EVENT_TYPE_TABLES, GRAPH_TABLES, REGISTERED_AS, is_shared_column, raw_path
from profiles_sync.settings import SelectiveSync
from profiles_sync.warehouse import Warehouse

# Tables counted by one statement.
_CHUNK = 50


@dataclass(frozen=True)
class TableInfo:
    """A public table.

    Attributes:
        name: Its name.
        group: `identity graph`, `event type` or `event`.
        selected: Whether it gets new events.
        rows: Number of rows.
        columns: Number of columns.
        last_new_row: When the sync ran that wrote the newest row, UTC; None without rows.
        events: Names of the track events in it.
        notices: What was noticed about it, by code: values that did not fit, names that met, limits reached.
    """

    name: str
    group: str
    selected: bool
    rows: int
    columns: int
    last_new_row: datetime | None
    events: tuple[str, ...] = ()
    notices: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        moment = self.last_new_row.isoformat() if self.last_new_row else None
        return asdict(self) | {"last_new_row": moment, "events": list(self.events)}


@dataclass(frozen=True)
class ColumnInfo:
    """A column.

    Attributes:
        name: Its name.
        data_type: The warehouse's type.
        raw_paths: Keys of the calls that it comes from, the first that has a value; none: every row has it.
        selected: Whether it gets new values.
        misfits: Values that did not fit its type.
    """

    name: str
    data_type: str
    raw_paths: tuple[str, ...]
    selected: bool
    misfits: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self) | {"raw_paths": list(self.raw_paths)}


def read_tables(house: Warehouse, selection: SelectiveSync) -> list[TableInfo]:
    """Return the public tables that exist, event type tables first, then those of profiles, then track events."""
    columns = _columns(house)
    events = {
        name: tuple(json.loads(names)) if kind == "track" else ()
        for name, kind, names in house.query(f"select table_name, kind, event_names from {house.ops('event_registry')}")
    }
    notices: dict[str, dict[str, int]] = defaultdict(dict)
    for table, notice, number in house.query(
        f"select table_name, notice, sum(occurrences) from {house.ops('notices')} where table_name is not null "
        "group by table_name, notice order by table_name, notice"
    ):
        notices[table][notice] = int(number)
    counts = _counts(house, sorted(columns))
    order = {"event type": 0, "identity graph": 1, "event": 2}
    found = [
        TableInfo(
            name,
            _group(name),
            selection.is_on(name),
            counts[name][0],
            len(columns[name]),
            counts[name][1],
            events.get(name, ()),
            notices.get(REGISTERED_AS.get(name, name), {}),
        )
        for name in columns
    ]
    return sorted(found, key=lambda table: (order[table.group], table.name))


def read_columns(house: Warehouse, table: str, selection: SelectiveSync) -> list[ColumnInfo]:
    """Return the columns of one table, in its order.

    Raises:
        ConfigError: There is no such table.
    """
    columns = _columns(house).get(table)
    if columns is None:
        raise ConfigError(
            f"there is no table `{table}` in {house.schemas.space}", hint="`profiles-sync tables` lists them."
        )
    paths: dict[str, list[str]] = defaultdict(list)
    # The call's own field comes first.
    paths.update({name: [raw_path([name])] for name, _ in columns if is_shared_column(table, name)})
    misfits: dict[str, int] = defaultdict(int)
    for column, path, number in house.query(
        f"select column_name, raw_path, misfits from {house.ops('column_registry')} "
        "where table_name = ? and status in ('active', 'shared') order by column_name, path_rank",
        [REGISTERED_AS.get(table, table)],
    ):
        paths[column].append(path)
        misfits[column] += int(number)
    entry = selection.tables.get(table)
    off = {} if entry is None or isinstance(entry, bool) else entry.columns
    return [
        ColumnInfo(name, data_type, tuple(paths.get(name, ())), off.get(name, True), misfits.get(name, 0))
        for name, data_type in columns
    ]


def _group(name: str) -> str:
    if name in EVENT_TYPE_TABLES.values():
        return "event type"
    return "identity graph" if name in GRAPH_TABLES else "event"


def _columns(house: Warehouse) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, column, data_type in house.columns(house.schemas.space):
        found[table].append((column, data_type))
    return found


def _counts(house: Warehouse, tables: Sequence[str]) -> dict[str, tuple[int, datetime | None]]:
    found = {}
    for start in range(0, len(tables), _CHUNK):
        parts = [
            f"select '{table}', count(*), max(uuid_ts) from {house.public(table)}"
            for table in tables[start : start + _CHUNK]
        ]
        for name, rows, newest in house.query(" union all ".join(parts)):
            found[name] = (int(rows), newest)
    return found
