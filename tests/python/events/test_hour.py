"""What an ordinary hour sends: the work of the tables with news, and what they all need to know once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from support.dbt import ROOT, Deployment, environment
from support.pipeline import Pipeline
from support.statements import Statement

TABLES = 4


def calls(hour: int) -> list[dict[str, Any]]:
    """Each kind of event once for a known person and once for a new one; the known one signs in."""
    made = []
    for number in range(TABLES):
        for person in (0, hour * TABLES + number):
            at = f"2024-05-01T{hour:02}:{number:02}:{person % 60:02}.000Z"
            times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
            name = {"userId": f"u{person}", "anonymousId": f"a{person}"}
            made.append({
                "type": "track", "event": f"Event {number}", "properties": {"total": number},
                "messageId": f"{hour}-{number}-{person}", **name, **times,
            })  # fmt: skip
            if number == 0:
                traits = {"email": f"{person}@example.com"}
                made.append({"type": "identify", "traits": traits, "messageId": f"{hour}-i-{person}", **name, **times})
    return made


@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_statements_of_an_hour(deployment: Deployment) -> None:
    """Counted are those that read or write rows."""
    counted: Counter[str] = Counter()

    def note(event: Any) -> None:
        if event.info.name == "SQLQuery" and Statement(event.data.sql, 0.0).counted:
            counted[event.data.node_info.node_name] += 1

    def run() -> None:
        with environment(deployment.env):
            assert dbtRunner(callbacks=[note]).invoke([
                "run", "--quiet", "--project-dir", str(ROOT), "--target-path", str(deployment.parse_cache),
                "--log-path", str(deployment.home / "logs"),
            ]).success  # fmt: skip

    pipeline = Pipeline(deployment)
    pipeline.land(calls(1))
    run()
    pipeline.land(calls(2))
    counted.clear()
    run()
    news = Counter(counted)
    counted.clear()
    run()

    tables = {name: n for name, n in news.items() if name.startswith("event__") or name in ("tracks", "identifies")}
    assert len(tables) == TABLES + 2
    # Rows and watermark; the first to be built also asks for what all of them want to know.
    assert sorted(tables.values())[:-2] == [2] * TABLES
    assert sum(news.values()) <= 80 + 2 * TABLES
    assert sum(counted.values()) <= 25
