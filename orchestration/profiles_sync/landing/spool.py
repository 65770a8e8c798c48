"""Scratch files between reading and loading: accepted calls, rejects and structure, in forms that DuckDB scans fast.

A call is a line of tab-separated fields, blank for NULL, nothing quoted, JSON last. The few calls with a tab or a line
break in a field, or with very long JSON, go into a second file that quotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

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
_FLUSH = 512
_REJECT_TEXT_BYTES = 32 * 1024


class SpoolWriter:
    """Writes the scratch files of one reader.

    Args:
        folder: Where; must exist.
        name: Part of the files' names, different for each reader.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._calls = (folder / f"calls-{name}.tsv").open("wb")
        self._quoted = (folder / f"quoted-{name}.csv").open("wb")
        self._rejects = (folder / f"rejects-{name}.csv").open("wb")
        self._structure = (folder / f"structure-{name}.csv").open("wb")
        self._pending: list[bytes] = []
        self._marks: tuple[int, ...] = (0, 0, 0)

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
            self._quoted.write(csv_line([*fields, *texts, payload.decode()]))
            return
        pending = self._pending
        pending.append(head.encode())
        pending.append(payload)
        pending.append(b"\n")
        if len(pending) > _FLUSH:
            self._flush()

    def reject(self, file_no: int, file_row: int, item_no: int, reason: str, detail: str, source: bytes) -> None:
        """Write a rejected call; of its text the first 32 KB are kept."""
        # No warehouse stores a NUL.
        text = source[:_REJECT_TEXT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
        self._rejects.write(csv_line([file_no, file_row, item_no, reason, detail, text]))

    def structure(self, structure: Structure) -> None:
        """Hand over what was counted."""
        for (table, path), counts in structure.counts():
            self._structure.write(csv_line([table, orjson.dumps(path).decode(), *counts]))
        structure.clear()

    def mark(self) -> None:
        """Remember this place: `rollback` comes back to it."""
        self._flush()
        self._marks = tuple(file.tell() for file in self._row_files)

    def rollback(self) -> None:
        """Forget the rows written since `mark`."""
        self._pending.clear()
        for file, place in zip(self._row_files, self._marks, strict=True):
            file.seek(place)
            file.truncate()

    def close(self) -> None:
        """Write what is pending and close the files."""
        self._flush()
        for file in (*self._row_files, self._structure):
            file.close()

    @property
    def _row_files(self) -> tuple[BinaryIO, BinaryIO, BinaryIO]:
        return self._calls, self._quoted, self._rejects

    def _flush(self) -> None:
        self._calls.write(b"".join(self._pending))
        self._pending.clear()


def calls_sql(folder: Path) -> str:
    """Return the query of all accepted calls in a folder of scratch files."""
    plain = "delim='\\t', quote='', escape='', nullstr='', max_line_size=2000000"
    return (
        f"{scan_sql(sorted(folder.glob('calls-*.tsv')), CALL_COLUMNS, plain)} union all "
        f"{scan_sql(sorted(folder.glob('quoted-*.csv')), CALL_COLUMNS, _quoted_options(3 * LINE_BYTES))}"
    )


def rejects_sql(folder: Path) -> str:
    """Return the query of all rejects in a folder of scratch files."""
    return scan_sql(sorted(folder.glob("rejects-*.csv")), REJECT_COLUMNS)


def structure_sql(folder: Path) -> str:
    """Return the query of the structure in a folder of scratch files; a path may come several times."""
    return scan_sql(sorted(folder.glob("structure-*.csv")), STRUCTURE_COLUMNS, _quoted_options(3 * LINE_BYTES))


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
