"""Direct connections: the same small interface on each engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.project import Target, open_workplace
from profiles_sync.sync.store import Store
from profiles_sync.warehouse import Warehouse, WarehouseError, open_warehouse
from profiles_sync.warehouse.sqlserver import SQLServerWarehouse
from support.postgres import PostgresDatabase


@contextmanager
def _target(kind: str, home: Path, environment: Mapping[str, str]) -> Iterator[Target]:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield open_workplace(Home(home), target=kind).target
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def duckdb_target(tmp_path: Path) -> Iterator[Target]:
    with _target("duckdb", tmp_path / "home", {}) as target:
        yield target


@pytest.fixture
def postgres_target(tmp_path: Path, postgres_database: PostgresDatabase) -> Iterator[Target]:
    with _target("postgres", tmp_path / "home", postgres_database.environment) as target:
        yield target


@pytest.fixture(params=["duckdb", "postgres"])
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(f"{request.param}_target")
    return found


@pytest.fixture
def warehouse(target: Target) -> Iterator[Warehouse]:
    with open_warehouse(target) as found:
        found.execute("create schema profiles_ops")
        found.execute(f'create table {found.ops("things")} ("no" bigint, "text" varchar, "at" timestamp, "ok" boolean)')
        yield found


def test_rows_come_back_as_they_went(warehouse: Warehouse, target: Target) -> None:
    assert warehouse.engine == target.kind
    assert (warehouse.schemas.space, warehouse.schemas.staging, warehouse.schemas.ops) == (
        "profiles", "profiles_staging", "profiles_ops",
    )  # fmt: skip
    rows = [
        (number, f'it\'s 100% "{number}"\n', datetime(2024, 5, 1, 10, 0, 0, number), number % 2 == 0)
        for number in range(1234)
    ]
    rows.append((-1, None, None, None))
    assert warehouse.insert(warehouse.ops("things"), ["no", "text", "at", "ok"], iter(rows)) == 1235
    found = warehouse.query(f'select "no", "text", "at", "ok" from {warehouse.ops("things")} order by "no"')
    assert found == [rows[-1], *rows[:-1]]
    assert warehouse.query(
        f'select count(*) from {warehouse.ops("things")} where "text" like ? and "no" < ?', ["it%", 10]
    ) == [(10,)]
    assert warehouse.query("select 100 % 7, 'a%'") == [(2, "a%")]
    assert warehouse.table_exists("profiles_ops", "things")
    assert not warehouse.table_exists("profiles", "things")


def insert_and_fail(warehouse: Warehouse, statement: str, error: type[Exception] | None) -> None:
    with warehouse.transaction():
        warehouse.insert(warehouse.ops("things"), ["no"], [(1,)])
        warehouse.execute(statement)
        if error is not None:
            raise error


def test_rows_change_by_their_keys(warehouse: Warehouse) -> None:
    things = warehouse.ops("things")
    warehouse.insert(things, ["no", "text"], [(number, "old") for number in range(1500)])
    changed = [(number, None if number % 2 else "it's new") for number in range(1000)]
    warehouse.update(things, ["no"], ["text"], changed, "ok = true")
    warehouse.update(things, ["no", "text"], ["no"], [(1200, "old", -1), (1201, "no such row", -2)])
    found = warehouse.query(f"select text, ok, count(*), min(no) from {things} group by text, ok order by 4")
    assert found == [("old", None, 500, -1), ("it's new", True, 500, 0), (None, True, 500, 1)]


def test_a_transaction_counts_as_a_whole(warehouse: Warehouse) -> None:
    things = warehouse.ops("things")
    with pytest.raises(ZeroDivisionError):
        insert_and_fail(warehouse, "select 1", ZeroDivisionError)
    assert warehouse.query(f"select count(*) from {things}") == [(0,)]
    with warehouse.transaction():
        warehouse.lock(things)
        warehouse.insert(things, ["no"], [(1,)])
    assert warehouse.query(f"select count(*) from {things}") == [(1,)]


def test_an_error_inside_a_transaction_undoes_it(warehouse: Warehouse) -> None:
    things = warehouse.ops("things")
    with pytest.raises(WarehouseError):
        insert_and_fail(warehouse, "select * from nowhere", None)
    assert warehouse.query(f"select count(*) from {things}") == [(0,)]


def test_what_was_not_committed_is_gone_after_close(warehouse: Warehouse, target: Target) -> None:
    warehouse.execute("begin")
    warehouse.insert(warehouse.ops("things"), ["no"], [(1,)])
    warehouse.close()
    with open_warehouse(target) as again:
        assert again.query(f"select count(*) from {again.ops('things')}") == [(0,)]


def test_a_connection_that_is_lost_in_a_transaction_is_what_is_told(postgres_target: Target) -> None:
    with open_warehouse(postgres_target) as lost, open_warehouse(postgres_target) as other:

        def work() -> None:
            with lost.transaction():
                other.execute("select pg_terminate_backend(?)", [lost.query("select pg_backend_pid()")[0][0]])
                lost.query("select 1")

        with pytest.raises(WarehouseError, match=r"terminating|server closed the connection") as failure:
            work()
        assert failure.value.code == "E_NETWORK"
        with pytest.raises(WarehouseError, match="already closed") as failure:
            lost.query("select 1")
        assert failure.value.code == "E_NETWORK"


def test_a_table_without_a_right_on_it_is_seen(postgres_target: Target) -> None:
    with open_warehouse(postgres_target) as house:
        house.execute("create role stranger; create schema profiles; create schema profiles_ops authorization stranger")
        house.execute("create table profiles.pages (id integer); grant usage, create on schema profiles to stranger")
        house.execute("set role stranger")

        with pytest.raises(ConfigError, match="did not make: pages"):
            house.refuse_foreign_tables()

        # Nor is it one that somebody has dropped, to be filled anew.
        house.execute("create table profiles_ops.table_state as select 'pages' as table_name, 7 as last_event_no")
        assert Store(house).forget_lost_tables(["pages"]) == []
        assert house.query("select last_event_no from profiles_ops.table_state") == [(7,)]
        assert house.table_exists("profiles", "pages")
        house.execute("reset role; drop owned by stranger; drop role stranger")


def test_a_query_over_local_files(warehouse: Warehouse, tmp_path: Path) -> None:
    query = """
        select n, case when n % 3 = 0 then null else 'a,"b"' || chr(10) || n end, make_timestamp(n * 1000000 + 1), n % 2 = 0
        from range(5000) as t(n) order by n desc
    """
    columns = ["no", "text", "at", "ok"]
    assert warehouse.insert_query(warehouse.ops("things"), columns, query, tmp_path) == 5000
    found = warehouse.query(
        f'select "no", "text", "at", "ok" from {warehouse.ops("things")} where "no" in (0, 1) order by 1'
    )
    assert found == [
        (0, None, datetime(1970, 1, 1, 0, 0, 0, 1), True),
        (1, 'a,"b"\n1', datetime(1970, 1, 1, 0, 0, 1, 1), False),
    ]
    assert list(tmp_path.glob("*.csv")) == []


def test_a_kind_without_a_connection(target: Target) -> None:
    other = Target("x", "oracle", "profiles", "somewhere", target.credentials)
    with pytest.raises(ConfigError, match="oracle"):
        open_warehouse(other)


def test_a_wrong_password_is_not_shown(postgres_target: Target) -> None:
    postgres_target.credentials.password = "hunter2-secret"
    postgres_target.credentials.user = "nobody_at_all"
    with pytest.raises(WarehouseError) as failure:
        open_warehouse(postgres_target)
    assert failure.value.code == "E_AUTH" or "nobody_at_all" in failure.value.message
    assert "hunter2" not in str(failure.value)


def test_a_file_in_use_is_named(duckdb_target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiles_sync.warehouse.duckdb._ATTEMPTS", 1)
    code = f"import duckdb, sys; c = duckdb.connect({duckdb_target.address!r}); print(1, flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"1\n"
    try:
        with pytest.raises(WarehouseError) as failure:
            open_warehouse(duckdb_target)
    finally:
        holder.communicate()
    assert failure.value.code == "E_NETWORK"
    assert "close it" in failure.value.hint


class Calls:
    """A cursor of SQL Server's drivers that only keeps what it is asked for."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.made.append((name, *arguments))


def test_sql_server_is_told_the_types_of_texts() -> None:
    """mssql-python would take `日本` for plain text beside a longer one that is, and its characters for question marks."""
    cursor = Calls()
    moment, day = datetime(2024, 5, 1, 10, 0, 0, 123456), date(2024, 5, 1)
    short = [(1, "plain, and the longest", None, moment, day, True), (2, "日本😀", None, None, day, False)]
    long = (3, "😀" * 2001, None, moment, day, True)
    warehouse = SQLServerWarehouse(SimpleNamespace(cursor=lambda: cursor), "space")
    assert warehouse.insert("t", ["n", "text", "none", "moment", "day", "flag"], [short[0], long, short[1]]) == 3
    sql = 'insert into t ("n", "text", "none", "moment", "day", "flag") values (?, ?, ?, ?, ?, ?)'
    types = [(-5, 19, 0), (-9, 22, 0), (-9, 1, 0), (93, 26, 6), (91, 10, 0), (-7, 1, 0)]
    made = [call for call in cursor.made if call[0] != "close"]
    assert made == [("execute", sql, long), ("setinputsizes", types), ("executemany", sql, short)]

    driver = pytest.importorskip("mssql_python.cursor")
    real = object.__new__(driver.Cursor)
    real.setinputsizes(types)
    wide = driver.ddbc_sql_const.SQL_C_WCHAR.value
    assert [number for number, size in enumerate(real._inputsizes) if size[1] == wide] == [1, 2]
