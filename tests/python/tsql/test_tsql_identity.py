"""Identity on SQL Server and a dedicated pool, as far as the stand-in carries: the worked examples, and random streams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from identity.test_random_streams import LEDGERS, compare
from identity.test_scenarios import test_dbt  # noqa: F401
from support.dbt import Deployment
from support.engines.tsql_standin import ENGINES, StandIn, StandInDeployment
from support.places import Place
from tsql.test_tsql import assert_of_the_dialect

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    """The stand-in in the place of a server."""
    with ENGINES[request.param]() as server:
        yield server


@pytest.fixture
def deployment(server: StandIn, place: Place) -> Iterator[Deployment]:
    """An empty deployment; shadows the fixture of this name that the other folders use."""
    database = server.database()
    yield StandInDeployment(place.home, server.engine, place.target(server.engine), database)
    server.drop(database)


@pytest.mark.parametrize(("way", "seed"), [("rounds", 3001), ("forest", 3002), ("hand_over", 3003)])
def test_random_streams_equal_the_reference(deployment: Deployment, server: StandIn, way: str, seed: int) -> None:
    compare(deployment, way, seed, 30, *LEDGERS)
    assert_of_the_dialect(server, 100)
