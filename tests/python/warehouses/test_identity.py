"""The worked examples of identity, and random streams against the reference, as on the engines that run here for real.

Handed over from rounds to the forest, for so a batch goes both other ways as well.
"""

from __future__ import annotations

from identity.space import WAYS
from identity.test_random_streams import LEDGERS, compare
from identity.test_scenarios import check_scenarios
from support.dbt import Deployment

# (seed, streams) of a batch of two syncs, the settings changed between them and identifiers removed.
BATCH = (4090, 80)
# The reference evaluator behind BigQuery's look-alike takes seconds for what others do in milliseconds.
BATCHES = {"bigquery": (4099, 6)}


def test_worked_examples(deployment: Deployment) -> None:
    check_scenarios(deployment, WAYS["hand_over"])


def test_random_streams_equal_the_reference(deployment: Deployment) -> None:
    compare(deployment, "hand_over", *BATCHES.get(deployment.engine, BATCH), *LEDGERS)
