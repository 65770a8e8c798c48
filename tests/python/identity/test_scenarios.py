"""The worked examples, against the sequential reference and against dbt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from identity.compare import run_reference
from identity.document import PATH, render
from identity.scenarios import Placed, Scenario, check, load_scenarios
from identity.space import WAYS, Space
from support.dbt import Deployment

SCENARIOS = load_scenarios()


def test_the_document_shows_the_scenarios() -> None:
    assert PATH.read_text(encoding="utf-8") == render(), "run `python tests/python/identity/document.py`"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_reference(scenario: Scenario) -> None:
    placed = scenario.place()

    reference = run_reference(placed.events, placed.settings(), placed.removals)

    check(placed, reference)
    message_of = placed.message_of
    names = {message: name for name, message in scenario.document["profiles"].items()}
    snapshots = {
        f"{message_of[row.event_no]} {names[message_of[row.profile_no]]}": dict(row.traits)
        for row in reference.snapshots
    }
    assert snapshots == scenario.document.get("snapshots", {})
    assert reference.ignored_external_ids == scenario.document.get("ignored_external_ids", 0)


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, id=name, marks=[pytest.mark.slow] * (name != "rounds")) for name, way in WAYS.items()],
)
def test_dbt(deployment: Deployment, way: Sequence[str]) -> None:
    check_scenarios(deployment, way)


def check_scenarios(deployment: Deployment, way: Sequence[str]) -> None:
    """All scenarios in one space and run: each has its own identifiers, months and version of the settings."""
    space = Space(deployment)
    space.prepare()
    placed: list[Placed] = []
    in_force: dict[str, Any] = {}
    for number, scenario in enumerate(sorted(SCENARIOS, key=lambda each: "settings" in each.document)):
        placed.append(scenario.place(1000 * number + 1, f"{number}.", timedelta(days=60 * number)))
        for start, settings in placed[-1].settings():
            # Each version is a batch of its own, and most scenarios have the same.
            if settings != in_force:
                space.record_settings(start, settings)
                in_force = settings
        space.insert(placed[-1].events)
        space.remove(*placed[-1].removals)
    space.resolve(*way)

    resolved = space.read()
    for each in placed:
        check(each, resolved)
    ignored = sum(scenario.document.get("ignored_external_ids", 0) for scenario in SCENARIOS)
    assert deployment.query(
        "select sum(occurrences) from profiles_ops.notices where notice = 'external_id_entry_ignored'"
    ) == [(ignored,)]
