"""A run that another sync has followed writes nothing, wherever the engine looks at the lease."""

from __future__ import annotations

from support.dbt import Deployment
from support.lease import require_that_an_overtaken_run_writes_nothing


def test_a_run_that_another_sync_has_followed_writes_nothing(deployment: Deployment) -> None:
    require_that_an_overtaken_run_writes_nothing(deployment)
