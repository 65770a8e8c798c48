"""What dbt has to build: a pure function of what has landed and how far each table is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from profiles_sync.settings import SelectiveSync
from profiles_sync.sync.event_models import PREFIX

IDENTITY = "identity_resolution"
# Of the names of the tables that a rebuild fills before they take the live ones' places.
SHADOW_SUFFIX = "__rebuild"

# Materializations that keep a watermark in `table_state`.
_WATERMARKED = frozenset({"append_events", "current_state"})

# One argument of a process holds 128 KB on Linux.
_ARGUMENT_LIMIT = 100_000


@dataclass(frozen=True)
class Progress:
    """How far everything is, as event numbers.

    Attributes:
        landed: The newest event that landed; 0 before any.
        resolved: The newest that identity has committed; 0 before any.
        registry: Newest landed event of each event table.
        tables: Watermark of each table that has one.
        unfilled: Tables that older events are to be added to.
    """

    landed: int
    resolved: int
    registry: Mapping[str, int]
    tables: Mapping[str, int]
    unfilled: Collection[str] = ()


@dataclass(frozen=True)
class Plan:
    """What to build.

    Attributes:
        behind: Tables that lack events, by name; empty: dbt has nothing to do.
        event_models: dbt models of the track event tables among them.
        all_event_models: Every track event model is among them.
    """

    behind: tuple[str, ...]
    event_models: tuple[str, ...]
    all_event_models: bool

    def selection(self) -> str:
        """Return dbt's selection: the package's own models, and the event models that are behind.

        It is one argument: dagster-dbt breaks up several.
        """
        names = " ".join(("path:dbt_project/models", *self.event_models))
        if self.all_event_models or len(names) > _ARGUMENT_LIMIT:
            # A table that is up to date costs a look at its watermark.
            return f"path:dbt_project/models {PREFIX}*"
        return names


def make_plan(progress: Progress, manifest: Mapping[str, Any], selection: SelectiveSync) -> Plan:
    """Compare what has landed with what is built.

    Identity is behind what has landed; an event table is behind the newest event that landed for it; any other table is
    behind identity. So is a table that a backfill has to add to. An event type that has never been seen does not count.

    Args:
        progress: How far everything is.
        manifest: dbt's manifest.
        selection: What is switched off, and so behind nothing.
    """
    behind = [IDENTITY] if progress.landed > progress.resolved else []
    event_models = []
    total = 0
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["config"]["materialized"] not in _WATERMARKED:
            continue
        table, is_event_model = node["alias"], node["name"].startswith(PREFIX)
        total += is_event_model
        of_events = node["config"].get("meta", {}).get("sync_group") in ("event_type", "event")
        due = progress.registry.get(table, 0) if of_events else progress.landed
        is_off = node["config"].get("schema") is None and not selection.is_on(table)
        if not is_off and (due > progress.tables.get(table, 0) or table in progress.unfilled):
            behind.append(table)
            if is_event_model:
                event_models.append(node["name"])
    return Plan(tuple(behind), tuple(event_models), bool(event_models) and len(event_models) == total)


def built_up_to(progress: Progress, manifest: Mapping[str, Any], selection: SelectiveSync) -> int:
    """Return the newest event that nothing is to be made of any more; a table without news holds none back.

    Args:
        progress: How far everything is.
        manifest: dbt's manifest. Tables that it does not know are those of a project that uses this one as a package.
        selection: What is switched off, and so behind nothing.
    """
    if progress.unfilled:
        return 0
    known = {node["alias"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    behind = {
        table
        for table, mark in progress.tables.items()
        if table not in known and selection.is_on(table) and progress.registry.get(table, progress.landed) > mark
    }
    behind.update(set(make_plan(progress, manifest, selection).behind) - {IDENTITY})
    return min([progress.resolved, *(progress.tables.get(table, 0) for table in behind)])


def rebuild_plan() -> Plan:
    """Return the plan that builds everything."""
    return Plan((IDENTITY,), (), True)
