"""What an ordinary hour sends: the work of the tables with news, and what they all need to know once."""

from __future__ import annotations

import re

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


@pytest.mark.parametrize("deployment", ["postgres"], indirect=True)
def test_no_model_has_its_expressions_compiled(deployment: Deployment) -> None:
    """Of a table with many columns that takes a Postgres built with LLVM minutes, and gigabytes."""
    Pipeline(deployment).land(hour_calls(1, 1))
    compiled: dict[str, bool] = {}
    for node, statement in run_all_models(deployment).statements:
        if "set jit = off" in statement.sql:
            compiled[node] = False
        elif re.search("insert into|create temporary table", statement.sql) and not node.endswith("start-0"):
            compiled.setdefault(node, True)
    assert compiled == dict.fromkeys(compiled, False)
    assert {"identity_resolution", "id_graph", "identifies", "event__event_0", "profile_traits"} <= compiled.keys()
