"""What a sync reads and writes in the warehouse beside its tables: progress, its mark, the copy of the history."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
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


class Store:
    """An open warehouse, as a sync uses it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def forget_lost_tables(self) -> list[str]:
        """Forget how far the tables were that somebody has dropped: the next build makes them from their first event on.

        Returns:
            Their names.
        """
        house = self.warehouse
        there = {*house.table_names(house.schemas.space), *house.table_names(house.schemas.staging)}
        known = house.query(f"select distinct table_name from {house.ops('table_state')}")
        # A swap that was cut short has a table's successor still under its own name.
        lost = sorted(name for (name,) in known if not there & {name, f"{name}{SHADOW_SUFFIX}"})
        if lost:
            with house.transaction():
                for name in lost:
                    house.execute(f"delete from {house.ops('table_state')} where table_name = ?", [name])
        return lost

    def progress(self) -> Progress:
        """Return how far landing, identity and each table are.

        Raises:
            ProfilesSyncError: Somebody has emptied or dropped a table that identity lives on (``E_STATE``).
        """
        house = self.warehouse
        landed = house.query(f"select max(last_event_no) from {house.ops('loads')}")[0][0]
        resolved = None
        if house.table_exists(house.schemas.staging, IDENTITY):
            resolved = self._resolved()
        registry = house.query(f"select table_name, last_event_no from {house.ops('event_registry')}")
        tables = house.query(
            f"select table_name, max(last_event_no) from {house.ops('table_state')} group by table_name"
        )
        return Progress(landed or 0, resolved or 0, dict(registry), dict(tables), self._unfilled())

    def _resolved(self) -> int | None:
        """Return how far identity is, and refuse to go on from a state that has lost a table's rows."""
        house = self.warehouse
        state = [name for name in _IDENTITY_STATE if house.table_exists(house.schemas.staging, name)]
        filled = "".join(
            f", case when exists (select 1 from {house.staging(name)}) then 1 else 0 end" for name in state
        )
        resolved, made, *flags = house.query(
            f"select commits.to_event_no, commits.made{filled} from (select max(to_event_no) as to_event_no, "
            f"sum(profiles_created) as made from {house.staging(IDENTITY)}) as commits"
        )[0]
        full = {name for name, flag in zip(state, flags, strict=True) if flag}
        if made and (lost := [name for name in _IDENTITY_STATE if name not in full]):
            raise ProfilesSyncError(
                f"{house.schemas.staging}.{lost[0]} was emptied or dropped: going on would make every profile anew",
                hint="Restore it from a backup, or `profiles-sync rebuild` makes it from the landed calls.",
                code="E_STATE",
            )
        return None if resolved is None else int(resolved)

    def _unfilled(self) -> set[str]:
        """Return the event tables whose rows do not go back as far as they are to."""
        house = self.warehouse
        limits: dict[str, datetime] = dict(
            house.query(
                f"select table_name, min(received_from) from {house.ops('backfill_boundaries')} group by table_name"
            )
        )
        filled = house.query(
            f"select s.table_name, min(s.received_from) from {house.ops('table_state')} as s "
            f"inner join {house.ops('event_registry')} as r on r.table_name = s.table_name group by s.table_name"
        )
        return {
            table
            for table, since in filled
            if since is not None and any(limits[name] < since for name in ("", table) if name in limits)
        }

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

    def begin_sync(self, sync_id: str) -> None:
        """Give the sync its `uuid_ts`, later than any before; dbt's first hook takes it up."""
        house = self.warehouse
        table = house.ops("current_sync")
        with house.transaction():
            latest = house.query(f"select max(uuid_ts) from {table}")[0][0]
            mark = datetime.now(timezone.utc).replace(tzinfo=None)
            if latest is not None and latest >= mark:
                # The clock was set back.
                mark = latest + timedelta(microseconds=1)
            # BigQuery deletes nothing without a condition.
            house.execute(f"delete from {table} where sync_id is not null")
            house.insert(table, ["sync_id", "uuid_ts", "consumed"], [(sync_id, mark, 0)])

    def swap_has_begun(self) -> bool:
        """Return whether a rebuild was cut short while it put its tables in place of the live ones, one by one."""
        return bool(self.warehouse.query(f"select count(*) from {self.warehouse.ops('rebuild_swap')}")[0][0])

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
