"""Statements that dbt sends for an hour with news and for one without, on each warehouse.

    python benchmarks/warehouse_statements.py [duckdb snowflake redshift bigquery]

Ten event tables are active in the hour. Counted are statements that read or write rows, as in the other benchmarks; beside them
what was sent in all. A sync without news does not start dbt at all; the line here is what it sends when it is started by hand.
Snowflake, Redshift and BigQuery are the emulators of the test suite: the statements are the real adapters', their speed says nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from support.dbt import Deployment  # noqa: E402
from support.engines import EngineUnavailableError  # noqa: E402
from support.hour import hour_calls, run_all_models  # noqa: E402
from support.pipeline import Pipeline  # noqa: E402

TABLES = 10
# Besides two for each active event table.
LIMIT = 40


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


def measure(engine: str, start: Callable[[], AbstractContextManager[Any]], folder: Path) -> None:
    """Print the figures of one engine."""
    with start() as server:
        home = folder / engine / "home"
        home.mkdir(parents=True)
        database = server.database() if server is not None else None
        deployment = Deployment(home, engine, folder / engine / "target", database)
        pipeline = Pipeline(deployment)
        pipeline.land(hour_calls(1, TABLES))
        run_all_models(deployment)
        pipeline.land(hour_calls(2, TABLES))
        news, quiet = run_all_models(deployment), run_all_models(deployment)
        if server is not None:
            server.drop(database)
    limit = LIMIT + 2 * TABLES
    total, active = news.counted(), news.counted("event__|tracks$")
    print(
        f"  {engine:10} with news {total:4} of at most {limit} ({active} of them the {TABLES} event tables and `tracks`), "
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
