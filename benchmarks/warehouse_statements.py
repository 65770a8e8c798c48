"""Statements that dbt sends for an hour with news and for one without, on each warehouse.

    python benchmarks/warehouse_statements.py [duckdb snowflake redshift bigquery]

Ten event tables are active in the hour. Counted are statements that read or write rows, as in the other benchmarks; beside them
what was sent in all. A sync without news does not start dbt at all; the line here is what it sends when it is started by hand.
Snowflake, Redshift and BigQuery are the emulators of the test suite: the statements are the real adapters', their speed says nothing.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from support.dbt import Deployment, environment  # noqa: E402
from support.engines import EngineUnavailableError  # noqa: E402
from support.pipeline import Pipeline  # noqa: E402
from support.statements import Statement  # noqa: E402

TABLES = 10
# Besides two for each active event table.
LIMIT = 40


@dataclass
class Sent:
    """A callback for `dbtRunner`: statements by what sent them."""

    statements: list[tuple[str, Statement]] = field(default_factory=list)

    def __call__(self, event: Any) -> None:
        """Note a statement."""
        if event.info.name == "SQLQuery":
            node = event.data.node_info.node_name or "run"
            self.statements.append((node, Statement(event.data.sql, 0.0)))

    def counted(self, events: bool | None = None) -> int:
        """How many of them read or write rows: of all, of the track events' tables, or of the others."""
        return sum(
            each.counted
            for node, each in self.statements
            if events is None or events == bool(re.match("event__|tracks$", node))
        )


def engines() -> dict[str, Callable[[], AbstractContextManager[Any]]]:
    """How to start each of them."""
    from support.engines.bigquery_server import running_bigquery
    from support.engines.redshift_emulator import running_redshift
    from support.engines.snowflake_emulator import running_snowflake

    return {
        "duckdb": nullcontext,
        "snowflake": running_snowflake,
        "redshift": running_redshift,
        "bigquery": running_bigquery,
    }


def calls(hour: int) -> list[dict[str, Any]]:
    """An hour's calls: a person signs in, and each kind of event comes once for a known person and once for a new one."""
    made = []
    for number in range(TABLES):
        for person in (0, hour * TABLES + number):
            at = f"2024-05-01T{hour:02}:{number:02}:{person % 60:02}.000Z"
            times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
            name = {"messageId": f"{hour}-{number}-{person}", "userId": f"u{person}", "anonymousId": f"a{person}"}
            made.append({"type": "track", "event": f"Event {number}", "properties": {"total": number}, **name, **times})
            if number == 0:
                identified = {**name, "messageId": f"{hour}-i-{person}"}
                made.append({"type": "identify", "traits": {"email": f"{person}@example.com"}, **identified, **times})
    return made


def run(deployment: Deployment) -> Sent:
    """Run dbt on a deployment."""
    sent = Sent()
    with environment(deployment.env):
        finished = dbtRunner(callbacks=[sent]).invoke(
            [
                "run", "--quiet", "--project-dir", str(ROOT), "--target-path", str(deployment.parse_cache),
                "--log-path", str(deployment.home / "logs"),
            ]
        )  # fmt: skip
    if not finished.success:
        raise SystemExit(f"{deployment.engine}: dbt failed: {finished.exception or finished.result}")
    return sent


def measure(engine: str, start: Callable[[], AbstractContextManager[Any]], folder: Path) -> None:
    """Print the figures of one engine."""
    with start() as server:
        home = folder / engine / "home"
        home.mkdir(parents=True)
        database = server.database() if server is not None else None
        deployment = Deployment(home, engine, folder / engine / "target", database)
        pipeline = Pipeline(deployment)
        pipeline.land(calls(1))
        run(deployment)
        pipeline.land(calls(2))
        news, quiet = run(deployment), run(deployment)
        if server is not None:
            server.drop(database)
    limit = LIMIT + 2 * TABLES
    total = news.counted()
    print(
        f"  {engine:10} with news {total:4} of at most {limit} ({news.counted(True)} of them the {TABLES} event tables and `tracks`), "
        f"{len(news.statements)} sent; without {quiet.counted():3}, {len(quiet.statements)} sent"
        + ("" if total <= limit else "  OVER THE LIMIT"),
        flush=True,
    )


def main(names: list[str]) -> None:
    """Print the figures of the named engines, or of all."""
    known = engines()
    with tempfile.TemporaryDirectory() as folder:
        for engine in names or known:
            try:
                measure(engine, known[engine], Path(folder))
            except EngineUnavailableError as error:
                print(f"  {engine:10} skipped: {error}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
