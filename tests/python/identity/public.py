"""The public identity tables that a reference implies, and what dbt built of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from identity.reference import RawEvent, Reference, Removal, external_id_hash, row_id, seq
from support.dbt import Deployment

Rows = list[tuple[Any, ...]]

# Traits of the random streams: column, and the keys it is read from, the best first.
TRAITS = {"city": ["city"], "email": ["email"], "phone_no": ["phone_no", "phoneNo"], "plan": ["plan"]}
_TRAITS = ", ".join(TRAITS)
# Columns that say when a sync ran; everything else is a function of the landed events.
_TRIGGER = "triggering_event_id, triggering_event_type, triggering_event_name, triggering_event_source_id"
_QUERIES = {
    "id_graph_updates": f'id, segment_id, canonical_segment_id, {_TRIGGER}, "timestamp", received_at, seq',
    "external_id_mapping_updates": "id, external_id_hash, external_id_type, external_id_value, segment_id, "
    f'{_TRIGGER}, "timestamp", received_at, seq, "__operation"',
    "id_graph": 'segment_id, canonical_segment_id, "timestamp", seq',
    "profile_merges": 'id, canonical_segment_id, segment_id, seq, received_at, "timestamp"',
    "external_id_mapping": 'external_id_hash, canonical_segment_id, external_id_type, external_id_value, "timestamp"',
    "profile_traits_updates": f'id, segment_id, seq, {_TRIGGER}, "timestamp", received_at, {_TRAITS}',
    "profile_traits": f"canonical_segment_id, merged_to, {_TRAITS}",
    "user_traits": 'canonical_segment_id, "name", "value"',
    "user_identifiers": 'canonical_segment_id, "type", "value", seq, received_at, "timestamp"',
}


def register_traits(deployment: Deployment) -> None:
    """Enter the columns of traits, as landing does: as text, since their values are of several types."""
    for column, keys in TRAITS.items():
        for rank, key in enumerate(keys, 1):
            deployment.query(
                f"insert into {deployment.space}_ops.column_registry values ('profile_traits', '{column}', "
                f"""'["traits","{key}"]', 'varchar', {rank}, 'active', 0, 'load', 1, 'load')"""
            )


def built(deployment: Deployment, table: str) -> Rows:
    """The rows of a public table, sorted."""
    return sorted(deployment.query(f"select {_QUERIES[table]} from {deployment.space}.{table}"), key=repr)


def expected(reference: Reference, events: Sequence[RawEvent], removals: Sequence[Removal] = ()) -> Mapping[str, Rows]:
    """The rows that every public identity table must have, sorted."""
    event_of = {event.event_no: event for event in events}
    requested_at = {removal.event_no: removal.requested_at for removal in removals}
    segment = reference.segment_ids

    def trigger(event_no: int) -> tuple[Any, ...]:
        if event_no in requested_at:
            return None, None, None, None
        event = event_of[event_no]
        name = event.payload.get("event") or event.payload.get("name")
        return event.message_id, event.type, name, event.payload.get("_source", "source_1")

    def times(event_no: int) -> tuple[datetime, datetime]:
        if event_no in requested_at:
            return requested_at[event_no], requested_at[event_no]
        return event_of[event_no].timestamp, event_of[event_no].received_at

    clock_of = {row.event_no: row.clock_ms for row in reference.events}
    tables: dict[str, Rows] = {name: [] for name in _QUERIES}
    newest_move = {}
    for row in reference.graph_log:
        place = seq(row.clock_ms, row.event_no, row.row_no)
        tables["id_graph_updates"].append(
            (
                row_id("id_graph_updates", place),
                segment[row.profile_no],
                segment[row.canonical_no],
                *trigger(row.event_no),
                *times(row.event_no),
                place,
            )
        )
        newest_move[row.profile_no] = row
    for profile, row in newest_move.items():
        place = seq(row.clock_ms, row.event_no, row.row_no)
        timestamp, received_at = times(row.event_no)
        tables["id_graph"].append((segment[profile], segment[row.canonical_no], timestamp, place))
        tables["profile_merges"].append(
            (
                row_id("profile_merges", segment[profile]),
                segment[row.canonical_no],
                segment[profile],
                place,
                received_at,
                timestamp,
            )
        )

    newest_mapping = {}
    for mapping in reference.mapping_log:
        place = seq(mapping.clock_ms, mapping.event_no, mapping.row_no)
        pair = (mapping.external_id_type, mapping.external_id_value)
        tables["external_id_mapping_updates"].append(
            (
                row_id("external_id_mapping_updates", place),
                external_id_hash(*pair),
                *pair,
                segment[mapping.stamp_no],
                *trigger(mapping.event_no),
                *times(mapping.event_no),
                place,
                mapping.operation,
            )
        )
        newest_mapping[pair] = mapping
    for pair, mapping in newest_mapping.items():
        if mapping.operation == "REMOVED":
            continue
        owner = segment[reference.owner[pair]]
        timestamp, received_at = times(mapping.event_no)
        place = seq(mapping.clock_ms, mapping.event_no, mapping.row_no)
        tables["external_id_mapping"].append((external_id_hash(*pair), owner, *pair, timestamp))
        tables["user_identifiers"].append((owner, *pair, place, received_at, timestamp))
    for snapshot in reference.snapshots:
        clock_ms = clock_of[snapshot.event_no]
        place = seq(clock_ms, snapshot.event_no, 1)
        timestamp, received_at = times(snapshot.event_no)
        tables["profile_traits_updates"].append(
            (
                row_id("profile_traits_updates", place),
                segment[snapshot.profile_no],
                place,
                *trigger(snapshot.event_no),
                timestamp,
                received_at,
                *(snapshot.traits.get(name) for name in TRAITS),
            )
        )
    for profile, canonical in reference.canonical.items():
        traits = reference.traits(profile) if profile == canonical else {}
        merged_to = None if profile == canonical else segment[canonical]
        tables["profile_traits"].append((segment[profile], merged_to, *(traits.get(name) for name in TRAITS)))
        tables["user_traits"] += [(segment[profile], name, value) for name, value in traits.items()]
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


def public_differences(
    deployment: Deployment, reference: Reference, events: Sequence[RawEvent], removals: Sequence[Removal] = ()
) -> list[str]:
    """Rows that only one side has, as lines."""
    found: list[str] = []
    for table, rows in expected(reference, events, removals).items():
        got = built(deployment, table)
        if got != rows:
            found += [f"{table}: dbt has {row}" for row in got if row not in rows][:3]
            found += [f"{table}: dbt lacks {row}" for row in rows if row not in got][:3]
            found += [f"{table}: {len(got)} rows instead of {len(rows)}"] if len(got) != len(rows) else []
    return found


TABLES: Sequence[str] = tuple(_QUERIES)
