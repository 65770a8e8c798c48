"""The history of syncs. It is Dagster's: a run with tags, and a materialization of `sync_history` with the report."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg
from dagster import AssetRecordsFilter, RunRecord
from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError

from profiles_sync import alerts
from profiles_sync.errors import NEXT_STEPS, ConfigError, DbtError, ProfilesSyncError
from profiles_sync.home import Home, exclusive
from profiles_sync.naming import SYNC_HISTORY
from profiles_sync.sync.diagnosis import diagnose, diagnose_exception
from profiles_sync.sync.lock import HomeLock
from profiles_sync.sync.outcome import GROUPS, LandingResult, Outcome, Status, SyncError, conclude

ASSET_KEY = dg.AssetKey(SYNC_HISTORY)
JOB = "sync"

SYNC_TAG = "profiles_sync/sync"
# Hidden in the pages, as tags of this beginning are.
LOCKED_TAG = ".dagster/profiles_sync_locked"
# On syncs that listed whole archives: which ones.
LISTING_TAG = ".dagster/profiles_sync_listing"
STATUS_TAG = "profiles_sync/status"
ROWS_TAG = "profiles_sync/rows_synced"
TRIGGER_TAG = "profiles_sync/trigger"
_SCHEDULE_TAG = "dagster/schedule_name"

_ACTIVE = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
# Between a run's start and its lock lies its loading.
_START_GRACE_S = 300.0
# A day, less what a tick may come early.
_WHOLE_LISTING_EVERY = timedelta(hours=23, minutes=30)
_KILLED = "the sync was killed before it ended"
_log = logging.getLogger(__name__)
_PAGE = 50
_FIND_LIMIT = 10_000


@dataclass(frozen=True)
class SyncRecord:
    """One sync of the history.

    Attributes:
        run_id: Dagster's run.
        status: What it came to, `Running` while it goes on.
        started_at: UTC.
        finished_at: UTC; None while it runs.
        trigger: `schedule`, `command line` or `Dagster`.
        outcome: Its report; None while it runs.
    """

    run_id: str
    status: Status
    started_at: datetime
    finished_at: datetime | None
    trigger: str
    outcome: Outcome | None = field(default=None)

    @property
    def duration_s(self) -> float:
        """Seconds from start to end, or until now."""
        return ((self.finished_at or now()) - self.started_at).total_seconds()


_ADAPTER: TypeAdapter[SyncRecord] = TypeAdapter(SyncRecord)


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(timezone.utc)


def next_full_hour(moment: datetime) -> datetime:
    """Return the next time that the hourly schedule ticks."""
    return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def to_json(record: SyncRecord) -> dict[str, Any]:
    """Return the record as plain JSON values, with the numbers that follow from it."""
    data: dict[str, Any] = _ADAPTER.dump_python(record, mode="json")
    outcome = record.outcome
    data["duration_s"] = round(record.duration_s, 3)
    data["rows_synced"] = outcome.rows_synced if outcome else 0
    data["rows"] = {group: outcome.rows(group) if outcome else 0 for group in GROUPS}
    return data


def dump(record: SyncRecord) -> dict[str, Any]:
    """Return the record as the report in its event holds it."""
    data: dict[str, Any] = _ADAPTER.dump_python(record, mode="json")
    return data


def load(data: Any) -> SyncRecord:
    """Return the record that `dump` gave."""
    return _ADAPTER.validate_python(data)


@contextmanager
def open_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """Open the home's Dagster instance.

    Raises:
        ProfilesSyncError: Its storage is damaged or cannot be reached (``E_STATE``), or has no room (``E_LIMIT_SIZE``).
    """
    try:
        # Two that make the tables of its storage at once would both fail.
        with exclusive(home.dagster_dir / "opening.lock"):
            opened = dg.DagsterInstance.from_config(str(home.dagster_dir))
        with opened as instance:
            yield instance
    except SQLAlchemyError as error:
        said = str(error).splitlines()[0]
        # In SQLite's words and in Postgres's.
        full = "disk is full" in said or "No space left" in said
        raise ProfilesSyncError(
            f"Dagster's storage of {home.dagster_dir} cannot be used: {said}",
            hint=NEXT_STEPS["E_LIMIT_SIZE"]
            if full
            else "Restore it, or move the folder away: the history then starts anew, and no synced row is lost.",
            code="E_LIMIT_SIZE" if full else "E_STATE",
        ) from error


def materialization(record: SyncRecord) -> dg.AssetMaterialization:
    """Return the event that keeps a record: numbers, which Dagster plots, the errors, and the whole report."""
    outcome = record.outcome
    assert outcome is not None
    numbers = {
        "rows_synced": outcome.rows_synced,
        **{f"rows_{group}": outcome.rows(group) for group in GROUPS},
        "tables": len(outcome.tables),
        "tables_failed": len(outcome.failed_tables),
        "events_landed": outcome.landing.events,
        "events_rejected": outcome.landing.rejected,
        "events_duplicate": outcome.identity.duplicates,
        "profiles_created": outcome.identity.profiles_created,
        "profiles_merged": outcome.identity.profiles_merged,
        "violations": outcome.identity.violations,
    }
    metadata: dict[str, dg.MetadataValue[Any]] = {"status": dg.MetadataValue.text(record.status.value)}
    metadata |= {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
    metadata["duration_s"] = dg.MetadataValue.float(round(record.duration_s, 3))
    if outcome.error:
        metadata["errors"] = dg.MetadataValue.md(_errors_in_markdown(outcome))
    metadata["report"] = dg.MetadataValue.json(dump(record))
    return dg.AssetMaterialization(ASSET_KEY, description=summary(outcome), metadata=metadata)


def summary(outcome: Outcome) -> str:
    """Return a sync's result in one line, with its first error."""
    line = f"{outcome.status.value}: {outcome.rows_synced} rows synced"
    if outcome.failed_tables:
        line += f", {len(outcome.failed_tables)} of {len(outcome.tables)} tables not built"
    if outcome.error:
        line += f". {outcome.error.headline}"
    return line


def _errors_in_markdown(outcome: Outcome) -> str:
    assert outcome.error is not None
    lines = [f"**{outcome.error.code}** {outcome.error.message}"]
    if outcome.error.hint:
        lines.append(outcome.error.hint)
    for table in outcome.failed_tables:
        if table.status is Status.FAILED and table.error and table.error != outcome.error:
            lines.append(f"`{table.table}` **{table.error.code}** {table.error.message}")
    return "\n\n".join(lines)


def trigger_of(tags: Mapping[str, str]) -> str:
    """Return what started a run, by its tags."""
    return tags.get(TRIGGER_TAG) or ("schedule" if _SCHEDULE_TAG in tags else "Dagster")


def read_history(instance: dg.DagsterInstance, home: Home, *, limit: int = 50) -> list[SyncRecord]:
    """Return the newest syncs, newest first, after reporting as failed those whose process is gone.

    Args:
        instance: The home's Dagster.
        home: The home.
        limit: How many.
    """
    close_dead_runs(instance, home)
    running = [_running(run) for run in _sync_runs(instance, _ACTIVE, limit) if STATUS_TAG not in run.dagster_run.tags]
    records = [*running, *itertools.islice(finished(instance), limit)]
    return sorted(records, key=lambda record: record.started_at, reverse=True)[:limit]


def find_sync(instance: dg.DagsterInstance, home: Home, run_id: str) -> SyncRecord:
    """Return the sync whose run id begins with `run_id`.

    Raises:
        ProfilesSyncError: There is none, or more than one.
    """
    found = [record for record in read_history(instance, home, limit=_FIND_LIMIT) if record.run_id.startswith(run_id)]
    if len(found) != 1:
        many = f"{len(found)} syncs begin with {run_id}" if found else f"there is no sync {run_id}"
        raise ProfilesSyncError(many, hint="`profiles-sync history` lists them.", code="E_CONFIG")
    return found[0]


def whole_listing_is_due(instance: dg.DagsterInstance, archives: str) -> bool:
    """Return whether no sync of the last day has listed these archives as a whole.

    Args:
        instance: The home's Dagster.
        archives: What stands for them in `LISTING_TAG`.
    """
    moment = now()
    # Not of a clock that was ahead.
    lately = dg.RunsFilter(
        tags={LISTING_TAG: archives}, created_after=moment - _WHOLE_LISTING_EVERY, created_before=moment
    )
    return not instance.get_run_ids(lately, limit=1)


def close_dead_runs(instance: dg.DagsterInstance, home: Home) -> None:
    """Record the syncs that could not do it themselves, and alert.

    Those are runs that claim to run without holding the home's lock, whose process was killed, and runs that failed
    before the sync in them began.
    """
    holder = HomeLock(home.lock_file).holder()
    for run in _sync_runs(instance, _ACTIVE, 100):
        tags = run.dagster_run.tags
        waiting = LOCKED_TAG not in tags and time.time() - run.update_timestamp.timestamp() < _START_GRACE_S
        if waiting or (holder and holder.run_id == run.dagster_run.run_id):
            continue
        if STATUS_TAG not in tags:
            _record_for(run, _committed(run, instance, home), now(), instance, home)
        instance.report_run_failed(run.dagster_run, _KILLED)
    for run in _sync_runs(instance, [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED], 100):
        if STATUS_TAG not in run.dagster_run.tags:
            ended = datetime.fromtimestamp(run.end_time or run.update_timestamp.timestamp(), timezone.utc)
            # Dagster may have noticed a killed process first.
            if LOCKED_TAG in run.dagster_run.tags:
                outcome = _committed(run, instance, home)
            else:
                outcome = conclude(error=_why_none_began(instance, run.dagster_run.run_id))
            _record_for(run, outcome, ended, instance, home)


def _why_none_began(instance: dg.DagsterInstance, run_id: str) -> SyncError:
    """Say why a run ended before the sync in it began: most often a file of the home has become wrong, and it could not load."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        error = entry.dagster_event.engine_event_data.error if entry.dagster_event else None
        if error is not None:
            while error.cause is not None:
                error = error.cause
            # Dagster keeps the name of its class, and its text, which begins with that.
            message = error.message.partition(": ")[2] or error.message
            if error.cls_name == ConfigError.__name__:
                return diagnose_exception(ConfigError(message))
            return diagnose(message, fallback=DbtError.code if error.cls_name == DbtError.__name__ else "E_INTERNAL")
    return SyncError("E_INTERNAL", "the run ended before the sync began", "Dagster's page of the run shows why.")


def _committed(run: RunRecord, instance: dg.DagsterInstance, home: Home) -> Outcome:
    """Judge a sync that was killed by what it had told Dagster of its landing, and dbt its log of the tables."""
    # dagster-dbt takes its time to load, and killed syncs are rare.
    from profiles_sync.sync.dbt_run import committed_results, run_folder

    run_id = run.dagster_run.run_id
    tables, identity = committed_results(home.runs_dir / run_folder(run_id))
    landing = LandingResult()
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        said = entry.asset_materialization.metadata if entry.asset_materialization else {}
        if "events_landed" in said:
            load_ids = (str(said["load_id"].value),) if "load_id" in said else ()
            events, rejected, files = (
                int(str(said[name].value)) for name in ("events_landed", "events_rejected", "files")
            )
            landing = LandingResult(load_ids, events, rejected, files)
    error = SyncError("E_INTERNAL", _KILLED, "The next sync continues where it stopped.")
    return conclude(tables, landing=landing, identity=identity, error=error)


def _record_for(run: RunRecord, outcome: Outcome, ended: datetime, instance: dg.DagsterInstance, home: Home) -> None:
    started = datetime.fromtimestamp(run.start_time or run.create_timestamp.timestamp(), timezone.utc)
    tags = run.dagster_run.tags
    record = SyncRecord(run.dagster_run.run_id, outcome.status, started, ended, trigger_of(tags), outcome)
    instance.report_runless_asset_event(materialization(record))
    tag_run(instance, record)
    for problem in alerts.after_sync(home, instance, record, finished(instance)):
        _log.warning(problem)


def tag_run(instance: dg.DagsterInstance, record: SyncRecord) -> None:
    """Put status and rows on the run, where Dagster's list of runs shows them."""
    rows = str(record.outcome.rows_synced if record.outcome else 0)
    instance.add_run_tags(record.run_id, {STATUS_TAG: record.status.value, ROWS_TAG: rows})


def _sync_runs(instance: dg.DagsterInstance, statuses: list[dg.DagsterRunStatus], limit: int) -> list[RunRecord]:
    return list(instance.get_run_records(dg.RunsFilter(statuses=statuses, tags={SYNC_TAG: "true"}), limit=limit))


def _running(run: RunRecord) -> SyncRecord:
    started = datetime.fromtimestamp(run.start_time or run.create_timestamp.timestamp(), timezone.utc)
    return SyncRecord(run.dagster_run.run_id, Status.RUNNING, started, None, trigger_of(run.dagster_run.tags))


def finished(instance: dg.DagsterInstance) -> Iterator[SyncRecord]:
    """Return every sync that was recorded, the one that ended last first, read page by page."""
    # Told outside of its run a sync may have been told late, so it waits here for its turn.
    waiting: list[SyncRecord] = []
    for record, late in _told(instance):
        if late:
            waiting.append(record)
            continue
        while waiting and (latest := max(waiting, key=_ended)) and _ended(latest) > _ended(record):
            waiting.remove(latest)
            yield latest
        yield record
    yield from sorted(waiting, key=_ended, reverse=True)


def _ended(record: SyncRecord) -> datetime:
    return record.finished_at or record.started_at


def _told(instance: dg.DagsterInstance) -> Iterator[tuple[SyncRecord, bool]]:
    """Return the records as they were told, newest first, each with whether that was outside of its run."""
    cursor: str | None = None
    while True:
        page = instance.fetch_materializations(AssetRecordsFilter(ASSET_KEY), limit=_PAGE, cursor=cursor)
        for event in page.records:
            if event.asset_materialization is not None:
                record = load(event.asset_materialization.metadata["report"].value)
                yield record, event.run_id != record.run_id
        if not page.has_more:
            return
        cursor = page.cursor
