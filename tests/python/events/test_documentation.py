"""`dbt docs generate`: every event table with its columns, and for each column where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from profiles_sync.home import Home
from profiles_sync.sync.event_models import EventColumn, write_descriptions
from support.dbt import Deployment
from support.pipeline import Pipeline

IDS = {"userId": "u1", "receivedAt": "2024-01-01T00:00:00Z", "timestamp": "2024-01-01T00:00:00Z"}
CONTEXT = {"context": {"app": {"name": "shop"}}}
CALLS = [
    {"type": "identify", "messageId": "m1", "traits": {"email": "a@x.io", "address": {"city": "Rome"}}, **CONTEXT},
    {"type": "page", "messageId": "m2", "name": "Home", "properties": {"first name": "Ann", "{{ x }}": 1}, **CONTEXT},
    {"type": "screen", "messageId": "m3", "properties": {"dark": True}, **CONTEXT},
    {"type": "group", "messageId": "m4", "groupId": "g1", "traits": {"size": 5}, **CONTEXT},
    {"type": "alias", "messageId": "m5", "previousId": "u0", **CONTEXT},
    {"type": "track", "messageId": "m6", "event": "Order Completed", "properties": {"total": 9.5}, **CONTEXT},
    {"type": "track", "messageId": "m7", "event": "Order Completed", "properties": {"total": "much"}, **CONTEXT},
]
ORIGINS = {
    "identifies": {"email": "From `traits.email`; varchar.", "address_city": "From `traits.address.city`; varchar."},
    "pages": {"first_name": 'From `["properties","first name"]`; varchar.', "x": 'From `["properties","{{ x }}"]`; integer.'},
    "screens": {"dark": "From `properties.dark`; boolean."},
    "groups": {"size": "From `traits.size`; integer."},
    "aliases": {},
    "tracks": {},
    "order_completed": {"total": "From `properties.total`; float."},
}  # fmt: skip
TRAITS = {
    table: ORIGINS[source] for table, source in {
        "profile_traits_updates": "identifies", "profile_traits": "identifies", "users": "identifies", "accounts": "groups",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("deployment", ["duckdb", pytest.param("postgres", marks=pytest.mark.slow)], indirect=True)
def test_columns_and_their_origins(deployment: Deployment) -> None:
    pipeline = Pipeline(deployment)
    pipeline.configure(enable_users_accounts=True)
    pipeline.land([call | IDS for call in CALLS[:-1]])
    pipeline.build()
    pipeline.land([CALLS[-1] | IDS])
    pipeline.build()

    deployment.dbt("parse")
    deployment.dbt("docs", "generate", "--no-compile")
    catalog = json.loads((deployment.parse_cache / "catalog.json").read_text())["nodes"]
    manifest = json.loads((deployment.parse_cache / "manifest.json").read_text())["nodes"]
    by_table = {node["alias"]: name for name, node in manifest.items() if node["resource_type"] == "model"}
    context = {"context_app_name": "From `context.app.name`; varchar."}
    for table, origins in ({table: context | of_table for table, of_table in ORIGINS.items()} | TRAITS).items():
        shown = catalog[by_table[table]]["columns"]
        assert shown.keys() == pipeline.columns(table).keys()
        described = {name: column["description"] for name, column in manifest[by_table[table]]["columns"].items()}
        assert {name for name in shown if not described.get(name)} == set()
        assert {name: text for name, text in described.items() if text.startswith("From ")} == origins
    assert "_overflow" in catalog[by_table["order_completed"]]["columns"]


def test_descriptions_are_written_when_they_change(tmp_path: Path) -> None:
    folder = Home(tmp_path / "home").create().descriptions_dir
    pages, traits = tmp_path / "pages.yml", tmp_path / "traits.yml"
    pages.write_text("version: 2\nmodels: [{name: pages, description: Pages., columns: [{name: id}]}]\n")
    traits.write_text(pages.read_text().replace("pages", "profile_traits"))
    columns = {"pages": (EventColumn("a", "integer", ('["properties","a"]',)),)}

    def written(more: dict[str, tuple[EventColumn, ...]]) -> list[int]:
        write_descriptions(folder, [pages, traits], columns | more)
        return [(folder / path.name).stat().st_mtime_ns for path in (pages, traits)]

    first = written({})
    assert written({}) == first
    assert "From `properties.a`; integer." in (folder / "pages.yml").read_text()

    plan = EventColumn("plan", "varchar", ('["traits","plan"]',))
    second = written({"profile_traits": (plan,)})
    assert (second[0], second[1] > first[1]) == (first[0], True)
    assert "From `traits.plan`; varchar." in (folder / "traits.yml").read_text()

    pages.write_text(pages.read_text().replace("Pages.", "All pages."))
    write_descriptions(folder, [pages, traits], columns)
    assert "All pages." in (folder / "pages.yml").read_text()
