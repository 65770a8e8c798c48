"""Three things that Segment's own dbt package gets wrong, which must not be wrong here."""

from __future__ import annotations

import pytest

from support.dbt import Deployment
from support.pipeline import Pipeline
from traits.calls import call, identify

FIRST = [
    identify("m1", "2024-01-01", userId="u1"),
    identify("m2", "2024-01-02", {"email": "e@x.io", "plan": "pro"}, anonymousId="a1"),
    call("page", "m3", "2024-01-03", anonymousId="a2"),
    call("page", "m4", "2024-01-03", anonymousId="alone"),
]
SECOND = [identify("m5", "2024-01-04", {"email": "e@x.io", "city": "Oslo"}, anonymousId="a2")]
THIRD = [
    identify("m6", "2024-01-05", userId="u1", anonymousId="a2"),
    identify("m7", "2024-01-06", {"plan": None}, anonymousId="a1"),
]


def profiles(pipeline: Pipeline) -> dict[str, tuple[str | None, str | None, str | None]]:
    """`merged_to`, `plan` and `city` of each profile, named by the message that created it."""
    created = {
        segment: message
        for message, segment in pipeline.deployment.query(
            "select triggering_event_id, segment_id from profiles.id_graph_updates where segment_id = canonical_segment_id"
        )
    }
    return {
        created[segment]: (created.get(merged), plan, city)
        for segment, merged, plan, city in pipeline.deployment.query(
            "select canonical_segment_id, merged_to, plan, city from profiles.profile_traits"
        )
    }


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_none_of_the_three(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.sync(FIRST)
    pipeline.sync(SECOND)
    assert profiles(pipeline)["m3"] == ("m2", None, None)
    pipeline.sync(THIRD)
    expected = {
        # A trait that was removed is gone, also from a row that is only changed.
        "m1": (None, None, "Oslo"),
        "m2": ("m1", None, None),
        # What an earlier merge led to is led on, long after it was written.
        "m3": ("m1", None, None),
        # A profile without traits is a row …
        "m4": (None, None, None),
    }
    assert profiles(pipeline) == expected
    pipeline.rebuild()
    # … also when all of it is made at once.
    assert profiles(pipeline) == expected
