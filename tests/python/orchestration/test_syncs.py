"""One deployment's life on DuckDB, through the command line: each test goes on where the one before it stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster import AssetRecordsFilter

from profiles_sync.sync import history
from profiles_sync.sync.lock import HomeLock
from support.archive import write_file
from support.cli import Cli
from support.landing import call, track

RUN_TABLES = "profiles_ops.sync_run_tables"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    return Cli(tmp_path_factory.mktemp("syncs"))


@pytest.fixture(scope="module")
def archive(cli: Cli) -> Path:
    return cli.folder / "archive"


@pytest.fixture
def instance(cli: Cli) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(cli.home / "dagster")) as found:
        yield found


def newest(instance: dg.DagsterInstance, *key: str) -> dict[str, Any]:
    """Metadata of an asset's newest materialization."""
    record = instance.fetch_materializations(AssetRecordsFilter(dg.AssetKey(key)), limit=1).records[0]
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def newest_check(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> dg.AssetCheckEvaluation:
    record = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key]
    assert record.event is not None
    assert record.event.dagster_event is not None
    evaluation = record.event.dagster_event.event_specific_data
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    return evaluation


def tables(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {table["table"]: table for table in record["outcome"]["tables"]}


def test_the_first_sync_lands_and_builds(cli: Cli, archive: Path) -> None:
    write_file(
        archive,
        "a",
        [
            call("page", "m1", userId=None, anonymousId="a1", properties={"url": "x"}),
            call("identify", "m2", anonymousId="a1", traits={"email": "jane@example.com"}),
            track("m3", "Order Completed", properties={"total": 9.5}),
            track("m4", "Cart Viewed"),
        ],
    )

    record = cli.json("sync", "--source", str(archive))

    assert (record["status"], record["trigger"]) == ("Success", "command line")
    assert record["outcome"]["landing"] | {"load_ids": []} == {
        "load_ids": [], "events": 4, "rejected": 0, "files": 1, "unread": [], "passed_over": 0,
    }  # fmt: skip
    assert record["outcome"]["identity"]["profiles_created"] == 1
    assert record["rows"]["event_type"] == 4
    assert record["rows"]["event"] == 2
    assert record["rows_synced"] == sum(record["rows"].values())
    for table in ("pages", "identifies", "tracks", "order_completed", "cart_viewed", "id_graph", "id_graph_updates"):
        assert tables(record)[table]["inserted"] == cli.count(f"profiles.{table}") > 0, table


def test_it_stands_in_dagster(cli: Cli, instance: dg.DagsterInstance) -> None:
    record = cli.json("history")[0]

    run = instance.get_run_by_id(record["run_id"])
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert run.job_name == "sync"
    assert run.tags["profiles_sync/status"] == "Success"
    assert run.tags["profiles_sync/rows_synced"] == str(record["rows_synced"])
    assert newest(instance, "pages")["rows_synced"] == 1
    assert newest(instance, "order_completed")["rows_inserted"] == 1
    assert newest(instance, "staging", "raw_events")["events_landed"] == 4
    shown = newest(instance, "sync_history")
    assert shown["status"] == "Success"
    assert shown["rows_event_type"] == 4
    assert shown["rows_synced"] == record["rows_synced"]


def test_it_is_copied_to_the_warehouse(cli: Cli) -> None:
    record = cli.json("history")[0]

    runs = cli.query(
        "select run_id, status, rows_synced, rows_identity_graph, rows_event_type, rows_event, events_read, warehouse, "
        "space_id, profiles_created from profiles_ops.sync_runs"
    )
    rows = record["rows"]
    assert runs == [
        (
            record["run_id"], "Success", record["rows_synced"], rows["identity_graph"], rows["event_type"],
            rows["event"], 4, "duckdb", "profiles", 1,
        )
    ]  # fmt: skip
    counted = "select group_name, sum(rows_inserted + rows_updated + rows_deleted)"
    assert dict(cli.query(f"{counted} from {RUN_TABLES} where group_name is not null group by 1")) == rows


def test_nothing_new_is_a_success_without_dbt(cli: Cli, archive: Path) -> None:
    before = set((cli.home / "target" / "runs").iterdir())

    record = cli.json("sync", "--source", str(archive))

    assert (record["status"], record["rows_synced"], record["outcome"]["tables"]) == ("Success", 0, [])
    assert set((cli.home / "target" / "runs").iterdir()) == before


def test_later_files_move_only_their_own_rows(cli: Cli, archive: Path, instance: dg.DagsterInstance) -> None:
    write_file(
        archive,
        "b",
        [
            call("page", "m5", userId=None, anonymousId="b1"),
            call("identify", "m6", userId=None, anonymousId="b1", traits={"email": "jane@example.com", "plan": "pro"}),
            track("m7", "Refund Asked", properties={"reason": "size"}),
        ],
    )

    record = cli.json("sync", "--source", str(archive))

    assert record["status"] == "Success"
    assert record["rows"] | {"identity_graph": 0} == {"identity_graph": 0, "event_type": 3, "event": 1}
    assert record["outcome"]["identity"] | {"violations": 0} == {
        "duplicates": 0, "filtered": 0, "profiles_created": 1, "profiles_merged": 1, "violations": 0,
    }  # fmt: skip
    built = tables(record)
    assert built["refund_asked"]["inserted"] == 1
    assert "order_completed" not in built, "a table without news is not built"
    planned = {
        str(entry.get_dagster_event().asset_key)
        for entry in instance.all_logs(record["run_id"], of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    }
    # A thousand of them would take Dagster longer than the sync takes.
    assert str(dg.AssetKey("pages")) in planned
    assert str(dg.AssetKey("order_completed")) not in planned
    # The table is in Dagster's catalogue with the sync that made it.
    assert newest(instance, "refund_asked")["rows_synced"] == 1


def test_a_broken_event_table_makes_a_partial_success(cli: Cli, archive: Path) -> None:
    cli.query("alter table profiles.cart_viewed alter column id type integer using 0")
    write_file(
        archive,
        "c",
        [track("m8", "Cart Viewed"), track("m9", "Order Completed", properties={"total": 1}), call("page", "m10")],
    )

    record = cli.json("sync", "--source", str(archive), exit_code=3)

    assert record["status"] == "Partial success"
    assert record["outcome"]["error"]["code"] == "E_DBT"
    assert "INT32" in record["outcome"]["error"]["message"]
    failed = [table["table"] for table in record["outcome"]["tables"] if table["status"] != "Success"]
    assert failed == ["cart_viewed"]
    assert (tables(record)["order_completed"]["inserted"], tables(record)["pages"]["inserted"]) == (1, 1)
    marks = dict(cli.query("select table_name, last_event_no from profiles_ops.table_state"))
    assert marks["order_completed"] > marks["cart_viewed"]


def test_the_failure_is_told_in_dagster(cli: Cli, instance: dg.DagsterInstance) -> None:
    record = cli.json("history")[0]

    run = instance.get_run_by_id(record["run_id"])
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["profiles_sync/status"] == "Partial success"
    failures = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id)
        if entry.dagster_event and entry.dagster_event.is_step_failure
    ]
    described = failures[0].step_failure_data.user_failure_data
    assert described is not None
    assert described.description is not None
    assert described.description.startswith("Partial success: ")
    assert "E_DBT" in described.description
    # The table itself shows it, though a run does not plan the tables of track events.
    check = dg.AssetCheckKey(dg.AssetKey("cart_viewed"), "rows_are_there")
    evaluation = newest_check(instance, check)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "INT32" in str(evaluation.metadata["error"].value)
    assert (
        cli.query(
            f"select status, error_message from {RUN_TABLES} where run_id = '{run.run_id}' and status <> 'Success'"
        )[0][0]
        == "Failed"
    )


def test_it_heals_by_itself(cli: Cli, archive: Path, instance: dg.DagsterInstance) -> None:
    cli.query("alter table profiles.cart_viewed alter column id type varchar using 'm4'")
    # A table that somebody has dropped is made from its first event on, without news of its own.
    orders = cli.query("select id, segment_id, event_text, total from profiles.order_completed order by id")
    cli.query("drop table profiles.order_completed")

    record = cli.json("sync", "--source", str(archive))

    assert (record["status"], record["rows_synced"]) == ("Success", 1 + len(orders))
    assert tables(record)["cart_viewed"]["inserted"] == 1
    assert cli.query("select id, segment_id, event_text, total from profiles.order_completed order by id") == orders
    assert cli.query("select id from profiles.cart_viewed order by id") == [("m4",), ("m8",)]
    assert newest_check(instance, dg.AssetCheckKey(dg.AssetKey("cart_viewed"), "rows_are_there")).passed


HOLD = """
import sys, time
from pathlib import Path
from profiles_sync.sync import history
from profiles_sync.sync.lock import HomeLock
assert HomeLock(Path(sys.argv[1])).acquire("another-sync")
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_sync_is_skipped(cli: Cli, archive: Path) -> None:
    write_file(archive, "d", [call("page", "m11")])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(cli.home / "sync.lock")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        record = cli.json("sync", "--source", str(archive))
        refused = cli.run("land", "--source", str(archive))
    finally:
        holder.kill()
        holder.wait()

    assert (record["status"], record["rows_synced"]) == ("Skipped", 0)
    assert record["outcome"]["error"]["code"] == "E_LOCKED"
    assert "another-" in record["outcome"]["error"]["message"]
    assert refused.returncode == 1
    assert "a sync is running in this home" in refused.stderr
    assert cli.count("profiles.pages") == 3


def test_land_alone_builds_nothing_and_the_next_sync_catches_up(cli: Cli, archive: Path) -> None:
    load = cli.json("land", "--source", str(archive))
    assert (load["landed"], load["rejected"]) == (1, {})
    assert cli.count("profiles.pages") == 3

    # Without sources: what has landed is built.
    record = cli.json("sync")

    assert (record["status"], record["outcome"]["landing"]["events"]) == ("Success", 0)
    assert cli.count("profiles.pages") == 4


def started_dbt(cli: Cli, archive: Path) -> subprocess.Popen[str]:
    """Start a sync and return when its dbt runs."""
    runs = cli.home / "target" / "runs"
    before = set(runs.iterdir())
    process = cli.start("sync", "--source", str(archive))
    deadline = time.monotonic() + 180
    while not any((run / "dbt.log").exists() for run in set(runs.iterdir()) - before):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.slow
def test_a_killed_sync_is_reported_with_what_its_dbt_went_on_to_write(
    cli: Cli, archive: Path, instance: dg.DagsterInstance
) -> None:
    write_file(archive, "e", [call("page", f"k{number}") for number in range(20)])
    process = started_dbt(cli, archive)
    running = cli.json("status")["running"]
    process.send_signal(signal.SIGKILL)
    process.wait()

    # Its dbt goes on writing, so nobody else may.
    holder = HomeLock(cli.home / "sync.lock").holder()
    assert holder is not None
    assert holder.run_id == running["run_id"]
    statuses = []
    deadline = time.monotonic() + 180
    while not statuses or statuses[-1] != "Success":
        assert time.monotonic() < deadline
        statuses.append(cli.json("sync", "--source", str(archive))["status"])

    assert set(statuses) <= {"Skipped", "Success"}
    assert cli.query("select count(*), count(distinct id) from profiles.pages") == [(24, 24)]
    killed = cli.json("history")[len(statuses)]
    assert (killed["run_id"], killed["status"]) == (running["run_id"], "Partial success")
    assert "killed" in killed["outcome"]["error"]["message"]
    assert killed["outcome"]["landing"]["events"] == 20
    assert {table["table"]: table["inserted"] for table in killed["outcome"]["tables"]}["pages"] == 20
    assert killed["rows"]["event_type"] == 20
    run = instance.get_run_by_id(killed["run_id"])
    assert run is not None
    assert run.status is dg.DagsterRunStatus.FAILURE


@pytest.mark.slow
def test_an_interrupted_sync_says_so(cli: Cli, archive: Path) -> None:
    write_file(archive, "g", [call("page", "i1")])
    process = started_dbt(cli, archive)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)

    assert process.returncode != 0
    record = cli.json("history")[0]
    assert record["status"] in ("Failed", "Partial success")
    assert "interrupted" in record["outcome"]["error"]["message"]
    assert cli.json("sync", "--source", str(archive))["status"] == "Success"
    assert cli.query("select count(*) from profiles.pages where id = 'i1'") == [(1,)]


def test_every_sync_is_in_the_warehouse_with_its_status(cli: Cli) -> None:
    history = {record["run_id"]: record["status"] for record in cli.json("history")}

    assert dict(cli.query("select run_id, status from profiles_ops.sync_runs")) == history
    assert {"Partial success", "Skipped", "Success"} <= set(history.values())


def test_health_says_what_the_tables_of_the_warehouse_say(cli: Cli) -> None:
    told = {table["table"]: table["rows_synced"] for table in cli.json("health")["tables"]}

    counted = cli.query(
        f"select table_name, sum(rows_inserted + rows_updated + rows_deleted)::bigint as rows_synced from {RUN_TABLES} "
        "where group_name is not null group by table_name having rows_synced > 0"
    )
    assert told == dict(counted)
    # That of a killed sync too; a table that was dropped with two rows was filled anew.
    for table, anew in (("pages", 0), ("order_completed", 2)):
        assert told[table] == cli.count(f"profiles.{table}") + anew
    shown = cli.run("health", "order_completed")
    assert shown.returncode == 0
    assert str(told["order_completed"]) in shown.stdout


@pytest.mark.slow
def test_a_rebuild_gives_the_same_rows(cli: Cli) -> None:
    everything = "select * exclude (uuid_ts) from profiles.{} order by all"
    compared = (
        "id_graph_updates",
        "external_id_mapping_updates",
        "pages",
        "order_completed",
        "cart_viewed",
        "identifies",
    )
    before = {table: cli.query(everything.format(table)) for table in compared}

    # The rules never changed, so today's give the same.
    record = cli.json("rebuild", "--with-current-rules")

    assert record["status"] == "Success"
    assert cli.query("select origin from profiles_ops.settings_history order by version") == [
        ("profiles-sync",),
        ("profiles-sync:rebuild",),
    ]
    assert {table: cli.query(everything.format(table)) for table in compared} == before
    # The checks look for the rebuild's own mark, not for that of the view which is made at its end.
    assert cli.query("select * from profiles_ops.notices where notice like 'check%'") == []
    assert (
        cli.query("select table_name from information_schema.tables where table_name like '%\\_\\_rebuild' escape '\\'")
        == []
    )


@pytest.mark.slow
def test_a_sync_ends_a_swap_that_was_cut_short(cli: Cli) -> None:
    """What a rebuild leaves that is killed where an engine puts new tables in place one by one."""
    compared = ("profiles.pages", "profiles.identifies", "profiles_staging.identity_canonical")
    everything = "select * from {} order by all"
    before = {table: cli.query(everything.format(table)) for table in compared}
    assert all(before.values())
    with duckdb.connect(str(cli.home / "warehouse.duckdb")) as connection:
        # The old one is gone already.
        connection.execute("alter table profiles.pages rename to pages__rebuild")
        connection.execute("alter table profiles_staging.identity_canonical rename to identity_canonical__rebuild")
        # Its turn has not come yet.
        connection.execute("create table profiles.identifies__rebuild as from profiles.identifies")
        connection.execute("delete from profiles.identifies")
        connection.execute("insert into profiles_ops.rebuild_swap values (1, now())")
    versions = "select count(*) from profiles_ops.settings_history"
    [(known,)] = cli.query(versions)

    record = cli.json("sync")

    assert (record["status"], record["rows_synced"]) == ("Success", 0)
    assert {table: cli.query(everything.format(table)) for table in compared} == before
    left = "select table_name from information_schema.tables where ends_with(table_name, '__rebuild')"
    assert cli.query(left) == []
    assert cli.query("select count(*) from profiles_ops.rebuild_swap") == [(0,)]
    # It had been a rebuild with the rules of today, which hold for all before it then.
    assert cli.query(versions) == [(known + 1,)]


def test_an_hour_looks_at_the_newest_days_and_a_day_at_all(
    cli: Cli, archive: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.home / "profiles_sync.yml").write_text(f"sources: [{archive}]\n")
    write_file(archive, "first-late", [call("page", "late1", anonymousId="a1")], day="2024-04-24")
    # Until now it was named on the command line, or not at all.
    assert cli.json("sync")["outcome"]["landing"]["events"] == 1

    write_file(archive, "second-late", [call("page", "late2", anonymousId="a1")], day="2024-04-24")
    write_file(archive, "week", [call("page", "late3", anonymousId="a1")], day="2024-04-25")
    landing = cli.json("sync")["outcome"]["landing"]
    assert (landing["events"], landing["passed_over"]) == (1, 1)
    shown = " ".join(cli.run("sync").stdout.split())
    assert (
        "No new files. Of the archive the newest 7 days were looked at; `sync --all-files` looks at all of them."
        in shown
    )

    moment = history.now()
    last = instance.get_runs(dg.RunsFilter(tags={history.SYNC_TAG: "true"}), limit=3)[-1]
    archives = last.tags[history.LISTING_TAG]
    # After a day; and where the clock of the last such sync was ahead.
    for hours, due in ((0, False), (23, False), (24, True), (-24, True)):
        monkeypatch.setattr(history, "now", lambda hours=hours: moment + timedelta(hours=hours))
        assert history.whole_listing_is_due(instance, archives) is due

    assert cli.json("sync", "--all-files")["outcome"]["landing"]["events"] == 1
    assert cli.query("select id from profiles.pages where id like 'late%' order by id") == [
        ("late1",),
        ("late2",),
        ("late3",),
    ]


def test_one_sync_can_be_looked_at(cli: Cli) -> None:
    partial = [record for record in cli.json("history") if record["status"] == "Partial success"]
    run_id = next(record["run_id"] for record in partial if record["outcome"]["error"]["code"] == "E_DBT")

    shown = cli.run("history", run_id[:8])

    assert shown.returncode == 0
    assert "Partial success" in shown.stdout
    assert "E_DBT" in shown.stdout
    assert "cart_viewed" in shown.stdout


def test_nothing_was_reached_outside_of_this_machine(cli: Cli) -> None:
    assert cli.connections == []

    # The watch is awake.
    reach = "import socket; socket.getaddrinfo('example.com', 443)"
    subprocess.run([sys.executable, "-c", reach], env=cli.env, capture_output=True, check=False)
    assert cli.connections == ["example.com"]
