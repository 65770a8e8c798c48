"""What a sync reads and writes in the warehouse beside its tables: progress, its mark, the copy of the history."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from profiles_sync import __version__
from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.project import Workplace
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import GROUPS
from profiles_sync.sync.plan import IDENTITY, SHADOW_SUFFIX, Progress
from profiles_sync.warehouse import Warehouse, WarehouseError, open_warehouse

# What resolution goes on from; with profiles there, none of them is empty.
_IDENTITY_STATE = ("identity_profiles", "identity_graph_log", "identity_mapping_log")

# A network that fails is tried again after so many seconds each.
_RETRY_WAITS_S = (1.0, 4.0, 15.0)

_RUN_COLUMNS = (
    "run_id", "space_id", "warehouse", "status", "started_at", "finished_at", "duration_s", "duration_minutes",
    "rows_synced", "rows_identity_graph", "rows_event_type", "rows_event", "events_read", "events_rejected",
    "events_duplicate", "events_filtered", "profiles_created", "profiles_merged", "violations", "load_ids",
    "error_code", "error_message", "preparation_s", "loading_s", "next_sync_at", "version",
)  # fmt: skip
_TABLE_COLUMNS = (
    "run_id", "table_name", "group_name", "rows_inserted", "rows_updated", "rows_deleted", "new_columns", "notices",
    "status", "error_message",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """How far the tables of a space are, as one look at its bookkeeping found it.

    Attributes:
        swap_has_begun: A rebuild was cut short while it put its tables in place of the live ones, one by one.
        landed: The newest event that landed; 0 before any.
        resolved: The newest that identity has committed; 0 before any.
        lacking: Tables that identity lives on and that were emptied or dropped.
        tables: Watermark of each table that has one.
        filled_since: Receipt from which on these tables have their events.
        wanted_since: Receipt from which on a table is to have its events; a blank name stands for all.
    """

    swap_has_begun: bool
    landed: int
    resolved: int
    lacking: tuple[str, ...]
    tables: Mapping[str, int]
    filled_since: Mapping[str, datetime]
    wanted_since: Mapping[str, datetime]

    def progress(self, registry: Mapping[str, int], lost: Collection[str] = ()) -> Progress:
        """Return how far landing, identity and each table are.

        Args:
            registry: Newest landed event of each event table.
            lost: Tables that somebody has dropped.

        Raises:
            ProfilesSyncError: Somebody has emptied or dropped a table that identity lives on (``E_STATE``).
        """
        if self.lacking:
            raise ProfilesSyncError(
                f"{self.lacking[0]} was emptied or dropped: going on would make every profile anew",
                hint="Restore it from a backup, or `profiles-sync rebuild` makes it from the landed calls.",
                code="E_STATE",
            )
        unfilled = {
            table
            for table, since in self.filled_since.items()
            if table in registry
            and table not in lost
            and any(self.wanted_since[name] < since for name in ("", table) if name in self.wanted_since)
        }
        tables = {table: mark for table, mark in self.tables.items() if table not in lost}
        return Progress(self.landed, self.resolved, registry, tables, unfilled)


class Store:
    """An open warehouse, as a sync uses it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def standing(self) -> Standing:
        """Return how far the tables are: two statements, and a look at the catalog."""
        house = self.warehouse
        there = set(house.table_names(house.schemas.staging))
        state = [name for name in _IDENTITY_STATE if name in there]
        facts = [
            f"(select count(*) from {house.ops('rebuild_swap')})",
            f"(select max(last_event_no) from {house.ops('loads')})",
        ]
        commits = ""
        if IDENTITY in there:
            facts += ["commits.to_event_no", "commits.made"]
            facts += [f"case when exists (select 1 from {house.staging(name)}) then 1 else 0 end" for name in state]
            commits = (
                " from (select max(to_event_no) as to_event_no, sum(profiles_created) as made "
                f"from {house.staging(IDENTITY)}) as commits"
            )
        swaps, landed, *identity = house.query(f"select {', '.join(facts)}{commits}")[0]
        resolved, made, *flags = identity or (None, None)
        full = {name for name, flag in zip(state, flags, strict=False) if flag}
        lacking = [name for name in _IDENTITY_STATE if made and name not in full]
        tables: dict[str, int] = {}
        filled_since: dict[str, datetime] = {}
        wanted_since: dict[str, datetime] = {}
        for what, table, mark, since in house.query(
            "select 'filled' as what, table_name, max(last_event_no) as mark, min(received_from) as since "
            f"from {house.ops('table_state')} group by table_name union all "
            "select 'wanted' as what, table_name, 0 as mark, min(received_from) as since "
            f"from {house.ops('backfill_boundaries')} group by table_name"
        ):
            if what == "filled":
                tables[table] = mark
            if since is not None:
                (filled_since if what == "filled" else wanted_since)[table] = since
        return Standing(
            bool(swaps),
            int(landed or 0),
            int(resolved or 0),
            tuple(f"{house.schemas.staging}.{name}" for name in lacking),
            tables,
            filled_since,
            wanted_since,
        )

    def progress(self) -> Progress:
        """Return how far landing, identity and each table are.

        Raises:
            ProfilesSyncError: Somebody has emptied or dropped a table that identity lives on (``E_STATE``).
        """
        registry = self.warehouse.query(f"select table_name, last_event_no from {self.warehouse.ops('event_registry')}")
        return self.standing().progress(dict(registry))

    def forget_lost_tables(self, known: Iterable[str]) -> list[str]:
        """Forget how far the tables were that somebody has dropped: the next build makes them from their first event on.

        Args:
            known: Tables that have a watermark.

        Returns:
            Their names.
        """
        house = self.warehouse
        there = {*house.table_names(house.schemas.space), *house.table_names(house.schemas.staging)}
        # A swap that was cut short has a table's successor still under its own name.
        lost = sorted(name for name in known if not there & {name, f"{name}{SHADOW_SUFFIX}"})
        if lost:
            with house.transaction():
                for name in lost:
                    house.execute(f"delete from {house.ops('table_state')} where table_name = ?", [name])
        return lost

    def extend_backfill(self, since: datetime, tables: Sequence[str]) -> list[str]:
        """Let event tables go back further; the next build adds what they lack.

        Args:
            since: Oldest receipt wanted, UTC.
            tables: Names of event tables; none: all.

        Returns:
            The tables of those that did not go back as far until now; an empty name stands for all.

        Raises:
            ConfigError: One of the tables is no event table.
        """
        house = self.warehouse
        known = {name for (name,) in house.query(f"select table_name from {house.ops('event_registry')}")}
        if unknown := sorted(set(tables) - known):
            raise ConfigError(
                f"`{unknown[0]}` is no event table of this space",
                hint="`profiles-sync tables` lists them. Tables of profiles have their whole history from the start.",
            )
        boundaries = house.ops("backfill_boundaries")
        limits = dict(house.query(f"select table_name, min(received_from) from {boundaries} group by table_name"))
        if "" not in limits:
            return []
        further = [
            table for table in tables or [""] if since < min(limits[name] for name in ("", table) if name in limits)
        ]
        with house.transaction():
            house.insert(
                boundaries,
                ["table_name", "received_from", "recorded_at"],
                [(table, since, datetime.now(timezone.utc).replace(tzinfo=None)) for table in further],
            )
        return further

    def retype_column(self, table: str, column: str, data_type: str) -> None:
        """Give a registered column another type. What does not fit it stands in `_overflow` after the next rebuild.

        Raises:
            ConfigError: There is no such column.
        """
        house = self.warehouse
        registry = house.ops("column_registry")
        where = "table_name = ? and column_name = ? and status in ('active', 'overflow')"
        if not house.query(f"select count(*) from {registry} where {where}", [table, column])[0][0]:
            raise ConfigError(
                f"`{table}.{column}` is no column that comes from calls", hint=f"See `profiles-sync tables {table}`."
            )
        with house.transaction():
            # How many values will not fit is not known; one that may is enough to look.
            house.execute(
                f"update {registry} set data_type = ?, misfits = case when misfits > 0 then misfits else 1 end "
                f"where {where}",
                [data_type, table, column],
            )

    def begin_sync(self, sync_id: str) -> datetime:
        """Give the sync its `uuid_ts`, later than any before, and return it; dbt's first hook takes it up."""
        house = self.warehouse
        table = house.ops("current_sync")
        with house.transaction():
            latest = house.query(f"select max(uuid_ts) from {table}")[0][0]
            mark = datetime.now(timezone.utc).replace(tzinfo=None)
            if latest is not None and latest >= mark:
                # The clock was set back.
                mark = latest + timedelta(microseconds=1)
            # A pool changes no column that a table is distributed by, and BigQuery deletes nothing without a condition.
            house.execute(f"delete from {table} where sync_id is not null")
            house.insert(table, ["sync_id", "uuid_ts", "consumed"], [(sync_id, mark, 0)])
        return mark

    def missing(self, run_ids: Collection[str]) -> set[str]:
        """Return which of these syncs `sync_runs` does not have."""
        if not run_ids:
            return set()
        marks = ", ".join("?" for _ in run_ids)
        known = self.warehouse.query(
            f"select run_id from {self.warehouse.ops('sync_runs')} where run_id in ({marks})", list(run_ids)
        )
        return set(run_ids) - {row[0] for row in known}

    def add(self, record: SyncRecord, *, space_id: str, next_sync_at: datetime | None) -> None:
        """Copy a finished sync to `sync_runs` and `sync_run_tables`."""
        outcome = record.outcome
        assert outcome is not None
        assert record.finished_at is not None
        landing, identity, error = outcome.landing, outcome.identity, outcome.error
        run = (
            record.run_id, space_id, self.warehouse.engine, record.status.value, _naive(record.started_at),
            _naive(record.finished_at), record.duration_s, math.ceil(record.duration_s / 60), outcome.rows_synced,
            *(outcome.rows(group) for group in GROUPS), landing.events_read, landing.rejected, identity.duplicates,
            identity.filtered, identity.profiles_created, identity.profiles_merged, identity.violations,
            json.dumps(list(landing.load_ids)), error.code if error else None, error.message if error else None,
            outcome.preparation_s, outcome.loading_s, _naive(next_sync_at) if next_sync_at else None, __version__,
        )  # fmt: skip
        notices = self._notices((record.run_id, *landing.load_ids))
        tables = [
            (
                record.run_id, table.table, table.group, table.inserted, table.updated, table.deleted,
                json.dumps(list(table.new_columns)), notices.get(table.table, 0), table.status.value,
                table.error.message if table.error else None,
            )
            for table in outcome.tables
        ]  # fmt: skip
        with self.warehouse.transaction():
            self.warehouse.insert(self.warehouse.ops("sync_runs"), _RUN_COLUMNS, [run])
            self.warehouse.insert(self.warehouse.ops("sync_run_tables"), _TABLE_COLUMNS, tables)

    def _notices(self, sync_ids: Sequence[str]) -> dict[str, int]:
        """How often something was noticed about each table, by this sync or its loads."""
        marks = ", ".join("?" for _ in sync_ids)
        counts = self.warehouse.query(
            f"select table_name, sum(occurrences) from {self.warehouse.ops('notices')} "
            f"where sync_id in ({marks}) and table_name is not null group by table_name",
            list(sync_ids),
        )
        return {table: int(count) for table, count in counts}


@contextmanager
def open_store(workplace: Workplace) -> Iterator[Store]:
    """Open the warehouse for a sync's bookkeeping; a network failure is tried again three times.

    Raises:
        ProfilesSyncError: It cannot be reached or refuses.
    """
    with _connect(workplace) as warehouse:
        yield Store(warehouse)


def bind(workplace: Workplace) -> None:
    """Reach the warehouse, and let the home belong to it from its first sync on.

    Raises:
        ProfilesSyncError: It cannot be reached or refuses, or its schema holds tables that are not ours
            (``E_SCHEMA_CONFLICT``).
    """
    with open_store(workplace) as store:
        house = store.warehouse
        if workplace.home.binding is None:
            house.refuse_foreign_tables()
    workplace.home.bind(workplace.binding)


def _connect(workplace: Workplace) -> Warehouse:
    for wait_s in _RETRY_WAITS_S:
        try:
            return open_warehouse(workplace.target)
        except WarehouseError as error:
            if error.code != "E_NETWORK":
                raise
        time.sleep(wait_s)
    return open_warehouse(workplace.target)


def _naive(moment: datetime) -> datetime:
    # The warehouse keeps UTC without a zone.
    return moment.astimezone(timezone.utc).replace(tzinfo=None)
