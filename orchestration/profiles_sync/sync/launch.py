"""Run the sync job in this process, on the home's Dagster: what the command line does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from profiles_sync.errors import ConfigError, DbtError, ProfilesSyncError
from profiles_sync.home import Home
from profiles_sync.landing.files import public_path
from profiles_sync.landing.model import LoadReport
from profiles_sync.landing.registry import RegistryRules
from profiles_sync.landing.registry_store import reinfer
from profiles_sync.project import Workplace, project_dir
from profiles_sync.settings import SourceConfig, load_settings
from profiles_sync.sync import history
from profiles_sync.sync.event_models import read_registry, write_dbt_files, write_event_models
from profiles_sync.sync.lock import HomeLock
from profiles_sync.sync.progress import Reporter
from profiles_sync.sync.prune import require_calls_since, require_every_call
from profiles_sync.sync.session import land_files, landing_options
from profiles_sync.sync.store import open_store

LOGS_KEPT = 10


def run_sync(
    workplace: Workplace,
    reporter: Reporter,
    *,
    sources: Sequence[str] = (),
    full_refresh: bool = False,
    with_current_rules: bool = False,
    all_files: bool = False,
) -> history.SyncRecord:
    """Run one sync and return its record.

    Args:
        workplace: The deployment.
        reporter: Follows it.
        sources: What to read instead of what the home's file names.
        full_refresh: Rebuild everything from the landed events.
        with_current_rules: In a rebuild, resolve identities as if today's settings and rules had always held.
        all_files: Look at all days of the archives, as is done once a day.
    """
    from profiles_sync.definitions import build_sync

    config = {
        # Dagster keeps and shows a run's config: a URL's credentials reach the sync beside it.
        "sources": [public_path(path) for path in sources],
        "full_refresh": full_refresh,
        "with_current_rules": with_current_rules,
        "all_files": all_files,
    }
    job = build_sync(workplace, reporter, sources)
    with history.open_instance(workplace.home) as instance:
        result = job.execute_in_process(
            instance=instance,
            run_config={
                # Progress is shown by the reporter; Dagster keeps the events.
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
                "ops": {"landing": {"config": config}},
            },
            # The second one lists the run under its job in Dagster's pages.
            tags={history.TRIGGER_TAG: "command line", ".dagster/repository": "__repository__@profiles_sync"},
            raise_on_error=False,
        )
        return history.find_sync(instance, workplace.home, result.run_id)


@dataclass(frozen=True)
class VerifiedTest:
    """One dbt test of `verify`.

    Attributes:
        table: The table that it is about.
        name: dbt's name of it.
        passed: Whether it found nothing.
        message: What dbt said.
    """

    table: str
    name: str
    passed: bool
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def run_verify(workplace: Workplace) -> list[VerifiedTest]:
    """Run all of dbt's tests as the daily job does, and return what each came to.

    Raises:
        ConfigError: This home has not synced yet.
        ProfilesSyncError: They could not be run: a sync is running, or dbt failed.
    """
    from profiles_sync.definitions import build_definitions
    from profiles_sync.defs.verify import JOB

    workplace.home.check_bound()
    job = build_definitions(workplace).resolve_job_def(JOB)
    with history.open_instance(workplace.home) as instance:
        result = job.execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            tags={history.TRIGGER_TAG: "command line", ".dagster/repository": "__repository__@profiles_sync"},
            raise_on_error=False,
        )
    found = result.get_asset_check_evaluations()
    if not found:
        failure = result.get_step_failure_events()[0].step_failure_data.user_failure_data
        said = failure.description if failure and failure.description else "the tests did not run"
        raise DbtError(said, hint="Its log is in the home's logs.")
    return [
        VerifiedTest(
            "/".join(each.asset_key.path), each.check_name, each.passed, str(each.metadata["message"].value or "")
        )
        for each in found
    ]


def check_ready(workplace: Workplace, sources: Sequence[str]) -> None:
    """Refuse, before a run is made, what the user has to change first.

    Raises:
        ConfigError: A setting is wrong, nothing to read was ever named, or syncs are disabled.
    """
    if not workplace.deployment.enabled:
        raise ConfigError(
            f"syncs of {workplace.home.root} are off",
            hint=f"`profiles-sync enable {workplace.home.flag}` turns them on.",
        )
    load_settings(workplace.home, project_dir(), workplace.target.schema)
    if not sources and not workplace.deployment.sources and workplace.home.binding is None:
        raise ConfigError(
            "there is nothing to read",
            hint=f"Give --source PATH, or name `sources:` in {workplace.home.config_file}.",
        )


def land_only(workplace: Workplace, reporter: Reporter, *, sources: Sequence[str] = ()) -> LoadReport:
    """Land new files and build nothing; the models of their track events are written, for dbt to be run by hand.

    Raises:
        ProfilesSyncError: A sync is running (``E_LOCKED``), or landing failed.
    """
    with _locked(workplace):
        report = land_files(workplace, [SourceConfig(path=path) for path in sources], reporter)
        with open_store(workplace) as store:
            write_dbt_files(workplace.home, read_registry(store.warehouse))
        return report


def extend_backfill(workplace: Workplace, since: datetime, tables: Sequence[str]) -> None:
    """Let event tables go back further; the next sync adds the rows.

    Args:
        workplace: The deployment.
        since: Oldest receipt wanted, UTC.
        tables: Names of event tables; none: all.

    Raises:
        ConfigError: A table is no event table, all of them go back as far already, or syncs are off.
        ProfilesSyncError: A sync is running (``E_LOCKED``), calls were pruned (``E_STATE``), or the warehouse cannot be
            reached.
    """
    workplace.home.check_bound()
    check_ready(workplace, ())
    with _locked(workplace), open_store(workplace) as store:
        require_calls_since(store.warehouse, since)
        if not store.extend_backfill(since, tables):
            raise ConfigError(
                f"{', '.join(tables) or 'every event table'} goes back to {since:%Y-%m-%d %H:%M:%S} already",
                hint="Name an earlier date with --since, or `all`.",
            )


def retype_column(workplace: Workplace, table: str, column: str, data_type: str) -> None:
    """Give a column another type in the registry; a rebuild brings it into the table.

    Raises:
        ConfigError: There is no such column, or syncs are off.
        ProfilesSyncError: A sync is running (``E_LOCKED``), calls were pruned (``E_STATE``), or the warehouse cannot be
            reached.
    """
    workplace.home.check_bound()
    check_ready(workplace, ())
    with _locked(workplace), open_store(workplace) as store:
        # Once the registry says so, the table must follow.
        require_every_call(store.warehouse, hint="So the column stays as it is.")
        store.retype_column(table, column, data_type)


def reinfer_columns(workplace: Workplace) -> list[tuple[str, str, str, str]]:
    """Learn the columns' types anew from all landed calls; a rebuild brings them into the tables.

    Returns:
        Table, column, and what it was and is now: a type, or `overflow`.

    Raises:
        ConfigError: A setting is wrong, or syncs are off.
        ProfilesSyncError: A sync is running (``E_LOCKED``), calls were pruned (``E_STATE``), or the warehouse cannot be
            reached.
    """
    workplace.home.check_bound()
    check_ready(workplace, ())
    options = landing_options(load_settings(workplace.home, project_dir(), workplace.target.schema))
    names = options.names(workplace.target.kind)
    with _locked(workplace), open_store(workplace) as store:
        # Once the registry says so, the tables must follow.
        require_every_call(store.warehouse, hint="So the columns stay as they are.")
        return reinfer(store.warehouse, RegistryRules.of(names, options.column_types, options.max_columns_per_table))


@contextmanager
def _locked(workplace: Workplace) -> Iterator[None]:
    with HomeLock(workplace.home.lock_file) as lock:
        if not lock.acquire():
            raise ProfilesSyncError(
                "a sync is running in this home", hint="Try again when it has ended.", code="E_LOCKED"
            )
        yield


def write_models(workplace: Workplace, folder: Path) -> list[str]:
    """Write a dbt model for each track event that has landed, and return the names of the tables that are new.

    Args:
        workplace: The deployment.
        folder: Where the models go: the home's, or a folder of a project that uses the package.

    Raises:
        ProfilesSyncError: The warehouse cannot be reached, or nothing was ever landed in it.
    """
    with open_store(workplace) as store:
        return write_event_models(folder, read_registry(store.warehouse).tracks)


@contextmanager
def output_to_log(home: Home, name: str) -> Iterator[tuple[TextIO, TextIO]]:
    """Send what dbt and Dagster print to a log file of the home.

    Args:
        home: The home.
        name: Of the log, without ending.

    Yields:
        The real standard output and error.
    """
    path = home.logs_dir / f"{name}-{history.now():%Y%m%dT%H%M%S}-{os.getpid()}.log"
    sys.stdout.flush()
    sys.stderr.flush()
    with (
        path.open("w") as log,
        os.fdopen(os.dup(1), "w", buffering=1) as output,
        os.fdopen(os.dup(2), "w", buffering=1) as errors,
    ):
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield output, errors
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(output.fileno(), 1)
            os.dup2(errors.fileno(), 2)
    _forget_old(home.logs_dir, name)


def _forget_old(folder: Path, name: str) -> None:
    for old in sorted(folder.glob(f"{name}-*.log"))[:-LOGS_KEPT]:
        old.unlink(missing_ok=True)
