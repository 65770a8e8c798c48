"""Syncs that are killed, raced, run out of room, or lose their warehouse: nothing lost, nothing twice, the history true."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from support.archive import write_file
from support.cli import Cli
from support.landing import call
from support.postgres import PostgresDatabase

pytestmark = pytest.mark.slow

# Runs the command line, and kills it at a function: when it is called, or when it has returned.
_KILL = """
import importlib, os, signal, sys
where, when, *sys.argv = sys.argv[1:]
module, name = where.split(":")
owner = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    owner = getattr(owner, part)
original = getattr(owner, name)
def killed(*arguments, **named):
    if when == "after":
        original(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, killed)
from profiles_sync.cli import main
main()
"""

# As a full disk: no file grows beyond so many bytes.
_FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.argv = sys.argv[2:]
from profiles_sync.cli import main
main()
"""

PHASES = {
    "landing, before its commit": ("profiles_sync.landing.load:_insert_ledger", "after", "Failed"),
    "landing, after its commit": ("profiles_sync.sync.session:land", "after", "Failed"),
    "planning": ("profiles_sync.sync.session:make_plan", "before", "Failed"),
    # dbt had written rows.
    "recording, before Dagster knows": ("profiles_sync.sync.history:materialization", "before", "Partial success"),
    # It is a success, and Dagster knows it already.
    "recording, before the warehouse knows": ("profiles_sync.sync.session:Session._copy_history", "before", "Success"),
}


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli.reading_archive(tmp_path)


def driven(cli: Cli, driver: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `sync` in a process that a script prepares."""
    command = [sys.executable, "-c", driver, *arguments, "profiles-sync", "sync", "--home", str(cli.home), "--json"]
    return subprocess.run(
        command, env=cli.env, cwd=cli.folder, capture_output=True, text=True, timeout=900, check=False
    )


def reported(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The record at the end of what a sync says."""
    output = process.communicate(timeout=900)[0]
    record: dict[str, Any] = json.loads(output[output.index("{\n") :])
    return record


def ids(cli: Cli, table: str = "profiles.pages") -> list[str]:
    return [row[0] for row in cli.query(f"select id from {table} order by id")]


def statuses(cli: Cli) -> tuple[list[str], list[str]]:
    """Status of every sync, oldest first: in the history, and in the warehouse."""
    history = [record["status"] for record in reversed(cli.json("history"))]
    copied = [row[0] for row in cli.query("select status from profiles_ops.sync_runs order by started_at")]
    return history, copied


def test_a_sync_killed_in_any_phase_is_made_up_for(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "first", [call("page", "p0")])
    assert cli.json("sync")["status"] == "Success"
    expected, told = ["p0"], ["Success"]
    for number, (phase, (where, when, status)) in enumerate(PHASES.items(), 1):
        write_file(archive, f"file-{number}", [call("page", f"p{number}", userId=f"user{number}")])

        killed = driven(cli, _KILL, where, when)
        assert killed.returncode == -signal.SIGKILL, (phase, killed.stderr)
        record = cli.json("sync")

        expected.append(f"p{number}")
        told += [status, "Success"]
        assert record["status"] == "Success", phase
        assert ids(cli) == expected, phase
        assert cli.count("profiles_staging.raw_events") == len(expected), phase
        assert cli.count("profiles.id_graph") == len(expected), phase
        assert not (cli.home / "scratch").exists(), phase
    assert statuses(cli) == (told, told)


def test_two_syncs_at_once(cli: Cli) -> None:
    write_file(cli.folder / "archive", "a", [call("page", f"p{number}") for number in range(50)])
    started = [cli.start("sync", "--json") for _ in range(2)]
    records = [reported(process) for process in started]

    assert sorted(record["status"] for record in records) == ["Skipped", "Success"]
    assert cli.query("select count(*), count(distinct id) from profiles.pages") == [(50, 50)]
    assert sorted(statuses(cli)[0]) == ["Skipped", "Success"]


def test_a_full_disk(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "p0")])
    cli.json("sync")
    # Too large for the limit, however well it is compressed.
    noise = [call("page", f"q{number:05d}", properties={"noise": os.urandom(2000).hex()}) for number in range(5000)]
    write_file(archive, "b", noise)
    limit = (cli.home / "warehouse.duckdb").stat().st_size + (4 << 20)

    full = driven(cli, _FULL, str(limit))

    assert full.returncode == 1, full.stderr
    record = json.loads(full.stdout)
    assert (record["status"], record["outcome"]["error"]["code"]) == ("Failed", "E_LIMIT_SIZE")
    assert cli.count("profiles_staging.raw_events") == 1

    assert cli.json("sync")["status"] == "Success"
    assert cli.query("select count(*), count(distinct id) from profiles.pages") == [(5001, 5001)]
    assert statuses(cli)[1] == ["Success", "Failed", "Success"]


_READ = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
time.sleep(float(sys.argv[2]))
"""


def test_a_table_that_identity_lives_on_was_emptied(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("identify", "m1", userId="u1"), call("identify", "m2", userId="u2")])
    cut = write_file(archive, "cut", [call("page", "m4")])
    cut.write_bytes(cut.read_bytes()[:-9])

    landing = cli.json("sync", "--source", str(archive))["outcome"]["landing"]

    # A file that cannot be read stops nothing, and is told.
    assert (landing["events"], len(landing["unread"])) == (2, 1)
    assert "cut.gz: unreadable: " in landing["unread"][0]
    known = cli.query("select segment_id from profiles.id_graph order by segment_id")
    cli.query("delete from profiles_staging.identity_mapping_log")
    write_file(archive, "b", [call("page", "m3", userId="u1")])

    error = cli.json("sync", "--source", str(archive), exit_code=1)["outcome"]["error"]

    assert (error["code"], "identity_mapping_log" in error["message"]) == ("E_STATE", True)
    assert "profiles-sync rebuild" in error["hint"]
    assert cli.json("rebuild")["status"] == "Success"
    assert cli.query("select segment_id from profiles.id_graph order by segment_id") == known
    assert cli.count("profiles.pages") == 1


def test_a_reader_that_holds_the_file_is_waited_for(cli: Cli) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "p0")])
    cli.json("sync")
    write_file(archive, "b", [call("page", "p1")])
    command = [sys.executable, "-c", _READ, str(cli.home / "warehouse.duckdb"), "12"]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    reader.stdout.readline()

    record = cli.json("sync")

    reader.wait()
    assert record["status"] == "Success"
    assert ids(cli) == ["p0", "p1"]


@pytest.fixture
def on_postgres(cli: Cli, postgres_database: PostgresDatabase) -> PostgresDatabase:
    cli.environment = postgres_database.environment
    return postgres_database


def rows(database: PostgresDatabase, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database.dsn, application_name="the test")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


def test_a_connection_that_is_lost_in_the_middle(cli: Cli, on_postgres: PostgresDatabase) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "p0")])
    cli.json("sync")
    write_file(archive, "b", [call("page", f"q{number}", userId=f"user{number}") for number in range(20_000)])
    resolved = "select max(to_event_no) from profiles_staging.identity_resolution"
    before = rows(on_postgres, resolved)
    process = cli.start("sync", "--json")
    lost = 0
    cut = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() "
        "and application_name = 'dbt' and state <> 'idle' and query ilike '%work_%'"
    )
    while process.poll() is None and not lost:
        lost = rows(on_postgres, cut)[0][0]
        time.sleep(0.02)
    record = reported(process)

    assert lost
    assert record["status"] in ("Failed", "Partial success")
    assert record["outcome"]["error"]["message"]
    assert rows(on_postgres, resolved) == before

    assert cli.json("sync")["status"] == "Success"
    assert rows(on_postgres, "select count(*), count(distinct id) from profiles.pages") == [(20_001, 20_001)]
    assert rows(on_postgres, "select count(*) from profiles.id_graph") == [(20_001,)]
    told = [record["status"] for record in cli.json("history")]
    assert told == ["Success", record["status"], "Success"]
