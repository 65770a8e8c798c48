"""Random and adversarial streams under random rules, cut at random into syncs: dbt equals the reference, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from identity.compare import differences, run_reference
from identity.public import public_differences
from identity.space import Space
from identity.streams import Batch, random_batch
from support.dbt import Deployment, environment

# (seed, streams) of each batch.
QUICK = {"duckdb": [(1, 150), (2, 150), (3, 150)], "postgres": [(1, 100), (4, 100)]}
MODELS = ("path:dbt_project/models/staging", "path:dbt_project/models/identity")


def synced(deployment: Deployment, batch: Batch, *models: str) -> Space:
    """Land and resolve the batch sync by sync."""
    space = Space(deployment)
    space.prepare()
    events, settings = list(batch.events), list(batch.settings)
    for cut in [*batch.cuts, events[-1].event_no]:
        while settings and settings[0][0] <= cut:
            space.record_settings(*settings.pop(0))
        load = [event for event in events if event.event_no <= cut]
        events = events[len(load) :]
        if load:
            space.insert(load)
        deployment.dbt("run", "--select", *models)
    return space


@pytest.mark.parametrize("number", range(3))
def test_equals_the_reference(deployment: Deployment, number: int) -> None:
    if number >= len(QUICK[deployment.engine]):
        pytest.skip("fewer batches on this engine")
    seed, streams = QUICK[deployment.engine][number]
    batch = random_batch(seed, streams)

    space = synced(deployment, batch, *MODELS)

    reference = run_reference(batch.events, batch.settings)
    assert differences(space.read(), reference) == []
    assert public_differences(deployment, reference, batch.events) == []
    # The batch is worth its time only if rules were broken and profiles merged.
    assert reference.violations
    assert len(reference.graph_log) > len(reference.segment_ids)


def test_rebuild_equals_increments(deployment: Deployment) -> None:
    batch = random_batch(5, 120)
    space = synced(deployment, batch, "stg_events", "identity_resolution")
    incremental = space.read()

    with environment({"PROFILES_SYNC_SHADOW": "__rebuild"}):
        deployment.dbt("run-operation", "prepare_rebuild")
        deployment.dbt("run", "--select", "stg_events", "identity_resolution")

    assert space.read("__rebuild") == incremental


def test_repeating_a_sync_changes_nothing(deployment: Deployment) -> None:
    batch = random_batch(6, 60)
    space = synced(deployment, batch, "stg_events", "identity_resolution")
    before = space.read()

    space.resolve()

    assert space.read() == before


def _slow_batches(engine: str) -> list[tuple[int, int]]:
    """At least 20,000 streams on DuckDB and 5,000 on Postgres."""
    count, streams = (68, 300) if engine == "duckdb" else (20, 250)
    return [(1000 + number, streams) for number in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_streams_equal_the_reference(deployment: Deployment, part: int, tmp_path: Path) -> None:
    failures = []
    for seed, streams in _slow_batches(deployment.engine)[part::4]:
        fresh = Deployment(
            tmp_path / str(seed), deployment.engine, deployment.parse_cache, deployment.database, space=f"s{seed}"
        )
        fresh.home.mkdir()
        batch = random_batch(seed, streams)
        space = synced(fresh, batch, "stg_events", "identity_resolution")
        if found := differences(space.read(), run_reference(batch.events, batch.settings)):
            failures.append(f"seed {seed}: {found}")
    assert failures == []
