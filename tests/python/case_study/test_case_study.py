"""The case study of Segment's documentation: every table, the same expected rows on every engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.dbt import Deployment
from support.marks import slow_on
from support.pipeline import Pipeline, expected_rows

HERE = Path(__file__).parent
CALLS: list[dict[str, Any]] = [json.loads(line) for line in (HERE / "calls.jsonl").read_text().splitlines()]


def assert_tables(pipeline: Pipeline, folder: str) -> None:
    """Every table that the folder has a file of holds exactly its rows."""
    files = sorted((HERE / folder).glob("*.csv"))
    assert files
    for file in files:
        columns = file.read_text().splitlines()[0].split(",")
        found = pipeline.rows(file.stem, columns, order_by="1")
        wanted = sorted(expected_rows(file), key=lambda row: [row[column] for column in columns])
        assert sorted(found, key=lambda row: [row[column] for column in columns]) == wanted, file.stem


def run_case_study(deployment: Deployment, cuts: tuple[int, ...]) -> Pipeline:
    """Sync the calls up to each of the cuts, and hold every table to its expected rows after each."""
    pipeline = Pipeline(deployment)
    pipeline.configure(space_id="demo")
    done = 0
    for cut in cuts:
        sources: dict[str, list[Any]] = {}
        for number, call in enumerate(CALLS[done:cut], done + 1):
            sources.setdefault("source_2" if number == 4 else "source_1", []).append(call)
        pipeline.land_all(sources)
        pipeline.build()
        done = cut
        if cut < 4:
            assert_tables(pipeline, f"after_event_{cut}")
    assert_tables(pipeline, "expected")
    return pipeline


@pytest.mark.parametrize(
    "cuts",
    [pytest.param((4,), id="at once", marks=pytest.mark.slow), pytest.param((2, 3, 4), id="step by step")],
)
def test_case_study(deployment: Deployment, cuts: tuple[int, ...]) -> None:
    run_case_study(deployment, cuts)


@slow_on("postgres")
def test_nothing_landed_yet(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    deployment.dbt("build")
    for table in ("pages", "screens", "groups", "aliases", "tracks", "identifies", "profile_traits", "user_traits"):
        assert deployment.query(f"select count(*) from profiles.{table}") == [(0,)], table
        assert "uuid_ts" in pipeline.columns(table)
