"""Disable, enable, delete: one deployment's life on DuckDB, each test going on where the one before it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiles_sync.sync.lock import HomeLock
from support.archive import write_file
from support.cli import Cli
from support.landing import call


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    cli = Cli(tmp_path_factory.mktemp("settings"))
    write_file(cli.folder / "archive", "a", [call("page", "m1")])
    connected = cli.run("connect", "duckdb", "--space", "shop", "--source", "archive")
    assert connected.returncode == 0, connected.stdout + connected.stderr
    return cli


@pytest.mark.slow
def test_a_disabled_home_syncs_nothing_and_catches_up_when_enabled(cli: Cli) -> None:
    assert cli.json("sync")["status"] == "Success"
    off = cli.run("disable")
    assert off.returncode == 0

    for name in ("b", "c"):
        write_file(cli.folder / "archive", name, [call("page", f"m_{name}")])
        refused = cli.run("sync")
        assert refused.returncode == 2
        assert "profiles-sync enable" in refused.stderr
    status = cli.json("status")
    assert (status["enabled"], status["next_sync_at"]) == (False, None)
    assert "off" in cli.run("status").stdout
    assert cli.count("shop.pages") == 1

    assert cli.run("enable").returncode == 0
    assert cli.json("sync")["rows"]["event_type"] == 2
    assert cli.count("shop.pages") == 3


@pytest.mark.slow
def test_another_schema_is_refused_after_the_first_sync(cli: Cli) -> None:
    config = cli.home / "profiles_sync.yml"
    before = config.read_text()
    config.write_text(before.replace("space: shop", "space: store"))
    for command, *arguments in (["sync"], ["connect", "duckdb", "--space", "store"]):
        refused = cli.run(command, *arguments)
        assert refused.returncode == 2
        assert "E_SCHEMA_IMMUTABLE" in refused.stderr
    config.write_text(before)


@pytest.mark.slow
def test_a_warehouse_is_deleted_only_when_disabled_and_keeps_its_tables(cli: Cli) -> None:
    delete = ("warehouse", "delete", "--yes")
    refused = cli.run_words(*delete)
    assert refused.returncode == 2
    assert "profiles-sync disable" in refused.stderr
    assert cli.run("disable").returncode == 0
    with HomeLock(cli.home / "sync.lock") as lock:
        assert lock.acquire("a-sync")
        assert "E_LOCKED" in cli.run_words(*delete).stderr

    deleted = cli.run_words(*delete)

    assert deleted.returncode == 0, deleted.stderr
    left = {path.name for path in cli.home.iterdir()}
    assert left == {"profiles_sync.yml", "rules", "sync.lock", "warehouse.duckdb"}
    assert cli.count("shop.pages") == 3
    assert cli.run("status").returncode == 2

    # Connecting again goes on where it stopped.
    write_file(cli.folder / "archive", "d", [call("page", "m_d")])
    assert cli.run("connect", "duckdb", "--space", "shop").returncode == 0
    assert cli.json("sync")["rows"]["event_type"] == 1
    assert cli.count("shop.pages") == 4
    assert [record["status"] for record in cli.json("history")] == ["Success"]


@pytest.mark.slow
def test_tables_go_only_when_that_is_asked_for(cli: Cli) -> None:
    assert cli.run("disable").returncode == 0

    assert cli.run_words("warehouse", "delete", "--yes", "--drop-schema").returncode == 0

    assert cli.query("select schema_name from information_schema.schemata where schema_name like 'shop%'") == []
    assert not Path(cli.home, "profiles.yml").exists()
