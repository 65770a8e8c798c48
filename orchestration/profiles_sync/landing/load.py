"""Land new files: read them, then write rows, ledger, rejects and registries in one transaction."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from profiles_sync.errors import ConfigError
from profiles_sync.landing import registry, spool, timestamps
from profiles_sync.landing.calls import NOTICES
from profiles_sync.landing.files import Ledger, RecentDays, content_digest, list_files
from profiles_sync.landing.files import UnavailableFileError as Unavailable
from profiles_sync.landing.model import (
    FileOutcome,
    LandingError,
    LandingOptions,
    LoadReport,
    NewFile,
    Notice,
    Progress,
    ProgressCallback,
    Source,
    SourceName,
)
from profiles_sync.landing.reader import FileReader, FileResult, ReadingRules
from profiles_sync.landing.registry_store import read_registry, write_registry
from profiles_sync.landing.structure import SLOTS, TYPES
from profiles_sync.landing.structure import Path as KeyPath
from profiles_sync.landing.worker import read_in_processes
from profiles_sync.naming import EVENT_TYPE_TABLES, TRAIT_TABLE, NameRules, event_table_name
from profiles_sync.privacy.requests import (
    Suppression,
    count_of_suppressions,
    count_of_unfinished,
    read_suppression,
)
from profiles_sync.privacy.stubs import ERASED, leave_bare_stubs
from profiles_sync.project import Workplace, run_dbt
from profiles_sync.warehouse import Warehouse, open_warehouse
from profiles_sync.warehouse.duckdb import limit_memory

SCHEMA_VERSION = 7
"""Version of the contract tables that this program writes."""

# Below this a load is read faster than processes start; gzip data grows about tenfold.
_SMALL_LOAD_BYTES = 4 << 20
_MOST_WORKERS = 4
_NAMES_KEPT = 100
# The registry's key is an index on some engines, and an index has a longest entry.
_PATH_BYTES = 2000

_EVENT_COLUMNS = (
    "event_no", "load_id", "landed_on", "source_id", "source_name", "source_slug", "message_id", "type", "event_name",
    "event_slug", "received_at", "sent_at", "original_timestamp", "timestamp", "user_id", "anonymous_id", "payload",
    "payload_sha256", "file_name", "file_row", "item_no", "loaded_at",
)  # fmt: skip
_FILE_COLUMNS = {
    "file_no": "integer",
    "file_name": "varchar",
    "source_id": "varchar",
    "source_name": "varchar",
    "source_slug": "varchar",
}


def list_new_files(workplace: Workplace, sources: Sequence[Source]) -> list[NewFile]:
    """Return the files that the next landing would read, without reading them.

    Raises:
        LandingError: A source cannot be listed.
        WarehouseError: The ledger cannot be read.
    """
    with open_warehouse(workplace.target) as warehouse:
        ledger = _read_state(warehouse).ledger if _schema_version(warehouse) else Ledger(())
    return list_files(sources, ledger)


def land(
    workplace: Workplace,
    sources: Sequence[Source],
    options: LandingOptions | None = None,
    *,
    settings: str | None = None,
    now: datetime | None = None,
    progress: ProgressCallback | None = None,
    rebuilding: bool = False,
    erase: Callable[[], None] | None = None,
) -> LoadReport:
    """Land every new file of the sources as one load.

    The caller holds the home's lock. The warehouse is connected to before and after reading, and is free again
    when this returns. Either all of the load is there afterwards or nothing.

    Args:
        workplace: The home and its warehouse.
        sources: Where to look for files.
        options: Settings that landing follows.
        settings: All settings as JSON with sorted keys; a version is recorded when they differ from the last one.
        now: Time of the load, for tests.
        progress: Called as the work goes on.
        rebuilding: A rebuild follows.
        erase: Called first of all where an erasure was begun and not ended, with the warehouse free.

    Raises:
        LandingError: A source cannot be listed, or reading failed as a whole. A single file that cannot be read stops
            nothing: it is reported, and tried again.
        WarehouseError: The warehouse cannot be reached or refuses.
    """
    started = time.monotonic()
    started_at = _utc_now()
    options = options or LandingOptions()
    tell = progress or (lambda _: None)
    names = options.names(workplace.target.kind)
    prepare_space(workplace, rebuilding=rebuilding)
    with open_warehouse(workplace.target) as warehouse:
        state = _read_state(warehouse)
    if state.is_erasing and erase is not None:
        erase()
        with open_warehouse(workplace.target) as warehouse:
            state = _read_state(warehouse)
    _refuse_long_settings(settings or "", warehouse.text_bytes)
    clock = now or _utc_now()
    # Times of loads increase whatever the clock says; a call without a time of receipt came when the clock says.
    loaded_at = max(clock, timestamps.to_datetime(timestamps.from_datetime(state.loaded_at) + 1))
    load = _Load(
        load_id=f"load-{loaded_at:%Y%m%dT%H%M%S.%f}Z",
        loaded_at=loaded_at,
        started_at=started_at,
        options=options,
        names=names,
    )
    tell(Progress("list"))
    recent = RecentDays(clock.date(), options.recent_days) if options.recent_days else None
    listed = list_files(sources, state.ledger, recent=recent)
    passed_over = recent.passed_over if recent else 0
    files, touched = _without_touched(listed, state.ledger)
    with _scratch_folder(workplace.home.root) as scratch:
        rules = ReadingRules(
            timestamps.from_datetime(clock),
            timestamps.from_datetime(loaded_at),
            options.strict_unify_limits,
            names,
            state.timestamp_paths,
            state.suppression,
        )
        results = _read(files, scratch, rules, options.workers, tell)
        load.outcomes = [result.outcome for result in results]
        load.touched = touched
        for result in results:
            load.reasons.update(result.reasons)
            load.call_notices.update(result.notices)
        new_settings = settings if settings is not None and _differ(settings, state.settings) else None
        if not load.ledger_rows and new_settings is None and not state.has_actions:
            return LoadReport(
                None,
                loaded_at,
                files=tuple(load.outcomes),
                passed_over=passed_over,
                seconds=time.monotonic() - started,
            )
        tell(Progress("load", len(files), len(files), calls=load.landed))
        _write_files(scratch, files, options.source_names)
        with open_warehouse(workplace.target) as warehouse, warehouse.transaction():
            warehouse.lock(warehouse.ops("loads"))
            base = _read_base(warehouse)
            if base.position != state.position:
                raise LandingError(
                    "another landing wrote to this space in the meantime; nothing of this load was written",
                    hint="Let one sync at a time run on a space.",
                    code="E_LOCKED",
                )
            return replace(_write(warehouse, load, base, scratch, new_settings, started), passed_over=passed_over)


def prepare_space(workplace: Workplace, *, rebuilding: bool = False) -> None:
    """Make the contract tables where they are missing or of an older version.

    Args:
        workplace: The home and its warehouse.
        rebuilding: A rebuild follows, which makes the tables of identity anew: they may be of any version.

    Raises:
        ProfilesSyncError: dbt could not make them, they are of a newer version than this program, or need a rebuild.
    """
    if workplace.target.kind == "duckdb" and not Path(workplace.target.address).exists():
        version = None
    else:
        with open_warehouse(workplace.target) as warehouse:
            version = _schema_version(warehouse)
    if version != SCHEMA_VERSION:
        # dbt decides what a version it does not know means.
        environment = {"PROFILES_SYNC_REBUILDS": "1"} if rebuilding else None
        run_dbt(workplace, ["run-operation", "prepare_space"], environment=environment)


def _schema_version(warehouse: Warehouse) -> int | None:
    if not warehouse.table_exists(warehouse.schemas.ops, "schema_version"):
        return None
    version = warehouse.query(f"select max(version) from {warehouse.ops('schema_version')}")[0][0]
    return None if version is None else int(version)


@dataclass(frozen=True)
class _State:
    """What earlier landings left.

    Attributes:
        ledger: Files dealt with.
        position: Number of loads and of ledger entries; unchanged while nobody else lands.
        loaded_at: Time of the last load.
        settings: Settings of the last version.
        timestamp_paths: Paths of columns that are timestamps.
        has_actions: There are actions on identities that have no number yet.
        suppression: Whose calls are not to land.
        is_erasing: An erasure was begun and not ended.
    """

    ledger: Ledger
    position: tuple[int, int]
    loaded_at: datetime
    settings: str | None
    timestamp_paths: frozenset[KeyPath]
    has_actions: bool
    suppression: Suppression | None
    is_erasing: bool


@dataclass(frozen=True)
class _Base:
    """What a load is put on top of, as it is under the lock.

    Attributes:
        position: As in `_State`.
        event_no: The last number given.
        has_events: There are calls.
        has_erased: Calls were erased.
        has_actions: As in `_State`.
    """

    position: tuple[int, int]
    event_no: int
    has_events: bool
    has_erased: bool
    has_actions: bool


def _read_state(warehouse: Warehouse) -> _State:
    history = warehouse.ops("settings_history")
    loads, files, loaded_at, settings, waiting, suppressions, erasures = _read_each(
        warehouse,
        *_position_queries(warehouse),
        f"select max(loaded_at) from {warehouse.ops('loads')}",
        f"select max(settings) from {history} where version = (select max(h.version) from {history} as h)",
        f"select count(*) from {_waiting_actions(warehouse)}",
        count_of_suppressions(warehouse),
        count_of_unfinished(warehouse),
    )
    ledger = Ledger(warehouse.query(f"select file_path, etag, size_bytes from {warehouse.ops('landed_files')}"))
    paths = warehouse.query(
        f"select distinct raw_path from {warehouse.ops('column_registry')} where data_type = 'timestamp'"
    )
    return _State(
        ledger,
        (loads, files),
        loaded_at or timestamps.EPOCH,
        settings,
        frozenset(tuple(json.loads(path)) for (path,) in paths),
        bool(waiting),
        read_suppression(warehouse) if suppressions else None,
        bool(erasures),
    )


def _read_base(warehouse: Warehouse) -> _Base:
    loads, files, numbered, newest, erased, waiting = _read_each(
        warehouse,
        *_position_queries(warehouse),
        f"select max(last_event_no) from {warehouse.ops('loads')}",
        f"select max(event_no) from {warehouse.staging('raw_events')}",
        f"select count(*) from {warehouse.ops('erased_events')}",
        f"select count(*) from {_waiting_actions(warehouse)}",
    )
    # Numbers are never given twice, also when the rows they stood on have been erased.
    event_no = max(int(numbered or 0), int(newest or 0))
    return _Base((loads, files), event_no, newest is not None, bool(erased), bool(waiting))


def _position_queries(warehouse: Warehouse) -> list[str]:
    return [f"select count(*) from {warehouse.ops(table)}" for table in ("loads", "landed_files")]


def _read_each(warehouse: Warehouse, *queries: str) -> tuple[Any, ...]:
    """Return the one value of each query, asked for in one statement."""
    return warehouse.query(f"select {', '.join(f'({query})' for query in queries)}")[0]


def _without_touched(files: Sequence[NewFile], ledger: Ledger) -> tuple[list[NewFile], list[FileOutcome]]:
    """Separate the files whose content was dealt with before: only their date has changed."""
    fresh, touched = [], []
    for file in files:
        if ledger.may_have_content(file):
            try:
                digest = content_digest(file)
            except Unavailable:
                digest = ""
            if digest and ledger.has_content(file, digest):
                etag = f"{file.version}/{digest}"
                detail = "touched: the content is that of an earlier version"
                touched.append(FileOutcome(file.path, etag, file.size_bytes, 0, 0, 0, "landed", detail))
                continue
        fresh.append(file)
    return fresh, touched


@contextmanager
def _scratch_folder(home: Path) -> Iterator[Path]:
    parent = home / "scratch"
    # Left by a landing that was killed: the lock says that no other is at work.
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="landing-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _read(
    files: Sequence[NewFile], scratch: Path, rules: ReadingRules, workers: int | None, tell: ProgressCallback
) -> list[FileResult]:
    total = sum(file.size_bytes for file in files)
    done = Progress("read", files=len(files), bytes=total)
    tell(done)

    def count(result: FileResult) -> None:
        nonlocal done
        done = Progress(
            "read",
            done.files_done + 1,
            done.files,
            done.bytes_done + result.outcome.size_bytes,
            done.bytes,
            done.calls + result.outcome.landed,
        )
        tell(done)

    workers = min(workers or min(os.cpu_count() or 1, _MOST_WORKERS), len(files))
    if workers > 1 and total > _SMALL_LOAD_BYTES:
        return read_in_processes(files, scratch, rules, workers, count)
    results = []
    reader = FileReader(scratch, "0", rules)
    for number, file in enumerate(files):
        results.append(reader.read(number, file))
        count(results[-1])
    reader.close()
    return results


@dataclass
class _Load:
    """A load on its way into the warehouse."""

    load_id: str
    loaded_at: datetime
    started_at: datetime
    options: LandingOptions
    names: NameRules
    outcomes: list[FileOutcome] = field(default_factory=list)
    touched: list[FileOutcome] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    call_notices: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)

    @property
    def landed(self) -> int:
        return sum(outcome.landed for outcome in self.outcomes)

    @property
    def ledger_rows(self) -> list[FileOutcome]:
        # A file that the store did not give says nothing about its content, and is asked for again.
        return [outcome for outcome in (*self.outcomes, *self.touched) if outcome.status != "unavailable"]


@dataclass(frozen=True)
class _EventTable:
    """The events of one table in a load."""

    events: int
    first_event_no: int
    last_event_no: int
    event_names: frozenset[str]


def _write(
    warehouse: Warehouse, load: _Load, base: _Base, scratch: Path, settings: str | None, started: float
) -> LoadReport:
    before = base.event_no
    _insert_events(warehouse, load, scratch, before)
    if base.has_erased:
        _erase_copies(warehouse, before)
    tables = _event_tables(warehouse, load, before)
    actions = _number_actions(warehouse, load, before + load.landed) if base.has_actions else 0
    numbers = load.landed + actions
    first, last = (before + 1, before + numbers) if numbers else (None, None)
    if load.landed and not base.has_events:
        _record_backfill_boundary(warehouse, load)
    new_tables = _update_event_registry(warehouse, load, tables)
    new_columns = _update_column_registry(warehouse, load, scratch, tables)
    _insert_rejects(warehouse, load, scratch)
    version = _record_settings(warehouse, load, settings, before + 1) if settings is not None else None
    _insert_ledger(warehouse, load, first, last)
    notices = (*_file_notices(load), *load.notices)
    warehouse.insert(
        warehouse.ops("notices"),
        ["sync_id", "notice", "table_name", "column_name", "occurrences", "detail", "noticed_at"],
        [
            (
                load.load_id,
                each.notice,
                each.table_name,
                each.column_name,
                each.occurrences,
                each.detail,
                load.loaded_at,
            )
            for each in notices
        ],
    )
    return LoadReport(
        load_id=load.load_id,
        loaded_at=load.loaded_at,
        files=(*load.outcomes, *load.touched),
        read=sum(outcome.read for outcome in load.outcomes),
        landed=load.landed,
        rejected=dict(load.reasons),
        notices=notices,
        first_event_no=first,
        last_event_no=last,
        tables={name: table.events for name, table in sorted(tables.items())},
        new_tables=tuple(new_tables),
        new_columns=tuple(new_columns),
        settings_version=version,
        seconds=time.monotonic() - started,
    )


def _waiting_actions(warehouse: Warehouse) -> str:
    return f"{warehouse.ops('identity_actions')} where event_no is null"


def _number_actions(warehouse: Warehouse, load: _Load, before: int) -> int:
    """Give the waiting actions on identities their places, after the events of the load; returns how many."""
    waiting = warehouse.query(f"select action_id from {_waiting_actions(warehouse)} order by requested_at, action_id")
    warehouse.update(
        warehouse.ops("identity_actions"),
        ["action_id"],
        ["event_no", "load_id"],
        [(action_id, event_no, load.load_id) for event_no, (action_id,) in enumerate(waiting, before + 1)],
    )
    return len(waiting)


def _insert_events(warehouse: Warehouse, load: _Load, scratch: Path, before: int) -> None:
    loaded_at = f"make_timestamp({timestamps.from_datetime(load.loaded_at)})"
    written = 0
    for calls in spool.calls_sql(scratch):
        # The window without an order streams over the sorted rows; one with an order would hold them all.
        query = f"""
            select
              {before + written} + row_number() over (), '{load.load_id}', {loaded_at}::date, source_id, source_name,
              source_slug, message_id, type, event_name, event_slug, make_timestamp(received_us), make_timestamp(sent_us),
              make_timestamp(original_us), make_timestamp(timestamp_us), user_id, anonymous_id, payload, payload_sha256,
              file_name, file_row, item_no, {loaded_at}
            from (
              select c.*, f.* exclude (file_no)
              from ({calls}) as c join ({_files_sql(scratch)}) as f using (file_no)
              order by received_us, timestamp_us, message_id, payload_sha256, file_no, file_row, item_no
            )
        """
        written += warehouse.insert_query(warehouse.staging("raw_events"), _EVENT_COLUMNS, query, scratch)
    if written != load.landed:
        raise LandingError(f"{load.landed} calls were read, {written} arrived in the warehouse", code="E_INTERNAL")


def _erase_copies(warehouse: Warehouse, before: int) -> None:
    """Leave nothing of calls that come again after they were erased: a copy of their file, or one written anew."""
    listed, raw = warehouse.ops("erased_events"), warehouse.staging("raw_events")
    copies = (
        f"event_no > {before} and message_id in (select earlier.message_id from {raw} as earlier "
        f"inner join {listed} as listed on listed.event_no = earlier.event_no)"
    )
    warehouse.execute(
        f"insert into {listed} (event_no, segment_id, kind) select event_no, null, 'copy' from {raw} where {copies}"
    )
    leave_bare_stubs(warehouse, f"event_no > {before} and event_no in (select event_no from {listed})")


def _insert_rejects(warehouse: Warehouse, load: _Load, scratch: Path) -> None:
    if not load.reasons:
        return
    query = f"""
        select '{load.load_id}', f.file_name, r.file_row, r.item_no, r.reason, r.detail, r.payload_text,
          make_timestamp({timestamps.from_datetime(load.loaded_at)})
        from ({spool.rejects_sql(scratch)}) as r join ({_files_sql(scratch)}) as f using (file_no)
    """
    columns = ["load_id", "file_name", "file_row", "item_no", "reason", "detail", "payload_text", "rejected_at"]
    warehouse.insert_query(warehouse.ops("rejected_events"), columns, query, scratch)


def _write_files(scratch: Path, files: Sequence[NewFile], source_names: Mapping[str, SourceName]) -> None:
    with (scratch / "files.csv").open("wb") as out:
        for number, file in enumerate(files):
            called = source_names.get(file.source_id) or SourceName()
            if file.source_id == file.source.source_id:
                called = SourceName(called.name or file.source.name, called.slug or file.source.slug)
            out.write(spool.csv_line([number, file.path, file.source_id, called.name, called.slug]))


def _files_sql(scratch: Path) -> str:
    return spool.scan_sql([scratch / "files.csv"], _FILE_COLUMNS)


def _event_tables(warehouse: Warehouse, load: _Load, before: int) -> dict[str, _EventTable]:
    """Return what the load brought, by event type table and track table, whether or not it may have a table."""
    if not load.landed:
        return {}
    # A page's name makes no table, and there may be very many.
    event_name = "case when type = 'track' then event_name end"
    rows = warehouse.query(
        f"select type, event_slug, {event_name}, count(*), min(event_no), max(event_no) "
        f"from {warehouse.staging('raw_events')} where event_no > {before} and type <> '{ERASED}' "
        f"group by type, event_slug, {event_name}"
    )
    tables: dict[str, _EventTable] = {}
    for kind, slug, event, events, first, last in rows:
        for name, called in ((EVENT_TYPE_TABLES[kind], kind), (slug, event)):
            if name is not None:
                seen = tables.get(name, _EventTable(0, first, last, frozenset()))
                tables[name] = _EventTable(
                    seen.events + events,
                    min(seen.first_event_no, first),
                    max(seen.last_event_no, last),
                    seen.event_names | {called},
                )
    return tables


def _update_event_registry(warehouse: Warehouse, load: _Load, tables: dict[str, _EventTable]) -> list[str]:
    """Register the load's event tables; those beyond the limit leave `tables`. Return the new track tables."""
    target = warehouse.ops("event_registry")
    known = {
        name: (kind, names)
        for name, kind, names in warehouse.query(f"select table_name, kind, event_names from {target}")
    }
    kinds = {table: kind for kind, table in EVENT_TYPE_TABLES.items()}
    room = load.options.max_event_tables - sum(kind == "track" for kind, _ in known.values())
    new_tracks = sorted(
        (name for name in tables if name not in known and name not in kinds),
        key=lambda name: tables[name].first_event_no,
    )
    refused = new_tracks[max(room, 0) :]
    if refused:
        events = sum(tables.pop(name).events for name in refused)
        detail = (
            f"{len(refused)} new tables beyond {load.options.max_event_tables}, such as {refused[0]}: in tracks only"
        )
        load.notices.append(Notice("table_limit", "tracks", None, events, detail))
    added, moved, renamed = [], [], []
    for name, table in tables.items():
        kind = "event_type" if name in kinds else "track"
        found = table.event_names
        earlier = set(json.loads(known[name][1])) if name in known else set()
        every = sorted(earlier | found)
        # Names that differ in an id could fill the row.
        listed = json.dumps(every[:_NAMES_KEPT], ensure_ascii=False)
        if name not in known:
            added.append((name, kind, listed, table.first_event_no, table.last_event_no))
            if kind == "track" and any(event_table_name(event, load.names.uncut) != name for event in found):
                detail = f"a name of more than {load.names.name_length} characters was cut; `event_text` has it in full"
                load.notices.append(Notice("name_cut", name, None, table.events, detail))
        else:
            moved.append((name, table.last_event_no))
            if listed != known[name][1]:
                renamed.append((name, listed))
        if len(every) > max(1, len(earlier)):
            detail = f"one table for the events {', '.join(every[:5])}"
            load.notices.append(Notice("shared_event_table", name, None, table.events, detail))
    warehouse.insert(target, ["table_name", "kind", "event_names", "first_event_no", "last_event_no"], added)
    warehouse.update(target, ["table_name"], ["last_event_no"], moved)
    warehouse.update(target, ["table_name"], ["event_names"], renamed)
    warehouse.insert(
        warehouse.ops("landed_tables"),
        ["load_id", "table_name", "events", "first_event_no", "last_event_no"],
        [
            (load.load_id, name, table.events, table.first_event_no, table.last_event_no)
            for name, table in sorted(tables.items())
        ],
    )
    return [name for name in new_tracks if name in tables]


def _update_column_registry(
    warehouse: Warehouse, load: _Load, scratch: Path, tables: Mapping[str, _EventTable]
) -> list[str]:
    """Work the structure of the load into the column registry; return the new columns."""
    if not load.landed:
        return []
    seen: dict[tuple[str, KeyPath], list[int]] = {}
    event_types = frozenset(EVENT_TYPE_TABLES.values())
    too_long: Counter[str] = Counter()
    for table_key, path_text, *counts in _structure(scratch):
        path = tuple(json.loads(path_text))
        if len(path_text.encode()) > _PATH_BYTES:
            too_long[table_key] += int(sum(counts[: len(TYPES)]))
            continue
        for table in registry.tables_of(table_key, path, event_types):
            # All identifies may have been copies of erased ones.
            if table in tables or (table == TRAIT_TABLE and "identifies" in tables):
                known = seen.setdefault((table, path), [0] * len(counts))
                for slot, number in enumerate(counts):
                    known[slot] += int(number)
    first = {name: table.first_event_no for name, table in tables.items()}
    if "identifies" in first:
        first[TRAIT_TABLE] = first["identifies"]
    names = sorted({table for table, _ in seen})
    rules = registry.RegistryRules.of(load.names, load.options.column_types, load.options.max_columns_per_table)
    change = registry.update_registry(
        read_registry(warehouse, names), seen, rules, load_id=load.load_id, first_event_no=first
    )
    write_registry(warehouse, change.added, change.updated)
    load.notices.extend(change.notices)
    load.notices.extend(
        Notice(
            "key_too_long", table, None, number, f"keys whose path is longer than {_PATH_BYTES} bytes make no column"
        )
        for table, number in sorted(too_long.items())
    )
    return [f"{table}.{column}" for table, column in change.new_columns]


def _structure(scratch: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as local:
        limit_memory(local, scratch)
        sums = ", ".join(f'sum("{name}")' for name in SLOTS)
        return local.execute(
            f"select table_key, path, {sums} from ({spool.structure_sql(scratch)}) group by table_key, path"
        ).fetchall()


def _file_notices(load: _Load) -> Iterator[Notice]:
    for (code, name), number in sorted(load.call_notices.items(), key=str):
        yield Notice(code, None, name, number, NOTICES[code])
    for status in ("unreadable", "unavailable"):
        files = [outcome for outcome in load.outcomes if outcome.status == status]
        if files:
            detail = f"{files[0].path}: {files[0].detail}"
            yield Notice(f"{status}_file", None, None, len(files), detail)


def _record_settings(warehouse: Warehouse, load: _Load, settings: str, from_event_no: int) -> int:
    target = warehouse.ops("settings_history")
    version = int(warehouse.query(f"select max(version) from {target}")[0][0] or 0) + 1
    warehouse.insert(
        target,
        ["version", "from_event_no", "settings", "origin", "recorded_at"],
        [(version, from_event_no, settings, "profiles-sync", load.loaded_at)],
    )
    return version


def _record_backfill_boundary(warehouse: Warehouse, load: _Load) -> None:
    """Record, with the first events of a space, how far back its event tables go."""
    months = load.options.backfill_months
    boundary = timestamps.EPOCH
    if months != "all":
        newest = warehouse.query(f"select max(received_at) from {warehouse.staging('raw_events')}")[0][0]
        boundary = max(boundary, timestamps.months_before(newest, months))
    warehouse.insert(
        warehouse.ops("backfill_boundaries"),
        ["table_name", "received_from", "recorded_at"],
        [("", boundary, load.loaded_at)],
    )


def _insert_ledger(warehouse: Warehouse, load: _Load, first: int | None, last: int | None) -> None:
    rows = load.ledger_rows
    warehouse.insert(
        warehouse.ops("landed_files"),
        [
            "file_path",
            "etag",
            "size_bytes",
            "rows_read",
            "rows_landed",
            "rows_rejected",
            "status",
            "detail",
            "load_id",
            "landed_at",
        ],
        [
            (
                each.path,
                each.etag,
                each.size_bytes,
                each.read,
                each.landed,
                each.rejected,
                each.status,
                each.detail,
                load.load_id,
                load.loaded_at,
            )
            for each in rows
        ],
    )
    warehouse.insert(
        warehouse.ops("loads"),
        ["load_id", "first_event_no", "last_event_no", "events", "rejected", "files", "started_at", "loaded_at"],
        [
            (
                load.load_id,
                first,
                last,
                load.landed,
                load.reasons.total(),
                len(rows),
                load.started_at,
                load.loaded_at,
            )
        ],
    )


def _refuse_long_settings(settings: str, most: int) -> None:
    size = len(settings.encode())
    if most and size > most:
        raise ConfigError(
            f"all settings together are {size} bytes of JSON, and a text of this warehouse holds {most}",
            hint="List fewer blocked values: one `pattern` stands for many `exact` ones.",
        )


def _differ(settings: str, recorded: str | None) -> bool:
    return recorded is None or json.loads(settings) != json.loads(recorded)


def _utc_now() -> datetime:
    return datetime.now(timezone.utc).replace(tzinfo=None)
