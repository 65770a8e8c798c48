"""Random and adversarial streams under random rules, cut at random into syncs: dbt equals the reference, row by row.

`REPLAY=<way>:<seed>:<streams> pytest tests/python/identity/test_random_streams.py -k replay` runs one batch again.
"""

from __future__ import annotations

import json
import os

import pytest

from identity.compare import differences, run_reference
from identity.public import public_differences, register_traits
from identity.space import WAYS, Space
from identity.streams import Batch, random_batch, without_patterns
from support.dbt import Deployment, environment

LEDGERS = ("stg_events", "identity_resolution")
TABLES = (
    "path:dbt_project/models/staging",
    "path:dbt_project/models/identity",
    "path:dbt_project/models/traits",
    "path:dbt_project/models/event_types",
)
# Tables of the models of identity alone, and of all, that no batch leaves empty.
_GRAPH = ("id_graph", "id_graph_updates", "external_id_mapping", "external_id_mapping_updates", "user_identifiers")
FILLED = {
    2: _GRAPH,
    len(TABLES): (*_GRAPH, "identifies", "tracks", "pages", "screens", "groups", "aliases", "user_traits"),
}
# (way, seed, streams) of each batch.
QUICK = {
    "duckdb": [("rounds", 1, 80), ("forest", 8, 80), ("hand_over", 5, 80)],
    "postgres": [("rounds", 12, 60), ("forest", 1, 60), ("hand_over", 8, 60)],
}
# At least 20,000 streams on DuckDB and 5,000 on Postgres, a third of them on each way. A batch costs its syncs and its
# changes of the settings; how many streams there are in it costs little.
SLOW = {
    "duckdb": [(tuple(WAYS)[number % 3], 1000 + number, 1_710) for number in range(12)],
    "postgres": [(tuple(WAYS)[number % 3], 2000 + number, 840) for number in range(6)],
}
REPLAY = os.environ.get("REPLAY", "")


def synced(deployment: Deployment, batch: Batch, way: str, *models: str) -> Space:
    """Land and resolve the batch sync by sync."""
    space = Space(deployment)
    space.prepare()
    register_traits(deployment)
    for settings, events, removals in batch.syncs():
        for each in settings:
            space.record_settings(*each)
        space.insert(events)
        space.remove(*removals)
        deployment.dbt("run", "--select", *models, *WAYS[way])
    return space


def compare(deployment: Deployment, way: str, seed: int, streams: int, *models: str) -> Space:
    """Every row of the ledgers, and of the public tables where `models` makes them, against the reference."""
    batch = random_batch(seed, streams)
    if deployment.engine in ("sqlserver", "synapse"):
        # They have no regular expressions, and patterns are refused there.
        batch = without_patterns(batch)

    space = synced(deployment, batch, way, *models)

    reference = run_reference(batch.events, batch.settings, batch.removals)
    found = differences(space.read(), reference)
    if models != LEDGERS:
        found += public_differences(deployment, reference, batch.events, batch.removals)
    assert not found, f"REPLAY={way}:{seed}:{streams} on {deployment.engine}:\n" + "\n".join(found)
    # The batch is worth its time only if rules were broken and profiles merged.
    assert reference.violations
    assert len(reference.graph_log) > len(reference.segment_ids)
    return space


@pytest.mark.parametrize(
    ("deployment", "number"),
    [
        pytest.param(
            engine,
            number,
            id=f"{engine}-{way}",
            # What is handed over takes both of the other ways.
            marks=[pytest.mark.slow] * (way == "forest" or (engine == "postgres" and way == "rounds")),
        )
        for engine in QUICK
        for number, way in enumerate(WAYS)
    ],
    indirect=["deployment"],
)
def test_equals_the_reference(deployment: Deployment, number: int) -> None:
    """And a sync without news changes nothing."""
    space = compare(deployment, *QUICK[deployment.engine][number], *TABLES[:3])

    if number == 0:
        before = space.state()
        space.resolve()
        assert space.state() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("deployment", "way", "seed", "streams"),
    [(engine, *batch) for engine, batches in SLOW.items() for batch in batches],
    indirect=["deployment"],
)
def test_many_streams_equal_the_reference(deployment: Deployment, way: str, seed: int, streams: int) -> None:
    compare(deployment, way, seed, streams, *LEDGERS)


@pytest.mark.skipif(not REPLAY, reason="set REPLAY=<way>:<seed>:<streams> to run one batch again")
def test_replay(deployment: Deployment) -> None:
    way, seed, streams = REPLAY.split(":")
    compare(deployment, way, int(seed), int(streams), *TABLES)


def rebuild(deployment: Deployment, *models: str, **variables: object) -> None:
    """Replay all through the forest, and swap it in."""
    given = ("--vars", json.dumps({"identity_forest_from": -1, **variables}))
    with environment({"PROFILES_SYNC_SHADOW": "__rebuild"}):
        deployment.dbt("run-operation", "prepare_rebuild")
        deployment.dbt("run", "--select", *models, *given)
        deployment.dbt("run-operation", "finish_rebuild", *given)


@pytest.mark.slow
def test_rebuild_with_current_rules(deployment: Deployment) -> None:
    """As if the rules of today had always held; so in every rebuild after it, and by others from when they change again."""
    whole = random_batch(3, 30)
    versions = [{**settings, "event_filters": []} for _, settings in whole.settings]
    assert len(versions) > 1
    middle, end = whole.events[len(whole.events) // 2].event_no, whole.events[-1].event_no

    def part(after: int, upto: int) -> Batch:
        return Batch(
            [each for each in whole.events if after < each.event_no <= upto],
            [each for each in whole.removals if after < each.event_no <= upto],
            [],
            [],
        )

    first, later = part(0, middle), part(middle, end + 100)
    first.settings = [(1, versions[0]), (first.events[len(first.events) // 2].event_no, versions[1])]
    space = synced(deployment, first, "rounds", *LEDGERS)
    by_history = space.read()
    assert not differences(by_history, run_reference(first.events, first.settings, first.removals))

    rebuild(deployment, *LEDGERS, with_current_rules=True)
    by_current = space.read()
    assert not differences(by_current, run_reference(first.events, [(1, versions[1])], first.removals))
    assert by_current != by_history
    rebuild(deployment, *LEDGERS)
    assert space.read() == by_current

    space.record_settings(middle + 1, versions[0])
    space.insert(later.events)
    space.remove(*later.removals)
    space.resolve()
    settings = [(1, versions[1]), (middle + 1, versions[0])]
    everything = run_reference(whole.events, settings, whole.removals)
    assert not differences(space.read(), everything)
    rebuild(deployment, *LEDGERS)
    assert not differences(space.read(), everything)


@pytest.mark.parametrize(
    ("seed", "streams", "models"),
    [
        pytest.param(19, 30, ("path:dbt_project/models/staging", "path:dbt_project/models/identity"), id="identity"),
        pytest.param(3, 80, TABLES, id="all tables", marks=pytest.mark.slow),
    ],
)
def test_rebuild_equals_increments(deployment: Deployment, seed: int, streams: int, models: tuple[str, ...]) -> None:
    """Syncs through rounds, the rebuild through the forest; rules changed and identifiers were removed in between."""
    if deployment.engine == "postgres" and models != TABLES:
        pytest.skip("there the slow tests rebuild all tables")
    batch = random_batch(seed, streams)
    assert batch.removals
    assert len(batch.settings) > 1
    assert len(batch.cuts) > 1
    space = synced(deployment, batch, "rounds", *models)
    ledgers, tables = space.read(), space.contents()

    rebuild(deployment, *models)

    assert space.read() == ledgers
    assert space.contents() == tables
    assert [table for table in FILLED[len(models)] if not tables.get(table)] == []
