"""The first step: files into `raw_events`."""

# No postponed annotations here: Dagster reads them as objects.
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from profiles_sync.landing.model import LoadReport
from profiles_sync.settings import SourceConfig
from profiles_sync.sync.session import Session

RAW_EVENTS = dg.AssetKey(["staging", "raw_events"])


class LandingConfig(dg.Config):
    """What a sync may be told when it is launched.

    Attributes:
        sources: Folders, files or URLs to read instead of those in `profiles_sync.yml`.
        full_refresh: Rebuild every table from the landed events.
        with_current_rules: In a rebuild, resolve identities as if today's settings and rules had always held.
        all_files: Look at all days of the archives, as is done once a day.
    """

    sources: list[str] = Field(default_factory=list)
    full_refresh: bool = False
    with_current_rules: bool = False
    all_files: bool = False


@dg.multi_asset(
    name="landing",
    specs=[
        dg.AssetSpec(
            RAW_EVENTS,
            # Not materialized by a sync that finds another one running.
            skippable=True,
            group_name="landing",
            description="Every accepted call, in processing order. New files are read once, rejects are kept aside.",
            kinds={"python"},
        )
    ],
)
def landing(
    context: dg.AssetExecutionContext, config: LandingConfig, session: dg.ResourceParam[Session]
) -> Iterator[dg.MaterializeResult[None]]:
    """Land what is new."""
    with session.step(context) as work:
        if work:
            sources = [SourceConfig(path=path) for path in session.sources or config.sources]
            report = session.land(
                context,
                sources,
                full_refresh=config.full_refresh,
                with_current_rules=config.with_current_rules,
                all_files=config.all_files,
            )
            yield dg.MaterializeResult(asset_key=RAW_EVENTS, metadata=metadata(report))


def metadata(report: LoadReport) -> dict[str, dg.MetadataValue[Any]]:
    """Return what Dagster shows of a load."""
    numbers = {
        "events_landed": report.landed,
        "events_rejected": sum(report.rejected.values()),
        "files": len(report.files),
        "new_columns": len(report.new_columns),
    }
    shown: dict[str, dg.MetadataValue[Any]] = {name: dg.MetadataValue.int(number) for name, number in numbers.items()}
    if report.load_id:
        shown["load_id"] = dg.MetadataValue.text(report.load_id)
    if report.rejected:
        shown["rejected_by_reason"] = dg.MetadataValue.json(dict(report.rejected))
    if report.new_tables:
        shown["new_event_tables"] = dg.MetadataValue.json(list(report.new_tables))
    return shown
