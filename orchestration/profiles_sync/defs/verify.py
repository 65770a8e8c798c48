"""All of dbt's tests, once a day and on demand: each an asset check of the table that it is about."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from profiles_sync.defs.landing import RAW_EVENTS
from profiles_sync.defs.tables import Translator
from profiles_sync.project import Workplace, run_dbt_tests
from profiles_sync.sync.diagnosis import redact
from profiles_sync.sync.lock import HomeLock

JOB = "verify"
# Half an hour after a sync began, and not when most people run something.
CRON = "30 4 * * *"
# A sync that runs is waited for.
_WAIT_S = 900.0
_ENDED_WELL = ("pass", "warn")


def test_specs(manifest: Mapping[str, Any]) -> dict[str, dg.AssetCheckSpec]:
    """Return a check for each dbt test of a manifest, by dbt's name of it."""
    translator = Translator()
    specs = {}
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] != "test":
            continue
        read = [node.get("attached_node"), *node["depends_on"]["nodes"]]
        about = [name for name in read if name in manifest["nodes"] or name in manifest["sources"]]
        if not about or any(name.startswith("seed.") for name in about):
            continue
        # A singular test stands at the first model that it reads, one of landing's tables alone at landing.
        models = [name for name in about if name in manifest["nodes"]]
        key = translator.get_asset_key(manifest["nodes"][models[0]]) if models else RAW_EVENTS
        specs[unique_id] = dg.AssetCheckSpec(node["name"], asset=key, description=node.get("description") or None)
    return specs


def verify_checks(workplace: Workplace, manifest: Mapping[str, Any]) -> dg.AssetChecksDefinition:
    """Return the step that runs dbt's tests and reports each as a check."""
    specs = test_specs(manifest)

    @dg.multi_asset_check(name="tests", specs=list(specs.values()))
    def verify(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        lock = HomeLock(workplace.home.lock_file)
        if not lock.acquire(context.run.run_id, wait_s=_WAIT_S):
            raise dg.Failure("E_LOCKED: a sync has been running in this home for too long", allow_retries=False)
        try:
            lock.extend_to_children()
            _close_dead_runs(context)
            results = run_dbt_tests(workplace, workplace.home.target_dir / JOB)
        finally:
            lock.release()
        failed = []
        for result in results:
            spec = specs.get(result["unique_id"])
            if spec is None:
                continue
            passed = result["status"] in _ENDED_WELL
            message = redact(str(result["message"] or ""), workplace.target.secrets)
            if not passed:
                failed.append(f"{spec.name}: {message}")
            yield dg.AssetCheckResult(
                asset_key=spec.asset_key,
                check_name=spec.name,
                passed=passed,
                metadata={"status": result["status"], "failures": result["failures"] or 0, "message": message},
            )
        if failed:
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            raise dg.Failure(f"{len(failed)} of {len(results)} tests failed: {failed[0]}{more}", allow_retries=False)

    return verify


def verify_job(tests: Iterable[dg.AssetCheckKey]) -> UnresolvedAssetJobDefinition:
    """Return the job that runs these checks."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks(*tests),
        description="Runs all of dbt's tests on the whole tables.",
    )


def daily_verify(workplace: Workplace) -> dg.ScheduleDefinition:
    """Return its schedule; before the first sync there is nothing to test."""

    @dg.schedule(
        job_name=JOB,
        name="daily_verify",
        cron_schedule=CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if workplace.home.binding is None:
            return dg.SkipReason("There was no sync yet.")
        return dg.RunRequest(run_key=context.scheduled_execution_time.isoformat())

    return daily


def _close_dead_runs(context: dg.AssetCheckExecutionContext) -> None:
    """Report earlier runs as failed that claim to run: the lock is here, so they were killed."""
    started = dg.RunsFilter(job_name=JOB, statuses=[dg.DagsterRunStatus.STARTED])
    for run in context.instance.get_runs(started):
        if run.run_id != context.run.run_id:
            context.instance.report_run_failed(run, "it was killed before it ended")
