"""The rule that gives a sync its status, and what is counted where."""

from __future__ import annotations

import pytest

from profiles_sync.sync.outcome import (
    Group,
    IdentityResult,
    LandingResult,
    Status,
    SyncError,
    TableResult,
    conclude,
    from_json,
    skipped,
    to_json,
)

BROKEN = SyncError("E_PERMISSION", "permission denied for relation pages")


def table(
    name: str,
    status: Status = Status.SUCCESS,
    rows: int = 0,
    group: Group | None = "event_type",
    error: SyncError | None = None,
) -> TableResult:
    return TableResult(name, f"model.profiles_sync.{name}", group, status, inserted=rows, error=error)


GOOD_EMPTY = table("pages")
GOOD = table("pages", rows=3)
BAD = table("groups", Status.FAILED, error=BROKEN)
SKIPPED = table("tracks", Status.SKIPPED, error=SyncError("E_DBT", "a table that it is made of failed"))
INTERNAL = table("identity_resolution", rows=50, group=None)


@pytest.mark.parametrize(
    ("tables", "error", "expected"),
    [
        ([], None, Status.SUCCESS),
        ([GOOD_EMPTY], None, Status.SUCCESS),
        ([GOOD], None, Status.SUCCESS),
        ([GOOD, BAD], None, Status.PARTIAL),
        ([GOOD, SKIPPED], None, Status.PARTIAL),
        ([GOOD_EMPTY, BAD], None, Status.FAILED),
        ([BAD, SKIPPED], None, Status.FAILED),
        # Rows of internal tables are no synced rows.
        ([INTERNAL, BAD], None, Status.FAILED),
        ([], BROKEN, Status.FAILED),
        # dbt was killed after a commit.
        ([GOOD], BROKEN, Status.PARTIAL),
    ],
)
def test_status(tables: list[TableResult], error: SyncError | None, expected: Status) -> None:
    assert conclude(tables, error=error).status is expected


def test_notices_do_not_lower_the_status() -> None:
    landing = LandingResult(("l1",), events=10, rejected=4, files=1)

    outcome = conclude([GOOD], landing=landing, identity=IdentityResult(duplicates=2, violations=7))

    assert outcome.status is Status.SUCCESS
    assert outcome.landing.events_read == 14


def test_rows_are_counted_by_group_and_internal_tables_in_none() -> None:
    tables = [
        TableResult("id_graph", "m.id_graph", "identity_graph", Status.SUCCESS, inserted=5, updated=2, deleted=1),
        TableResult("pages", "m.pages", "event_type", Status.SUCCESS, inserted=7),
        TableResult("order_completed", "m.oc", "event", Status.SUCCESS, inserted=11),
        INTERNAL,
    ]

    outcome = conclude(tables)

    assert {group: outcome.rows(group) for group in ("identity_graph", "event_type", "event")} == {
        "identity_graph": 8,
        "event_type": 7,
        "event": 11,
    }
    assert outcome.rows_synced == 26


def test_the_error_is_the_first_cause_not_a_table_that_only_waited() -> None:
    assert conclude([SKIPPED, BAD, GOOD]).error == BROKEN
    assert conclude([BAD], error=SyncError("E_NETWORK", "gone")).error == SyncError("E_NETWORK", "gone")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "Encountered an error:\nDatabase Error\n  server closed it\n  abnormally",
            "Encountered an error: Database Error: server closed it",
        ),
        (
            "Database Error in model pages (a/pages.sql)\n  no room\n  LINE 1",
            "Database Error in model pages (a/pages.sql): no room",
        ),
        ("connection refused\nIs it running?", "connection refused"),
        ("Database Error", "Database Error"),
        ("", ""),
    ],
)
def test_the_headline_has_the_cause(message: str, said: str) -> None:
    assert SyncError("E_DBT", message).headline == f"E_DBT: {said}"


def test_skipped_says_who_runs() -> None:
    outcome = skipped("sync 1234 is running in this home")

    assert (outcome.status, outcome.error) == (
        Status.SKIPPED,
        SyncError("E_LOCKED", "sync 1234 is running in this home"),
    )


def test_an_outcome_survives_json() -> None:
    outcome = conclude(
        [GOOD, BAD, table("id_graph", rows=1, group="identity_graph")],
        landing=LandingResult(("l1", "l2"), 3, 1, 2, ("b.gz: unreadable: cut short",)),
        identity=IdentityResult(1, 2, 3, 4, 5),
    )

    assert from_json(to_json(outcome)) == outcome
