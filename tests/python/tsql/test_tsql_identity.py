"""Identity on SQL Server and a dedicated pool, as far as the stand-in carries: the worked examples, and random streams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from identity.space import WAYS
from identity.test_random_streams import LEDGERS, compare
from identity.test_scenarios import check_scenarios
from support.dbt import Deployment
from support.engines.tsql_standin import ENGINES, StandIn, StandInDeployment
from support.places import Place
from tsql.test_tsql import assert_of_the_dialect

pytestmark = pytest.mark.slow


# A hand-over goes both other ways, and a pool gets the statements of SQL Server but for where tables lie.
ENGINES_AND_WAYS = [
    ("sqlserver", "rounds"),
    ("sqlserver", "forest"),
    ("sqlserver", "hand_over"),
    ("synapse", "hand_over"),
]


@pytest.fixture(scope="module")
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


@pytest.mark.parametrize("server", ENGINES, indirect=True)
def test_worked_examples(deployment: Deployment) -> None:
    check_scenarios(deployment, WAYS["hand_over"])


@pytest.mark.parametrize(("server", "way"), ENGINES_AND_WAYS, indirect=["server"])
def test_random_streams_equal_the_reference(deployment: Deployment, server: StandIn, way: str) -> None:
    compare(deployment, way, 3001 + list(WAYS).index(way), 30, *LEDGERS)
    assert_of_the_dialect(server, 100)
