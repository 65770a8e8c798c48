"""Bytes that BigQuery would charge an hour for, table by table, after a short history and after a longer one.

    python benchmarks/bigquery_bytes.py [--hours 1 4]

What a dry run says can be had from Google only; here the test suite's look-alike reckons it: columns that Google's analyzer finds each
statement to read, the partitions that literals leave, and of a table whose rows are changed all columns, by the sizes on Google's page on
prices. The ten-megabyte minimum of a query is left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from support.dbt import Deployment  # noqa: E402
from support.engines.bigquery_server import BigQueryServer, running_bigquery  # noqa: E402
from support.hour import hour_calls, run_all_models  # noqa: E402
from support.pipeline import Pipeline  # noqa: E402

TABLES = 2
FIRST_DAY = datetime(2024, 5, 10, 12)


def hour_bytes(server: BigQueryServer, folder: Path, hours: int) -> Counter[str]:
    """Bytes of one hour that follows so many, each landed on a day of its own, by table."""
    (folder / "home").mkdir(parents=True)
    database = server.database()
    deployment = Deployment(folder / "home", "bigquery", folder / "target", database)
    pipeline = Pipeline(deployment)
    for hour in range(1, hours + 1):
        pipeline.land(hour_calls(hour, TABLES), now=FIRST_DAY + timedelta(days=hour))
    run_all_models(deployment)
    pipeline.land(hour_calls(hours + 1, TABLES), now=FIRST_DAY + timedelta(days=hours + 1))
    database.engine.metering = True
    run_all_models(deployment)
    total: Counter[str] = Counter()
    for _, charged in database.engine.processed:
        for (_, dataset, table), number in charged.items():
            total["work tables" if table.startswith("work_") else f"{dataset}.{table}"] += number
    return total


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=int, nargs=2, default=[1, 4], help="hours of history, short and long")
    short, long = parser.parse_args().hours
    with tempfile.TemporaryDirectory() as folder, running_bigquery() as server:
        before, after = (hour_bytes(server, Path(folder) / str(hours), hours) for hours in (short, long))
    print(f"  bytes of an hour of {len(hour_calls(1, TABLES))} calls after {short} and after {long} such hours")
    for table in sorted({*before, *after}, key=lambda name: (-after[name], name)):
        print(f"  {before[table]:9,} {after[table]:9,}  {table}")
    print(f"  {before.total():9,} {after.total():9,}  in all", flush=True)


if __name__ == "__main__":
    main()
