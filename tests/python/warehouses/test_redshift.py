"""What Redshift alone does otherwise."""

from __future__ import annotations

import pytest

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.landing import land
from profiles_sync.project import open_workplace
from support.dbt import Deployment, environment


@pytest.fixture(autouse=True)
def only_redshift(engine: str) -> None:
    if engine != "redshift":
        pytest.skip("of Redshift")


def test_watermarks_are_tidied(shared_deployment: Deployment) -> None:
    shared_deployment.dbt("run-operation", "prepare_space")
    state = "profiles_ops.table_state"
    with shared_deployment.open() as warehouse:
        warehouse.execute(
            f"insert into {state} (table_name, last_event_no) values ('pages', 3), ('pages', 7), ('pages', 5), ('screens', 2)"
        )
        shared_deployment.dbt("run-operation", "tidy_watermarks")
        found = warehouse.query(f"select table_name, last_event_no from {state} order by table_name")
    assert found == [("pages", 7), ("screens", 2)]


def test_readers_are_roles(shared_deployment: Deployment) -> None:
    shared_deployment.dbt("run-operation", "prepare_space")
    with shared_deployment.open() as warehouse:
        warehouse.execute("create role analyst")
        try:
            with environment({"PROFILES_SYNC_READER_ROLES": "analyst"}):
                shared_deployment.dbt("run-operation", "grant_readers")
            warehouse.execute('create table "profiles"."later" (one integer)')
            assert warehouse.query("select has_table_privilege('analyst', 'profiles.later', 'select')") == [(True,)]
        finally:
            warehouse.execute("drop owned by analyst")
            warehouse.execute("drop role analyst")


def test_settings_that_no_text_holds(shared_deployment: Deployment) -> None:
    with (
        environment(shared_deployment.env),
        pytest.raises(ConfigError, match=r"70009 bytes of JSON, and a text of this warehouse holds 65535"),
    ):
        land(open_workplace(Home(shared_deployment.home)), [], settings='{"a": "' + "é" * 35_000 + '"}')
