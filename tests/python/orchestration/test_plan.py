"""What dbt is asked to build, and that it is not asked when there is nothing to build."""

from __future__ import annotations

from typing import Any

from profiles_sync.settings import SelectiveSync
from profiles_sync.sync.plan import Plan, Progress
from profiles_sync.sync.plan import make_plan as plan_of


def node(name: str, materialized: str, group: str | None = None) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "alias": name.removeprefix("event__"),
        "config": {"materialized": materialized, "enabled": True, "meta": {"sync_group": group} if group else {}},
    }


MANIFEST = {
    "nodes": {
        entry["name"]: entry
        for entry in [
            node("identity_resolution", "identity_resolution"),
            node("id_graph", "current_state", "identity_graph"),
            node("pages", "append_events", "event_type"),
            node("screens", "append_events", "event_type"),
            node("sync_health", "view"),
            node("event__order_completed", "append_events", "event"),
            node("event__cart_viewed", "append_events", "event"),
        ]
    }
}
EVERYTHING = SelectiveSync()


def make_plan(progress: Progress, manifest: dict[str, Any], selection: SelectiveSync = EVERYTHING) -> Plan:
    return plan_of(progress, manifest, selection)


DONE = Progress(
    landed=100,
    resolved=100,
    registry={"pages": 90, "order_completed": 80, "cart_viewed": 70},
    # A table whose events are few stays behind the newest event without lacking anything; no screen has ever been seen.
    tables={"id_graph": 100, "pages": 90, "order_completed": 100, "cart_viewed": 70},
)


def with_changes(**changes: Any) -> Progress:
    return Progress(**{**vars(DONE), **changes})


def test_nothing_is_behind() -> None:
    plan = make_plan(DONE, MANIFEST)

    assert (plan.behind, plan.event_models) == ((), ())


def test_nothing_is_behind_in_an_empty_space() -> None:
    assert make_plan(Progress(0, 0, {}, {}), MANIFEST).behind == ()


def test_new_events_need_identity_and_only_the_event_tables_that_got_some() -> None:
    plan = make_plan(with_changes(landed=120, registry={**DONE.registry, "order_completed": 120}), MANIFEST)

    assert plan.behind == ("identity_resolution", "id_graph", "order_completed")
    assert plan.selection() == "path:dbt_project/models event__order_completed"


def test_a_table_that_failed_last_time_is_built_though_nothing_landed() -> None:
    plan = make_plan(with_changes(tables={**DONE.tables, "cart_viewed": 30}), MANIFEST)

    assert plan.behind == ("cart_viewed",)
    assert plan.selection() == "path:dbt_project/models event__cart_viewed"


def test_a_table_that_a_new_version_brings_is_built() -> None:
    tables = {name: last for name, last in DONE.tables.items() if name != "id_graph"}

    assert make_plan(with_changes(tables=tables), MANIFEST).behind == ("id_graph",)


def test_all_event_tables_are_named_at_once() -> None:
    plan = make_plan(with_changes(tables={"id_graph": 100, "pages": 90}), MANIFEST)

    assert plan.selection() == "path:dbt_project/models event__*"


def test_a_selection_never_outgrows_an_argument() -> None:
    names = [f"a_long_event_name_{number:06d}_{'x' * 40}" for number in range(3000)]
    manifest = {"nodes": {name: node(f"event__{name}", "append_events", "event") for name in names}}
    registry = dict.fromkeys(names, 100)

    plan = make_plan(Progress(100, 100, registry, {names[0]: 100}), manifest)

    assert len(plan.event_models) == 2999
    assert plan.selection() == "path:dbt_project/models event__*"


def test_what_is_off_is_behind_nothing() -> None:
    behind = with_changes(landed=120, registry={**DONE.registry, "pages": 120, "order_completed": 120})
    selection = SelectiveSync(default=False, tables={"pages": True})

    plan = make_plan(behind, MANIFEST, selection)

    assert (plan.behind, plan.event_models) == (("identity_resolution", "pages"), ())
    # A table of the present state is off with the table of changes that it stands for.
    partner = SelectiveSync(tables={"id_graph_updates": False})
    assert "id_graph" not in make_plan(behind, MANIFEST, partner).behind
    assert partner.stopped_partners() == {"id_graph": "id_graph_updates", "profile_merges": "id_graph_updates"}


def test_a_backfill_is_work() -> None:
    plan = make_plan(with_changes(unfilled={"pages", "order_completed"}), MANIFEST)

    assert (plan.behind, plan.event_models) == (("pages", "order_completed"), ("event__order_completed",))
