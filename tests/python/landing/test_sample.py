"""The sample archive: the same every time, and with everything in it that a demonstration needs."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from profiles_sync.landing import Source
from profiles_sync.sample import SHOWN_PERSON_EMAIL, write_sample_archive
from support.landing import NOW, LandingSpace


def calls_of(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.rglob("*.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            try:
                found.append({**json.loads(line), "source": path.parts[-3]})
            except ValueError:
                continue
    return found


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.gz")
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    first, later = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("later")
    write_sample_archive(first)
    write_sample_archive(later, "later")
    return first, later


def test_the_same_bytes_every_time(folders: tuple[Path, Path], tmp_path: Path) -> None:
    first, later = folders
    # Whether both parts are written, and in which order, makes no difference.
    write_sample_archive(tmp_path, "later")
    assert digest(tmp_path) == digest(later)
    files = write_sample_archive(tmp_path, "first")
    assert digest(tmp_path) == {**digest(first), **digest(later)}
    assert not set(digest(first)) & set(digest(later))
    assert files.lines == sum(len(gzip.decompress(path.read_bytes()).splitlines()) for path in files.files)


def test_what_is_in_the_ten_days(folders: tuple[Path, Path]) -> None:
    calls = calls_of(folders[0])
    kinds = Counter(call["type"] for call in calls)
    assert 18_000 < len(calls) < 22_000
    assert all(kinds[kind] >= 50 for kind in ("identify", "track", "page", "screen", "group", "alias"))
    assert Counter(call["source"] for call in calls).keys() == {"web", "ios", "backend"}
    days = {call["receivedAt"][:10] for call in calls if "receivedAt" in call}
    assert len(days) == 10
    # Retries.
    assert max(Counter(call["messageId"] for call in calls if call["messageId"] != "broken-1").values()) == 2
    # Phones that were offline: the event is hours older than its receipt.
    assert any(call["sentAt"][:13] > call["originalTimestamp"][:13] for call in calls if call["source"] == "ios")
    # A kiosk that many share, and people with a second device.
    devices, people = defaultdict(set), defaultdict(set)
    for call in calls:
        if call.get("userId") and call.get("anonymousId"):
            devices[call["anonymousId"]].add(call["userId"])
            people[call["userId"]].add(call["anonymousId"])
    assert len(devices["kiosk-harbour-street-01"]) > 10
    assert sum(len(used) > 1 for used in people.values()) > 30


def test_the_later_hour_brings_news(folders: tuple[Path, Path]) -> None:
    first, later = calls_of(folders[0]), calls_of(folders[1])
    names = lambda calls: {call.get("event") for call in calls}  # noqa: E731 - used twice, here
    assert names(later) - names(first) == {"Review Submitted"}
    assert any("gift_wrap" in call.get("properties", {}) for call in later)
    assert not any("gift_wrap" in call.get("properties", {}) for call in first)
    assert {call["receivedAt"][:10] for call in later} == {"2024-05-08", "2024-05-11"}
    shown = [call for call in later if call["type"] == "identify" and call["traits"].get("email") == SHOWN_PERSON_EMAIL]
    assert len(shown) == 1
    phone, user_id = shown[0]["anonymousId"], shown[0]["userId"]
    assert {call.get("userId") for call in first if call.get("anonymousId") == phone} == {None}
    assert any(call.get("userId") == user_id and call["source"] == "web" for call in first)


def test_it_lands(duckdb_space: LandingSpace, folders: tuple[Path, Path]) -> None:
    first, later = (duckdb_space.land(sources=[Source(str(folder))], now=NOW.replace(month=6)) for folder in folders)
    assert first.rejected == {
        "invalid_json": 3, "missing_event_name": 1, "invalid_type": 1, "no_user_anon_id": 1, "missing_group_id": 1,
        "message_id_too_long": 1, "timestamp_before_epoch": 1, "too_many_traits": 1,
    }  # fmt: skip
    assert later.rejected == {}
    assert later.new_tables == ("review_submitted",)
    assert "order_completed.gift_wrap" in later.new_columns
    # An hour has news in a few tables only.
    assert len(later.tables) < len(first.tables)
