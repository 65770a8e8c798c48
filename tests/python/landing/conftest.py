"""An archive folder, and a space to land it in, on every engine that runs here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from profiles_sync.home import Home
from profiles_sync.landing import prepare_space
from profiles_sync.project import open_workplace
from support.landing import LandingSpace
from support.postgres import PostgresDatabase, PostgresServer


@pytest.fixture
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("PROFILES_SYNC_", "DBT_"))]:
        del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB file with empty contract tables, made as a first landing makes them."""
    before = dict(os.environ)
    home = tmp_path_factory.mktemp("prepared")
    prepare_space(open_workplace(Home(home), target="duckdb"))
    os.environ.clear()
    os.environ.update(before)
    return home / "warehouse.duckdb"


@pytest.fixture(scope="session")
def prepared_database(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> PostgresDatabase:
    """A Postgres database with empty contract tables."""
    before = dict(os.environ)
    database = postgres_server.database()
    os.environ.update(database.environment)
    prepare_space(open_workplace(Home(tmp_path_factory.mktemp("prepared_postgres")), target="postgres"))
    os.environ.clear()
    os.environ.update(before)
    return database


@pytest.fixture
def duckdb_space(_environment: None, tmp_path: Path, prepared_file: Path) -> LandingSpace:
    """A space in a DuckDB file of its own."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(prepared_file, home / "warehouse.duckdb")
    return LandingSpace(open_workplace(Home(home), target="duckdb"), tmp_path / "archive")


@pytest.fixture
def postgres_space(
    _environment: None, tmp_path: Path, prepared_database: PostgresDatabase, postgres_server: PostgresServer
) -> Iterator[LandingSpace]:
    """A space in a Postgres database of its own."""
    database = postgres_server.database(template=prepared_database.name)
    os.environ.update(database.environment)
    yield LandingSpace(open_workplace(Home(tmp_path / "home"), target="postgres"), tmp_path / "archive")
    postgres_server.drop(database)


@pytest.fixture(params=["duckdb", "postgres"])
def space(request: pytest.FixtureRequest) -> LandingSpace:
    """A space on each engine."""
    found: LandingSpace = request.getfixturevalue(f"{request.param}_space")
    return found
