"""What is read from a dbt invocation, whatever became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from profiles_sync.sync.dbt_run import committed_results, read_results
from profiles_sync.sync.outcome import IdentityResult, Status, conclude

PAGES = "model.profiles_sync.pages"
TRACKS = "model.profiles_sync.tracks"
IDENTITY = "model.profiles_sync.identity_resolution"


def node(alias: str, group: str | None = None) -> dict[str, Any]:
    return {"alias": alias, "config": {"meta": {"sync_group": group}}}


MANIFEST = {
    "nodes": {
        PAGES: node("pages", "event_type"),
        TRACKS: node("tracks", "event_type"),
        IDENTITY: node("identity_resolution"),
    }
}


def report(inserted: int, **more: Any) -> dict[str, Any]:
    return {"inserted": inserted, "updated": 0, "deleted": 0, "new_columns": [], **more}


def result(unique_id: str, status: str, message: str = "") -> dict[str, Any]:
    return {"unique_id": unique_id, "status": status, "message": message}


def test_rows_come_from_the_reports_and_statuses_from_dbt() -> None:
    counts = {"duplicates": 1, "filtered": 2, "profiles_created": 3, "profiles_merged": 4, "violations": 5, "events": 9}
    tables, identity, error = read_results(
        MANIFEST,
        [
            result(IDENTITY, "success"),
            result(PAGES, "success"),
            result(TRACKS, "error", "Database Error\n  permission denied for table tracks"),
            result("operation.profiles_sync.start", "success"),
        ],
        {IDENTITY: report(1, identity=counts), PAGES: report(7, new_columns=["context_ip"])},
        exit_code=1,
    )

    assert error is None
    assert identity == IdentityResult(1, 2, 3, 4, 5)
    found = {table.table: table for table in tables}
    assert set(found) == {"identity_resolution", "pages", "tracks"}
    assert (found["pages"].rows, found["pages"].new_columns, found["pages"].group) == (7, ("context_ip",), "event_type")
    assert found["identity_resolution"].group is None
    assert found["tracks"].status is Status.FAILED
    assert found["tracks"].error is not None
    assert found["tracks"].error.code == "E_PERMISSION"
    assert conclude(tables).status is Status.PARTIAL


def test_a_killed_dbt_leaves_what_it_had_committed() -> None:
    tables, _, error = read_results(MANIFEST, [], {PAGES: report(7)}, exit_code=-9)

    assert [(table.table, table.rows) for table in tables] == [("pages", 7)]
    assert error is not None
    assert error.message == "dbt ended with exit code -9"
    assert conclude(tables, error=error).status is Status.PARTIAL


def test_the_log_of_a_killed_sync_tells_what_was_committed(tmp_path: Path) -> None:
    counts = {"duplicates": 1, "filtered": 2, "profiles_created": 3, "profiles_merged": 4, "violations": 5}
    said = [
        {"table": "identity_resolution", "group": None, "unique_id": IDENTITY, **report(1, identity=counts)},
        {"table": "pages", "group": "event_type", "unique_id": PAGES, **report(7)},
        {"table": "tracks", "group": "event_type", "unique_id": TRACKS, **report(9)},
    ]
    lines = [json.dumps({"info": {"msg": "select 'PROFILES_SYNC '"}})]
    lines += [json.dumps({"info": {"msg": f"PROFILES_SYNC {json.dumps(each)}"}}) for each in said]
    # It died while it wrote the last line.
    (tmp_path / "dbt.log").write_text("\n".join(lines)[:-5])

    tables, identity = committed_results(tmp_path)

    assert [(table.table, table.group, table.rows) for table in tables] == [
        ("identity_resolution", None, 1),
        ("pages", "event_type", 7),
    ]
    assert identity == IdentityResult(1, 2, 3, 4, 5)
    assert committed_results(tmp_path / "none") == ([], IdentityResult())


def test_a_dbt_that_cannot_start_is_a_failure_with_its_own_words() -> None:
    tables, _, error = read_results(
        MANIFEST, [], {}, exit_code=2, messages=['connection to server at "db", port 5432 failed: Connection refused']
    )

    assert error is not None
    assert error.code == "E_NETWORK"
    assert conclude(tables, error=error).status is Status.FAILED


def test_an_exit_code_is_believed_though_every_table_succeeded() -> None:
    tables, _, error = read_results(
        MANIFEST, [result(PAGES, "success")], {PAGES: report(1)}, exit_code=1, messages=["hook failed"]
    )

    assert error is not None
    assert error.message == "hook failed"
    assert conclude(tables, error=error).status is Status.PARTIAL


def test_what_waited_for_a_failed_table_is_no_success() -> None:
    tables, _, _ = read_results(
        MANIFEST, [result(IDENTITY, "error", "no space left on device"), result(PAGES, "skipped")], {}, exit_code=1
    )

    outcome = conclude(tables)
    assert outcome.status is Status.FAILED
    assert outcome.error is not None
    assert outcome.error.code == "E_LIMIT_SIZE"
