"""Shapes that are hard on the algorithm, each large enough to show in its number of rounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from identity.compare import differences, run_reference
from identity.reference import RawEvent, Removal
from identity.space import WAYS, Space, default_settings, rule, with_rules
from identity.streams import START, Call, event_of
from support.dbt import DbtFailedError, Deployment
from support.marks import slow_on

# `n` is an identifier without a limit, `q` one with a limit of two.
SETTINGS = with_rules(
    default_settings(merge_cap=900_000, mapping_cap=900_000),
    rule("node_id", value_limit=None),
    rule("pair_id", value_limit=2),
)


def bot(n: int) -> list[Call]:
    """One cookie, a new user on every event."""
    return [{"u": [i], "a": [0]} for i in range(n)]


def kiosk(n: int) -> list[Call]:
    """A shared device where people come and go."""
    rng = random.Random(1)
    return [{"u": [rng.randrange(n // 5)], "a": [0], "e": [rng.randrange(n // 5)]} for _ in range(n)]


def restless_user(n: int) -> list[Call]:
    """One user, a new cookie on every event."""
    return [{"u": [0], "a": [i]} for i in range(n)]


def chain(n: int) -> list[Call]:
    """Links of a path in their order: each finds the profile that the one before has made."""
    return [{"n": [i, i + 1]} for i in range(n)]


def shuffled_chain(n: int) -> list[Call]:
    """The links in any order: profiles meet profiles."""
    calls = chain(n)
    random.Random(2).shuffle(calls)
    return calls


def diamonds(n: int) -> list[Call]:
    """A row of diamonds: from each corner two ways to the next, which meet there again."""
    calls: list[Call] = []
    for i in range(0, 3 * n, 3):
        calls += [{"n": [i]}, {"n": [i, i + 1]}, {"n": [i, i + 2]}, {"n": [i + 1, i + 3]}, {"n": [i + 2, i + 3]}]
    random.Random(6).shuffle(calls)
    return calls


def star(n: int) -> list[Call]:
    """Many profiles, then one identifier that ties them all."""
    return [{"n": [i]} for i in range(1, n)] + [{"n": [0, i]} for i in range(1, n)]


def older_each_time(n: int) -> list[Call]:
    """Every merge finds a profile older still, so all that merged before moves again."""
    return [{"n": [i]} for i in range(n)] + [{"n": [i, i + 1]} for i in reversed(range(n - 1))]


def daisy_chain(n: int) -> list[Call]:
    """Each link waits for the one before, for a limit of two: no two can be judged at once."""
    return [{"q": [i, i + 1]} for i in range(n)]


def tangle(n: int) -> list[Call]:
    """Users and shared cookies at random, within and beyond limits."""
    rng = random.Random(3)
    return [{"u": [rng.randrange(n // 3)], "a": [rng.randrange(n // 4)]} for _ in range(n)]


def replayed(n: int) -> list[Call]:
    """The same calls again under new message ids: everything is known, refusals are recorded again."""
    calls = tangle(n)
    return calls + calls


SHAPES: dict[Callable[[int], list[Call]], int] = {
    bot: 100, kiosk: 60, restless_user: 60, chain: 100, shuffled_chain: 80, diamonds: 15, star: 50, older_each_time: 30,
    daisy_chain: 20, tangle: 60, replayed: 60,
}  # fmt: skip


def landed(factor: int = 1) -> list[RawEvent]:
    """All shapes, one stream each, interleaved."""
    rng = random.Random(4)
    calls = [
        (place / (size * factor), number, call)
        for number, (shape, size) in enumerate(SHAPES.items())
        for place, call in enumerate(shape(size * factor))
    ]
    calls.sort(key=lambda item: item[:2])
    return [event_of(rng, event_no, number, call, START) for event_no, (_, number, call) in enumerate(calls, 1)]


def check(deployment: Deployment, syncs: list[list[RawEvent]], way: str, removals: tuple[Removal, ...] = ()) -> None:
    space = Space(deployment)
    space.prepare()
    space.record_settings(1, SETTINGS)
    space.remove(*removals)
    for events in syncs:
        space.insert(events)
        space.resolve(*WAYS.get(way, ()))

    events = [event for events in syncs for event in events]
    assert differences(space.read(), run_reference(events, [(1, SETTINGS)], removals)) == []


@pytest.mark.parametrize("way", ["as a sync does", *(pytest.param(way, marks=pytest.mark.slow) for way in WAYS)])
def test_shapes(deployment: Deployment, way: str) -> None:
    """As a sync does: the daisy chain outlasts the first rounds, so all is handed over to the forest."""
    check(deployment, [landed()], way)


@pytest.mark.slow
def test_large_shapes(deployment: Deployment) -> None:
    check(deployment, [landed(20)], "forest")


@pytest.mark.slow
@pytest.mark.parametrize("way", ["rounds", "forest"])
def test_replayed_batch_and_late_file(deployment: Deployment, way: str) -> None:
    """A third comes late, with times before all others; what landed already lands once more, under the same ids."""
    events = landed()
    late = [event for event in events if event.event_no % 3 == 0]
    first = [event for event in events if event.event_no % 3]
    renumbered = [
        RawEvent(**{**vars(event), "event_no": event_no})
        for event_no, event in enumerate([*late, *first], events[-1].event_no + 1)
    ]
    check(deployment, [first, renumbered[: len(late)], renumbered[len(late) :]], way)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["rounds", "forest"])
def test_identifiers_removed_and_brought_again(deployment: Deployment, way: str) -> None:
    """What ties each shape together is taken away half-way."""
    events = [RawEvent(**{**vars(event), "event_no": 2 * event.event_no}) for event in landed()]
    middle = events[len(events) // 2].event_no
    ties = [
        Removal(middle + 1 - 2 * place, (kind, f"s{number}_{short}{value}"), START)
        for place, (kind, short, number, value) in enumerate(
            [
                *(("anonymous_id", "a", number, 0) for number in range(len(SHAPES))),
                *(("node_id", "n", number, value) for number in range(len(SHAPES)) for value in (0, 3, 10, 20)),
                *(("pair_id", "q", number, value) for number in range(len(SHAPES)) for value in (0, 5)),
            ]
        )
        if place < 12 or place % 4 == 0
    ]
    check(deployment, [events], way, tuple(ties))


@slow_on("postgres")
def test_bound_of_rounds(deployment: Deployment) -> None:
    """Reaching the bound loses nothing, names what ties the events together, and both ways out let them through."""
    rng = random.Random(5)
    events = [event_of(rng, number, 0, call, START) for number, call in enumerate(daisy_chain(30), 1)]
    space = Space(deployment)
    space.prepare()
    low: dict[str, Any] = {**SETTINGS, "identity_round_limit": 3}
    space.record_settings(1, low)
    space.resolve()
    before = space.state()
    space.insert(events)

    with pytest.raises(DbtFailedError, match="within 3 rounds; nothing was written") as failure:
        space.resolve()
    assert 'pair_id "s0_q' in str(failure.value)
    assert "Block a value that many people share (rules/blocked_values.csv), or raise identity_round_limit" in str(
        failure.value
    )
    assert space.state() == before

    chain_is_cut = [{"external_id_type": "pair_id", "kind": "pattern", "value": "s0_q[0-9]*[05]"}]
    blocked = {**low, "blocked_values": [*SETTINGS["blocked_values"], *chain_is_cut], "identity_round_limit": 10}
    for settings in (SETTINGS, blocked):
        deployment.query("delete from profiles_ops.settings_history")
        space.record_settings(1, settings)
        if settings is blocked:
            for table in ("identity_resolution", "identity_events", "identity_profiles", "seen_messages"):
                deployment.query(f"delete from profiles_staging.{table}")
            for table in ("identity_graph_log", "identity_mapping_log", "identity_canonical"):
                deployment.query(f"delete from profiles_staging.{table}")
            deployment.query("delete from profiles_ops.identity_violations")
        space.resolve()
        assert differences(space.read(), run_reference(events, [(1, settings)])) == []
