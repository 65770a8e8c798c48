"""The warehouses that stand behind an emulator here, or, with `TEST_ACCOUNT`, one account: the tests of this folder run on each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from support.dbt import Deployment
from support.engines import EngineUnavailableError, Server
from support.engines.account import running_account
from support.engines.bigquery_server import running_bigquery
from support.engines.redshift_emulator import running_redshift
from support.engines.snowflake_emulator import running_snowflake
from support.places import Place, Places

ENGINES: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "bigquery": running_bigquery,
    "redshift": running_redshift,
    "snowflake": running_snowflake,
}

if account := os.environ.get("TEST_ACCOUNT"):
    ENGINES = {account: partial(running_account, account)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on an emulator takes its time."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def server(engine: str) -> Iterator[Server]:
    """The engine's server, started for all of its tests."""
    running = ENGINES[engine]()
    try:
        started = running.__enter__()
    except EngineUnavailableError as error:
        pytest.skip(f"{engine}: {error}")
    try:
        yield started
    finally:
        running.__exit__(None, None, None)


@pytest.fixture
def deployment(engine: str, server: Server, place: Place) -> Iterator[Deployment]:
    """An empty deployment on the engine; shadows the fixture of this name that the other folders use."""
    database = server.database()
    yield Deployment(place.home, engine, place.target(engine), database)
    server.drop(database)


@pytest.fixture(scope="module")
def shared_deployment(
    engine: str, server: Server, tmp_path_factory: pytest.TempPathFactory, places: Places
) -> Iterator[Deployment]:
    """One deployment on the engine for the tests of a module; shadows the fixture of this name as well."""
    with places.take(tmp_path_factory.mktemp("shared")) as place:
        database = server.database()
        yield Deployment(place.home, engine, place.target(engine), database)
        server.drop(database)
