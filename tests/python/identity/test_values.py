"""Identifier values are compared byte by byte: what differs in anything is two people."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

from identity.compare import differences, run_reference
from identity.reference import RawEvent
from identity.space import Space, default_settings
from identity.streams import START
from support.dbt import Deployment

LONGEST = 512
DIFFERENT = [
    "zoë", "ZOË", "Zoë", "zoë ", " zoë", "zoë\t", "zoë\u00a0", "zoe", "zo", "zoëzoë",
    unicodedata.normalize("NFD", "zoë"), "ﬁne", "fine", "straße", "strasse", "STRASSE", "ı", "i", "I", "İ", "00x", "x00",
    "z" * (LONGEST - 1), "z" * LONGEST, "é" * LONGEST, "🙂" * LONGEST, "'quoted\"\\", "%", "_", "日本", "日\u200b本",
]  # fmt: skip
NO_IDENTIFIER = ["z" * (LONGEST + 1), "🙂" * (LONGEST + 1)]


def test_distinct_to_the_byte(deployment: Deployment) -> None:
    assert len(set(DIFFERENT)) == len(DIFFERENT)
    values = DIFFERENT
    assert unicodedata.normalize("NFC", values[10]) == values[0]
    events = []
    for event_no, value in enumerate([*values, *NO_IDENTIFIER, *reversed(values)], 1):
        at = START + timedelta(minutes=event_no)
        payload = {"type": "track", "messageId": f"m{event_no}", "event": "Seen", "userId": value}
        events.append(RawEvent(event_no, payload, f"m{event_no}", "track", at, at, at, value))
    settings = [(1, default_settings())]
    space = Space(deployment)
    space.prepare()
    space.record_settings(*settings[0])
    space.insert(events[: len(values) + 1])
    space.resolve()
    space.insert(events[len(values) + 1 :])
    space.resolve()

    resolved = space.read()
    profiles = [row.profile_no for row in resolved.events]
    assert len(set(profiles[: len(values)])) == len(values)
    assert profiles[len(values) : len(values) + 2] == [None, None]
    assert profiles[len(values) + 2 :] == profiles[: len(values)][::-1]
    assert differences(resolved, run_reference(events, settings)) == []
