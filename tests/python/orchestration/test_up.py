"""`profiles-sync up`: Dagster on the home, a sync launched from its pages, and nothing left running afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import duckdb
import psycopg2
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from profiles_sync.home import Home
from profiles_sync.services import announce, reload_definitions, running_url
from profiles_sync.sync.lock import Holder, HomeLock
from support.archive import write_file
from support.cli import PROGRAM, Cli
from support.landing import call, track
from support.pages import RUN, Pages
from support.postgres import PostgresDatabase
from support.receiver import Receiver

pytestmark = pytest.mark.slow

ROWS = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset { assetMaterializations(limit: 1) {
  runId metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""


def children_of(pid: int) -> set[int]:
    """Every descendant of a process."""
    found: set[int] = set()
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    waiting = [pid]
    while waiting:
        above = waiting.pop()
        below = {child for child, parent in parents.items() if parent == above} - found
        found |= below
        waiting.extend(below)
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def pages(cli: Cli) -> Iterator[Pages]:
    # A module of the user's that has the name of one that Dagster imports.
    (cli.folder / "gql.py").write_text("raise ImportError('not this one')")
    cli.home.mkdir()
    (cli.home / "profiles_sync.yml").write_text("sources:\n  - ../archive\n")
    pass_the_full_hour(minutes=4)
    with served(cli) as pages:
        yield pages


@contextlib.contextmanager
def served(cli: Cli) -> Iterator[Pages]:
    """Run `up`, and make sure that nothing of it is left afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = cli.start("up", "--port", str(port))
    try:
        deadline = time.monotonic() + 240
        while not (cli.home / "dagster" / "webserver.json").exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.5)
        started = children_of(process.pid)
        assert len(started) >= 3
        yield Pages(f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert process.returncode == 0
    time.sleep(1)
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_sync_from_dagsters_pages(cli: Cli, pages: Pages) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "m1"), track("m2", "Order Completed", properties={"total": 2})])
    schedules = [(each["name"], each["cronSchedule"], each["scheduleState"]["status"]) for each in pages.schedules()]
    assert schedules == [
        ("daily_verify", "30 4 * * *", "RUNNING"),
        ("hourly_sync", "0 * * * *", "RUNNING"),
    ]
    assert {"pages", "staging/raw_events", "sync_history"} <= pages.asset_keys()
    assert "order_completed" not in pages.asset_keys()

    run_id, run = pages.sync()

    assert (run["status"], run["profiles_sync/status"]) == ("SUCCESS", "Success")
    assert "order_completed" in pages.asset_keys(), "a table that a sync has made is in the graph without a click"
    shown = pages(ROWS, key={"path": ["order_completed"]})["assetOrError"]["assetMaterializations"][0]
    assert shown["runId"] == run_id
    assert {entry["label"]: entry.get("intValue") for entry in shown["metadataEntries"]}["rows_synced"] == 1

    status = cli.json("status")
    assert status["last"]["run_id"] == run_id
    assert status["last"]["trigger"] == "Dagster"
    assert status["next_sync_at"] is not None

    # The command line beside it: the same history.
    write_file(archive, "b", [call("page", "m3")])
    record = cli.json("sync")
    assert (record["status"], record["rows"]["event_type"]) == ("Success", 1)
    assert [each["run_id"] for each in cli.json("history")] == [record["run_id"], run_id]

    # Edited while Dagster runs, and wrong: the next sync says where, and takes nothing in it for a word of the warehouse.
    (cli.home / "profiles_sync.yml").write_text("sources:\n  - ../archive\ntimed out: 5\n")
    failed_id, run = pages.sync()
    wait_for(lambda: len(cli.json("history")) == 3, None)
    failed = cli.json("history")[0]
    assert (failed["run_id"], failed["status"], run["status"]) == (failed_id, "Failed", "FAILURE")
    assert failed["outcome"]["error"]["code"] == "E_CONFIG"
    assert "profiles_sync.yml, line 3: unknown key `timed out`" in failed["outcome"]["error"]["message"]
    assert cli.connections == []


def test_dagster_keeps_its_own_tables_in_a_postgres(cli: Cli, postgres_database: PostgresDatabase) -> None:
    assert cli.run("connect", "duckdb", "--source", "archive").returncode == 0
    cli.environment = {"DAGSTER_PG_PASSWORD": "s3cret-of-dagster"}
    with (cli.home / "dagster" / "dagster.yaml").open("a") as file:
        file.write(
            f"storage:\n  postgres:\n    postgres_db:\n      hostname: {postgres_database.host}\n"
            f"      port: {postgres_database.port}\n      username: {postgres_database.user}\n"
            f"      password: {{env: DAGSTER_PG_PASSWORD}}\n      db_name: {postgres_database.name}\n"
        )
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "m1")])

    with served(cli) as pages:
        pages.stop_schedules()
        run_id, run = pages.sync()
    assert (run["status"], run["profiles_sync/status"]) == ("SUCCESS", "Success")
    write_file(archive, "b", [call("page", "m2")])
    record = cli.json("sync")

    assert record["status"] == "Success"
    with served(cli) as pages:
        assert [each["run_id"] for each in cli.json("history")] == [record["run_id"], run_id]
        assert pages(RUN, id=run_id)["runOrError"]["status"] == "SUCCESS"
    assert dict(cli.query("select run_id, status from profiles_ops.sync_runs")) == dict.fromkeys(
        (record["run_id"], run_id), "Success"
    )
    with contextlib.closing(psycopg2.connect(postgres_database.dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select run_id from runs")
        assert {each for (each,) in cursor.fetchall()} == {record["run_id"], run_id}
    assert list((cli.home / "dagster").rglob("*.db")) == []


def test_two_homes_an_outage_and_two_kills(tmp_path: Path, receiver: Receiver) -> None:
    cli, other = Cli(tmp_path / "a"), Cli(tmp_path / "b")
    for each in (cli, other):
        write_file(each.folder / "archive", "a", [call("page", "m1")])
        connected = each.run("connect", "duckdb", "--space", f"of_{each.folder.name}", "--source", "archive")
        assert connected.returncode == 0, connected.stdout + connected.stderr
    with (cli.home / "profiles_sync.yml").open("a") as file:
        file.write(f"alerts: {{webhook: {receiver.url}, failures: [1], events: [Warehouse Sync Failed]}}\n")
    pass_the_full_hour(minutes=6)
    tick_hours_ago(cli, 10)
    port = two_free_ports()
    process = subprocess.Popen(
        [str(PROGRAM), "up", str(cli.home), str(other.home), "--port", str(port)],
        env=cli.env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(lambda: (other.home / "dagster" / "webserver.json").exists(), process)
        started = children_of(process.pid)
        assert cli.run("up", "--port", str(port + 5)).returncode == 2, "Dagster runs on this home already"

        # Ten ticks were missed: one sync makes up for them.
        wait_for(lambda: (cli.json("status")["last"] or {}).get("trigger") == "schedule", process)
        assert [record["status"] for record in cli.json("history")] == ["Success"]
        assert cli.query("select count(*) from of_a.pages") == [(1,)]
        assert other.json("history") == []
        for each in (cli, other):
            status = each.json("status")
            assert (status["frequency"], status["enabled"]) == ("hourly", True)
            assert status["next_sync_at"][14:19] == "00:00"

        # The other home's pages sync the other home.
        run_id, run = Pages(f"http://127.0.0.1:{port + 1}").sync()
        assert run["profiles_sync/status"] == "Success"
        assert [record["run_id"] for record in other.json("history")] == [run_id]
        assert len(cli.json("history")) == 1

        # A sync that is killed is found without anybody looking, and told.
        pages = Pages(f"http://127.0.0.1:{port}")
        write_file(cli.folder / "archive", "b", [call("page", "m2")])
        # A reader has the file, so that the sync waits: its dbt, once begun, would end the work without it.
        with duckdb.connect(cli.home / "warehouse.duckdb", read_only=True):
            run_id = pages.launch()
            wait_for(lambda: holder_of(cli) is not None, process)
            holder = holder_of(cli)
            assert holder is not None
            os.kill(holder.pid, signal.SIGKILL)
        wait_for(lambda: receiver.bodies != [], process)
        assert (receiver.bodies[0]["event"], receiver.bodies[0]["run_id"]) == ("Warehouse Sync Failed", run_id)
        assert "killed" in receiver.bodies[0]["error"]["message"]
        assert pages(RUN, id=run_id)["runOrError"]["status"] == "FAILURE"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)

    # Nothing outlives an `up` that was killed, and the home can be served again.
    wait_for(lambda: not [pid for pid in started if is_alive(pid)], None)
    refused = cli.run_words("warehouse", "delete", "--yes")
    assert "profiles-sync disable" in refused.stderr
    assert cli.json("sync")["status"] == "Success"
    assert cli.query("select count(*), count(distinct id) from of_a.pages") == [(2, 2)]


def pass_the_full_hour(minutes: int) -> None:
    """Wait until it has struck if that is less than so many minutes away: a tick more would be due in between."""
    left = 3600 - time.time() % 3600
    if left < minutes * 60:
        time.sleep(left + 1)


def tick_hours_ago(cli: Cli, hours: int) -> None:
    """Make the home's schedule look as if its daemon had been down for so many hours."""
    with dg.DagsterInstance.from_config(str(cli.home / "dagster")) as instance:
        location = GrpcServerCodeLocationOrigin("127.0.0.1", 1, location_name="profiles_sync")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "hourly_sync")
        since = ScheduleInstigatorData("0 * * * *", time.time() - hours * 3600)
        instance.add_instigator_state(
            InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, since)
        )


def holder_of(cli: Cli) -> Holder | None:
    return HomeLock(cli.home / "sync.lock").holder()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def two_free_ports() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError):
                second.bind(("127.0.0.1", port + 1))
                return port


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str] | None, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_taken_port_is_a_usage_error(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = cli.run("up", "--port", str(taken.getsockname()[1]))

    assert refused.returncode == 2
    assert "is taken" in refused.stderr


def test_what_a_killed_up_left_behind_serves_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    # In a container the next one has the same process id.
    home.webserver_file.write_text(json.dumps({"url": "http://127.0.0.1:3000", "pid": os.getpid()}))
    assert running_url(home) is None

    with HomeLock(home.webserver_lock_file) as lock:
        assert lock.acquire()
        assert running_url(home) == "http://127.0.0.1:3000"


def test_the_pages_are_not_asked_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver() as pages:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        home = Home(tmp_path).create()
        announce(home, pages.url)
        with HomeLock(home.webserver_lock_file) as lock:
            assert lock.acquire()
            with contextlib.suppress(ValueError):
                reload_definitions(home)

        assert (len(pages.bodies), proxy.bodies) == (1, [])
