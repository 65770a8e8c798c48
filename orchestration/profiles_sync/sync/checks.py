"""Checks on the rows of one sync, by queries of their own: what dbt said it wrote is held against the ledgers it came from.

They cost one statement a sync, or one for some hundreds of tables, and read only what is above the watermarks. A check that fails is
a warning and a notice; it never changes what the sync came to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from profiles_sync.naming import EVENT_TYPE_TABLES
from profiles_sync.sync.dbt_run import EventSlice
from profiles_sync.sync.outcome import Status, TableResult
from profiles_sync.warehouse import Warehouse

ROWS, KEY, CALLS, PROFILES, CHANGES = (
    "rows_are_there",
    "key_is_unique",
    "every_call_has_its_row",
    "every_row_has_a_profile",
    "every_change_has_its_row",
)
DESCRIPTIONS = {
    ROWS: "The table holds as many rows of the sync as the sync reported.",
    KEY: "No key is missing or twice among the rows of the sync.",
    CALLS: "Every processed call of the sync has its row.",
    PROFILES: "Every row of the sync belongs to a profile.",
    CHANGES: "Every change in the identity ledgers has its row.",
}

# A query of BigQuery's may name a thousand tables, and one of SQL Server's has 2,100 parameters.
_TABLES_AT_ONCE = 500
_PARAMETERS_AT_ONCE = 2000
# A query for the check, the table and two numbers, with its parameters.
_Part = tuple[str, Sequence[datetime]]
_TYPES = {table: kind for kind, table in EVENT_TYPE_TABLES.items()}
# What identity wrote for a slice of events, one row of the table each.
_LEDGERS = {
    "id_graph_updates": "select count(*) from {graph_log} as changes inner join {profiles} as profiles "
    "on profiles.profile_no = changes.profile_no where changes.event_no > {after} and changes.event_no <= {upto}",
    "id_graph": "select count(*) from {profiles} where profile_no > {after} and profile_no <= {upto}",
    "profile_merges": "select count(*) from {profiles} where profile_no > {after} and profile_no <= {upto}",
}


@dataclass(frozen=True)
class BuiltTable:
    """A public table that a sync has built.

    Attributes:
        name: Its name.
        key: Columns of its key.
        written: Rows inserted and updated.
        inserted: Rows inserted.
        events: What it was built from.
        is_event: It is a track event's table.
    """

    name: str
    key: tuple[str, ...]
    written: int
    inserted: int
    events: EventSlice
    is_event: bool

    @property
    def call_type(self) -> str | None:
        """The type of the calls that its rows are, None when they are no calls."""
        return "track" if self.is_event else _TYPES.get(self.name)


@dataclass(frozen=True)
class CheckResult:
    """One check of one table: `found` is to be `expected`."""

    table: str
    name: str
    expected: int
    found: int

    @property
    def passed(self) -> bool:
        """Whether they are equal."""
        return self.expected == self.found


def checks_of(table: str, group: str | None) -> tuple[str, ...]:
    """Return the names of the checks that a table has."""
    if group is None:
        return ()
    more = (CALLS, PROFILES) if group == "event" or table in _TYPES else (CHANGES,) if table in _LEDGERS else ()
    return (ROWS, KEY, *more)


def built_tables(
    results: Sequence[TableResult], slices: Mapping[str, EventSlice], manifest: Mapping[str, Any]
) -> list[BuiltTable]:
    """Return the public tables that a dbt run has built.

    Args:
        results: Its table steps.
        slices: The events that each was built from, by dbt's name of the step.
        manifest: dbt's manifest.
    """
    built = []
    for result in results:
        if result.group is None or result.status is not Status.SUCCESS or result.unique_id not in slices:
            continue
        key = manifest["nodes"][result.unique_id]["config"]["unique_key"]
        built.append(
            BuiltTable(
                name=result.table,
                key=(key,) if isinstance(key, str) else tuple(key),
                written=result.inserted + result.updated,
                inserted=result.inserted,
                events=slices[result.unique_id],
                is_event=result.group == "event",
            )
        )
    return built


def check_tables(warehouse: Warehouse, tables: Sequence[BuiltTable], sync_id: str, mark: datetime) -> list[CheckResult]:
    """Check what the sync in progress wrote; a check that fails becomes a notice.

    Args:
        warehouse: An open connection.
        tables: What was built.
        sync_id: The sync.
        mark: The `uuid_ts` of its rows.

    Raises:
        WarehouseError: A query failed.
    """
    written = [table for table in tables if table.written]
    of_calls = [table for table in tables if table.call_type and not table.events.partial]
    of_ledgers = [table for table in tables if table.name in _LEDGERS and not table.events.partial]
    parts = [
        *(_rows_and_keys(warehouse, table, mark) for table in written),
        *_calls(warehouse, of_calls),
        *(_changes(warehouse, table) for table in of_ledgers),
    ]
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for some in _batches(parts):
        sql, parameters = " union all ".join(sql for sql, _ in some), [value for _, values in some for value in values]
        for check, name, first, second in warehouse.query(sql, parameters):
            counts[check, name] = (int(first), int(second))
    results = []
    for table in written:
        found, sound = counts[ROWS, table.name]
        results.append(CheckResult(table.name, ROWS, table.written, found))
        results.append(CheckResult(table.name, KEY, found, sound))
    for table in of_calls:
        calls, stamped = counts.get((CALLS, table.name), (0, 0))
        results.append(CheckResult(table.name, CALLS, calls, table.inserted))
        results.append(CheckResult(table.name, PROFILES, calls, stamped))
    results += [
        CheckResult(table.name, CHANGES, counts[CHANGES, table.name][0], table.inserted) for table in of_ledgers
    ]
    failed = [result for result in results if not result.passed]
    if failed:
        warehouse.insert(
            warehouse.ops("notices"),
            ["sync_id", "notice", "table_name", "occurrences", "detail", "noticed_at"],
            [
                (
                    sync_id,
                    f"check_{result.name}",
                    result.table,
                    abs(result.expected - result.found),
                    f"{DESCRIPTIONS[result.name]} Expected {result.expected}, found {result.found}.",
                    mark,
                )
                for result in failed
            ],
        )
    return results


def _batches(parts: Iterable[_Part]) -> list[list[_Part]]:
    """Put together what one statement can ask."""
    batches: list[list[_Part]] = []
    for part in parts:
        asked = sum(len(values) for _, values in batches[-1]) if batches else 0
        if not batches or len(batches[-1]) == _TABLES_AT_ONCE or asked + len(part[1]) > _PARAMETERS_AT_ONCE:
            batches.append([])
        batches[-1].append(part)
    return batches


def _rows_and_keys(warehouse: Warehouse, table: BuiltTable, mark: datetime) -> _Part:
    """How many rows of the sync the table holds, and how many of them have a key that is whole and theirs alone."""
    columns = warehouse.column_list(table.key)
    missing = " or ".join(f"{warehouse.quote(column)} is null" for column in table.key)
    return (
        f"select '{ROWS}' as check_name, '{table.name}' as table_name, coalesce(sum(n), 0) as n1, "
        "coalesce(sum(case when n = 1 and missing = 0 then 1 else 0 end), 0) as n2 from ("
        f"select {columns}, count(*) as n, max(case when {missing} then 1 else 0 end) as missing "
        f"from {warehouse.public(table.name)} where uuid_ts = ? group by {columns}) as keys"
    ), [mark]


def _calls(warehouse: Warehouse, tables: Sequence[BuiltTable]) -> list[_Part]:
    """How many processed calls each table is to have a row of, and how many of them have a profile; none: no row."""
    parts: list[_Part] = []
    for column, chosen in (
        ("type", [table for table in tables if not table.is_event]),
        ("event_slug", [table for table in tables if table.is_event]),
    ):
        if not chosen:
            continue
        wanted = " union all ".join(
            f"select cast('{table.name}' as {warehouse.text_type}) as table_name, "
            f"cast('{table.name if table.is_event else table.call_type}' as {warehouse.text_type}) as wanted_value, "
            f"{table.events.after} as after_no, {table.events.upto} as upto_no, "
            "? as received_from"
            for table in chosen
        )
        # As values, for each engine has its own name of the type.
        limits = [
            datetime.fromisoformat(table.events.received_from or "1970-01-01").replace(tzinfo=None) for table in chosen
        ]
        sql = (
            f"select '{CALLS}' as check_name, wanted.table_name, count(*) as n1, count(outcomes.stamp_no) as n2 "
            f"from {warehouse.staging('raw_events')} as landed inner join {warehouse.staging('identity_events')} as outcomes "
            "on outcomes.event_no = landed.event_no and outcomes.outcome = 'processed' "
            f"inner join ({wanted}) as wanted on wanted.wanted_value = landed.{warehouse.quote(column)} "
            "and landed.event_no > wanted.after_no and landed.event_no <= wanted.upto_no "
            "and landed.received_at >= wanted.received_from "
            f"where landed.event_no > {min(table.events.after for table in chosen)} and "
            f"landed.event_no <= {max(table.events.upto for table in chosen)} group by wanted.table_name"
        )
        parts.append((sql, limits))
    return parts


def _changes(warehouse: Warehouse, table: BuiltTable) -> _Part:
    """How many changes the table is to have a row of."""
    changes = _LEDGERS[table.name].format(
        graph_log=warehouse.staging("identity_graph_log"),
        profiles=warehouse.staging("identity_profiles"),
        after=table.events.after,
        upto=table.events.upto,
    )
    return f"select '{CHANGES}' as check_name, '{table.name}' as table_name, ({changes}) as n1, 0 as n2", ()
