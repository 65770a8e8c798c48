"""Landing as a whole: order, exactly once, ledger, rejects, notices, registries and settings."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from profiles_sync.landing import (
    LandingError,
    LandingOptions,
    Progress,
    Source,
    SourceName,
    land,
    list_new_files,
    load,
    spool,
)
from profiles_sync.landing import worker as worker_module
from profiles_sync.warehouse import WarehouseError, open_warehouse
from support.landing import NOW, LandingSpace, call, track

LATER = NOW + timedelta(hours=1)


def damaged(content: bytes) -> bytes:
    return gzip.compress(content)[:-12]


# -- rows ------------------------------------------------------------------------------------------------------------


def test_a_call_as_it_stands_in_raw_events(space: LandingSpace) -> None:
    sent = call(
        "track", "m1", event="Order Completed", anonymousId="a1", context={"ip": "1.2.3.4"},
        properties={"total": 1.50, "big": 12345678901234567890}, originalTimestamp="2024-05-01T09:59:57.123456Z",
        sentAt="2024-05-01T09:59:58.000+00:00", timestamp="2024-05-01T09:59:59Z",
    )  # fmt: skip
    line = json.dumps(sent).encode()
    path = space.write("a.gz", [b"", line])
    report = space.land(options=LandingOptions(source_names={"web": SourceName("Web shop", "web-shop")}))
    columns = [
        "event_no", "load_id", "landed_on", "source_id", "source_name", "source_slug", "message_id", "type", "event_name",
        "event_slug", "received_at", "sent_at", "original_timestamp", "timestamp", "user_id", "anonymous_id", "payload_sha256",
        "file_name", "file_row", "item_no", "loaded_at",
    ]  # fmt: skip
    assert space.events(*columns) == [
        (
            1, report.load_id, date(2024, 5, 10), "web", "Web shop", "web-shop", "m1", "track", "Order Completed",
            "order_completed", datetime(2024, 5, 1, 10), datetime(2024, 5, 1, 9, 59, 58),
            datetime(2024, 5, 1, 9, 59, 57, 123456), datetime(2024, 5, 1, 9, 59, 59), "u1", "a1",
            hashlib.sha256(line).hexdigest(), str(path), 2, 0, NOW,
        )
    ]  # fmt: skip
    assert space.payloads() == [sent]
    assert (report.read, report.landed, report.rejected) == (1, 1, {})
    assert (report.first_event_no, report.last_event_no) == (1, 1)
    assert report.bytes_read == path.stat().st_size


def test_duckdb_keeps_the_payload_to_the_byte(duckdb_space: LandingSpace) -> None:
    line = (
        b'{"type": "page","messageId":"m","userId":"u","receivedAt":"2024-05-01T10:00:00Z","n":1.50,"b":1e2,"a":0.10}'
    )
    duckdb_space.write("a.gz", [line])
    duckdb_space.land()
    assert duckdb_space.query("select cast(payload as varchar) from profiles_staging.raw_events") == [(line.decode(),)]


def test_text_of_any_kind_arrives(space: LandingSpace) -> None:
    texts = [
        "tab\there",
        "line\nbreak",
        "return\rhere",
        'quote"s',
        "'",
        "\\N",
        "comma,",
        "ü 日本 😀",
        " spaced ",
        "NULL",
        "\\",
    ]
    calls = [
        track(f"m{number:02d}", event=text, userId=text, anonymousId=text, properties={text: text, "n": number})
        for number, text in enumerate(texts)
    ]
    space.write("a.gz", calls)
    report = space.land()
    assert report.landed == len(texts)
    assert space.events("user_id", "anonymous_id", "event_name") == [(text, text, text) for text in texts]
    assert space.payloads() == calls


def test_large_and_oddly_spaced_payloads_arrive(space: LandingSpace) -> None:
    large = track("m1", properties={"text": 'x"y\\' * 200_000, "list": list(range(1000))})
    spaced = b'{\t"type": "page",\r "messageId":"m2", "userId":"u", "receivedAt":"2024-05-02T10:00:00Z"}'
    space.write("a.gz", [large, spaced])
    assert space.land().landed == 2
    assert space.payloads() == [large, json.loads(spaced)]


def test_extremes_that_one_line_may_have(space: LandingSpace) -> None:
    """One odd line must not stop the load on any engine."""
    envelope = b'"type":"page","userId":"u","receivedAt":"2024-05-01T10:00:00Z"'
    long_key = json.dumps("k" * 5000 + "日本").encode()
    space.write("a.gz", [
        b'{%b,"messageId":"m1","properties":{"deep":%b}}' % (envelope, b"[" * 1000 + b"]" * 1000),
        b'{%b,"messageId":"m2","properties":{"tiny":1e-16383,"small":1e-307,"huge":1e308,"digits":%b}}' % (envelope, b"7" * 300),
        b'{%b,"messageId":"m3","properties":{%b:1,"fine":2}}' % (envelope, long_key),
        b'{%b,"messageId":"m4","properties":{"n":1e-16384}}' % envelope,
        b'{%b,"messageId":"m5","properties":{"":1,"  ":2,"\\n":3}}' % envelope,
        b'{%b,"messageId":"m6","properties":{"pi":3.14159265358979323846}}' % envelope,
    ])  # fmt: skip
    report = space.land()
    assert (report.landed, report.rejected) == (5, {"invalid_json": 1})
    assert [
        (each.notice, each.table_name, each.occurrences) for each in report.notices if each.notice == "key_too_long"
    ] == [("key_too_long", "pages", 1)]
    assert {each.column_name for each in report.notices if each.notice == "value_rounded"} == {"digits", "huge", "pi"}
    columns = [name for (name,) in space.rows("ops.column_registry", "column_name") if not name.startswith("column_")]
    assert columns == ["deep", "digits", "fine", "huge", "pi", "small", "tiny"]


def test_numbers_beyond_64_bits_stay_exact(space: LandingSpace) -> None:
    single = b'{"type":"page","messageId":"m1","userId":123456789012345678901234567890,"n":0.1234567890123456789012345}'
    space.write("a.gz", [single, b'{"batch":[%b]}' % single.replace(b"m1", b"m2")])
    space.land()
    assert space.events("user_id", "item_no") == [
        ("123456789012345678901234567890", 0),
        ("123456789012345678901234567890", 1),
    ]
    texts = space.query("select cast(payload as varchar) from profiles_staging.raw_events order by event_no")
    for (text,) in texts:
        assert "123456789012345678901234567890" in text
        assert "0.1234567890123456789012345" in text


def test_a_load_without_files_writes_nothing(space: LandingSpace) -> None:
    report = space.land()
    assert (report.load_id, report.files, report.first_event_no) == (None, (), None)
    assert space.rows("ops.loads", "load_id") == []


# -- order -----------------------------------------------------------------------------------------------------------


def test_order_is_bytewise_by_all_keys(space: LandingSpace) -> None:
    early, late = "2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00.001Z"
    space.write("b.gz", [
        track("é", at=early), track("Z", at=early), track("a", at=early), track("m", at=late, timestamp=early),
        track("same", at=late, properties={"n": 1}), track("same", at=late, properties={"n": 2}), track("B", at=late, timestamp=late),
    ])  # fmt: skip
    space.write("a.gz", [track("a", at=early), track("a", at=early)])
    space.land()
    found = space.events(
        "event_no", "message_id", "file_name", "file_row", "received_at", "timestamp", "payload_sha256"
    )
    assert [row[0] for row in found] == list(range(1, 10))
    keys = [(row[4], row[5], row[1].encode(), row[6], row[2].encode(), row[3]) for row in found]
    assert keys == sorted(keys)
    assert [row[1] for row in found] == ["Z", "a", "a", "a", "é", "m", "B", "same", "same"]
    assert [(Path(row[2]).name, row[3]) for row in found[1:4]] == [("a.gz", 1), ("a.gz", 2), ("b.gz", 3)]


@pytest.mark.parametrize("group_bytes", [0, 3000, 1 << 30])
def test_order_of_many_hours_sorted_some_at_a_time(
    space: LandingSpace, monkeypatch: pytest.MonkeyPatch, group_bytes: int
) -> None:
    monkeypatch.setattr(spool, "_GROUP_BYTES", group_bytes)
    monkeypatch.setattr(spool, "_PENDING", 7)
    pick = random.Random(3)
    for file in range(3):
        lines = []
        for number in range(40):
            at = f"2024-05-{pick.randrange(1, 4):02d}T{pick.randrange(24):02d}:{pick.randrange(3):02d}:00.000Z"
            # A line break makes a call take the way of those that need quotes.
            lines.append(track(f"m{number}{chr(10) * pick.randrange(2)}", at=at, properties={"n": number}))
        space.write(f"{file}.gz", lines)
        space.write_bytes(f"{file}-broken.gz", damaged(b"\n".join(json.dumps(line).encode() for line in lines * 50)))
    assert space.land().landed == 120
    found = space.events(
        "event_no", "received_at", "timestamp", "message_id", "payload_sha256", "file_name", "file_row"
    )
    assert [row[0] for row in found] == list(range(1, 121))
    keys = [(row[1], row[2], row[3].encode(), row[4], row[5].encode(), row[6]) for row in found]
    assert keys == sorted(keys)
    assert len(set(keys)) == 120


def test_items_of_a_batch_are_ordered_by_content_not_by_place(space: LandingSpace) -> None:
    item = {"type": "page", "anonymousId": "a"}
    space.write("a.gz", [{"batch": [{**item, "messageId": "2"}, {**item, "messageId": "1"}]}])
    space.land()
    assert space.events("message_id", "item_no", "file_row") == [("1", 2, 1), ("2", 1, 1)]
    assert set(space.events("received_at", "timestamp", "original_timestamp")) == {(NOW, NOW, NOW)}


def test_numbers_continue_and_a_late_event_comes_after(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1", at="2024-05-02T10:00:00.000Z")])
    first = space.land()
    space.write("late.gz", [track("m0", at="2024-05-01T10:00:00.000Z")], folder="web/2024-05-01")
    second = space.land(now=LATER)
    assert space.events("event_no", "message_id", "load_id") == [(1, "m1", first.load_id), (2, "m0", second.load_id)]
    assert space.rows("ops.loads", "load_id", "first_event_no", "last_event_no", "events", "rejected", "files", "loaded_at") == [
        (first.load_id, 1, 1, 1, 0, 1, NOW), (second.load_id, 2, 2, 1, 0, 1, LATER),
    ]  # fmt: skip


def test_numbers_are_not_given_again(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [track("m1"), track("m2")])
    duckdb_space.land()
    duckdb_space.query("delete from profiles_staging.raw_events where event_no = 2")
    duckdb_space.write("b.gz", [track("m3")])
    assert duckdb_space.land(now=LATER).first_event_no == 3


def test_actions_on_identities_get_the_numbers_after_the_events(space: LandingSpace) -> None:
    def request(action_id: str, at: datetime) -> None:
        with open_warehouse(space.workplace.target) as warehouse:
            columns = ["action_id", "action", "external_id_type", "external_id_value", "requested_at"]
            row = (action_id, "remove", "email", "a@x.io", at)
            warehouse.insert(warehouse.ops("identity_actions"), columns, [row])

    request("second", NOW)
    request("first", NOW - timedelta(hours=1))
    space.write("a.gz", [track("m1"), track("m2")])
    report = space.land()
    assert (report.first_event_no, report.last_event_no, report.landed) == (1, 4, 2)
    assert space.land(now=LATER).load_id is None

    request("alone", LATER)
    alone = space.land(now=LATER)
    assert (alone.first_event_no, alone.last_event_no, alone.landed) == (5, 5, 0)
    assert space.rows("ops.identity_actions", "event_no", "action_id", "load_id") == [
        (3, "first", report.load_id),
        (4, "second", report.load_id),
        (5, "alone", alone.load_id),
    ]

    space.write("b.gz", [track("m3")])
    assert space.land(now=LATER).first_event_no == 6
    assert space.rows("ops.loads", "first_event_no", "last_event_no", "events") == [(1, 4, 2), (5, 5, 0), (6, 6, 1)]


def test_times_of_loads_increase_whatever_the_clock_says(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1")])
    first = space.land()
    space.write("b.gz", [track("m2")])
    second = space.land(now=NOW - timedelta(days=1))
    assert second.loaded_at == first.loaded_at + timedelta(microseconds=1)
    assert second.load_id != first.load_id


def test_after_a_load_from_the_future_calls_are_received_at_the_time_that_it_is(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [track("m1")])
    future = duckdb_space.land(now=NOW + timedelta(days=365))
    duckdb_space.write("b.gz", [{"type": "page", "messageId": "m2", "userId": "u1"}])
    report = duckdb_space.land(now=NOW, options=LandingOptions(recent_days=10))
    assert report.loaded_at == future.loaded_at + timedelta(microseconds=1)
    assert duckdb_space.events("message_id", "received_at") == [("m1", datetime(2024, 5, 1, 10)), ("m2", NOW)]


# -- exactly once ----------------------------------------------------------------------------------------------------


def test_a_file_lands_once(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1")])
    space.land()
    assert list_new_files(space.workplace, [Source(str(space.archive))]) == []
    assert space.land(now=LATER).load_id is None
    assert len(space.events("event_no")) == 1


def test_a_late_file_with_an_old_date_lands(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1")])
    space.land()
    late = space.write("0-late.gz", [track("m2")], folder="web/2023-01-01")
    os.utime(late, (1_500_000_000, 1_500_000_000))
    (pending,) = list_new_files(space.workplace, [Source(str(space.archive))])
    assert (pending.path, pending.source_id) == (str(late), "web")
    assert space.land(now=LATER).landed == 1


def test_files_and_folders_of_any_name_land(space: LandingSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate([b"caf\xe9.gz", b"a::b.gz", b"a?b.gz", b"a\nb.gz", b"50%.gz"]):
        space.write(os.fsdecode(name), [track(f"m{number}")], folder="web")
    space.write("c.gz", [track("m5")], folder=os.fsdecode(b"caf\xe9"))
    monkeypatch.setattr(load, "_SMALL_LOAD_BYTES", 0)
    report = space.land(options=LandingOptions(workers=2))
    assert {file.status for file in report.files} == {"landed"}
    found = {
        row[0].partition("segment-logs/")[2]: row[1:] for row in space.events("file_name", "source_id", "message_id")
    }
    assert found == {
        "web/caf\\xe9.gz": ("web", "m0"),
        "web/a::b.gz": ("web", "m1"),
        "web/a?b.gz": ("web", "m2"),
        "web/a\nb.gz": ("web", "m3"),
        "web/50%.gz": ("web", "m4"),
        "caf\\xe9/c.gz": ("caf\\xe9", "m5"),
    }
    assert space.land(now=LATER).load_id is None


def test_a_touched_file_does_not_land_again(space: LandingSpace) -> None:
    path = space.write("a.gz", [track("m1")])
    space.land()
    for year in (1, 2):
        os.utime(path, (1_700_000_000 + year, 1_700_000_000))
        os.utime(path, (1_700_000_000, 1_700_000_000 + year))
        report = space.land(now=LATER + timedelta(hours=year))
        assert (report.landed, [file.detail for file in report.files]) == (
            0, ["touched: the content is that of an earlier version"],
        )  # fmt: skip
    assert len(space.events("event_no")) == 1
    # Next time it is known, without its content being read.
    assert space.land(now=LATER + timedelta(hours=9)).load_id is None
    assert space.rows("ops.landed_files", "rows_landed", "status", order_by="landed_at") == [
        (1, "landed"), (0, "landed"), (0, "landed"),
    ]  # fmt: skip


def test_a_file_written_again_lands_again(space: LandingSpace) -> None:
    """Privacy deletions copy files anew; equal message ids are taken out later, by dbt."""
    space.write("a.gz", [track("m1"), track("m2")])
    space.land()
    space.write("a.gz", [track("m2")])
    assert space.land(now=LATER).landed == 1
    assert space.events("event_no", "message_id") == [(1, "m1"), (2, "m2"), (3, "m2")]
    assert [row[1:] for row in space.rows("ops.landed_files", "landed_at", "rows_read", "rows_landed")] == [
        (2, 2),
        (1, 1),
    ]


def test_the_same_file_through_two_sources_lands_once(space: LandingSpace) -> None:
    path = space.write("a.gz", [track("m1")])
    sources = [Source(str(space.archive)), Source(str(path.parent)), Source(str(path))]
    assert space.land(sources=sources).landed == 1


def test_a_truncated_file_waits_until_it_is_whole(space: LandingSpace) -> None:
    content = b"".join(json.dumps(track(f"m{number}")).encode() + b"\n" for number in range(2000))
    space.write("a.gz", [track("ok1")])
    broken = space.write_bytes("b.gz", damaged(content))
    space.write("c.gz", [track("ok2")])
    report = space.land()
    # All or nothing of a file, and the others are not held up.
    assert [message for (message,) in space.events("message_id")] == ["ok1", "ok2"]
    assert {Path(file.path).name: file.status for file in report.files} == {
        "a.gz": "landed", "b.gz": "unreadable", "c.gz": "landed",
    }  # fmt: skip
    assert "order_completed" in report.tables
    assert space.rows("ops.landed_files", "file_path", "rows_read", "rows_landed", "status", "detail")[1] == (
        str(broken), 0, 0, "unreadable", "cut short: the end of the gzip data is missing",
    )  # fmt: skip
    assert [(note.notice, note.occurrences) for note in report.notices] == [("unreadable_file", 1)]
    # As it is, it is not read again.
    assert space.land(now=LATER).load_id is None
    space.write_bytes("b.gz", gzip.compress(content))
    assert space.land(now=LATER).landed == 2000
    assert len(set(space.events("message_id"))) == 2002


def test_nothing_of_a_damaged_file_is_left_behind(space: LandingSpace) -> None:
    lines = [
        b"nope",
        json.dumps({"batch": [{"type": "x"}]}).encode(),
        json.dumps(call("page", "", properties={"odd": 1})).encode(),
    ]
    space.write_bytes("a.gz", damaged(b"\n".join(lines * 5000)))
    report = space.land()
    assert (report.read, report.rejected) == (0, {})
    assert space.rows("ops.rejected_events", "reason") == []
    assert space.rows("ops.column_registry", "column_name") == []
    assert {row[0] for row in space.rows("ops.notices", "notice")} == {"unreadable_file"}


@pytest.mark.parametrize("name", ["a.gz", "a.jsonl"])
@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_an_empty_file(duckdb_space: LandingSpace, name: str, content: bytes) -> None:
    path = duckdb_space.archive / "plain" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(content) if name.endswith("gz") and content else content)
    duckdb_space.land()
    assert duckdb_space.rows("ops.landed_files", "status", "rows_read") == [("empty", 0)]
    assert duckdb_space.land(now=LATER).load_id is None


def test_a_file_that_the_store_does_not_give_is_asked_for_again(
    duckdb_space: LandingSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb_space.write("a.gz", [track("m1")])
    broken = duckdb_space.write("b.gz", [track("m2")])
    kept = broken.read_bytes()
    listing = load.list_files

    def list_then_lose(*args: Any, **options: Any) -> Any:
        files = listing(*args, **options)
        broken.unlink()
        return files

    monkeypatch.setattr(load, "list_files", list_then_lose)
    report = duckdb_space.land()
    monkeypatch.undo()
    assert {Path(file.path).name: file.status for file in report.files} == {"a.gz": "landed", "b.gz": "unavailable"}
    assert [note.notice for note in report.notices] == ["unavailable_file"]
    assert len(duckdb_space.rows("ops.landed_files", "file_path")) == 1
    broken.write_bytes(kept)
    assert duckdb_space.land(now=LATER).landed == 1


def test_a_load_that_fails_leaves_nothing(space: LandingSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    space.write("a.gz", [track("m1"), b"nope"])

    def fail(*_: Any) -> None:
        raise RuntimeError("killed")

    # The ledger is the last thing written.
    monkeypatch.setattr(load, "_insert_ledger", fail)
    with pytest.raises(RuntimeError, match="killed"):
        space.land(settings='{"a":1}')
    monkeypatch.undo()
    for table in (
        "staging.raw_events", "ops.loads", "ops.landed_files", "ops.rejected_events", "ops.column_registry", "ops.event_registry",
        "ops.landed_tables", "ops.notices", "ops.settings_history",
    ):  # fmt: skip
        assert space.query(f"select count(*) from profiles_{table}") == [(0,)], table
    assert list(space.workplace.home.root.glob("scratch/*")) == []
    report = space.land(settings='{"a":1}')
    assert (report.first_event_no, report.landed, report.rejected) == (1, 1, {"invalid_json": 1})


def test_two_landings_at_once_do_not_double(space: LandingSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    space.write("a.gz", [track("m1")])
    reading = load._read

    def read_slowly(*args: Any) -> Any:
        monkeypatch.setattr(load, "_read", reading)
        results = reading(*args)
        other = dataclasses.replace(
            space.workplace, home=type(space.workplace.home)(space.workplace.home.root / "other")
        )
        land(other, [Source(str(space.archive))], now=NOW)
        return results

    monkeypatch.setattr(load, "_read", read_slowly)
    with pytest.raises(LandingError, match="another landing"):
        space.land()
    assert len(space.events("event_no")) == 1


# -- several processes -----------------------------------------------------------------------------------------------


def test_several_processes_give_the_same(space: LandingSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    pick = random.Random(7)
    for file in range(5):
        lines: list[dict[str, Any] | bytes] = []
        for number in range(60):
            at = f"2024-05-01T10:{pick.randrange(60):02d}:{pick.randrange(60):02d}.000Z"
            event = pick.choice(["Order Completed", "Product Viewed"])
            lines.append(
                track(
                    f"m{file}-{number}",
                    event=event,
                    at=at,
                    properties={f"p{pick.randrange(5)}": pick.choice([1, 1.5, "x"])},
                )
            )
        lines.insert(pick.randrange(60), b"nope")
        space.write(f"{file}.gz", lines)
    broken = space.write_bytes("broken.gz", damaged(b'{"type":"page"}\n' * 5000))
    monkeypatch.setattr(load, "_SMALL_LOAD_BYTES", 0)
    seen: list[Progress] = []
    report = land(
        space.workplace, [Source(str(space.archive))], LandingOptions(workers=3), now=NOW, progress=seen.append
    )
    assert (report.landed, report.rejected) == (300, {"invalid_json": 5})
    assert {file.path for file in report.files if file.status == "unreadable"} == {str(broken)}
    assert [each.files_done for each in seen if each.phase == "read"] == list(range(7))
    assert seen[-1].phase == "load"
    tables = {
        "staging.raw_events": ["event_no", "message_id", "file_name", "file_row", "payload_sha256"],
        "ops.column_registry": ["table_name", "raw_path", "column_name", "data_type", "path_rank", "first_event_no"],
        "ops.event_registry": ["table_name", "event_names", "first_event_no", "last_event_no"],
        "ops.landed_tables": ["table_name", "events", "first_event_no", "last_event_no"],
        "ops.rejected_events": ["file_name", "file_row", "reason"],
        "ops.landed_files": ["file_path", "etag", "rows_read", "rows_landed", "rows_rejected", "status"],
    }
    in_processes = {table: sorted(space.rows(table, *columns)) for table, columns in tables.items()}
    monkeypatch.undo()
    for table in (*tables, "ops.loads", "ops.notices"):
        space.query(f"delete from profiles_{table} returning 1")
    assert space.land(options=LandingOptions(workers=1)).landed == 300
    assert {table: sorted(space.rows(table, *columns)) for table, columns in tables.items()} == in_processes


def test_a_reading_process_that_dies_fails_the_load(
    duckdb_space: LandingSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        duckdb_space.write(f"{number}.gz", [track(f"m{number}")])
    monkeypatch.setattr(load, "_SMALL_LOAD_BYTES", 0)
    monkeypatch.setattr(worker_module, "_START", "import os, sys; sys.stdin.buffer.read(1); os._exit(9)")
    with pytest.raises(LandingError, match="ended with code 9"):
        duckdb_space.land(options=LandingOptions(workers=2))
    monkeypatch.undo()
    assert duckdb_space.land().landed == 3


# -- rejects and notices ---------------------------------------------------------------------------------------------


def test_a_rejected_line_can_be_read_back(space: LandingSpace) -> None:
    long = json.dumps({"type": "nope", "text": 'a,"b"\n' * 20_000}).encode()
    control = b'{"type":"page","userId":"\x00\xff"}'
    binary = b"7" + b"\xff" * 20_000
    path = space.write(
        "a.gz", [b"nope, 'quoted' \"text\"", b"", long, control, {"batch": [track("m1"), {"type": "page"}]}, binary]
    )
    report = space.land()
    assert report.rejected == {"invalid_json": 3, "invalid_type": 1, "no_user_anon_id": 1}
    rows = space.rows(
        "ops.rejected_events", "file_row", "item_no", "reason", "payload_text", "file_name", "load_id", "rejected_at"
    )
    assert [row[:4] for row in rows] == [
        (1, 0, "invalid_json", "nope, 'quoted' \"text\""),
        (3, 0, "invalid_type", long[: 32 * 1024].decode()),
        (4, 0, "invalid_json", '{"type":"page","userId":"��"}'),
        (5, 2, "no_user_anon_id", '{"type": "page"}'),
        (6, 0, "invalid_json", "7" + "\ufffd" * 10_922),
    ]
    assert {row[4:] for row in rows} == {(str(path), report.load_id, NOW)}
    assert space.rows("ops.landed_files", "rows_read", "rows_landed", "rows_rejected") == [(6, 1, 5)]
    assert space.rows("ops.loads", "events", "rejected") == [(1, 5)]


def test_only_rejects_is_a_load_too(space: LandingSpace) -> None:
    space.write("a.gz", [b"nope"])
    report = space.land()
    assert (report.landed, report.first_event_no, report.last_event_no) == (0, None, None)
    assert space.rows("ops.loads", "events", "rejected", "first_event_no") == [(0, 1, None)]
    assert space.land(now=LATER).load_id is None


def test_strict_limits_can_be_lifted(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [call("group", "m1")])
    assert duckdb_space.land(options=LandingOptions(strict_unify_limits=False)).landed == 1


def test_notices_are_counted_by_load_and_subject(space: LandingSpace) -> None:
    bad = call("page", "m1", context="x", properties=[], timestamp="soon", anonymousId=1.5)
    space.write("a.gz", [bad, {**bad, "messageId": "m2"}, {**bad, "messageId": None}, b"nope"])
    report = space.land()
    expected = {
        ("bad_container", None, "context", 3), ("bad_container", None, "properties", 3), ("invalid_timestamp", None, "timestamp", 3),
        ("bad_identifier", None, "anonymousId", 3), ("message_id_generated", None, None, 1),
    }  # fmt: skip
    found = space.rows("ops.notices", "notice", "table_name", "column_name", "occurrences")
    assert set(found) == expected
    assert len(found) == len(expected)
    assert set(space.rows("ops.notices", "sync_id", "noticed_at")) == {(report.load_id, NOW)}
    assert {(each.notice, each.table_name, each.column_name, each.occurrences) for each in report.notices} == expected


# -- registries ------------------------------------------------------------------------------------------------------


def test_event_tables_are_registered(space: LandingSpace) -> None:
    space.write("a.gz", [
        track("m1", "Order Completed", at="2024-05-01T10:00:01.000Z"), track("m2", "order completed", at="2024-05-01T10:00:02.000Z"),
        call("page", "m3", at="2024-05-01T10:00:03.000Z"), track("m4", "日本", at="2024-05-01T10:00:04.000Z"),
        track("m5", "Tracks", at="2024-05-01T10:00:05.000Z"),
    ])  # fmt: skip
    report = space.land()
    japanese = f"event_{hashlib.sha1('日本'.encode()).hexdigest()[:8]}"
    assert space.rows("ops.event_registry", "table_name", "kind", "event_names", "first_event_no", "last_event_no") == [
        ("_tracks", "track", '["Tracks"]', 5, 5), (japanese, "track", '["日本"]', 4, 4),
        ("order_completed", "track", '["Order Completed", "order completed"]', 1, 2),
        ("pages", "event_type", '["page"]', 3, 3), ("tracks", "event_type", '["track"]', 1, 5),
    ]  # fmt: skip
    assert report.new_tables == ("order_completed", japanese, "_tracks")
    assert report.tables == {"_tracks": 1, japanese: 1, "order_completed": 2, "pages": 1, "tracks": 4}
    assert [(note.notice, note.table_name) for note in report.notices] == [("shared_event_table", "order_completed")]
    space.write("b.gz", [track("m6", "Order Completed"), track("m7", "Order-Completed")])
    again = space.land(now=LATER)
    assert again.new_tables == ()
    found = space.query(
        "select event_names, first_event_no, last_event_no from profiles_ops.event_registry "
        "where table_name = 'order_completed'"
    )
    assert found == [('["Order Completed", "Order-Completed", "order completed"]', 1, 7)]
    assert space.rows("ops.landed_tables", "load_id", "table_name", "events", "first_event_no", "last_event_no")[-2:] == [
        (again.load_id, "order_completed", 2, 6, 7), (again.load_id, "tracks", 2, 6, 7),
    ]  # fmt: skip


def test_event_names_beyond_the_limit_have_no_table(space: LandingSpace) -> None:
    options = LandingOptions(max_event_tables=2)
    space.write("a.gz", [
        track(f"m{number}", f"Event {number}", at=f"2024-05-01T10:00:0{9 - number}.000Z", properties={"p": 1}, context={"c": number})
        for number in range(4)
    ])  # fmt: skip
    report = space.land(options=options)
    assert report.new_tables == ("event_3", "event_2")
    assert [(note.notice, note.table_name, note.occurrences) for note in report.notices] == [
        ("table_limit", "tracks", 2)
    ]
    space.write("b.gz", [track("m5", "Event 1"), track("m6", "Event 3")])
    later = space.land(options=options, now=LATER)
    assert later.tables == {"event_3": 1, "tracks": 2}
    # The name of the table it would have is kept all the same.
    assert set(space.events("event_name", "event_slug")) == {(f"Event {n}", f"event_{n}") for n in range(4)}
    registered = space.rows("ops.column_registry", "table_name", "column_name", order_by="1, 2")
    assert registered == [
        ("event_2", "context_c"), ("event_2", "p"), ("event_3", "context_c"), ("event_3", "p"), ("tracks", "context_c"),
    ]  # fmt: skip


def test_columns_are_registered(space: LandingSpace) -> None:
    space.write("a.gz", [
        call("identify", "m1", traits={"firstName": "A", "id": 7, "address": {"city": "X"}}, context={"app": {"name": "n"}}),
        call("identify", "m2", context={"traits": {"plan": "pro"}}),
        call("group", "m3", groupId="g", traits={"employees": 12}),
        call("page", "m4", name="Home", properties={"name": "Home", "url": "/"}),
        call("alias", "m5", previousId="p"),
        track("m6", properties={"price": 1, "order": {"id": "x"}, "at": "2024-05-01T10:00:00Z"}, context={"ip": "1"}),
        track("m7", properties={"price": 2.5}),
    ])  # fmt: skip
    space.land()
    reserved_at = "_at" if space.workplace.target.kind == "duckdb" else "at"
    found = space.rows("ops.column_registry", "table_name", "column_name", "raw_path", "data_type", "status")
    assert sorted(found) == sorted([
        ("groups", "employees", '["traits","employees"]', "integer", "active"),
        ("identifies", "_id", '["traits","id"]', "integer", "active"),
        ("identifies", "address_city", '["traits","address","city"]', "varchar", "active"),
        ("identifies", "context_app_name", '["context","app","name"]', "varchar", "active"),
        ("identifies", "context_traits_plan", '["context","traits","plan"]', "varchar", "active"),
        ("identifies", "first_name", '["traits","firstName"]', "varchar", "active"),
        ("identifies", "plan", '["traits","plan"]', "varchar", "active"),
        ("order_completed", reserved_at, '["properties","at"]', "timestamp", "active"),
        ("order_completed", "context_ip", '["context","ip"]', "varchar", "active"),
        ("order_completed", "order_id", '["properties","order","id"]', "varchar", "active"),
        ("order_completed", "price", '["properties","price"]', "float", "active"),
        ("pages", "name", '["properties","name"]', "varchar", "shared"),
        ("pages", "url", '["properties","url"]', "varchar", "active"),
        # profile_traits itself leaves it out; the other tables of traits have it.
        ("profile_traits", "_id", '["traits","id"]', "integer", "active"),
        ("profile_traits", "address_city", '["traits","address","city"]', "varchar", "active"),
        ("profile_traits", "first_name", '["traits","firstName"]', "varchar", "active"),
        ("profile_traits", "plan", '["traits","plan"]', "varchar", "active"),
        ("tracks", "context_ip", '["context","ip"]', "varchar", "active"),
    ])  # fmt: skip


def test_types_change_only_as_they_may(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1", properties={"n": 1, "due": "2024-05-01T10:00:00Z", "s": "x"})])
    space.land()
    space.write("b.gz", [
        track("m2", properties={"n": 1.5, "due": "soon", "s": 3}), track("m3", properties={"n": "many", "due": "2024-05-01T10:00:00Z"}),
        track("m4", properties={"N": True, "fresh": [1]}),
    ])  # fmt: skip
    report = space.land(now=LATER)
    found = space.rows("ops.column_registry", "raw_path", "column_name", "data_type", "path_rank", "first_event_no")
    assert found == [
        ('["properties","N"]', "n", "float", 2, 2), ('["properties","due"]', "due", "timestamp", 1, 1),
        ('["properties","fresh"]', "fresh", "varchar", 1, 2), ('["properties","n"]', "n", "float", 1, 1),
        ('["properties","s"]', "s", "varchar", 1, 1),
    ]  # fmt: skip
    assert {(note.notice, note.column_name, note.occurrences) for note in report.notices} == {
        ("value_cast_failed", "n", 2), ("value_cast_failed", "due", 1), ("shared_column", "n", 3),
        ("column_widened", "n", 1),
    }  # fmt: skip
    assert report.new_columns == ("order_completed.fresh",)


def test_names_fit_the_engine(space: LandingSpace) -> None:
    long = "Very Long Event Name " * 5
    slug = "_".join(["very_long_event_name"] * 5)
    space.write("a.gz", [track("m1", long, properties={long: 1})])
    space.land()
    cut = f"{slug[:54]}_{hashlib.sha1(slug.encode()).hexdigest()[:8]}"
    expected = cut if space.workplace.target.kind == "postgres" else slug
    assert space.events("event_slug") == [(expected,)]
    assert space.rows("ops.column_registry", "table_name", "column_name") == [(expected, expected)]


def test_portable_names(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [track("m1", "x" * 100, properties={"user": 1})])
    duckdb_space.land(options=LandingOptions(portable_names=True))
    ((table, column),) = duckdb_space.rows("ops.column_registry", "table_name", "column_name")
    assert (len(table), column) == (63, "_user")


def test_columns_beyond_the_limit(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [track("m1", properties={"a": 1, "b": 2, "c": 3})])
    report = duckdb_space.land(options=LandingOptions(max_columns_per_table=2))
    assert duckdb_space.rows("ops.column_registry", "column_name", "status") == [
        ("a", "active"), ("b", "active"), ("c", "overflow"),
    ]  # fmt: skip
    assert [note.notice for note in report.notices] == ["column_limit"]


# -- settings --------------------------------------------------------------------------------------------------------


def test_settings_are_recorded_when_they_change(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1"), track("m2")])
    assert space.land(settings='{"a":1,"b":2}').settings_version == 1
    assert space.land(settings='{"b":2, "a":1}', now=LATER).settings_version is None
    # Also without new files: it holds from the next event on.
    assert space.land(settings='{"a":2}', now=LATER).settings_version == 2
    space.write("b.gz", [track("m3")])
    assert space.land(settings='{"a":3}', now=LATER + timedelta(hours=1)).settings_version == 3
    assert space.rows("ops.settings_history", "version", "from_event_no", "settings", "origin") == [
        (1, 1, '{"a":1,"b":2}', "profiles-sync"), (2, 3, '{"a":2}', "profiles-sync"), (3, 3, '{"a":3}', "profiles-sync"),
    ]  # fmt: skip


# -- the warehouse ---------------------------------------------------------------------------------------------------


def test_the_connection_is_closed_afterwards(duckdb_space: LandingSpace) -> None:
    duckdb_space.write("a.gz", [track("m1")])
    duckdb_space.land()
    code = f"import duckdb; duckdb.connect({duckdb_space.workplace.target.address!r}).execute('select 1')"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_source_that_cannot_be_listed_writes_nothing(space: LandingSpace) -> None:
    space.write("a.gz", [track("m1")])
    with pytest.raises(LandingError, match="does not exist"):
        space.land(sources=[Source(str(space.archive)), Source(str(space.archive / "nowhere"))])
    assert space.events("event_no") == []


def test_rows_that_did_not_arrive_fail_the_load(duckdb_space: LandingSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb_space.write("a.gz", [track("m1"), track("m2")])
    every = load.spool.calls_sql
    monkeypatch.setattr(
        load.spool, "calls_sql", lambda folder: [f"from ({calls}) where message_id <> 'm2'" for calls in every(folder)]
    )
    with pytest.raises(LandingError, match="2 calls were read, 1 arrived"):
        duckdb_space.land()
    monkeypatch.undo()
    assert duckdb_space.events("event_no") == []


def test_a_warehouse_that_is_not_there(postgres_space: LandingSpace) -> None:
    postgres_space.workplace.target.credentials.port = 1
    postgres_space.workplace.target.credentials.password = "hunter2-secret"
    with pytest.raises(WarehouseError) as failure:
        postgres_space.land()
    assert failure.value.code == "E_NETWORK"
    assert "hunter2" not in str(failure.value)
