"""Random identifies, merges and late events: tables of traits against the sequential reference, however the syncs are cut."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from identity.reference import RawEvent, Reference
from identity.space import default_settings
from support.dbt import Deployment
from support.pipeline import Pipeline, as_text

START = datetime(2024, 1, 1)


def stream(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Calls of a few people who turn out to be fewer."""
    users = [f"s{number}_u{i}" for i in range(rng.randint(1, 3))]
    devices = [f"s{number}_a{i}" for i in range(rng.randint(2, 5))]
    calls = []
    for i in range(rng.randint(4, 16)):
        received = START + timedelta(seconds=rng.randrange(86_400), microseconds=rng.randrange(1_000_000))
        late = timedelta(seconds=rng.choice([0, 0, 0, rng.randrange(200_000), -rng.randrange(100_000)]))
        kind = rng.choice(["identify", "identify", "identify", "track", "page"])
        call: dict[str, Any] = {
            "type": kind,
            "messageId": f"s{number}_m{i if rng.random() > 0.05 else 0}",
            "receivedAt": f"{received.isoformat(timespec='microseconds')}Z",
            "timestamp": f"{(received - late).isoformat(timespec='microseconds')}Z",
            "anonymousId": rng.choice(devices),
        }
        if rng.random() < 0.5:
            call["userId"] = rng.choice(users)
        if kind == "track":
            call["event"] = "Thing Done"
        elif kind == "identify" and rng.random() < 0.9:
            traits = {key: value(rng, key) for key in KEYS if rng.random() < 0.3}
            if rng.random() < 0.1:
                call["context"] = {"traits": traits}
            else:
                call["traits"] = traits
        calls.append(call)
    return calls


KEYS = ["plan", "age", "vip", "address", "firstName", "first_name", "tags", "mixed", "email", "gone"]


def value(rng: random.Random, key: str) -> Any:
    if rng.random() < 0.2:
        return None
    if key == "age":
        return rng.randint(0, 5)
    if key == "vip":
        return rng.random() < 0.5
    if key == "address":
        whole = {"city": rng.choice(["Oslo", "Rome", None, ""]), "geo": rng.choice([{"lat": 1.5}, None, {"lat": None}])}
        return {name: whole[name] for name in whole if rng.random() < 0.7} or {"city": "Bari"}
    if key == "tags":
        return rng.choice([[], ["a", {"b": [1, "é"]}]])
    if key == "mixed":
        return rng.choice([1, "one", True, 2.5])
    if key == "gone":
        return None
    return f"{key}{rng.randint(0, 9)}"


def landed_events(deployment: Deployment) -> list[RawEvent]:
    rows = deployment.query(
        'select event_no, cast(payload as varchar), message_id, "type", received_at, "timestamp", loaded_at, user_id, '
        "anonymous_id from profiles_staging.raw_events order by event_no"
    )
    return [RawEvent(row[0], json.loads(row[1]), *row[2:]) for row in rows]


def typed(text: str, data_type: str) -> str | None:
    """What a typed column shows of a trait's text."""
    if data_type in ("bigint", "integer"):
        return text if re.fullmatch(r"-?\d+", text) else None
    if data_type.startswith("double"):
        return as_text(float(text)) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
    if data_type == "boolean":
        return text if text in ("true", "false") else None
    return text


def expected(reference: Reference, columns: Mapping[str, str]) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, Any]]:
    """Snapshots by event, profiles, and rows of `user_traits`, as the reference has them."""
    segment = reference.segment_ids

    def cells(traits: Mapping[str, str]) -> dict[str, str]:
        found = {name: typed(text, columns[name]) for name, text in traits.items()}
        return {name: text for name, text in found.items() if text is not None}

    snapshots = {row.event_no: (segment[row.profile_no], cells(row.traits)) for row in reference.snapshots}
    profiles, rows = {}, {}
    for profile, canonical in reference.canonical.items():
        if profile != canonical:
            profiles[segment[profile]] = (segment[canonical], {})
            continue
        traits = reference.traits(profile)
        profiles[segment[profile]] = (None, cells(traits))
        rows.update({(segment[profile], name): text for name, text in traits.items()})
    return snapshots, profiles, rows


def found(deployment: Deployment, columns: Mapping[str, str]) -> tuple[dict[Any, Any], dict[Any, Any], dict[Any, Any]]:
    """The same, from the tables."""
    quoted = ", ".join(f'"{name}"' for name in columns)

    def cells(values: list[Any]) -> dict[str, str]:
        return {name: as_text(item) for name, item in zip(columns, values, strict=True) if item is not None}

    snapshots: dict[Any, Any] = defaultdict(list)
    for seq, segment, *values in deployment.query(
        f"select seq, segment_id, {quoted} from profiles.profile_traits_updates"
    ):
        snapshots[int(seq[13:25])].append((segment, cells(values)))
    assert all(len(rows) == 1 for rows in snapshots.values())
    profiles = {
        segment: (into, cells(values))
        for segment, into, *values in deployment.query(
            f"select canonical_segment_id, merged_to, {quoted} from profiles.profile_traits"
        )
    }
    triples = deployment.query("select canonical_segment_id, name, value from profiles.user_traits")
    rows = {(segment, name): text for segment, name, text in triples}
    assert len(rows) == len(triples)
    return {event_no: rows[0] for event_no, rows in snapshots.items()}, profiles, rows


@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_a_few_streams(deployment: Deployment) -> None:
    assert_equal_to_reference(deployment, seed=0, streams=25, cuts=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 3))
def test_many_streams(deployment: Deployment, seed: int) -> None:
    assert_equal_to_reference(deployment, seed=seed, streams=60, cuts=3)


def assert_equal_to_reference(deployment: Deployment, *, seed: int, streams: int, cuts: int) -> None:
    """Land some streams in loads cut at random places, and hold the three tables against the reference."""
    rng = random.Random(seed)
    calls = [call for number in range(streams) for call in stream(rng, number)]
    rng.shuffle(calls)
    places = sorted(rng.sample(range(1, len(calls)), cuts))
    pipeline = Pipeline(deployment)
    for number, (start, end) in enumerate(zip([0, *places], [*places, len(calls)], strict=True)):
        pipeline.land(calls[start:end])
        # Two loads in one sync as well.
        if number != 1 or end == len(calls):
            pipeline.build()

    events = landed_events(deployment)
    reference = Reference("profiles")
    settings = default_settings()
    for event in events:
        reference.process(event, settings)
    columns = {
        name: kind
        for name, kind in pipeline.columns("profile_traits_updates").items()
        if name in {"plan", "age", "vip", "first_name", "tags", "mixed", "email", "address_city", "address_geo_lat"}
    }
    assert len(columns) == 9
    wanted, got = expected(reference, columns), found(deployment, columns)
    for table, left, right in zip(("snapshots", "profile_traits", "user_traits"), got, wanted, strict=True):
        differing = {key: (left.get(key), right.get(key)) for key in {*left, *right} if left.get(key) != right.get(key)}
        assert not differing, f"{table}: (found, expected) {dict(list(differing.items())[:5])}"
    assert len(reference.snapshots) > 3 * streams
    assert sum(profile != canonical for profile, canonical in reference.canonical.items()) > streams / 4


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_rebuild_equals_increments(deployment: Deployment) -> None:
    rng = random.Random(99)
    calls = [call for number in range(25) for call in stream(rng, number)]
    rng.shuffle(calls)
    pipeline = Pipeline(deployment)
    for start in range(0, len(calls), 80):
        pipeline.sync(calls[start : start + 80])
    before = pipeline.contents()
    assert before["thing_done"]
    assert before["user_traits"]
    pipeline.rebuild()
    assert pipeline.contents() == before
    pipeline.sync(stream(rng, 1000))
    assert len(pipeline.contents()["user_traits"]) > len(before["user_traits"])
