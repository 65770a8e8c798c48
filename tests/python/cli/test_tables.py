"""Commands about tables: what there is, what is selected, more history, another type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.archive import write_file
from support.cli import Cli
from support.landing import call, track


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A deployment after its first sync."""
    cli = Cli(tmp_path_factory.mktemp("tables"))
    old = "2022-01-01T00:00:00.000Z"
    write_file(
        cli.folder / "archive",
        "a",
        [
            track("m1", "Order Completed", properties={"total": 1, "Total": 2, "coupon": "x"}),
            track("m2", "order completed", properties={"total": 2.5}),
            track("m3", "Order Completed", properties={"total": "three"}, at=old),
            call("identify", "m4", traits={"plan": "pro"}),
            call("page", "m5", name="Home", properties={"name": "Start", "Category": "Shop"}),
        ],
    )
    cli.json("sync", "--source", str(cli.folder / "archive"))
    return cli


def rows(cli: Cli) -> dict[str, Any]:
    return {table["name"]: table for table in cli.json("tables")}


@pytest.mark.slow
def test_selection_in_the_file(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    cli.home.mkdir()
    config = cli.home / "profiles_sync.yml"
    config.write_text("# Mine.\nmerge_cap: 7  # low\n")
    shown = cli.json("select", "--off", "pages", "--off", "order_completed.coupon", "--default", "on")
    assert shown == {
        "default": True,
        "tables": {"pages": False, "order_completed": {"enabled": None, "columns": {"coupon": False}}},
    }
    text = config.read_text()
    assert text.startswith("# Mine.\nmerge_cap: 7  # low\n")
    # The same by hand.
    config.write_text("selective_sync:\n  default: off\n  tables: {pages: on, id_graph_updates: off}  # why\n")
    shown = cli.json("select", "--on", "order_completed")
    assert shown["tables"] == {"pages": True, "id_graph_updates": False, "order_completed": True}
    assert "# why" in config.read_text()
    assert "profile_merges is off too" not in cli.run("select").stdout
    assert "profile_merges is off too" in cli.run("select", "--default", "on").stdout
    for name, message in (
        ("id_graph.segment_id", "columns of `id_graph` cannot be switched off"),
        ("pages.received_at", "`pages.received_at` is part of every row"),
        ("pages.name", "`pages.name` is part of every row"),
        ("identity_resolution", "is no public table"),
        ("Order Completed", "`Order Completed` is no table's name; that of an event called so is `order_completed`"),
        ("pages.Größe", "`Größe` is no column's name; that of a property called so is `gr_e`"),
        ("a.b.c", "names no table and no column"),
    ):
        before = config.read_text()
        refused = cli.run("select", "--off", name)
        assert refused.returncode == 2
        assert message in " ".join(refused.stderr.split())
        assert config.read_text() == before
    config.write_text("selective_sync:\n  tables:\n    pages: maybe\n")
    assert "line 3" in cli.run("select").stderr


@pytest.mark.slow
def test_tables_and_columns(cli: Cli) -> None:
    found = rows(cli)
    order = found["order_completed"]
    assert (order["group"], order["rows"], order["events"]) == ("event", 2, ["Order Completed", "order completed"])
    assert order["notices"]["shared_event_table"] == 3
    assert (found["screens"]["rows"], found["screens"]["last_new_row"]) == (0, None)
    assert (found["pages"]["rows"], found["pages"]["notices"]) == (1, {"shared_column": 2})
    assert (found["identifies"]["rows"], found["user_traits"]["rows"]) == (1, 1)
    assert found["identifies"]["last_new_row"] is not None
    assert found["profile_traits"]["group"] == "identity graph"
    columns = {column["name"]: column for column in cli.json("tables", "order_completed")}
    # Numbers and a text in one load.
    assert columns["total"]["raw_paths"] == ['["properties","total"]', '["properties","Total"]']
    assert (columns["total"]["data_type"], columns["id"]["raw_paths"]) == ("varchar", [])
    assert order["columns"] == len(columns)
    # The call's own name comes first, also where no property has come.
    for table, keys in (
        ("pages", (['["name"]', '["properties","name"]'], ['["category"]', '["properties","Category"]'])),
        ("screens", (['["name"]'], ['["category"]'])),
    ):
        origins = {column["name"]: column["raw_paths"] for column in cli.json("tables", table)}
        assert (origins["name"], origins["category"], origins["id"]) == (*keys, [])
    for table in ("profile_traits", "profile_traits_updates"):
        assert {column["name"]: column["raw_paths"] for column in cli.json("tables", table)}["plan"] == [
            '["traits","plan"]'
        ]
    assert "there is no table `nothing`" in cli.run("tables", "nothing").stderr


@pytest.mark.slow
def test_more_history(cli: Cli) -> None:
    assert cli.query("select count(*) from profiles.order_completed") == [(2,)]
    for arguments, message in (
        (["--since", "2022-01-01", "--tables", "order_complete"], "`order_complete` is no event table"),
        (["--since", "2099-01-01"], "goes back to 2099-01-01 00:00:00 already"),
        (["--since", "May"], "`May` is no date"),
    ):
        refused = cli.run("backfill", *arguments)
        assert refused.returncode == 2
        assert message in " ".join(refused.stderr.split()), refused.stderr
    record = cli.json("backfill", "--since", "2022-01-01", "--tables", "order_completed")
    assert (record["status"], record["rows"]["event"], record["rows"]["event_type"]) == ("Success", 1, 0)
    assert cli.query("select id from profiles.order_completed order by 1") == [("m1",), ("m2",), ("m3",)]
    assert cli.query("select count(*) from profiles.tracks") == [(2,)]
    assert cli.json("sync")["outcome"]["tables"] == []


@pytest.mark.slow
def test_another_type(cli: Cli) -> None:
    record = cli.json("schema retype", "order_completed.total", "float")
    assert record["status"] == "Success"
    assert cli.query("select id, total, _overflow from profiles.order_completed order by id") == [
        ("m1", 1.0, '{"[\\"properties\\",\\"Total\\"]":2}'),
        ("m2", 2.5, None),
        ("m3", None, '{"[\\"properties\\",\\"total\\"]":"three"}'),
    ]
    assert "is no column that comes from calls" in cli.run("schema retype", "order_completed.id", "float").stderr


@pytest.mark.slow
def test_types_learnt_anew(cli: Cli) -> None:
    result = cli.run("rebuild", "--reinfer", "--json")
    assert result.returncode == 0, result.stderr
    assert "order_completed.total: float -> varchar" in result.stderr.splitlines()
    assert json.loads(result.stdout)["status"] == "Success"
    assert cli.query("select id, total, _overflow from profiles.order_completed order by id") == [
        ("m1", "1", '{"[\\"properties\\",\\"Total\\"]":2}'),
        ("m2", "2.5", None),
        ("m3", "three", None),
    ]
