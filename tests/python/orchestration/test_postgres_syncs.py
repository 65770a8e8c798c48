"""A deployment on Postgres: a table that fails harms no other, readers read, checks stand at their tables.

Each test goes on where the one before it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
import psycopg2.errors
import pytest
from dagster import DagsterEventType

from support.archive import write_file
from support.cli import Cli
from support.landing import call, track
from support.postgres import PostgresDatabase, PostgresServer

READER, SYNCER = "analyst", "syncer"
TEXT = "Käse 😀 it's C:\\new"
# What an administrator may have set for a role; no result may depend on it.
SETTINGS = {
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "datestyle": "SQL, DMY",
    "extra_float_digits": "-15",
    "intervalstyle": "iso_8601",
    "search_path": "nowhere",
    "standard_conforming_strings": "off",
}


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    database = postgres_server.database()
    query(database, f"create role {READER} login; create role {SYNCER} login")
    query(database, f"grant create on database {database.name} to {SYNCER}")
    for name, value in SETTINGS.items():
        query(database, f"alter role {SYNCER} set {name} = '{value}'")
    yield database
    postgres_server.drop(database)
    other = postgres_server.database()
    query(other, f"drop role {READER}; drop role {SYNCER}")
    postgres_server.drop(other)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, database: PostgresDatabase) -> Cli:
    # As no superuser, to whom every right is given.
    environment = {**database.environment, "PROFILES_SYNC_POSTGRES_USER": SYNCER}
    folder = tmp_path_factory.mktemp("postgres_syncs")
    return Cli.reading_archive(folder, environment, configuration=f"reader_roles: [{READER}]\n")


@pytest.fixture(scope="module")
def archive(cli: Cli) -> Path:
    return cli.folder / "archive"


def query(database: PostgresDatabase, sql: str, *, role: str = "") -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database.dsn)
    try:
        with connection, connection.cursor() as cursor:
            if role:
                cursor.execute(f"set role {role}")
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def tables(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {table["table"]: table for table in record["outcome"]["tables"]}


def checks(cli: Cli, run_id: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Whether each check of a sync passed, and what it expected and found or the error, by table and check."""
    with dg.DagsterInstance.from_config(str(cli.home / "dagster")) as instance:
        logged = instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
        evaluated = [
            entry.dagster_event.asset_check_evaluation_data for entry in logged if entry.dagster_event is not None
        ]
    return {
        ("/".join(each.asset_key.path), each.check_name): (
            each.passed,
            *(value.value for value in each.metadata.values()),
        )
        for each in evaluated
    }


def test_every_table_is_checked(cli: Cli, archive: Path) -> None:
    write_file(
        archive,
        "a",
        [
            call(
                "identify",
                "m1",
                anonymousId="a1",
                traits={
                    "email": "jane@example.com",
                    "shop": TEXT,
                    "share": 0.1,
                    "since": "2024-05-01T10:00:00.1234567Z",
                },
            ),
            call("page", "m2", anonymousId="a1"),
            track("m3", "Order Completed", properties={"total": 1}),
            track("m4", "Cart Viewed"),
        ],
    )
    first = cli.json("sync")
    write_file(archive, "b", [track("m5", "Cart Viewed"), call("page", "m6", userId="u2")])

    record = cli.json("sync")

    assert (first["status"], record["status"]) == ("Success", "Success")
    found = checks(cli, record["run_id"])
    assert all(passed for passed, _, _ in found.values()), found
    assert found["cart_viewed", "every_call_has_its_row"] == (True, 1, 1)
    assert found["tracks", "every_call_has_its_row"] == (True, 1, 1)
    assert found["pages", "rows_are_there"] == (True, 1, 1)
    assert found["id_graph_updates", "every_change_has_its_row"] == (True, 1, 1)
    built = {name for name, table in tables(record).items() if table["inserted"] and table["group"]}
    assert {table for table, check in found if check == "key_is_unique"} == built


def test_texts_and_numbers_are_what_was_sent(database: PostgresDatabase) -> None:
    sql = "select email, shop, share, since from profiles.profile_traits where email is not null"
    since = datetime(2024, 5, 1, 10, 0, 0, 123456)
    assert query(database, sql) == [("jane@example.com", TEXT, 0.1, since)]
    assert query(
        database, "select external_id_value from profiles.external_id_mapping where external_id_type = 'email'"
    )
    assert query(database, "select shop, since from profiles.identifies") == [(TEXT, since)]


def test_readers_may_read_what_is_there(database: PostgresDatabase) -> None:
    assert query(database, "select count(*) from profiles.pages", role=READER) == [(2,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        query(database, "select count(*) from profiles_staging.raw_events", role=READER)


# What fails, how it heals, and what is told of it, by table.
BREAK = {
    "cart_viewed": (
        "create function public.refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'the disk of this table is on fire'; end $$;"
        "create trigger refuse before insert on profiles.cart_viewed for each row execute function public.refuse()",
        "drop trigger refuse on profiles.cart_viewed; drop function public.refuse()",
        ("E_DBT", "the disk of this table is on fire"),
    ),
    "order_completed": (
        "alter table profiles.order_completed drop column user_id",
        "alter table profiles.order_completed add column user_id text",
        ("E_DBT", 'column "user_id" of relation "order_completed" does not exist'),
    ),
    "pages": (
        f"revoke insert on profiles.pages from {SYNCER}",
        f"grant insert on profiles.pages to {SYNCER}",
        ("E_PERMISSION", "permission denied for table pages"),
    ),
}


@pytest.mark.slow
def test_tables_that_fail_leave_the_others_synced_and_heal(cli: Cli, archive: Path, database: PostgresDatabase) -> None:
    counted = "select " + ", ".join(
        f"(select count(*) from profiles.{table})" for table in (*BREAK, "tracks", "id_graph")
    )
    carts, orders, pages, tracks, profiles = query(database, counted)[0]
    marks = (
        "select table_name, last_event_no from profiles_ops.table_state "
        "where table_name in ('cart_viewed', 'order_completed', 'pages') order by 1"
    )
    before = query(database, marks)
    assert len(before) == len(BREAK)
    for broken, _, _ in BREAK.values():
        query(database, broken)
    write_file(
        archive,
        "broken",
        [
            track("b1", "Cart Viewed", userId="unlucky"),
            track("b2", "Order Completed", userId="unlucky"),
            call("page", "b3", userId="unlucky"),
            track("b4", "Seen Meanwhile", userId="unlucky"),
        ],
    )

    record = cli.json("sync", exit_code=3)

    assert record["status"] == "Partial success"
    failed = {name: table for name, table in tables(record).items() if table["status"] != "Success"}
    assert failed.keys() == BREAK.keys()
    assert record["outcome"]["error"]["code"] in ("E_DBT", "E_PERMISSION")
    assert any(told in record["outcome"]["error"]["message"] for _, _, (_, told) in BREAK.values())
    assert query(database, counted) == [(carts, orders, pages, tracks + 3, profiles + 1)]
    assert query(database, "select id from profiles.seen_meanwhile") == [("b4",)]
    assert query(database, marks) == before
    copied = query(
        database,
        "select t.table_name, r.status, t.status, t.error_message from profiles_ops.sync_runs as r "
        "join profiles_ops.sync_run_tables as t on t.run_id = r.run_id and t.status <> 'Success' "
        f"where r.run_id = '{record['run_id']}'",
    )
    assert {row[:3] for row in copied} == {(table, "Partial success", "Failed") for table in BREAK}
    messages = {row[0]: row[3] for row in copied}
    found = checks(cli, record["run_id"])
    assert found["tracks", "every_call_has_its_row"] == (True, 3, 3)
    for table, (_, _, (code, told)) in BREAK.items():
        assert failed[table]["error"]["code"] == code
        assert told in failed[table]["error"]["message"]
        assert told in messages[table]
        evaluated = {check: said for (checked, check), said in found.items() if checked == table}
        if table == "pages":
            # In the run's plan, where Dagster shows what was not made.
            assert evaluated == {}
        else:
            assert evaluated.keys() == {"rows_are_there"}
            assert evaluated["rows_are_there"][0] is False
            assert told in evaluated["rows_are_there"][1]

    for _, healed, _ in BREAK.values():
        query(database, healed)
    healing = cli.json("sync")

    assert (healing["status"], healing["rows_synced"]) == ("Success", 3)
    assert query(database, counted) == [(carts + 1, orders + 1, pages + 1, tracks + 3, profiles + 1)]
    for table, identifier in zip(BREAK, ("b1", "b2", "b3"), strict=True):
        assert query(database, f"select count(*) from profiles.{table} where id = '{identifier}'") == [(1,)]


@pytest.mark.slow
def test_readers_may_read_what_was_made_since(database: PostgresDatabase) -> None:
    assert query(database, "select id from profiles.seen_meanwhile", role=READER) == [("b4",)]


@pytest.mark.slow
def test_a_check_that_fails_is_a_warning(cli: Cli, archive: Path, database: PostgresDatabase) -> None:
    """A trigger that swallows rows: the sync cannot know, the checks do."""
    query(
        database,
        "create function public.swallow() returns trigger language plpgsql as $$ begin return null; end $$;"
        "create trigger swallow before insert on profiles.pages for each row execute function public.swallow()",
    )
    write_file(archive, "swallowed", [call("page", "p1"), call("page", "p2")])

    record = cli.json("sync")

    query(database, "drop trigger swallow on profiles.pages; drop function public.swallow()")
    assert record["status"] == "Success"
    assert checks(cli, record["run_id"])["pages", "every_call_has_its_row"] == (False, 2, 0)
    noticed = "select notice, occurrences from profiles_ops.notices where table_name = 'pages' and notice like 'check%'"
    assert query(database, noticed) == [("check_every_call_has_its_row", 2)]

    verified = cli.json("verify", exit_code=1)
    failed = {test["name"] for test in verified if not test["passed"]}
    assert failed == {"event_tables_have_every_processed_call"}
    assert len(verified) > 100

    assert cli.json("rebuild")["status"] == "Success"
    # A view that Postgres drops with the tables that a rebuild replaces.
    profiles = query(database, "select count(distinct canonical_segment_id) from profiles.id_graph")
    assert query(database, "select amount from profiles_ops.identity_health where metric = 'profiles'") == profiles
    assert all(test["passed"] for test in cli.json("verify"))
