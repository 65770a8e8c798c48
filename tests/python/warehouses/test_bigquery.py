"""What is BigQuery's own: jobs that no answer came for, one script a commit, and landing by load jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlglot import parse_one

from faults.test_lease import begin_sync
from profiles_sync.home import Home
from profiles_sync.landing import LandingOptions
from profiles_sync.naming import column_name, name_rules
from profiles_sync.settings import load_selection
from profiles_sync.tables import read_tables
from profiles_sync.warehouse import Warehouse, WarehouseError
from support.dbt import DbtFailedError, Deployment, environment
from support.engines.bigquery_server import BigQueryDatabase, BigQueryServer, Engine, Result, running_bigquery
from support.engines.googlesql import GoogleSqlError, analyze, split_script
from support.hour import hour_calls, run_all_models
from support.pipeline import Pipeline
from support.tables_read import MOST_TABLES, tables_read


@pytest.fixture(scope="module")
def bigquery() -> Iterator[BigQueryServer]:
    with running_bigquery() as server:
        yield server


@pytest.fixture
def pipeline(bigquery: BigQueryServer, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    home = tmp_path / "home"
    home.mkdir()
    return Pipeline(Deployment(home, "bigquery", tmp_path_factory.mktemp("target"), bigquery.database()))


def call(number: int, **fields: object) -> dict[str, object]:
    at = f"2024-05-01T10:00:{number:02}.123456Z"
    times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m{number}",
        "userId": "it's \\ é",
        **times,
        **fields,
    }


def test_the_analyzer_refuses_what_bigquery_refuses() -> None:
    tables = {("t",): {"id": "INT64", "s": "STRING"}}
    for sql in (
        "select id from t union select id from t",
        "update t set id = 1",
        "select s + 1 from t",
        "select cast(id as bigint) from t",
        "select epoch_us(id) from t",
        "select no_such from t",
    ):
        with pytest.raises(GoogleSqlError):
            analyze(sql, tables)
    assert analyze("select id, s as name from t", tables) == {"id": "INT64", "name": "STRING"}


def test_bytes_are_those_of_the_columns_and_partitions_that_are_read() -> None:
    engine = Engine()
    engine.run("create schema d")
    engine.run("create table d.t (n int64, s string, landed_on date) partition by landed_on")
    engine.run("create view d.v as select n as number, s as text, landed_on from d.t")
    engine.run("insert into d.t select 1, 'é', date '2024-05-01' union all select null, 'four', date '2024-05-02'")
    table = ("test-project", "d", "t")
    for sql, expected in {
        "select n from d.t": 8,
        "select s from d.t": (2 + 2) + (2 + 4),
        # The analyzer leaves out what no part of a statement names; a view names all.
        "select text from d.v where number > 0": 8 + 4 + 6 + 16,
        "select s from d.t where landed_on between date '2024-05-02' and date '2024-05-02'": 6 + 8,
        "insert into d.t (n) select n from d.t": 8,
        "delete from d.t where n = 1": 8 + 4 + 6 + 16,
    }.items():
        assert engine.bytes_of(sql) == {table: expected}, sql


def test_a_table_of_an_hour_is_one_script(pipeline: Pipeline) -> None:
    """Four models start together, and still each question that all of them have is asked once, before."""
    pipeline.land(hour_calls(1, 3))
    run_all_models(pipeline.deployment)
    pipeline.land(hour_calls(2, 3))
    news = run_all_models(pipeline.deployment)
    built = {node for node, _ in news.statements if node.startswith("event__") or node in ("tracks", "identifies")}
    assert {node: news.counted(f"{node}$") for node in built} == dict.fromkeys(built, 1)
    assert len(built) == 5


def test_scripts_are_split_outside_of_literals_only() -> None:
    assert split_script("select ';', `a;b`; -- c;\n select 2;") == ["select ';', `a;b`", "select 2"]


def test_landing(pipeline: Pipeline) -> None:
    now = datetime(2024, 5, 10, 12)
    pipeline.land([call(1, properties={"total": 7, "note": "a\nb"}), call(2), b"{broken"], now=now)
    pipeline.land([call(3, properties={"total": 7.5})], now=datetime(2024, 5, 10, 13))

    query = pipeline.deployment.query
    assert query(
        "select event_no, message_id, user_id, received_at, landed_on from profiles_staging.raw_events order by event_no"
    ) == [(n, f"m{n}", "it's \\ é", datetime(2024, 5, 1, 10, 0, n, 123456), now.date()) for n in (1, 2, 3)]
    assert query("select column_name, data_type from profiles_ops.column_registry where raw_path like '%total%'") == [
        ("total", "float")
    ]
    assert query("select reason from profiles_ops.rejected_events") == [("invalid_json",)]
    assert query("select events, rejected from profiles_ops.loads order by loaded_at") == [(2, 1), (1, 0)]
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    assert not [path for path in database.engine.tables if path[2].startswith("landing_")]
    scripts = [sql for sql in database.engine.statements if sql.startswith("begin transaction")]
    assert [len(re.findall("insert into `test-project`.`profiles_staging`.`raw_events`", sql)) for sql in scripts] == [
        1,
        1,
    ]


def test_an_orphan_commits_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = pipeline.deployment
    pipeline.land([call(1)])
    begin_sync(deployment, "the orphan")
    database = deployment.database
    assert isinstance(database, BigQueryDatabase)
    engine, run = database.engine, database.engine.run

    def with_another_sync(sql: str) -> Result:
        if "begin transaction" in sql and "`identity_events`" in sql:
            run("update `test-project`.`profiles_ops`.`current_sync` set sync_id = 'another' where true")
        return run(sql)

    monkeypatch.setattr(engine, "run", with_another_sync)
    with environment({"PROFILES_SYNC_RUN_ID": "the orphan"}), pytest.raises(DbtFailedError) as refused:
        pipeline.build("--select", "stg_events", "identity_resolution")

    assert "another sync has taken over this space" in str(refused.value)
    assert deployment.query("select count(*) from profiles_staging.identity_events") == [(0,)]

    # The sync that followed writes it.
    monkeypatch.undo()
    begin_sync(deployment, "another")
    with environment({"PROFILES_SYNC_RUN_ID": "another"}):
        pipeline.build("--select", "stg_events", "identity_resolution")
    assert deployment.query("select count(*) from profiles_staging.identity_events") == [(1,)]

    # A script that begins when the same run has done its work by another one.
    def late(sql: str) -> Result:
        if "begin transaction" in sql and "`tracks`" in sql:
            run(
                "insert into `test-project`.`profiles_ops`.`table_state` (table_name, last_event_no) select 'tracks', 1"
            )
        return run(sql)

    monkeypatch.setattr(engine, "run", late)
    with environment({"PROFILES_SYNC_RUN_ID": "another"}), pytest.raises(DbtFailedError, match="has taken over"):
        pipeline.build("--select", "tracks")
    assert deployment.query("select count(*) from profiles.tracks") == [(0,)]


def test_a_job_without_an_answer_is_not_run_twice(pipeline: Pipeline) -> None:
    pipeline.deployment.dbt("run-operation", "prepare_space")
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    with pipeline.deployment.open() as warehouse:
        table = warehouse.ops("schema_version")
        database.server.service.lose_answers = 1
        with warehouse.transaction():
            warehouse.insert(table, ["version", "applied_at"], [(99, datetime(2024, 1, 1))])
        assert warehouse.query(f"select count(*) from {table} where version = 99") == [(1,)]


def test_a_failed_transaction_leaves_nothing(pipeline: Pipeline) -> None:
    pipeline.deployment.dbt("run-operation", "prepare_space")

    def write(warehouse: Warehouse, table: str) -> None:
        with warehouse.transaction():
            warehouse.insert(table, ["version", "applied_at"], [(99, None)])
            warehouse.execute(f"insert into {table} (version) select div(1, 0)")

    with pipeline.deployment.open() as warehouse:
        table = warehouse.ops("schema_version")
        with pytest.raises(WarehouseError, match="division by zero"):
            write(warehouse, table)
        assert warehouse.query(f"select count(*) from {table} where version = 99") == [(0,)]


def test_many_rows_go_through_staging_tables(pipeline: Pipeline) -> None:
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    engine = database.engine
    for schema in ("profiles_ops", "profiles_staging"):
        engine.run(f"create schema {schema}")
    engine.run(
        "create table profiles_ops.notices (sync_id string, notice string, table_name string, occurrences int64, "
        "detail string, noticed_at timestamp)"
    )
    noted = datetime(2024, 5, 1, 10, 0, 0, 123456)
    columns = ["sync_id", "notice", "occurrences", "noticed_at", "detail"]
    rows = [(f"s{n}", "a_notice", n, noted, None if n else "it's \0 \\ é\n" * 30) for n in range(1000)]
    with pipeline.deployment.open() as warehouse:
        table = warehouse.ops("notices")
        with warehouse.transaction():
            warehouse.insert(table, columns, rows)
            # Seen before the commit, though the table has more columns.
            assert warehouse.query(f"select count(*), count(table_name) from {table}") == [(1000, 0)]
        changed = [(f"s{n}", n + 1, "x" * 200) for n in range(500)]
        with warehouse.transaction():
            warehouse.update(table, ["sync_id"], ["occurrences", "detail"], changed, "notice = 'another'")
        warehouse.update(
            table, ["sync_id", "occurrences"], ["detail"], [("s700", 700, "\0"), ("s701", 0, "no such row")]
        )
        found = {
            row[0]: row[1:]
            for row in warehouse.query(f"select sync_id, notice, occurrences, detail, noticed_at from {table}")
        }
    assert found["s0"] == ("another", 1, "x" * 200, noted)
    assert found["s999"] == ("a_notice", 999, None, noted)
    assert (found["s700"][2], found["s701"][2]) == ("\0", None)
    assert max(map(len, engine.statements)) < 50_000
    assert not [path for path in engine.tables if path[2].startswith("landing_")]


def test_landings_that_overlap_are_at_odds(pipeline: Pipeline) -> None:
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    database.engine.run("create schema profiles_ops")
    database.engine.run("create table profiles_ops.loads (load_id string)")
    database.engine.run("create table profiles_ops.schema_version (version int64)")

    def land(warehouse: Warehouse, loads: str) -> None:
        with warehouse.transaction():
            warehouse.lock(loads)
            warehouse.insert(loads, ["load_id"], [("mine",)])
            database.engine.run(f"insert into {loads} (load_id) select 'of another'")

    with pipeline.deployment.open() as warehouse:
        loads = warehouse.ops("loads")
        with pytest.raises(WarehouseError, match="another one wrote to loads"):
            land(warehouse, loads)
        assert warehouse.query(f"select load_id from {loads}") == [("of another",)]
        # Two that begin at once change the same row: BigQuery refuses one of them.
        assert "`schema_version` set version = version where true" in database.engine.statements[-2]


def test_a_swap_that_is_cut_short_loses_no_table(pipeline: Pipeline) -> None:
    deployment = pipeline.deployment
    database = deployment.database
    assert isinstance(database, BigQueryDatabase)
    engine = database.engine
    deployment.dbt("run-operation", "prepare_space")

    class CutShortError(Exception):
        """The program's end."""

    swaps = 0

    def cut(event: Any) -> None:
        nonlocal swaps
        if event.info.name == "SQLQuery" and "rename to" in event.data.sql:
            swaps += 1
            if swaps == 3:
                raise CutShortError

    with environment({"PROFILES_SYNC_SHADOW": "__rebuild"}):
        deployment.dbt("run-operation", "prepare_rebuild")
        shadows = {path: path[2].removesuffix("__rebuild") for path in engine.tables if path[2].endswith("__rebuild")}
        for number, path in enumerate(shadows):
            engine.tables[path].layout = f"replayed {number}"
        assert not deployment.dbt("run-operation", "finish_rebuild", check=False, callbacks=[cut]).success
        assert len(shadows) - len([path for path in shadows if path in engine.tables]) == 2
        deployment.dbt("run-operation", "finish_rebuild")

    assert not [path for path in shadows if path in engine.tables]
    assert [engine.tables[(*path[:2], name)].layout for path, name in shadows.items()] == [
        f"replayed {number}" for number in range(len(shadows))
    ]


def test_readers_are_granted_in_one_statement(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    with environment({"PROFILES_SYNC_READER_ROLES": "user:a@example.com,group:b@example.com"}):
        pipeline.deployment.dbt("run-operation", "grant_readers")
    grants = [sql for sql in database.engine.statements if "grant" in sql]
    assert [sql.rpartition(" on schema ")[2].strip() for sql in grants] == [
        "`test-project`.`profiles` to 'user:a@example.com', 'group:b@example.com'"
    ]
    with environment({"PROFILES_SYNC_READER_ROLES": "analyst"}):
        assert not pipeline.deployment.dbt("run-operation", "grant_readers", check=False).success
    assert "`analyst` names nobody on BigQuery" in capsys.readouterr().out


def test_names_that_bigquery_keeps_for_itself() -> None:
    engine = Engine()
    engine.run("create schema d")
    for name in ("_partition", "_Partitioned", "_file_x", "_table_1"):
        with pytest.raises(GoogleSqlError, match="not allowed to start with"):
            engine.run(f"create table d.t (`{name}` int64)")
    rules = name_rules("bigquery")
    names = [column_name("tracks", ["properties", key], rules) for key in ("partition", "2nd", "order", "_file_x")]
    assert names == ["__partition", "_2nd", "_order", "file_x"]
    engine.run(f"create table d.t ({', '.join(f'`{name}` int64' for name in names)})")
    with pytest.raises(GoogleSqlError, match="not allowed to start with"):
        engine.run("alter table d.t add column `_row_timestamp` int64")


def test_models_read_the_partitions_of_their_slice_only(pipeline: Pipeline) -> None:
    pipeline.land([call(1)], now=datetime(2024, 5, 10, 12))
    pipeline.build("--select", "stg_events", "identity_resolution", "tracks")
    pipeline.land([call(2)], now=datetime(2024, 5, 11, 12))
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    before = len(database.engine.statements)

    pipeline.build("--select", "stg_events", "identity_resolution", "tracks")

    reading = [
        sql
        for sql in database.engine.statements[before:]
        if re.search(r"(from|join) `test-project`.`profiles_staging`.`(raw_events|stg_events)`", sql)
        and "max(landed.event_no)" not in sql
        and "create or replace view" not in sql
    ]
    # That of identity and that of the table.
    assert len(reading) == 2
    for sql in reading:
        assert "landed_on between date '2024-05-11' and date '2024-05-11'" in sql, sql


def test_no_statement_reads_more_tables_than_a_planner_takes(pipeline: Pipeline) -> None:
    pipeline.land([call(1), call(2, anonymousId="a1"), call(3, userId="another", anonymousId="a1")])
    pipeline.build("--select", "stg_events", "identity_resolution")
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    looked_at = {}
    for script in database.engine.statements:
        for sql in split_script(script):
            if re.search(r"(?i)\bwith\s+\w+\s+as\b", sql):
                looked_at[sql] = tables_read(parse_one(sql, read="bigquery"))
    # The rounds, with the tables that they are cut into, and the moves.
    assert len(looked_at) > 20
    assert max(looked_at.values()) <= MOST_TABLES


def test_views_of_the_last_days(pipeline: Pipeline) -> None:
    pipeline.options = LandingOptions(bigquery_compat_views=True)
    pipeline.configure(bigquery_compat_views=True)
    pipeline.sync([call(1, properties={"sku": "a"}), call(2, event="Tracks View")])
    query = pipeline.deployment.query

    def ids(table: str) -> list[str]:
        return [row[0] for row in query(f"select id from profiles.{table} order by id")]

    # The calls are of 2024; an event that is named like a view gives way.
    assert (ids("tracks"), ids("_tracks_view"), ids("tracks_view"), ids("order_completed_view")) == (
        ["m1", "m2"], ["m2"], [], [],
    )  # fmt: skip
    database = pipeline.deployment.database
    assert isinstance(database, BigQueryDatabase)
    views = {path[2] for path, table in database.engine.tables.items() if table.view and path[1] == "profiles"}
    assert views == {
        f"{name}_view" for name in (
            "identifies", "pages", "screens", "groups", "aliases", "tracks", "order_completed", "_tracks_view",
            "id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "user_traits",
            "user_identifiers", "profile_merges",
        )
    }  # fmt: skip

    # When they were landed, in tables of events alone; one value per load.
    assert query("select count(*), count(distinct loaded_at) from profiles.tracks") == [(2, 1)]
    assert query("select loaded_at from profiles._tracks_view") == query("select loaded_at from profiles_ops.loads")
    with pipeline.deployment.open() as warehouse:
        tables = {table.name: table for table in read_tables(warehouse, load_selection(Home(pipeline.deployment.home)))}
        columns = {(table, column): kind for table, column, kind in warehouse.columns("profiles")}
    assert "tracks_view" not in tables
    assert (tables["tracks"].rows, tables["tracks"].columns) == (2, 15)
    assert (columns[("tracks", "loaded_at")], ("id_graph_updates", "loaded_at") in columns) == ("timestamp", False)

    # More days, and a column that was not there.
    pipeline.configure(bigquery_compat_views=True, view_days=100_000)
    pipeline.sync([call(3, properties={"sku": "b", "colour": "red"})])
    assert query("select id, sku, colour from profiles.order_completed_view order by id") == [
        ("m1", "a", None), ("m3", "b", "red"),
    ]  # fmt: skip
    assert ids("tracks_view") == ["m1", "m2", "m3"]
