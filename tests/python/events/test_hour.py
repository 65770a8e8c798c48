"""What an ordinary hour sends: the work of the tables with news, and what they all need to know once."""

from __future__ import annotations

import pytest

from support.dbt import Deployment
from support.hour import hour_calls, run_all_models
from support.pipeline import Pipeline

TABLES = 4


@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_statements_of_an_hour(deployment: Deployment) -> None:
    """Counted are those that read or write rows."""
    pipeline = Pipeline(deployment)
    pipeline.land(hour_calls(1, TABLES))
    run_all_models(deployment)
    pipeline.land(hour_calls(2, TABLES))
    news, quiet = run_all_models(deployment), run_all_models(deployment)

    built = {node for node, _ in news.statements if node.startswith("event__") or node in ("tracks", "identifies")}
    assert len(built) == TABLES + 2
    # Rows and watermark; what all of them want to know was asked before the first.
    assert {node: news.counted(f"{node}$") for node in built} == dict.fromkeys(built, 2)
    assert news.counted() <= 80 + 2 * TABLES
    assert quiet.counted() <= 25
