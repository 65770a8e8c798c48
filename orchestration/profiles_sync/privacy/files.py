"""Take texts out of what the home keeps beside the warehouse: logs, dbt's artifacts, Dagster's runs."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
from dagster import EventLogEntry
from dagster._core.instance import RUNLESS_RUN_ID

from profiles_sync.home import Home
from profiles_sync.sync import history
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import SyncError

_HIDDEN = "erased"
_DATE = r"\d{4}-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:[+-]\d\d:\d\d)?)?"
# After no letter or digit, unless JSON writes a line's end or another character with it.
_WORD_BEGINS = r"(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))"
# Another program may have one of Dagster's files for a moment.
_BUSY_S = 30.0


def forget_in_home(home: Home, texts: Iterable[str]) -> None:
    """Delete every log, dbt artifact and Dagster run that holds one of the texts; the caller holds the lock.

    What a deleted run said of its sync stays in the history, without the text.

    Args:
        home: The home.
        texts: What is to be forgotten; at least four characters each, or too much would go.
    """
    searched = _Searched.of(texts)
    if searched is None:
        return
    for folder in (home.logs_dir, home.target_dir):
        for path in folder.rglob("*"):
            if path.is_file() and searched.stands_in(path.read_bytes().decode("utf-8", "replace")):
                path.unlink()
    with history.open_instance(home) as instance:
        told = _forget_outside_of_runs(instance, searched)
        _forget_runs(instance, home, searched, told)
    for database in home.dagster_dir.rglob("*.db"):
        # What was deleted stays in a file's free pages until then.
        with contextlib.closing(sqlite3.connect(database, timeout=_BUSY_S)) as connection:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")


@dataclass(frozen=True)
class _Searched:
    """Texts that are searched for: as they are and as JSON writes them, as words of their own, not as part of a date."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> _Searched | None:
        forms = {form for text in texts for form in (text, json.dumps(text)[1:-1]) if len(form) >= 4}
        if not forms:
            return None
        # Longest first: one may begin another.
        values = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        return cls(re.compile(rf"{_DATE}|{_WORD_BEGINS}(?P<value>{values})(?!\w)"))

    def stands_in(self, text: str) -> bool:
        return any(found["value"] is not None for found in self.pattern.finditer(text))

    def stands_in_entry(self, entry: EventLogEntry) -> bool:
        # In the texts of it: its numbers are times and counts.
        return any(map(self.stands_in, _texts(json.loads(dg.serialize_value(entry)))))

    def hide(self, text: str) -> str:
        return self.pattern.sub(lambda found: found[0] if found["value"] is None else _HIDDEN, text)

    def hide_in_error(self, error: SyncError | None) -> SyncError | None:
        return error and replace(error, message=self.hide(error.message), hint=self.hide(error.hint))

    def hide_in_record(self, record: SyncRecord) -> SyncRecord:
        outcome = record.outcome
        if outcome is None:
            return record
        hidden = replace(
            outcome,
            tables=tuple(replace(table, error=self.hide_in_error(table.error)) for table in outcome.tables),
            landing=replace(outcome.landing, unread=tuple(map(self.hide, outcome.landing.unread))),
            error=self.hide_in_error(outcome.error),
        )
        return replace(record, outcome=hidden)


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for inner in document.values():
            yield from _texts(inner)
    elif isinstance(document, list):
        for inner in document:
            yield from _texts(inner)


def _forget_outside_of_runs(instance: dg.DagsterInstance, searched: _Searched) -> frozenset[str]:
    """Tell anew, without the texts, what was told of syncs when their run was over; returns those syncs' runs."""
    entries = [(entry, _record_in(entry)) for entry in instance.all_logs(RUNLESS_RUN_ID)]
    if any(searched.stands_in_entry(entry) for entry, _ in entries):
        instance.event_log_storage.delete_events(RUNLESS_RUN_ID)
        for entry, record in entries:
            if not searched.stands_in_entry(entry):
                instance.event_log_storage.store_event(entry)
            elif record is not None:
                instance.report_runless_asset_event(history.materialization(searched.hide_in_record(record)))
    return frozenset(record.run_id for _, record in entries if record is not None)


def _forget_runs(instance: dg.DagsterInstance, home: Home, searched: _Searched, told: Container[str]) -> None:
    records = {record.run_id: record for record in history.finished(instance)}
    for run in instance.get_runs():
        if not any(map(searched.stands_in_entry, instance.all_logs(run.run_id))):
            continue
        record = records.get(run.run_id)
        if record is not None and run.run_id not in told:
            instance.report_runless_asset_event(history.materialization(searched.hide_in_record(record)))
        instance.delete_run(run.run_id)
        shutil.rmtree(home.dagster_dir / "storage" / run.run_id, ignore_errors=True)


def _record_in(entry: EventLogEntry) -> SyncRecord | None:
    said = entry.asset_materialization
    if said is None or said.asset_key != history.ASSET_KEY:
        return None
    return history.load(said.metadata["report"].value)
