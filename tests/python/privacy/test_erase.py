"""Erased calls are gone from every table, a replay gives everybody else what they had, and a copy brings nothing back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.utils import make_new_run_id

from profiles_sync.home import Home
from profiles_sync.landing.load import prepare_space
from profiles_sync.privacy import erase, requests
from profiles_sync.privacy.commands import suppress_users
from profiles_sync.privacy.files import forget_in_home
from profiles_sync.project import Workplace, open_workplace
from profiles_sync.sync import history
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.outcome import LandingResult, Outcome, Status, SyncError, TableResult, conclude
from profiles_sync.warehouse import open_warehouse
from profiles_sync.warehouse.duckdb import DuckDBWarehouse
from support.dbt import Deployment, environment
from support.landing import call, track
from support.marks import slow_on
from support.pipeline import Pipeline

USER, EMAIL = "user-4711", "jane@secret.example"

# The user's calls create a profile, merge another one into it, and fill its limits.
CALLS = [
    call("page", "m1", userId=None, anonymousId="shared-cookie"),
    call("identify", "m2", userId=USER, anonymousId="shared-cookie", traits={"email": EMAIL, "plan": "secret-plan"}),
    call("page", "m3", userId=None, anonymousId="shared-cookie"),
    call("page", "m4", userId=None, anonymousId="second-cookie"),
    track("m5", "Order Completed", userId=USER, anonymousId="second-cookie", properties={"coupon": "secret-coupon"}),
    call("page", "m6", userId=None, anonymousId="second-cookie"),
    call("identify", "m7", userId="other-user", anonymousId="third-cookie", traits={"plan": "free"}),
    # Refused: the cookie belongs to the erased user's profile, and one profile has one user_id.
    call("page", "m8", userId="other-user", anonymousId="shared-cookie"),
    call("alias", "m9", userId="third-user", previousId=USER),
    call("page", "m10", userId=USER, anonymousId="only-theirs"),
]
SECRETS = (USER, EMAIL, "secret-plan", "secret-coupon", "only-theirs")
REJECTED = f'{{"type": "track", "userId": "{USER}", "messageId": "r1"}}'.encode()


@pytest.fixture
def pipeline(deployment: Deployment) -> Pipeline:
    return Pipeline(deployment)


@pytest.fixture
def workplace(pipeline: Pipeline) -> Iterator[Workplace]:
    with environment(pipeline.deployment.env):
        yield open_workplace(Home(pipeline.deployment.home))


def holding(deployment: Deployment, text: str) -> list[str]:
    """Tables of the space's three schemas in which a text stands anywhere."""
    space = deployment.space
    found = []
    for schema, table, kind in deployment.query(
        "select table_schema, table_name, table_type from information_schema.tables "
        f"where table_schema in ('{space}', '{space}_staging', '{space}_ops')"
    ):
        if kind == "BASE TABLE" and any(
            text in repr(row) for row in deployment.query(f"select * from {schema}.{table}")
        ):
            found.append(f"{schema}.{table}")
    return found


def rows(deployment: Deployment, sql: str) -> list[tuple[Any, ...]]:
    return sorted(deployment.query(sql))


def erased(pipeline: Pipeline, workplace: Workplace, *, whole_profile: bool = False) -> int:
    prepare_space(workplace)
    events, _ = erase.begin(workplace, [USER], whole_profile=whole_profile)
    erase.strip(workplace)
    pipeline.rebuild()
    with open_warehouse(workplace.target) as warehouse:
        requests.finish(warehouse)
    return events


PAGES = "select id, segment_id from profiles.pages where id not in ('m10')"
GRAPH = "select segment_id, canonical_segment_id from profiles.id_graph"


@pytest.mark.slow
def test_a_user_is_erased_and_nobody_else_changes(pipeline: Pipeline, workplace: Workplace) -> None:
    deployment = pipeline.deployment
    pipeline.sync([*CALLS, REJECTED])
    assert all(holding(deployment, text) for text in SECRETS)
    pages, graph = rows(deployment, PAGES), rows(deployment, GRAPH)
    cookies = (
        "select external_id_value, canonical_segment_id from profiles.external_id_mapping where external_id_value in "
    )
    cookies += "('shared-cookie', 'second-cookie', 'third-cookie', 'other-user', 'third-user')"
    mapped = rows(deployment, cookies)
    # What was asked for an identifier is asked for its new name.
    actions = "profiles_ops.identity_actions"
    deployment.query(
        f"insert into {actions} (action_id, action, external_id_type, external_id_value, requested_at) values "
        f"('theirs', 'remove', 'email', '{EMAIL}', '2024-05-01'), ('else', 'remove', 'email', 'jane@other.example', '2024-05-01')"
    )

    assert erased(pipeline, workplace) == 4

    asked = rows(
        deployment, f"select action_id, external_id_value, requested_at from {actions} where action = 'remove'"
    )
    assert [(action, value.split("-")[0]) for action, value, _ in asked] == [
        ("else", "jane@other.example"),
        ("theirs", "erased"),
    ]
    assert {moment for *_, moment in asked} == {datetime(2024, 5, 1)}

    assert {text: holding(deployment, text) for text in SECRETS} == {text: [] for text in SECRETS}
    assert rows(deployment, PAGES) == pages
    assert rows(deployment, GRAPH) == graph
    # The cookies are on other people's calls too, or on calls without a user.
    assert rows(deployment, cookies) == [row for row in mapped if row[0] != "third-user"]
    values = [value for (value,) in deployment.query("select external_id_value from profiles.external_id_mapping")]
    assert not [value for value in values if value.startswith("erased")]
    assert rows(deployment, "select id from profiles.identifies") == [("m7",)]
    assert deployment.query("select count(*) from profiles.order_completed") == [(0,)]
    assert rows(deployment, "select distinct user_id from profiles.identifies") == [("other-user",)]


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_thousands_of_calls_are_erased_in_few_statements(
    pipeline: Pipeline, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 5_000
    # Each call has a cookie of its own, so each stub its own payload.
    theirs = [call("page", f"m{number}", userId=USER, anonymousId=f"cookie-{number:04d}") for number in range(count)]
    # One cookie is somebody else's too, and stays.
    pipeline.sync([*theirs, call("page", "other", userId="other-user", anonymousId="cookie-0007")])
    statements: list[str] = []
    execute = DuckDBWarehouse.execute

    def noted(self: DuckDBWarehouse, sql: str, parameters: Sequence[Any] = ()) -> None:
        statements.append(sql)
        execute(self, sql, parameters)

    prepare_space(workplace)
    assert erase.begin(workplace, [USER], whole_profile=False)[0] == count
    monkeypatch.setattr(DuckDBWarehouse, "execute", noted)
    erase.strip(workplace)

    assert len([sql for sql in statements if sql.startswith("update")]) == 8
    left = dict(
        pipeline.deployment.query("select message_id, cast(payload as varchar) from profiles_staging.raw_events")
    )
    assert len(left) == count + 1
    assert "other-user" in left.pop("other")
    values = {
        message: [entry["id"] for entry in json.loads(text)["context"]["externalIds"]] for message, text in left.items()
    }
    assert values["m7"][1] == "cookie-0007"
    assert len({cookie for _, cookie in values.values()}) == count
    assert {user for user, _ in values.values()} == {values["m0"][0]}
    assert not any(USER in text for text in left.values())
    assert [text for message, text in left.items() if message != "m7" and "cookie" in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_nothing_brings_an_erased_user_back(pipeline: Pipeline, workplace: Workplace) -> None:
    deployment = pipeline.deployment
    pipeline.sync(CALLS)
    erased(pipeline, workplace)

    # A second rebuild changes nothing, nor do files that bring the calls again, those of one kind alone too.
    everything = pipeline.contents()
    pipeline.land(CALLS[1:2])
    pipeline.sync(CALLS)
    pipeline.rebuild()
    assert {text: holding(deployment, text) for text in SECRETS} == {text: [] for text in SECRETS}
    assert pipeline.contents() == everything

    # Deleted is not suppressed: what the user does later is new.
    pipeline.sync([call("page", "m11", userId=USER)])
    assert rows(deployment, "select user_id from profiles.pages where id = 'm11'") == [(USER,)]


@pytest.mark.slow
@pytest.mark.parametrize("deployment", ["duckdb"], indirect=True)
def test_a_whole_profile_is_erased(pipeline: Pipeline, workplace: Workplace) -> None:
    deployment = pipeline.deployment
    pipeline.sync(CALLS)
    others = "select id, segment_id from profiles.pages where id in ('m7', 'm8')"
    before = rows(deployment, others)
    # Said of the user by somebody else's Alias: the call goes, the profile stays.
    third = deployment.query("select segment_id from profiles.aliases")[0][0]

    erased(pipeline, workplace, whole_profile=True)

    kept = "shared-cookie"  # other-user's call carries it.
    gone = (*SECRETS, "second-cookie")
    assert {text: holding(deployment, text) for text in gone} == {text: [] for text in gone}
    assert f"{deployment.space}.external_id_mapping" not in holding(deployment, kept)
    assert rows(deployment, others) == before
    assert rows(deployment, "select id from profiles.pages") == [("m8",)]
    # The cookie is nobody's any more.
    pipeline.land([])
    pipeline.sync([call("page", "m12", userId=None, anonymousId=kept)])
    new = rows(deployment, "select segment_id from profiles.pages where id = 'm12'")[0][0]
    left = {before[0][1], third, new}
    assert len(left) == 3
    assert {row[0] for row in rows(deployment, GRAPH)} == left
    assert {row[0] for row in deployment.query("select canonical_segment_id from profiles.profile_traits")} == left


@slow_on("postgres")
def test_suppressed_users_do_not_land(pipeline: Pipeline, workplace: Workplace) -> None:
    deployment = pipeline.deployment
    assert suppress_users(workplace, [USER, "17"], suppressed=True) == 2
    assert suppress_users(workplace, [USER, "18"], suppressed=True) == 1
    report = pipeline.land(
        [call("page", "m1", userId=USER), call("page", "m2", userId=17), call("page", "m3", userId="171"), REJECTED]
    )

    assert (report.landed, dict(report.rejected)) == (1, {"suppressed": 3})
    assert holding(deployment, USER) == []
    assert deployment.query("select count(*) from profiles_ops.rejected_events") == [(0,)]

    assert suppress_users(workplace, [USER, "171"], suppressed=False) == 1
    assert pipeline.land([call("page", "m4", userId=USER)]).landed == 1
    landed = "select message_id from profiles_staging.raw_events order by event_no"
    assert deployment.query(landed) == [("m3",), ("m4",)]


@pytest.mark.parametrize("value", [17, "17", "jos\u00e9"])
@slow_on("postgres")
def test_rejected_calls_of_others_stay(pipeline: Pipeline, workplace: Workplace, value: int | str) -> None:
    theirs = [
        json.dumps({"userId": value, "messageId": "r1"}, ensure_ascii=False),
        json.dumps({"messageId": "r2", "userId": value}),
        f'{{"traits": {{"id" : {json.dumps(value)} }}, "type": "x"}}',
        # A line that was cut off.
        f'{{"type": "track", "userId":{json.dumps(value)}',
    ]
    others = ['{"userId": 171}', '{"userId": 1717, "n": 1.17}', '{"userId": "u17", "at": "10:17 h"}', '{"n": 117}']
    pipeline.land([line.encode() for line in (*theirs, *others)])

    erase.begin(workplace, [str(value)], whole_profile=False)

    left = pipeline.deployment.query("select payload_text from profiles_ops.rejected_events")
    assert sorted(left) == sorted((line,) for line in others)


def test_an_alias_names_the_user_before_in_any_form(pipeline: Pipeline, workplace: Workplace) -> None:
    pipeline.land(
        [
            call("alias", "m1", userId="new", previousId=17),
            call("alias", "m2", userId="new", previousId="17"),
            call("alias", "m3", userId="new", previousId=171),
            b'{"type": "alias", "messageId": "m4", "userId": "new", "previousId": "jos\\u00e9"}',
        ]
    )

    assert erase.begin(workplace, ["17"], whole_profile=False)[0] == 2
    assert erase.begin(workplace, ["jos\u00e9"], whole_profile=False)[0] == 1


def test_the_history_tells_of_syncs_in_their_order_without_the_erased(tmp_path: Path) -> None:
    home = Home(tmp_path).create()
    clock = datetime(2026, 1, 1, tzinfo=timezone.utc)
    runs = []

    def sync(outcome: Outcome, *, killed: bool = False) -> None:
        runs.append(make_new_run_id())
        begun = clock + timedelta(hours=len(runs))
        record = SyncRecord(runs[-1], outcome.status, begun, begun + timedelta(minutes=1), "schedule", outcome)
        instance.add_run(dg.DagsterRun(job_name="sync", run_id=runs[-1], tags={history.SYNC_TAG: "true"}))
        told = history.materialization(record)
        if killed:
            instance.report_runless_asset_event(told)
        else:
            event = DagsterEvent("ASSET_MATERIALIZATION", "sync", event_specific_data=StepMaterializationData(told))
            instance.report_dagster_event(event, runs[-1])

    many = TableResult("pages", "pages", "event_type", Status.SUCCESS, inserted=2026)
    other = replace(many, inserted=7)
    (home.logs_dir / "kept.log").write_text("2026-01-01 10:00:00 began; 12026 rows")
    (home.logs_dir / "quoting.log").write_text(json.dumps("of:\n2026 is bad"))
    with history.open_instance(home) as instance:
        sync(conclude([many], error=SyncError("E_DBT", "value:\n2026 is bad, row 20261", "See 2026 is bad.")))
        sync(conclude([other]))
        sync(conclude(error=SyncError("E_INTERNAL", "killed: 2026 is bad")), killed=True)
        sync(conclude([many], landing=LandingResult(unread=("a.json: 2026 is bad",))))
        sync(conclude([other]))

        forget_in_home(home, ["2026"])

        told = list(history.finished(instance))
        assert {run.run_id for run in instance.get_runs()} == {runs[1], runs[2], runs[4]}
    assert [record.run_id for record in told] == runs[::-1]
    assert [record.outcome.rows_synced for record in told if record.outcome] == [7, 2026, 0, 7, 2026]
    said = [record.outcome.error.message if record.outcome and record.outcome.error else "" for record in told]
    assert said == ["", "", "killed: erased is bad", "", "value:\nerased is bad, row 20261"]
    assert [path for path in home.root.rglob("*") if path.is_file() and b"2026 is bad" in path.read_bytes()] == []
    assert [path.name for path in home.logs_dir.iterdir()] == ["kept.log"]
