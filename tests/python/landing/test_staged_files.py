"""Files that go into a warehouse through an object storage: what arrives is what arrives without one, and nothing is left in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.warehouse import WarehouseError, open_warehouse
from support.dbt import Deployment, environment
from support.engines import EngineUnavailableError
from support.engines.object_storage import ObjectStorage, running_storage
from support.engines.redshift_emulator import running_redshift
from support.engines.tsql_standin import running_synapse
from support.landing import call, track
from support.pipeline import Pipeline

pytestmark = pytest.mark.slow

NOW = datetime(2024, 5, 10, 12, 0, 0)
TEXT = "a \"quoted\", 'plain' \\ text\nof two lines\t, é😀 and blanks  "
CALLS = [
    track("m1", TEXT, userId=TEXT, anonymousId=None, properties={"note": TEXT, "total": 1.50, "none": None, "blank": ""}),
    call("identify", "m2", userId=None, anonymousId="a1", traits={"address": {"city": ""}}),
    call("page", "m3", userId="null", anonymousId="NULL", name=TEXT, timestamp="2024-05-01T10:00:00.123456Z"),
    b'no JSON, but "quoted", \\ and \'so on\'',
    b'{"type": "track", "userId": "u1", "messageId": "m4"}',
]  # fmt: skip


@contextmanager
def databases(engine: str) -> Iterator[tuple[ObjectStorage, dict[bool, Any]]]:
    """A database that files go into as they are, and one that they go into through the storage."""
    if engine == "redshift":
        with running_redshift() as redshift:
            yield redshift.storage, {staged: redshift.database(staged=staged) for staged in (False, True)}
        return
    with running_synapse() as synapse, running_storage() as storage:
        places = {False: "", True: f"{storage.address}/account/container/landing"}
        yield storage, {staged: synapse.database(stage=place) for staged, place in places.items()}


@pytest.mark.parametrize("engine", ["redshift", "synapse"])
def test_what_arrives_is_what_arrives_without_a_storage(engine: str, tmp_path: Path) -> None:
    found: dict[bool, list[list[tuple[Any, ...]]]] = {}
    try:
        with databases(engine) as (storage, each):
            for staged, database in each.items():
                home = tmp_path / str(staged) / "home"
                home.mkdir(parents=True)
                deployment = Deployment(home, engine, tmp_path / "target", database)
                deployment.dbt("run-operation", "prepare_space")
                report = Pipeline(deployment).land(CALLS, now=NOW)
                assert (report.landed, dict(report.rejected)) == (3, {"invalid_json": 1, "missing_event_name": 1})
                found[staged] = landed(deployment)
                if staged:
                    refuse(deployment)
            # Calls, rejects, and what was refused, a file each.
            assert [method for method in storage.methods() if method != "GET"] == ["PUT", "DELETE"] * 3
            assert storage.objects() == []
    except EngineUnavailableError as error:
        pytest.skip(f"{engine}: {error}")

    calls, rejects = found[True]
    assert [row[2] for row in calls] == ["m1", "m2", "m3"]
    assert calls[0][4:6] == (TEXT, TEXT)
    assert [row[3] for row in rejects] == [line.decode() for line in CALLS[3:] if isinstance(line, bytes)]
    assert found[True] == found[False]


def landed(deployment: Deployment) -> list[list[tuple[Any, ...]]]:
    """Calls and rejects in the warehouse, but for what names the load."""
    calls = (
        "event_no, landed_on, message_id, type, event_name, user_id, anonymous_id, payload, payload_sha256, file_row, item_no, "
        "source_id, source_name, source_slug, event_slug, received_at, sent_at, original_timestamp, timestamp, loaded_at"
    )
    quoted = ", ".join(f'"{name}"' for name in calls.split(", "))
    with environment(deployment.env):
        workplace = open_workplace(Home(deployment.home))
        with open_warehouse(workplace.target) as warehouse:
            return [
                warehouse.query(f"select {quoted} from {warehouse.staging('raw_events')} order by event_no"),
                warehouse.query(
                    f"select file_row, item_no, reason, payload_text, detail, rejected_at "
                    f"from {warehouse.ops('rejected_events')} order by file_row"
                ),
            ]


def refuse(deployment: Deployment) -> None:
    """Let the warehouse refuse a file that has gone into the storage."""
    with environment(deployment.env):
        workplace = open_workplace(Home(deployment.home))
        with open_warehouse(workplace.target) as warehouse:
            table, columns = warehouse.staging("raw_events"), ["event_no", "payload"]
            with pytest.raises(WarehouseError, match="no number"):
                warehouse.insert_query(table, columns, "select 'no number', '{}'", deployment.home)
