"""What watches over the syncs between them."""

import dagster as dg

from profiles_sync import alerts
from profiles_sync.project import Workplace
from profiles_sync.sync import history


def sync_sensors(workplace: Workplace) -> list[dg.SensorDefinition]:
    """Return the sensors of a deployment."""
    home = workplace.home

    @dg.run_failure_sensor(
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Records a sync whose run failed before it could say so itself, and alerts.",
    )
    def failed_runs(context: dg.RunFailureSensorContext) -> None:
        history.close_dead_runs(context.instance, home)

    @dg.sensor(
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reports syncs as failed whose process was killed, and alerts when none has succeeded for too long.",
    )
    def watch_syncs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        history.close_dead_runs(context.instance, home)
        problems = alerts.check_overdue(home, context.instance, history.finished(context.instance))
        return dg.SkipReason("; ".join(problems) or "Nothing to do.")

    return [failed_runs, watch_syncs]
