"""What Dagster loads: the deployment in the home that ``PROFILES_SYNC_HOME`` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from profiles_sync.defs.jobs import hourly_schedule, session_resource, sync_history, sync_job
from profiles_sync.defs.landing import landing
from profiles_sync.defs.sensors import sync_sensors
from profiles_sync.defs.tables import rule_assets, table_assets, without_track_events
from profiles_sync.defs.verify import daily_verify, verify_checks, verify_job
from profiles_sync.home import Home
from profiles_sync.project import Workplace, load_manifest, open_workplace
from profiles_sync.sync.history import JOB
from profiles_sync.sync.progress import Reporter, SilentReporter


def build_definitions(workplace: Workplace) -> dg.Definitions:
    """Return everything that Dagster knows of one deployment."""
    manifest = load_manifest(workplace, apart=True)
    checks = verify_checks(workplace, manifest)
    return dg.Definitions(
        assets=_assets(manifest),
        asset_checks=[checks],
        jobs=[sync_job(checks.check_keys), verify_job(checks.check_keys)],
        schedules=[hourly_schedule(workplace), daily_verify(workplace)],
        sensors=sync_sensors(workplace),
        resources={"session": session_resource(workplace, SilentReporter())},
        # One process per sync: it holds the lock, and DuckDB takes no second one.
        executor=dg.in_process_executor,
    )


def build_sync(workplace: Workplace, reporter: Reporter, sources: Sequence[str] = ()) -> dg.JobDefinition:
    """Return the job of a sync alone; with a thousand tables of track events, everything takes seconds to make.

    Args:
        workplace: The deployment.
        reporter: Follows the sync, which runs in this process.
        sources: What to read instead of what the home's file names.
    """
    return dg.Definitions(
        assets=_assets(without_track_events(load_manifest(workplace))),
        jobs=[sync_job()],
        resources={"session": session_resource(workplace, reporter, sources)},
    ).resolve_job_def(JOB)


def _assets(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    return [landing, table_assets(manifest), *rule_assets(manifest), sync_history]


@dg.definitions
def defs() -> dg.Definitions:
    """Load the deployment; ``dg dev`` and `profiles-sync up` start here."""
    return build_definitions(open_workplace(Home.locate()))
