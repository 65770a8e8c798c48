"""A home belongs to one space in one warehouse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from profiles_sync.errors import ConfigError
from profiles_sync.home import Binding, Home

DUCKDB = Binding("duckdb", "duckdb", "warehouse.duckdb", "profiles")


def test_the_first_one_stays(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    assert home.binding is None
    home.bind(DUCKDB)

    assert home.binding == DUCKDB
    home.bind(Binding("another_name", "duckdb", "warehouse.duckdb", "profiles"))
    for other in (
        Binding("duckdb", "duckdb", "warehouse.duckdb", "shop"),
        Binding("duckdb", "duckdb", "elsewhere.duckdb", "profiles"),
        Binding("postgres", "postgres", "db/5432/x", "profiles"),
    ):
        with pytest.raises(ConfigError, match="Use another --home") as refused:
            home.bind(other)
        assert refused.value.code == "E_SCHEMA_IMMUTABLE"
    assert home.binding is not None
    assert home.binding.address == "warehouse.duckdb"


def test_a_home_can_be_moved(tmp_path: Path) -> None:
    Home(tmp_path / "home").create().bind(DUCKDB)
    shutil.move(tmp_path / "home", tmp_path / "moved")

    assert Home(tmp_path / "moved").binding == DUCKDB


def test_dagsters_settings_are_the_users_once_written(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    settings = home.dagster_dir / "dagster.yaml"
    assert "enabled: false" in settings.read_text()
    settings.write_text("# mine\n")

    home.create()

    assert settings.read_text() == "# mine\n"


def test_a_damaged_binding_is_no_new_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    (home.root / "binding.json").write_text("{")

    with pytest.raises(ConfigError, match="damaged"):
        _ = home.binding


def test_where_a_home_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROFILES_SYNC_HOME", raising=False)
    assert Home.locate().root == tmp_path / ".profiles_sync"

    monkeypatch.setenv("PROFILES_SYNC_HOME", "elsewhere")
    assert Home.locate().root == tmp_path / "elsewhere"
    assert Home.locate("given").root == tmp_path / "given"


def test_a_home_that_is_no_folder_belongs_to_nobody_and_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = Home(tmp_path / "file" / "home")

    assert home.binding is None
    with pytest.raises(ConfigError, match=r"the home \S+ cannot be used: Not a directory"):
        home.create()


def test_a_binding_that_cannot_be_read_is_no_missing_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.binding_file.mkdir()

    with pytest.raises(ConfigError, match=r"binding\.json cannot be read: Is a directory"):
        _ = home.binding
