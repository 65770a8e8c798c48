"""The worked examples, against the sequential reference and against dbt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from identity.compare import run_reference
from identity.scenarios import Scenario, check, load_scenarios
from identity.space import Space
from support.dbt import Deployment

SCENARIOS = load_scenarios()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_reference(scenario: Scenario) -> None:
    events = [event for load in scenario.loads() for event in load]
    number_of = {event.message_id: event.event_no for event in reversed(events)}
    later = [(number_of[message], settings) for message, settings in scenario.later_settings().items()]

    reference = run_reference(events, [(1, scenario.settings()), *later])

    check(scenario, reference, events)
    message_of = {event.event_no: event.message_id for event in events}
    names = {number_of[message]: name for name, message in scenario.document["profiles"].items()}
    snapshots = {f"{message_of[row.event_no]} {names[row.profile_no]}": dict(row.traits) for row in reference.snapshots}
    assert snapshots == scenario.document.get("snapshots", {})
    assert reference.ignored_external_ids == scenario.document.get("ignored_external_ids", 0)


def test_dbt(deployment: Deployment) -> None:
    """All scenarios in one space and run: each has its own identifiers, months and version of the settings."""
    space = Space(deployment)
    space.prepare()
    placed = []
    for number, scenario in enumerate(SCENARIOS):
        first, prefix = 1000 * number + 1, f"{number}."
        loads = scenario.loads(first, prefix, timedelta(days=60 * number))
        events = [event for load in loads for event in load]
        placed.append((scenario, events, prefix))
        space.record_settings(first, scenario.settings())
        for message, settings in scenario.later_settings().items():
            space.record_settings(
                next(event.event_no for event in events if event.message_id == prefix + message), settings
            )
        for load in loads:
            space.insert(load)
    space.resolve()

    resolved = space.read()
    for scenario, events, prefix in placed:
        check(scenario, resolved, events, prefix)
    ignored = sum(scenario.document.get("ignored_external_ids", 0) for scenario in SCENARIOS)
    assert deployment.query(
        "select sum(occurrences) from profiles_ops.notices where notice = 'external_id_entry_ignored'"
    ) == [(ignored,)]
