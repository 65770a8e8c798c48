"""A sync that ends at any statement leaves nothing behind, and its repetition gives what an undisturbed one gives."""

from __future__ import annotations

import functools
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg2
import pytest
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from identity.compare import differences, run_reference
from identity.space import WAYS, Space
from identity.streams import Batch, random_batch, tightened
from support.dbt import ROOT, WITHOUT_ARTIFACTS, Deployment, environment, invoke
from support.marks import ENGINES
from support.postgres import PostgresDatabase

LEDGERS = ("stg_events", "identity_resolution")
# Many violations of several kinds, and a limit that slides.
SEED = 10


@dataclass
class Interruption:
    """Ends the sync when dbt is about to send its statement (or commit) of this number, and says whether it came to that."""

    statement_no: int
    end: Callable[[], None]
    node: str | None = "identity_resolution"
    seen: int = 0

    def __call__(self, event: Any) -> None:
        if event.info.name not in ("SQLQuery", "SQLCommit"):
            return
        if self.node is None or event.data.node_info.node_name == self.node:
            self.seen += 1
            if self.seen == self.statement_no:
                self.end()


def kill_this_process() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def command(deployment: Deployment, *arguments: str) -> list[str]:
    return [
        *(*arguments, "--project-dir", str(ROOT), "--target-path", str(deployment.parse_cache)),
        *("--log-path", str(deployment.home / "logs"), "--quiet"),
    ]


@functools.cache
def parsed(deployment: Deployment) -> Manifest:
    """The project as dbt reads it, for the runs of one space."""
    with environment(deployment.env | WITHOUT_ARTIFACTS):
        result = invoke(dbtRunner(), command(deployment, "parse")).result
    assert isinstance(result, Manifest)
    return result


def run_and_die(deployment: Deployment, statement_no: int, *arguments: str, node: str | None = LEDGERS[1]) -> bool:
    """Run dbt in a process that is killed before this statement; returns whether it got there."""
    manifest = parsed(deployment)
    child = os.fork()
    if child == 0:
        with environment(deployment.env | WITHOUT_ARTIFACTS):
            interruption = Interruption(statement_no, kill_this_process, node)
            runner = dbtRunner(manifest, [interruption])
            success = invoke(runner, command(deployment, "run", "--select", *arguments)).success
        os._exit(0 if success else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def run_and_lose_connection(deployment: Deployment, statement_no: int, *arguments: str) -> bool:
    """Run dbt, and let the server end its session before this statement; returns whether it got there."""
    assert deployment.database is not None
    dsn = deployment.database.dsn

    def cut() -> None:
        connection = psycopg2.connect(dsn)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        connection.close()

    interruption = Interruption(statement_no, cut)
    with environment(deployment.env | WITHOUT_ARTIFACTS):
        runner = dbtRunner(parsed(deployment), [interruption])
        success = invoke(runner, command(deployment, "run", "--select", *arguments)).success
    reached = interruption.seen >= statement_no
    # The session may have had nothing to do any more.
    assert success or reached
    return reached


def two_halves() -> Batch:
    """A batch for two syncs; the rules change within the second one, which so has two commits."""
    batch = random_batch(SEED, 25, versions=1, removals=False)
    numbers = [event.event_no for event in batch.events]
    change = (numbers[len(numbers) * 3 // 4], tightened(random.Random(SEED), batch.settings[0][1]))
    return replace(batch, settings=[*batch.settings, change], cuts=[numbers[len(numbers) // 2]])


def half_synced(deployment: Deployment, batch: Batch, way: str) -> Space:
    """The first half is resolved, the second has landed."""
    space = Space(deployment)
    space.prepare()
    space.record_settings(*batch.settings[0])
    space.insert([event for event in batch.events if event.event_no <= batch.cuts[0]])
    space.resolve(*WAYS[way])
    for change in batch.settings[1:]:
        space.record_settings(*change)
    space.insert([event for event in batch.events if event.event_no > batch.cuts[0]])
    return space


def keep(deployment: Deployment) -> Callable[[], None]:
    """Keep what the warehouse holds; the result puts it back."""
    if deployment.database is None:
        path = deployment.home / "warehouse.duckdb"
        kept = path.read_bytes()

        def put_back() -> None:
            path.write_bytes(kept)
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)

        return put_back
    database = deployment.database
    assert isinstance(database, PostgresDatabase)

    def run(*statements: str) -> None:
        connection = psycopg2.connect(replace(database, name="postgres").dsn)
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()

    run(
        f"drop database if exists {database.name}_kept",
        f"create database {database.name}_kept template {database.name}",
    )
    return lambda: run(
        f"drop database {database.name} with (force)",
        f"create database {database.name} template {database.name}_kept",
    )


def check_statement_by_statement(deployment: Deployment, way: str, step: int, run: Callable[[int], bool]) -> None:
    """Interrupt every `step`-th statement; `run` returns whether it came to the one of this number."""
    batch = two_halves()
    resolved = run_reference(batch.events, batch.settings)
    first_commit = run_reference(
        [event for event in batch.events if event.event_no < batch.settings[1][0]], batch.settings
    )

    space = half_synced(deployment, batch, way)
    before = space.state()
    put_back = keep(deployment)
    statement_no = step
    while run(statement_no):
        # Nothing of a commit, or all of it. dbt may also have found a new session in time.
        if space.state() != before:
            found = space.read()
            assert not differences(found, first_commit) or differences(found, resolved) == []
            put_back()
        statement_no += step

    assert statement_no > 20
    assert differences(space.read(), resolved) == []


@pytest.mark.parametrize(
    ("deployment", "way", "step"),
    [
        pytest.param("duckdb", "rounds", 29, id="duckdb-rounds-some"),
        pytest.param("postgres", "forest", 29, id="postgres-forest-some"),
        # A contested hour goes in rounds. A forest has twice the statements, and writes with the same ones.
        *(
            pytest.param(engine, way, step, id=f"{engine}-{name}", marks=pytest.mark.slow)
            for engine in ENGINES
            for way, step, name in (("rounds", 1, "rounds-all"), ("forest", 11, "forest-many"))
        ),
    ],
    indirect=["deployment"],
)
def test_killed_at_a_statement(deployment: Deployment, way: str, step: int) -> None:
    check_statement_by_statement(
        deployment, way, step, lambda statement_no: run_and_die(deployment, statement_no, *LEDGERS, *WAYS[way])
    )


@pytest.mark.slow
def test_connection_lost_at_a_statement(deployment: Deployment) -> None:
    if deployment.database is None:
        pytest.skip("no connection to a server")

    check_statement_by_statement(
        deployment,
        "rounds",
        3,
        lambda statement_no: run_and_lose_connection(deployment, statement_no, *LEDGERS, *WAYS["rounds"]),
    )


@pytest.mark.slow
def test_whole_sync_killed_at_a_statement(deployment: Deployment) -> None:
    """With all tables: whatever was written of some, the next sync completes them all."""
    models = ("path:dbt_project/models",)
    batch = two_halves()
    calm = Space(Deployment(deployment.home, deployment.engine, deployment.parse_cache, deployment.database, "calm"))
    space = half_synced(deployment, batch, "rounds")
    half_synced(calm.deployment, batch, "rounds")
    calm.deployment.dbt("run", "--select", *models)

    statement_no = 5
    while run_and_die(deployment, statement_no, *models, node=None):
        statement_no += 13

    assert statement_no > 100
    assert space.contents() == calm.contents()
