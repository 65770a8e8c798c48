"""Scratch files between reading and loading: accepted calls, rejects and structure, in forms that DuckDB scans fast.

A call is a line of tab-separated fields, blank for NULL, nothing quoted, JSON last. The few calls with a tab or a line
break in a field, or with very long JSON, go into a second file that quotes. Calls are kept apart by the hour of their
receipt: the load sorts some hours at a time, in memory, however many there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import orjson

from profiles_sync.landing.calls import Call
from profiles_sync.landing.files import LINE_BYTES
from profiles_sync.landing.structure import SLOTS, Structure

CALL_COLUMNS = {
    "file_no": "integer",
    "file_row": "bigint",
    "item_no": "integer",
    "received_us": "bigint",
    "timestamp_us": "bigint",
    "sent_us": "bigint",
    "original_us": "bigint",
    "type": "varchar",
    "payload_sha256": "varchar",
    "message_id": "varchar",
    "user_id": "varchar",
    "anonymous_id": "varchar",
    "event_name": "varchar",
    "event_slug": "varchar",
    "payload": "varchar",
}
REJECT_COLUMNS = {
    "file_no": "integer",
    "file_row": "bigint",
    "item_no": "integer",
    "reason": "varchar",
    "detail": "varchar",
    "payload_text": "varchar",
}
STRUCTURE_COLUMNS = {"table_key": "varchar", "path": "varchar", **dict.fromkeys(SLOTS, "bigint")}

_TABS = len(CALL_COLUMNS) - 1
_WIDE = 256 * 1024
_NOT_IN_JSON = bytes.maketrans(b"\t\r", b"  ")
_HOUR = 3_600_000_000
# Calls held before they are written.
_PENDING = 2000
# Size of the scratch files that are sorted at a time.
_GROUP_BYTES = 256 << 20
_REJECT_TEXT_BYTES = 32 * 1024


class SpoolWriter:
    """Writes the scratch files of one reader.

    Args:
        folder: Where; must exist.
        name: Part of the files' names, different for each reader.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        # Lines of plain calls by hour, and how many.
        self._pending: dict[int, list[bytes]] = {}
        self._lines = 0
        # Files written since `mark`, and their size at it.
        self._sizes: dict[Path, int] = {}

    def call(self, file_no: int, file_row: int, call: Call, slug: str | None) -> None:
        """Write an accepted call."""
        head = (
            f"{file_no}\t{file_row}\t{call.item_no}\t{call.received}\t{call.timestamp}\t"
            f"{'' if call.sent is None else call.sent}\t{call.original}\t{call.kind}\t{call.sha256}\t"
            f"{call.message_id}\t{call.user_id or ''}\t{call.anonymous_id or ''}\t"
            f"{call.event_name or ''}\t{slug or ''}\t"
        )
        payload = call.payload
        # Between tokens JSON may have tabs and carriage returns; inside of strings it may not.
        if b"\t" in payload or b"\r" in payload:
            payload = payload.translate(_NOT_IN_JSON)
        if head.count("\t") != _TABS or "\n" in head or "\r" in head or len(payload) > _WIDE:
            fields = [file_no, file_row, call.item_no, call.received, call.timestamp, call.sent, call.original]
            texts = [call.kind, call.sha256, call.message_id, call.user_id, call.anonymous_id, call.event_name, slug]
            self._append(f"quoted-{call.received // _HOUR:06d}", csv_line([*fields, *texts, payload.decode()]))
            return
        hour = call.received // _HOUR
        pending = self._pending.get(hour)
        if pending is None:
            pending = self._pending[hour] = []
        pending.append(head.encode())
        pending.append(payload)
        pending.append(b"\n")
        self._lines += 1
        if self._lines > _PENDING:
            self._flush()

    def reject(self, file_no: int, file_row: int, item_no: int, reason: str, detail: str, source: bytes) -> None:
        """Write a rejected call; of its text the first 32 KB are kept."""
        # No warehouse stores a NUL. Cut again: a byte that is no UTF-8 becomes a character of three.
        text = source[:_REJECT_TEXT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        text = text.encode()[:_REJECT_TEXT_BYTES].decode("utf-8", "ignore")
        self._append("rejects", csv_line([file_no, file_row, item_no, reason, detail, text]))

    def structure(self, structure: Structure) -> None:
        """Hand over what was counted."""
        rows = (csv_line([table, orjson.dumps(path).decode(), *counts]) for (table, path), counts in structure.counts())
        self._append("structure", b"".join(rows))
        structure.clear()

    def mark(self) -> None:
        """Remember this place: `rollback` comes back to it."""
        self._flush()
        self._sizes.clear()

    def rollback(self) -> None:
        """Forget the rows written since `mark`."""
        self._pending.clear()
        self._lines = 0
        for path, size in self._sizes.items():
            os.truncate(path, size)
        self._sizes.clear()

    def close(self) -> None:
        """Write what is pending."""
        self._flush()

    def _flush(self) -> None:
        for hour, lines in self._pending.items():
            self._append(f"calls-{hour:06d}", b"".join(lines))
        self._pending.clear()
        self._lines = 0

    def _append(self, kind: str, content: bytes) -> None:
        path = self._folder / f"{kind}-{self._name}"
        with path.open("ab") as file:
            self._sizes.setdefault(path, file.tell())
            file.write(content)


def calls_sql(folder: Path) -> list[str]:
    """Return queries that together give all accepted calls in a folder of scratch files.

    Each is of a size that sorts in memory, and all calls of one were received before those of the next.
    """
    groups: list[tuple[list[Path], list[Path]]] = []
    room = 0
    by_hour = sorted((*folder.glob("calls-*"), *folder.glob("quoted-*")), key=lambda path: path.name.split("-")[1])
    for _, files in groupby(by_hour, key=lambda path: path.name.split("-")[1]):
        hour = list(files)
        size = sum(path.stat().st_size for path in hour)
        if not groups or size > room:
            groups.append(([], []))
            room = _GROUP_BYTES
        room -= size
        for path in hour:
            groups[-1][path.name.startswith("quoted")].append(path)
    plain = "delim='\\t', quote='', escape='', nullstr='', max_line_size=2000000"
    return [
        f"{scan_sql(calls, CALL_COLUMNS, plain)} union all "
        f"{scan_sql(quoted, CALL_COLUMNS, _quoted_options(3 * LINE_BYTES))}"
        for calls, quoted in groups
    ]


def rejects_sql(folder: Path) -> str:
    """Return the query of all rejects in a folder of scratch files."""
    return scan_sql(sorted(folder.glob("rejects-*")), REJECT_COLUMNS)


def structure_sql(folder: Path) -> str:
    """Return the query of the structure in a folder of scratch files; a path may come several times."""
    return scan_sql(sorted(folder.glob("structure-*")), STRUCTURE_COLUMNS, _quoted_options(3 * LINE_BYTES))


def _quoted_options(line_bytes: int) -> str:
    return (
        "delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, parallel=false, "
        f"max_line_size={line_bytes}, buffer_size={2 * line_bytes}"
    )


def scan_sql(files: Sequence[Path], columns: Mapping[str, str], options: str = "") -> str:
    """Return the query of scratch files; with no `options` they are quoted ones with short lines."""
    files = [path for path in files if path.stat().st_size]
    if not files:
        return f"select {', '.join(f'null::{kind} as {name}' for name, kind in columns.items())} where false"
    names = ", ".join(sql_text(str(path)) for path in files)
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"select * from read_csv([{names}], columns={{{types}}}, header=false, auto_detect=false, new_line='\\n', "
        f"null_padding=false, strict_mode=true, {options or _quoted_options(1_000_000)})"
    )


def sql_text(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def csv_line(fields: Iterable[str | int | None]) -> bytes:
    """Return a line of a quoted scratch file."""
    cells = (
        "" if cell is None else '"' + cell.replace('"', '""') + '"' if type(cell) is str else str(cell)
        for cell in fields
    )
    return (",".join(cells) + "\n").encode()
