"""Settings where dbt works alone: composed of the package's variables and seeds, and recorded when they change."""

from __future__ import annotations

import json
from typing import Any

from identity.reference import RawEvent
from identity.space import Space
from identity.streams import START
from support.dbt import Deployment


def seen(event_no: int, user_id: str) -> RawEvent:
    payload = {"type": "track", "messageId": f"m{event_no}", "event": "Seen", "userId": user_id}
    return RawEvent(event_no, payload, f"m{event_no}", "track", START, START, START, user_id)


def test_recommended_blocks_can_be_switched_off(deployment: Deployment) -> None:
    space = Space(deployment)
    deployment.dbt("seed")
    space.prepare()
    space.insert([seen(1, "null"), seen(2, "-1")])
    space.resolve("--vars", "{use_recommended_blocks: false}")
    space.insert([seen(3, "anonymous"), seen(4, "null")])
    space.resolve()

    def versions() -> list[tuple[int, str, list[Any]]]:
        rows = deployment.query(
            "select from_event_no, origin, settings from profiles_ops.settings_history order by version"
        )
        return [(row[0], row[1], [each["value"] for each in json.loads(row[2])["blocked_values"]]) for row in rows]

    assert versions() == [(1, "dbt", []), (3, "dbt", ["", "-1", "null", "anonymous"])]
    resolved = space.read()
    assert [row.profile_no for row in resolved.events] == [1, 2, None, None]
    assert [(row.event_no, row.external_id_value) for row in resolved.violations if row.external_id_value] == [
        (3, "anonymous"),
        (4, "null"),
    ]
