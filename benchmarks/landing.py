"""Speed and memory of landing into DuckDB: calls of 1 KB from an archive of gzip files.

    python benchmarks/landing.py [--events 2000000] [--folder DIR]

Two measures: reading, envelope and insert alone; and the whole of landing, with digest, checks, structure, order and
ledger. Wall-clock figures hold for an idle machine; the processor time beside them also for a busy one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import orjson

from profiles_sync.home import Home
from profiles_sync.landing import Source, land, prepare_space, spool, timestamps
from profiles_sync.landing.calls import Call
from profiles_sync.landing.files import FileLines, Ledger, list_files
from profiles_sync.project import open_workplace
from profiles_sync.warehouse import open_warehouse

EVENTS_PER_FILE = 25_000
READERS = 2
START = datetime(2024, 1, 1)
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
)


def write_archive(folder: Path, events: int) -> int:
    """Write an archive of `events` calls; return the size of their JSON in bytes."""
    pick = random.Random(1)
    size = 0
    for first in range(0, events, EVENTS_PER_FILE):
        lines = [line(pick, number) for number in range(first, min(first + EVENTS_PER_FILE, events))]
        day = (START + timedelta(seconds=first / 5)).strftime("%Y-%m-%d")
        path = folder / "segment-logs" / f"source_{first // EVENTS_PER_FILE % 3}" / day / f"{first:09d}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = b"\n".join(lines)
        size += len(content)
        path.write_bytes(gzip.compress(content, compresslevel=4))
    return size


def line(pick: random.Random, number: int) -> bytes:
    """Return one archived call of about 1 KB."""
    at = START + timedelta(seconds=number / 5)
    received, sent, original = (
        (at + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z" for ms in (900, 400, 0)
    )
    user, path = pick.randrange(100_000), f"/catalogue/{pick.randrange(1000)}"
    page = {"path": path, "referrer": "", "search": "", "title": "Catalogue", "url": f"https://www.example.com{path}"}
    call = {
        "anonymousId": f"{pick.getrandbits(128):032x}",
        "channel": "browser",
        "context": {
            "ip": "192.0.2.1",
            "library": {"name": "analytics.js", "version": "2.1.0"},
            "locale": "en-US",
            "page": page,
            "timezone": "Europe/Berlin",
            "userAgent": AGENT,
            "userAgentData": {"brands": [{"brand": "Chromium", "version": "124"}], "mobile": False},
        },
        "integrations": {},
        "messageId": f"ajs-next-{pick.getrandbits(128):032x}",
        "originalTimestamp": original,
        "receivedAt": received,
        "sentAt": sent,
        "timestamp": received,
        "userId": f"user_{user}",
        "version": 2,
    }
    kind = pick.choices(("track", "page", "identify"), (6, 3, 1))[0]
    if kind == "track":
        call |= {
            "event": f"Event {pick.randrange(50)}",
            "properties": {
                "sku": f"SKU-{pick.randrange(10_000)}", "price": pick.random() * 100, "quantity": pick.randrange(5),
                "name": "Two Person Tent", "category": "tents", "shipping": {"method": "express", "cost": 4}, "sizes": [1, 2],
            },
        }  # fmt: skip
    elif kind == "page":
        call |= {"name": "Catalogue", "properties": page}
    else:
        call |= {
            "traits": {"email": f"user_{user}@example.com", "name": "Ada Abel", "plan": "pro", "visits": user % 90}
        }
    return orjson.dumps({"type": kind, **call})


class Measure:
    """Wall-clock and processor time of a block, of this process and of its children that have ended."""

    def __init__(self, label: str, events: int) -> None:
        self.label, self.events = label, events

    def __enter__(self) -> None:
        self._wall, self._processor = time.perf_counter(), processor_time()

    def __exit__(self, *_: object) -> None:
        wall = time.perf_counter() - self._wall
        used = (processor_time() - self._processor) / self.events * 1e6
        print(
            f"{self.label}: {self.events / wall:,.0f} events/s ({wall:.1f} s; {used:.1f} µs of processor time an event; "
            f"load {os.getloadavg()[0]:.1f})",
            flush=True,
        )


def processor_time() -> float:
    """Return seconds of processor time, children included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def prepared_home(folder: Path) -> Iterator[Home]:
    """An empty space on DuckDB."""
    home = Home(folder)
    prepare_space(open_workplace(home, target="duckdb"))
    yield home


def read_envelopes(files: list[list[object]], folder: Path, name: str) -> None:
    """Read files without digest, checks and structure: the envelope only."""
    writer = spool.SpoolWriter(folder, name)
    for number, path in files:
        (file,) = list_files([Source(str(path))], Ledger(()), today=date.today())
        for row, raw, _ in FileLines(file):
            call = orjson.loads(raw)
            get = call.get
            received, original = timestamps.parse(get("receivedAt")), timestamps.parse(get("originalTimestamp"))
            envelope = Call(
                get("messageId"), get("type"), get("event") or get("name"), received, timestamps.parse(get("sentAt")),
                original, timestamps.parse(get("timestamp")), get("userId"), get("anonymousId"), raw, "", 0, None, None,
            )  # fmt: skip
            writer.call(int(str(number)), row, envelope, None)
    writer.close()


def read_and_insert(home: Home, archive: Path, scratch: Path) -> None:
    """Read the archive in processes of their own, and insert the envelopes as they come."""
    files = list(enumerate(str(path) for path in sorted(archive.rglob("*.gz"))))
    readers = []
    for reader in range(READERS):
        mine = json.dumps(files[reader::READERS])
        process = subprocess.Popen(
            [sys.executable, __file__, "--reader", str(reader), str(scratch)], stdin=subprocess.PIPE
        )
        assert process.stdin is not None
        process.stdin.write(mine.encode())
        process.stdin.close()
        readers.append(process)
    if any(process.wait() for process in readers):
        raise SystemExit("a reader failed")
    columns = [
        "message_id", "type", "event_name", "received_at", "sent_at", "original_timestamp", "timestamp", "user_id", "anonymous_id",
        "payload", "file_row",
    ]  # fmt: skip
    workplace = open_workplace(home, target="duckdb")
    with open_warehouse(workplace.target) as warehouse, warehouse.transaction():
        for calls in spool.calls_sql(scratch):
            query = f"""
                select message_id, type, event_name, make_timestamp(received_us), make_timestamp(sent_us),
                  make_timestamp(original_us), make_timestamp(timestamp_us), user_id, anonymous_id, payload, file_row
                from ({calls})
            """
            warehouse.insert_query(warehouse.staging("raw_events"), columns, query, scratch)


def main() -> None:
    """Run both measures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--reader", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reader:
        read_envelopes(json.load(sys.stdin), Path(arguments.reader[1]), arguments.reader[0])
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        archive, scratch = Path(folder, "archive"), Path(folder, "scratch")
        scratch.mkdir()
        size = write_archive(archive, arguments.events)
        print(
            f"{arguments.events:,} calls of {size / arguments.events:.0f} bytes, DuckDB {duckdb.__version__}, "
            f"{READERS} readers",
            flush=True,
        )
        with prepared_home(Path(folder, "partial")) as home, Measure("read, envelope, insert", arguments.events):
            read_and_insert(home, archive, scratch)
        with prepared_home(Path(folder, "whole")) as home:
            workplace = open_workplace(home, target="duckdb")
            with Measure("the whole of landing", arguments.events):
                report = land(workplace, [Source(str(archive))])
            assert report.landed == arguments.events, report.rejected
        loading = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        reading = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"peak memory: {loading:,.0f} MB while loading; before that, in no other process more than {reading:,.0f} MB"
        )


if __name__ == "__main__":
    main()
