"""Three hours through the command line: their numbers and rows, and how many statements they cost besides dbt's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.cli import Cli
from support.dbt import Deployment
from support.engines import NotingServer, Server
from support.hour import hour_calls, whole_sync

# How many event tables are active hardly matters: what is ours does not grow with them.
TABLES = 3
# A transaction of BigQuery's is one script.
OWN_WITH_NEWS = {"bigquery": 20, "snowflake": 28}
OWN_WITHOUT = 11


def test_three_hours(engine: str, server: Server, tmp_path: Path) -> None:
    if not isinstance(server, NotingServer):
        pytest.skip(f"{engine}: this server does not tell what it was sent")
    database = server.database()
    cli = Cli.reading_archive(tmp_path, {"PROFILES_SYNC_TARGET": engine, **database.environment})

    first = whole_sync(cli, server, hour_calls(1, TABLES))
    second = whole_sync(cli, server, hour_calls(2, TABLES))
    third = whole_sync(cli, server)

    assert [numbers(each.record) for each in (first, second, third)] == [(8, 4, 8, 6), (8, 3, 8, 6), (0, 0, 0, 0)]
    deployment = Deployment(cli.home, engine, tmp_path / "target", database)
    emails = f"select email, count(*) from {deployment.space}.identifies group by email order by email"
    assert deployment.query(emails) == [("0@example.com", 2), ("3@example.com", 1), ("6@example.com", 1)]
    totals = f"select user_id, total from {deployment.space}.event_2 order by user_id, received_at"
    assert deployment.query(totals) == [("u0", 2), ("u0", 2), ("u5", 2), ("u8", 2)]
    assert deployment.query(f"select count(*) from {deployment.space}.id_graph") == [(7,)]
    assert deployment.query(f"select notice from {deployment.space}_ops.notices where notice like 'check%'") == []
    assert (second.dbt > 0, second.own <= OWN_WITH_NEWS[engine]) == (True, True), second
    assert (third.dbt, third.own <= OWN_WITHOUT) == (0, True), third
    server.drop(database)


def numbers(record: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Calls that landed, new profiles, and rows of the event type and event tables."""
    outcome, rows = record["outcome"], record["rows"]
    created = outcome["identity"]["profiles_created"]
    return outcome["landing"]["events"], created, rows["event_type"], rows["event"]
