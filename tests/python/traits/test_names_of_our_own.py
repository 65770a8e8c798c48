"""A trait may have any name, also one that the project's own SQL gives to something."""

from __future__ import annotations

import re

import pytest

from profiles_sync.project import project_dir
from support.dbt import Deployment
from support.pipeline import Pipeline
from traits.calls import identify

TESTS = "profile_traits_is_the_newest_snapshot user_traits_agrees_with_profile_traits"


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_traits_named_as_what_stands_behind_as(deployment: Deployment) -> None:
    files = [
        *project_dir().glob("dbt_project/models/traits/*.sql"),
        *project_dir().glob("macros/traits/*.sql"),
        *(project_dir() / "tests" / "dbt").glob("*traits*.sql"),
    ]
    names = {"age", *re.findall(r"\bas ([a-z_]+)", " ".join(file.read_text("utf-8") for file in files))}
    # Segment's own columns give way to nobody.
    names -= {"segment_id", "canonical_segment_id", "merged_to", "seq", "uuid_ts", "id", "etl_ts"}
    pipeline = Pipeline(deployment)
    pipeline.sync([identify("m1", "2024-01-01", dict.fromkeys(names, 1), userId="u1")])
    pipeline.sync([identify("m2", "2024-01-02", dict.fromkeys(names, 2), userId="u1")])

    columns = sorted(names & pipeline.columns("profile_traits").keys())
    assert {"age", "traits"} <= {*columns}
    assert pipeline.rows("profile_traits", columns, "seq") == [dict.fromkeys(columns, "2")]
    assert pipeline.rows("profile_traits_updates", columns, "seq") == [
        dict.fromkeys(columns, "1"),
        dict.fromkeys(columns, "2"),
    ]
    deployment.dbt("test", "--select", TESTS)

    # The tests see these columns, not what they themselves call so.
    with deployment.open() as warehouse:
        warehouse.execute("update profiles.profile_traits set age = 1")
    failed = deployment.dbt("test", "--select", TESTS, check=False)
    assert {str(node.status) for node in failed.result.results if "newest_snapshot" in node.node.name} == {"fail"}
