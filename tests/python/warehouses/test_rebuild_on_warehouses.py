"""A rebuild where new tables are put in place one by one: cut short, it is ended by its repetition."""

from __future__ import annotations

from typing import Any

import pytest

from support.dbt import Deployment, environment
from support.landing import call, track
from support.pipeline import Pipeline

SHADOWS = (
    "select lower(table_schema), lower(table_name) from information_schema.tables "
    "where lower(table_name) like '%rebuild' and lower(table_name) <> 'identity_health__rebuild' order by 1, 2"
)


class CutShortError(Exception):
    """The program's end, as far as the warehouse can tell."""


def test_a_swap_that_is_cut_short(deployment: Deployment) -> None:
    if deployment.engine != "snowflake":
        pytest.skip("the swap is one transaction there, or sends no statement to stop at")
    pipeline = Pipeline(deployment)
    pipeline.sync([call("page", "m1"), track("m2", "Cart Viewed"), call("identify", "m3", traits={"plan": "pro"})])
    contents = {
        table: f"select {columns} from profiles.{table} order by 1"
        for table, columns in {
            "pages": "id, segment_id",
            "cart_viewed": "id, segment_id",
            "identifies": "id, plan",
            "id_graph": "segment_id, canonical_segment_id",
            "external_id_mapping": "external_id_hash, canonical_segment_id",
        }.items()
    }
    before = {table: deployment.query(sql) for table, sql in contents.items()}
    assert all(before.values())
    renamed = 0

    def cut(event: Any) -> None:
        nonlocal renamed
        if event.info.name == "SQLQuery" and "rename to" in event.data.sql:
            renamed += 1
            if renamed == 5:
                raise CutShortError

    with environment({"PROFILES_SYNC_SHADOW": "__rebuild"}):
        deployment.dbt("run-operation", "prepare_rebuild")
        deployment.dbt("run")
        replayed = deployment.query(SHADOWS)
        assert not deployment.dbt("run-operation", "finish_rebuild", check=False, callbacks=[cut]).success
        left = deployment.query(SHADOWS)
        assert len(left) == len(replayed) - 4
        with deployment.open() as warehouse:
            assert warehouse.query(f"select with_current_rules from {warehouse.ops('rebuild_swap')}") == [(0,)]

        deployment.dbt("run-operation", "finish_rebuild")

    assert deployment.query(SHADOWS) == []
    assert {table: deployment.query(sql) for table, sql in contents.items()} == before
    with deployment.open() as warehouse:
        assert warehouse.query(f"select count(*) from {warehouse.ops('rebuild_swap')}") == [(0,)]
