"""Identity on SQL Server and a dedicated pool, as far as the stand-in carries: the worked examples, and random streams.

Handed over from rounds to the forest, for so a batch goes both other ways as well.
"""

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


def test_worked_examples(deployment: Deployment) -> None:
    check_scenarios(deployment, WAYS["hand_over"])


def test_random_streams_equal_the_reference(deployment: Deployment, server: StandIn) -> None:
    # Two syncs, the settings changed between them and identifiers removed.
    compare(deployment, "hand_over", 4060, 40, *LEDGERS)
    assert_of_the_dialect(server, 100)
