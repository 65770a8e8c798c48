"""Compare what dbt resolved with the sequential reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from identity.reference import RawEvent, Reference, Removal
from identity.space import Resolved, sorted_violations
from identity.streams import FILTERS


def run_reference(
    events: Sequence[RawEvent],
    settings: Sequence[tuple[int, dict[str, Any]]],
    removals: Sequence[Removal] = (),
    space_id: str = "profiles",
) -> Reference:
    """Process events and removals one after another, each event under the settings in force at its number."""
    reference = Reference(space_id)
    for each in sorted([*events, *removals], key=lambda item: item.event_no):
        if isinstance(each, Removal):
            reference.remove(each)
        else:
            in_force = [values for start, values in settings if start <= each.event_no][-1]
            filtered = any(FILTERS[condition](each) for condition in in_force["event_filters"])
            reference.process(each, in_force, filtered)
    return reference


def differences(resolved: Resolved, reference: Reference) -> list[str]:
    """Every row that is in one of the two only, as lines; empty when they are equal."""
    found: list[str] = []
    canonical = {profile: to for profile, to in reference.canonical.items() if profile != to}
    for name, got, expected in (
        ("event", resolved.events, reference.events),
        ("graph", resolved.graph_log, reference.graph_log),
        ("mapping", resolved.mapping_log, reference.mapping_log),
        ("violation", resolved.violations, sorted_violations(reference.violations)),
        ("profile", sorted(resolved.segment_ids.items()), sorted(reference.segment_ids.items())),
        ("canonical", sorted(resolved.canonical.items()), sorted(canonical.items())),
    ):
        if got == expected:
            continue
        extra, missing = _subtract(got, expected), _subtract(expected, got)
        found += [f"{name}: dbt has {row}" for row in extra[:5]] + [f"{name}: dbt lacks {row}" for row in missing[:5]]
        if not extra and not missing:
            found.append(f"{name}: rows are doubled or out of order")
    return found


def _subtract(left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
    right_rows = {repr(row) for row in right}
    return [row for row in left if repr(row) not in right_rows]
