"""Make room: what `retention:` of the home's file no longer keeps, in the warehouse, in Dagster and in the home's folders."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import dagster as dg

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.privacy.requests import has_unfinished
from profiles_sync.project import Workplace, load_manifest, project_dir
from profiles_sync.settings import load_settings
from profiles_sync.sync import history
from profiles_sync.sync.lock import HomeLock
from profiles_sync.sync.plan import built_up_to
from profiles_sync.sync.store import Store
from profiles_sync.warehouse import Warehouse, open_warehouse

# Bookkeeping with the column that tells its age. What exactly-once landing and a rebuild live on is none of it.
_AGING = {
    "sync_runs": "finished_at",
    "notices": "noticed_at",
    "rejected_events": "rejected_at",
    "identity_violations": "uuid_ts",
}
_WAIT_S = 600.0
_PAGE = 100


@dataclass(frozen=True)
class Pruned:
    """What one place gave up, or would.

    Attributes:
        what: Table, or kind of file.
        kept: What stays, in words.
        count: Rows, runs or folders that go.
    """

    what: str
    kept: str
    count: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"what": self.what, "kept": self.kept, "count": self.count}


def prune(workplace: Workplace, *, dry_run: bool) -> list[Pruned]:
    """Remove what is older than the home's retention says, and return what went.

    Args:
        workplace: The deployment.
        dry_run: Only count.

    Raises:
        ConfigError: This home has not synced yet.
        ProfilesSyncError: A sync is running (``E_LOCKED``), an erasure is not finished (``E_STATE``), or the warehouse refuses.
    """
    retention = workplace.deployment.retention
    now = datetime.now(timezone.utc)
    workplace.home.check_bound()
    with HomeLock(workplace.home.lock_file) as lock:
        if not lock.acquire(wait_s=_WAIT_S):
            raise ProfilesSyncError(
                "a sync is running in this home", hint="Try again when it has ended.", code="E_LOCKED"
            )
        with open_warehouse(workplace.target) as warehouse, history.open_instance(workplace.home) as instance:
            copied = {row[0] for row in warehouse.query(f"select run_id from {warehouse.ops('sync_runs')}")}
            with warehouse.transaction():
                pruned = _bookkeeping(warehouse, now - timedelta(days=retention.ops_days), retention.ops_days, dry_run)
                pruned.append(_raw_events(workplace, warehouse, now, dry_run))
            before = now - timedelta(days=retention.dagster_days)
            runs = _runs(workplace, instance, before, copied, dry_run=dry_run)
        pruned.append(Pruned("Dagster runs", f"{retention.dagster_days} days", runs))
        folders = sorted(workplace.home.runs_dir.glob("*"), key=lambda path: path.stat().st_mtime, reverse=True)[
            retention.dbt_runs :
        ]
        if not dry_run:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
        pruned.append(Pruned("dbt artifacts", f"the last {retention.dbt_runs} runs", len(folders)))
    return pruned


def pruned_events(warehouse: Warehouse) -> int:
    """Return how many landed calls are no longer there: a rebuild would lose what they made."""
    landed = warehouse.query(f"select sum(events) from {warehouse.ops('loads')}")[0][0] or 0
    return int(landed) - int(warehouse.query(f"select count(*) from {warehouse.staging('raw_events')}")[0][0])


def require_every_call(warehouse: Warehouse, *, hint: str) -> None:
    """Refuse what rebuilds the tables where landed calls were pruned.

    Raises:
        ProfilesSyncError: Some were (``E_STATE``); the hint says what to do instead.
    """
    if (pruned := pruned_events(warehouse)) > 0:
        raise ProfilesSyncError(
            f"{pruned} landed calls were pruned: a rebuild would lose all that was made of them",
            hint=hint,
            code="E_STATE",
        )


def require_calls_since(warehouse: Warehouse, since: datetime) -> None:
    """Refuse to go back to calls that were pruned.

    Args:
        warehouse: An open connection.
        since: Oldest receipt wanted, UTC without zone.

    Raises:
        ProfilesSyncError: Some of them were (``E_STATE``).
    """
    if (pruned := pruned_events(warehouse)) <= 0:
        return
    oldest = warehouse.query(f"select min(landed_on) from {warehouse.staging('raw_events')}")[0][0]
    if oldest is None or since.date() < oldest:
        raise ProfilesSyncError(
            f"{pruned} landed calls were pruned, and their rows cannot be added",
            hint=f"Calls are kept that landed since {oldest}: --since {oldest}." if oldest else "No call is left.",
            code="E_STATE",
        )


def _bookkeeping(warehouse: Warehouse, before: datetime, days: int, dry_run: bool) -> list[Pruned]:
    moment = before.replace(tzinfo=None)
    runs = f"run_id in (select run_id from {warehouse.ops('sync_runs')} where finished_at < ?)"
    conditions = {"sync_run_tables": runs, **{table: f"{column} < ?" for table, column in _AGING.items()}}
    return [
        Pruned(
            warehouse.ops(table), f"{days} days", _delete(warehouse, warehouse.ops(table), condition, [moment], dry_run)
        )
        for table, condition in conditions.items()
    ]


def _raw_events(workplace: Workplace, warehouse: Warehouse, now: datetime, dry_run: bool) -> Pruned:
    name, days = warehouse.staging("raw_events"), workplace.deployment.retention.raw_events_days
    if days is None:
        return Pruned(name, "for ever", 0)
    if has_unfinished(warehouse):
        raise ProfilesSyncError(
            "the tables have yet to be rebuilt without an erased user, from every landed call",
            hint="Sync, then prune.",
            code="E_STATE",
        )
    settings = load_settings(workplace.home, project_dir(), workplace.target.schema)
    upto = built_up_to(Store(warehouse).progress(), load_manifest(workplace), settings.selective_sync)
    condition = f"landed_on < ? and event_no <= {upto}"
    count = _delete(warehouse, name, condition, [(now - timedelta(days=days)).date()], dry_run)
    return Pruned(name, f"{days} days", count)


def _delete(warehouse: Warehouse, table: str, condition: str, parameters: list[Any], dry_run: bool) -> int:
    count = int(warehouse.query(f"select count(*) from {table} where {condition}", parameters)[0][0])
    if count and not dry_run:
        warehouse.execute(f"delete from {table} where {condition}", parameters)
    return count


def _runs(
    workplace: Workplace, instance: dg.DagsterInstance, before: datetime, copied: set[str], *, dry_run: bool
) -> int:
    """Delete Dagster's runs from before a moment; a sync that the warehouse does not know yet stays."""
    old: list[str] = []
    cursor: str | None = None
    while page := instance.get_run_records(dg.RunsFilter(created_before=before), limit=_PAGE, cursor=cursor):
        for record in page:
            run = record.dagster_run
            if run.is_finished and (history.SYNC_TAG not in run.tags or run.run_id in copied):
                old.append(run.run_id)
        cursor = page[-1].dagster_run.run_id
    if not dry_run:
        for run_id in old:
            instance.delete_run(run_id)
            shutil.rmtree(workplace.home.dagster_dir / "storage" / run_id, ignore_errors=True)
    return len(old)
