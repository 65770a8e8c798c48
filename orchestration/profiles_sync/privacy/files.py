"""Take texts out of what the home keeps beside the warehouse: logs, dbt's artifacts, Dagster's runs."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
from collections.abc import Iterable

import dagster as dg

from profiles_sync.home import Home
from profiles_sync.sync import history

_HIDDEN = "erased"
# Another program may have one of Dagster's files for a moment.
_BUSY_S = 30.0


def forget_in_home(home: Home, texts: Iterable[str]) -> None:
    """Delete every log, dbt artifact and Dagster run that holds one of the texts; the caller holds the lock.

    What a deleted run said of its sync stays in the history, without the text.

    Args:
        home: The home.
        texts: What is to be forgotten; at least four characters each, or too much would go.
    """
    pattern = _any_of(texts)
    if pattern is None:
        return
    for folder in (home.logs_dir, home.target_dir):
        for path in folder.rglob("*"):
            if path.is_file() and pattern.search(path.read_bytes().decode("utf-8", "replace")):
                path.unlink()
    with history.open_instance(home) as instance:
        _forget_runs(instance, home, pattern)
    for database in home.dagster_dir.rglob("*.db"):
        # What was deleted stays in a file's free pages until then.
        with contextlib.closing(sqlite3.connect(database, timeout=_BUSY_S)) as connection:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")


def _forget_runs(instance: dg.DagsterInstance, home: Home, pattern: re.Pattern[str]) -> None:
    records = {record.run_id: record for record in history.finished(instance)}
    for run in instance.get_runs():
        logs = instance.all_logs(run.run_id)
        if not any(pattern.search(dg.serialize_value(entry)) for entry in logs):
            continue
        record = records.get(run.run_id)
        if record is not None:
            told = pattern.sub(_HIDDEN, json.dumps(history.dump(record), ensure_ascii=False))
            instance.report_runless_asset_event(history.materialization(history.load(json.loads(told))))
        instance.delete_run(run.run_id)
        shutil.rmtree(home.dagster_dir / "storage" / run.run_id, ignore_errors=True)


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    forms = {form for text in texts for form in (text, json.dumps(text)[1:-1]) if len(form) >= 4}
    # Longest first: one may begin another.
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in ordered)) if ordered else None
