"""What Dagster is told: groups, one job, an hourly schedule that is on, and a home that keeps it all."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import dagster as dg
import pytest

from profiles_sync.definitions import build_definitions
from profiles_sync.home import Home
from profiles_sync.naming import NAME_RULES, event_table_name
from profiles_sync.project import Workplace, load_manifest, open_workplace
from profiles_sync.sync import history
from profiles_sync.sync.event_models import PREFIX
from support.dbt import ROOT

TOP_OF_THE_HOUR = datetime(2024, 5, 1, 15, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("PROFILES_SYNC_", "DBT_"))]:
        del os.environ[name]
    yield open_workplace(Home(tmp_path_factory.mktemp("definitions")), target="duckdb")
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def definitions(workplace: Workplace) -> dg.Definitions:
    return build_definitions(workplace)


def groups(definitions: dg.Definitions) -> dict[str, str]:
    graph = definitions.resolve_asset_graph()
    return {"/".join(key.path): graph.get(key).group_name for key in graph.get_all_asset_keys()}


def test_assets_stand_in_the_groups_of_the_report(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    found = groups(definitions)

    assert found["staging/raw_events"] == "landing"
    assert found["sync_history"] == "syncs"
    assert found["id_graph"] == found["id_graph_updates"] == found["user_identifiers"] == "identity_graph"
    assert {found[table] for table in ("identifies", "pages", "screens", "groups", "aliases", "tracks")} == {
        "event_types"
    }
    assert "default" not in found.values()


def test_no_event_takes_the_name_of_a_model_or_an_asset(workplace: Workplace, definitions: dg.Definitions) -> None:
    manifest = load_manifest(workplace)
    nodes = [*manifest["nodes"].values(), *(node for nodes in manifest["disabled"].values() for node in nodes)]
    models = [node for node in nodes if node["resource_type"] == "model" and not node["name"].startswith(PREFIX)]
    names = {name for node in models for name in (node["name"], node["alias"])}
    names |= {key.path[0] for key in definitions.resolve_asset_graph().get_all_asset_keys() if len(key.path) == 1}
    assert {"pages", "users", "identify_traits", "user_id_traits", "stg_events", "sync_history"} <= names

    assert {name for name in names if event_table_name(name, NAME_RULES["duckdb"]) != f"_{name}"} == set()


def test_models_follow_landing(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()

    assert dg.AssetKey(["staging", "raw_events"]) in graph.get_ancestor_asset_keys(dg.AssetKey(["pages"]))


def test_descriptions_hold_no_sql(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()

    assert "select" not in (graph.get(dg.AssetKey(["pages"])).description or "").lower()


def test_one_job_in_one_process(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("sync")

    assert {node.name for node in job.nodes} == {"landing", "tables"}
    assert job.executor_def.name == "in_process"
    assert job.tags["profiles_sync/sync"] == "true"


def tick(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.RunRequest | dg.SkipReason:
    schedule = definitions.resolve_schedule_def("hourly_sync")
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=TOP_OF_THE_HOUR)
    data = schedule.evaluate_tick(context)
    return data.run_requests[0] if data.run_requests else dg.SkipReason(data.skip_message)


def test_the_schedule_is_hourly_and_on(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("hourly_sync")

    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_tick_with_nothing_configured_skips(workplace: Workplace, definitions: dg.Definitions) -> None:
    with history.open_instance(workplace.home) as instance:
        workplace.home.config_file.unlink(missing_ok=True)
        skipped = tick(definitions, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert "sources" in (skipped.skip_message or "")

        workplace.home.config_file.write_text("sources: [s3://bucket/archive]\n")
        requested = tick(definitions, instance)
        assert isinstance(requested, dg.RunRequest)
        assert requested.run_key == TOP_OF_THE_HOUR.isoformat()

        # A mistake in the file is the sync's to report, or nobody would see it.
        workplace.home.config_file.write_text("sauces: []\n")
        assert isinstance(tick(definitions, instance), dg.RunRequest)
        workplace.home.config_file.unlink()


def test_the_manifest_is_parsed_only_when_a_file_changed(workplace: Workplace) -> None:
    manifest = workplace.home.target_dir / "manifest.json"
    load_manifest(workplace)
    before = manifest.stat().st_mtime_ns
    load_manifest(workplace)
    assert manifest.stat().st_mtime_ns == before

    model = workplace.home.models_dir / "event__a_test.sql"
    model.write_text("{{ config(materialized='append_events', alias='a_test') }}{{ profiles_sync.track_event() }}")
    found = load_manifest(workplace)
    model.unlink()

    assert "model.profiles_sync.event__a_test" in found["nodes"]


def test_dagster_of_a_home_reports_to_nobody(workplace: Workplace) -> None:
    with history.open_instance(workplace.home) as instance:
        assert instance.telemetry_enabled is False
        assert Path(instance.storage_directory()).is_relative_to(workplace.home.root)
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


@pytest.mark.slow
def test_dg_check_defs(workplace: Workplace) -> None:
    """From the root of a checkout, as a developer types it."""
    program = Path(sys.executable).with_name("dg")
    environment = {**os.environ, "DAGSTER_DISABLE_TELEMETRY": "1"}

    checked = subprocess.run(
        [str(program), "check", "defs"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
