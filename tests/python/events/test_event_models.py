"""Generated models: what is written, and that it says nothing that dbt would take for its own language."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

from profiles_sync.sync.event_models import EventColumn, EventTable, plan_event_models, write_event_models

TABLE = EventTable(
    "order_completed",
    ("Order Completed", "order completed"),
    (
        EventColumn("coupon", "varchar", ('["properties","coupon"]', '["properties","Coupon"]')),
        EventColumn("context_app_name", "varchar", ('["context","app","name"]',)),
        EventColumn("a_b", "integer", ('["properties","a.b"]',)),
    ),
)


def test_files_of_a_table() -> None:
    files = plan_event_models([TABLE])
    assert set(files) == {"event__order_completed.sql", "event__order_completed.yml"}
    model = yaml.safe_load(files["event__order_completed.yml"])["models"][0]
    assert model["name"] == "event__order_completed"
    assert model["description"] == "Track calls of `Order Completed`, `order completed`, one row per call."
    described = {column["name"]: column["description"] for column in model["columns"]}
    assert described["coupon"] == "From `properties.coupon`, `properties.Coupon`; varchar."
    assert described["context_app_name"] == "From `context.app.name`; varchar."
    assert described["a_b"] == 'From `["properties","a.b"]`; integer.'
    assert described["segment_id"] == "{{ doc('profiles_sync', 'event_segment_id') }}"


def test_a_model_compiles_to_nothing() -> None:
    # dbt would write anything else over the model itself.
    environment = Environment(extensions=["jinja2.ext.do"])

    class Package:
        def track_event(self) -> str:
            return ""

    text = plan_event_models([TABLE])["event__order_completed.sql"]
    assert environment.from_string(text).render(config=lambda **_: "", profiles_sync=Package()) == ""


@pytest.mark.parametrize(
    "name",
    [
        "{{ env_var('SECRET') }}",
        "{% raw %}",
        "{# no #}",
        "a: b # c",
        "'quoted' \"twice\"",
        "line\nbreak",
        "😀 שלום",
        "\x7f\x85\u2028",
        "`x`",
    ],
)
def test_any_event_name_is_only_text(name: str) -> None:
    text = plan_event_models([EventTable("odd", (name,))])["event__odd.yml"]
    description = yaml.safe_load(text)["models"][0]["description"]
    rendered = Environment().from_string(description).render()
    assert rendered == f"Track calls of `{name}`, one row per call."


def test_only_changes_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    other = EventTable("other", ("Other",))
    assert write_event_models(folder, [TABLE, other]) == ["order_completed", "other"]
    (folder / "mine.sql").write_text("select 1")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert write_event_models(folder, [TABLE, other]) == []
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before

    grown = EventTable("other", ("Other",), (EventColumn("n", "integer", ('["properties","n"]',)),))
    assert write_event_models(folder, [TABLE, grown, EventTable("third", ("Third",))]) == ["third"]
    assert "From `properties.n`; integer." in (folder / "event__other.yml").read_text()
    (folder / "event__other.sql").write_text("select 'damaged'")
    assert write_event_models(folder, [TABLE, grown]) == []
    assert (folder / "event__other.sql").read_text() == plan_event_models([grown])["event__other.sql"]
