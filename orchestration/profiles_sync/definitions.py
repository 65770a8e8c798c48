"""What Dagster loads: the deployment in the home that ``PROFILES_SYNC_HOME`` names."""

from __future__ import annotations

import dagster as dg

from profiles_sync.defs.jobs import hourly_schedule, session_resource, sync_history, sync_job
from profiles_sync.defs.landing import landing
from profiles_sync.defs.sensors import sync_sensors
from profiles_sync.defs.tables import rule_assets, table_assets
from profiles_sync.defs.verify import daily_verify, verify_checks, verify_job
from profiles_sync.home import Home
from profiles_sync.project import Workplace, load_manifest, open_workplace
from profiles_sync.sync.progress import Reporter, SilentReporter


def build_definitions(workplace: Workplace, reporter: Reporter | None = None) -> dg.Definitions:
    """Return everything that Dagster knows of one deployment.

    Args:
        workplace: The deployment.
        reporter: Follows a sync that runs in this process.
    """
    manifest = load_manifest(workplace)
    checks = verify_checks(workplace, manifest)
    return dg.Definitions(
        assets=[landing, table_assets(manifest), *rule_assets(manifest), sync_history],
        asset_checks=[checks],
        jobs=[sync_job(checks.check_keys), verify_job(checks.check_keys)],
        schedules=[hourly_schedule(workplace), daily_verify(workplace)],
        sensors=sync_sensors(workplace),
        resources={"session": session_resource(workplace, reporter or SilentReporter())},
        # One process per sync: it holds the lock, and DuckDB takes no second one.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the deployment; ``dg dev`` and `profiles-sync up` start here."""
    return build_definitions(open_workplace(Home.locate()))
