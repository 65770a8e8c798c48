"""Statements that dbt, and a whole sync, send for an hour with news and for one without, on each warehouse.

    python benchmarks/warehouse_statements.py [duckdb snowflake redshift bigquery]

Ten event tables are active in the hour. Counted are statements that read or write rows, as in the other benchmarks; beside them
what was sent in all. A sync without news does not start dbt at all; the line here is what it sends when it is started by hand.
Where the emulator keeps what it is sent, a second line counts the hours of syncs through the command line: dbt's and our own. On
BigQuery a transaction is one script, and counts as one.
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

from support.cli import Cli  # noqa: E402
from support.dbt import Deployment  # noqa: E402
from support.engines import EngineUnavailableError, NotingServer  # noqa: E402
from support.hour import WholeSync, hour_calls, run_all_models, whole_sync  # noqa: E402
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
        whole = measure_whole(engine, server, folder / engine / "whole") if isinstance(server, NotingServer) else None
    limit = LIMIT + 2 * TABLES
    total, active = news.counted(), news.counted("event__|tracks$")
    print(
        f"  {engine:10} with news {total:4} of at most {limit} ({active} of them the {TABLES} event tables and `tracks`), "
        f"{len(news.statements)} sent; without {quiet.counted():3}, {len(quiet.statements)} sent"
        + ("" if total <= limit else "  OVER THE LIMIT"),
        flush=True,
    )

    if whole is not None:
        print(
            f"  {'':10} whole syncs: with news {_shown(whole[0])} of at most {limit}; without {_shown(whole[1])}",
            flush=True,
        )


def measure_whole(engine: str, server: NotingServer, folder: Path) -> tuple[WholeSync, WholeSync]:
    """Return the second hour of a site, and an hour without news."""
    folder.mkdir()
    database = server.database()
    cli = Cli.reading_archive(folder, {"PROFILES_SYNC_TARGET": engine, **database.environment})
    whole_sync(cli, server, hour_calls(1, TABLES))
    measured = whole_sync(cli, server, hour_calls(2, TABLES)), whole_sync(cli, server)
    server.drop(database)
    return measured


def _shown(sync: WholeSync) -> str:
    return f"{sync.dbt + sync.own:4} ({sync.dbt} dbt's, {sync.own} our own)"


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
