"""Changing one key of the home's file leaves its owner's writing alone."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from profiles_sync.errors import ConfigError, file_error
from profiles_sync.home import Home
from profiles_sync.settings import change_settings, load_deployment
from profiles_sync.settings.selection import change_selection

WRITTEN = """\
# Ours since May.
sources:
  - /data/archive   # the first
  - path: "s3://bucket/segment-logs"
    source_id: 'abc'

merge_cap: 50  # see the ticket
"""


def test_a_change_keeps_comments_and_quotes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(WRITTEN)

    change_settings(home, {"enabled": False, "space": "shop"})
    assert home.config_file.read_text() == WRITTEN + "enabled: false\nspace: shop\n"
    assert load_deployment(home).enabled is False

    change_settings(home, {"enabled": True, "space": None})
    assert home.config_file.read_text() == WRITTEN + "enabled: true\n"


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    home = Home(tmp_path)

    change_settings(home, {"sources": ["/data"]})

    assert [source.path for source in load_deployment(home).sources] == ["/data"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("sources: [/data]\nenabeld: true\n", "line 2: unknown key `enabeld`"), ("sources: [\n", "not valid YAML")],
)
def test_a_wrong_file_is_left_alone(tmp_path: Path, text: str, said: str) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        change_settings(home, {"enabled": False})

    assert home.config_file.read_text() == text


def test_a_value_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(WRITTEN)

    with pytest.raises(ConfigError, match="a space is a schema name"):
        change_settings(home, {"space": "No Name"})

    assert home.config_file.read_text() == WRITTEN


def test_comments_of_a_file_without_settings_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.config_file.write_text("# Ask the shop's team first.\n# merge_cap: 50\n")

    change_settings(home, {"enabled": False})

    assert home.config_file.read_text() == "# Ask the shop's team first.\n# merge_cap: 50\nenabled: false\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# ours\nselective_sync:\n", "line 2: `selective_sync` is None; `key: value` lines are expected below it"),
        ("selective_sync: off\n", "line 1: `selective_sync` is False; `key: value` lines"),
        ("selective_sync:\n  tables:\n", "line 2: `selective_sync.tables` is None; `key: value` lines"),
        ("selective_sync:\n  tables: [pages]\n", "line 2: `selective_sync.tables` is "),
        ("selective_sync:\n  tables:\n    pages:\n      columns:\n", r"line \d: `selective_sync.tables.pages"),
    ],
)
def test_a_wrong_selection_in_the_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        change_selection(home, off=["pages.url"])

    assert home.config_file.read_text() == text


def test_a_change_leaves_a_file_to_whom_it_belongs(tmp_path: Path) -> None:
    kept = tmp_path / "kept.yml"
    kept.write_text(WRITTEN)
    kept.chmod(0o600)
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.config_file.symlink_to(kept)

    change_settings(home, {"enabled": False})

    assert home.config_file.is_symlink()
    assert kept.read_text() == WRITTEN + "enabled: false\n"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(WRITTEN)
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        # A write to it fails as on a full disk.
        patched.setattr(os, "fdopen", lambda *arguments, **named: io.TextIOWrapper(full.buffer, write_through=True))
        patched.setattr(os, "fchmod", lambda *arguments: None)
        with pytest.raises(OSError, match="No space left") as failed:
            change_settings(home, {"enabled": False})
        told = file_error(failed.value)

    assert told is not None
    assert (told.code, told.message) == ("E_LIMIT_SIZE", f"{home.config_file}: No space left on device")
    assert [path.name for path in tmp_path.iterdir()] == ["profiles_sync.yml"]
    assert home.config_file.read_text() == WRITTEN
