"""A space of another version: an older one is brought up to date or asks for a rebuild, a newer one is refused."""

from __future__ import annotations

import pytest

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.landing.load import SCHEMA_VERSION
from support.dbt import Deployment, environment
from support.landing import call
from support.pipeline import Pipeline
from support.places import Place

VERSIONS = "select version from profiles_ops.schema_version order by version"


@pytest.mark.slow
def test_spaces_of_other_versions(place: Place) -> None:
    deployment = Deployment(place.home, "duckdb", place.target("duckdb"))
    pipeline = Pipeline(deployment)
    pipeline.sync([call("page", "m1")])
    assert deployment.query(VERSIONS) == [(SCHEMA_VERSION,)]

    # An older space lacks a table, and a column of one that is kept.
    deployment.query("drop table profiles_ops.erased_events")
    deployment.query("alter table profiles_ops.notices drop column detail")
    deployment.query("update profiles_ops.schema_version set version = 1")
    pipeline.sync([call("page", "m2")])

    assert deployment.query(VERSIONS) == [(1,), (SCHEMA_VERSION,)]
    assert deployment.query("select count(*) from profiles_ops.erased_events") == [(0,)]
    deployment.query("select detail from profiles_ops.notices")
    assert deployment.query("select id from profiles.pages order by id") == [("m1",), ("m2",)]

    # A column of identity's state cannot be made up.
    deployment.query("alter table profiles_staging.identity_events drop column clock_ms")
    deployment.query(f"delete from profiles_ops.schema_version where version = {SCHEMA_VERSION}")
    with pytest.raises(ProfilesSyncError, match="run `profiles-sync rebuild`"):
        pipeline.land([call("page", "m3")])
    assert deployment.query("select count(*) from profiles_staging.raw_events") == [(2,)]
    with environment({"PROFILES_SYNC_REBUILDS": "1"}):
        pipeline.land([])
    assert deployment.query(VERSIONS) == [(1,)]
    pipeline.rebuild()

    assert deployment.query(VERSIONS) == [(1,), (SCHEMA_VERSION,)]
    assert deployment.query("select count(clock_ms) from profiles_staging.identity_events") == [(3,)]
    assert deployment.query("select id from profiles.pages order by id") == [("m1",), ("m2",), ("m3",)]

    deployment.query("insert into profiles_ops.schema_version (version) values (999)")
    with pytest.raises(ProfilesSyncError, match="written by a newer Profiles Sync"):
        pipeline.land([call("page", "m4")])
    assert deployment.query("select count(*) from profiles_staging.raw_events") == [(3,)]
