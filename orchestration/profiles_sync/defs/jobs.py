"""The sync as a job, and its hourly schedule."""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from profiles_sync.defs.tables import EVENT_GROUP
from profiles_sync.errors import ConfigError
from profiles_sync.project import Workplace
from profiles_sync.settings import load_deployment
from profiles_sync.sync import history
from profiles_sync.sync.progress import Reporter
from profiles_sync.sync.session import Session

CRON = "0 * * * *"

sync_history = dg.AssetSpec(
    history.ASSET_KEY,
    group_name="syncs",
    description="One materialization per sync: status, duration and rows by group, as numbers that plot.",
)


def sync_job(tests: Iterable[dg.AssetCheckKey] = ()) -> UnresolvedAssetJobDefinition:
    """Return the job.

    Tables of track events are no part of its plan, though it builds them: Dagster records each asset and check that a
    run is to make before it starts, some milliseconds each, and of a thousand such tables a few have news.

    Args:
        tests: Checks that are no part of it, where there are any: those of `verify`.
    """
    return dg.define_asset_job(
        history.JOB,
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups(EVENT_GROUP) - dg.AssetSelection.checks(*tests),
        description="Lands new files, resolves identities, and brings every table up to date.",
        tags={history.SYNC_TAG: "true"},
    )


def session_resource(workplace: Workplace, reporter: Reporter, sources: Sequence[str] = ()) -> dg.ResourceDefinition:
    """Return the resource that is one sync: made at the run's start, closed at its end, however it ends.

    Args:
        workplace: The deployment.
        reporter: Follows the sync.
        sources: What to read instead of what the run's config or the home's file names.
    """

    @dg.resource(description="The sync in progress: its lock, its warehouse, its record.")
    def session(context: dg.InitResourceContext) -> Iterator[Session]:
        assert context.run is not None
        assert context.instance is not None
        current = Session(workplace, context.run, context.instance, reporter, sources)
        try:
            yield current
        finally:
            current.close()

    return session


def hourly_schedule(workplace: Workplace) -> dg.ScheduleDefinition:
    """Return the schedule.

    It does not look whether a sync runs: the one that finds the lock taken is recorded as Skipped.
    """

    @dg.schedule(
        job_name=history.JOB,
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every hour, on its own from the start.",
    )
    def hourly_sync(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        try:
            deployment = load_deployment(workplace.home)
        except ConfigError:
            # The sync itself fails with it, which the history shows.
            return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())
        if not deployment.enabled:
            return dg.SkipReason("Syncs are off: `profiles-sync enable` turns them on.")
        if not deployment.sources:
            return dg.SkipReason(f"Nothing to read: name `sources:` in {workplace.home.config_file}.")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return hourly_sync
