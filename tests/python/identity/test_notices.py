"""What identity resolution notices about a batch, and what the figures of `identity_health` are made of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from identity.reference import RawEvent
from identity.space import Space, default_settings
from identity.streams import START
from support.dbt import Deployment


def call(event_no: int, message_id: str, *, user_id: str | None = None, **payload: Any) -> RawEvent:
    at = START + timedelta(hours=event_no)
    body = {"type": "identify", "messageId": message_id, "timestamp": str(at), **payload}
    if user_id is not None:
        body["userId"] = user_id
    return RawEvent(event_no, body, message_id, "identify", at, at, at, user_id, payload.get("anonymousId"))


def external(kind: str, value: str) -> dict[str, Any]:
    return {"externalIds": [{"type": kind, "id": value, "collection": "users", "encoding": "none"}]}


def test_notices(deployment: Deployment) -> None:
    space = Space(deployment)
    space.prepare()
    space.record_settings(1, default_settings())
    space.insert(
        [
            call(1, "m1", user_id="u1", context=external("loyalty", "L1")),
            call(2, "m2", user_id="u2", context=external("loyalty", "L2")),
            call(3, "m3", user_id="u3", traits={"plan": "pro"}),
            # A retry, whose times alone differ; and two others under a used id.
            call(4, "m3", user_id="u3", traits={"plan": "pro"}),
            call(5, "m3", user_id="u3", traits={"plan": "free"}),
            call(6, "m2", anonymousId="u2", context=external("loyalty", "L2")),
        ]
    )
    space.resolve()
    assert notices(space) == {
        ("duplicate_id_different_payload", 2, "messages that landed before with another content, which stays; one of them: m2"),
        ("identifier_type_first_seen", 2, "loyalty"),
    }  # fmt: skip

    deployment.query("delete from profiles_ops.notices where notice <> 'identifier_type_first_seen'")
    space.insert(
        [
            call(7, "m7", user_id="u4", context=external("loyalty", "L4")),
            call(8, "m8", user_id="u4", context=external("club_no", "C1")),
            call(9, "m1", user_id="u1", context=external("loyalty", "L9")),
        ]
    )
    space.resolve()
    assert notices(space) == {
        ("duplicate_id_different_payload", 1, "messages that landed before with another content, which stays; one of them: m1"),
        ("identifier_type_first_seen", 2, "loyalty"),
        ("identifier_type_first_seen", 1, "club_no"),
    }  # fmt: skip


def notices(space: Space) -> set[tuple[Any, ...]]:
    rows = space.deployment.query("select notice, occurrences, detail from profiles_ops.notices")
    assert len(set(rows)) == len(rows)
    return set(rows)


def test_identity_health(deployment: Deployment) -> None:
    """A hundred people with one identifier, one with five, a merge, and refusals of three kinds."""
    space = Space(deployment)
    space.prepare()
    space.record_settings(1, default_settings())
    events = [call(number, f"m{number}", user_id=f"u{number}") for number in range(1, 101)]
    cookies = [call(100 + number, f"a{number}", user_id="u0", anonymousId=f"a{number}") for number in range(1, 7)]
    shared = [
        call(107, "s1", anonymousId="visitor"),
        call(108, "s2", user_id="u1", anonymousId="visitor"),
        call(109, "s3", user_id="u2", anonymousId="visitor"),
        call(110, "s4", user_id="u3", anonymousId="visitor"),
        call(111, "s5", user_id="null", anonymousId="b1"),
        call(112, "s6", user_id="-1"),
    ]
    space.insert([*events, *cookies, *shared])
    deployment.dbt("run", "--select", "stg_events", "identity_resolution", "identity_health")

    health = {
        tuple(row[:3]): row[3]
        for row in deployment.query("select metric, external_id_type, detail, amount from profiles_ops.identity_health")
    }
    # u1 to u100, u0 with five cookies, b1; the visitor's profile merged into u1's.
    assert health == {
        ("profiles", None, None): 102,
        ("profiles_merged", None, None): 1,
        ("merged_share", None, None): 1 / 103,
        ("identifiers", "user_id", None): 101,
        ("identifiers", "anonymous_id", None): 7,
        ("identifiers_per_profile_p50", None, None): 1,
        ("identifiers_per_profile_p99", None, None): 2,
        ("identifiers_per_profile_max", None, None): 6,
        ("violations", None, "identifier_value_limit_exceeded"): 3,
        ("violations", None, "id_value_blocked"): 2,
        ("violations", None, "no_matching_identifiers"): 1,
        ("widest_value", "anonymous_id", "visitor"): 2,
        ("widest_value", "anonymous_id", "a6"): 1,
        ("widest_value", "user_id", "null"): 1,
        ("widest_value", "user_id", "-1"): 1,
    }
