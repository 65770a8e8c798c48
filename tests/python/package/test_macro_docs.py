"""Every macro of the project is described in its folder's `_macros.yml`, with all of its arguments in their order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from support.dbt import ROOT

FOLDERS = sorted(path for path in (ROOT / "macros").iterdir() if path.is_dir())
# What an engine does otherwise is described with the function that it overrides.
OVERRIDE = re.compile(r"(default|duckdb|postgres|redshift|snowflake|bigquery|sqlserver|synapse|fabric)__")


def macros_in(folder: Path) -> dict[str, list[str]]:
    """Names of the arguments of each macro."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.sql")):
        for name, arguments in re.findall(r"{%-?\s*macro\s+(\w+)\(([^)]*)\)", path.read_text()):
            if not OVERRIDE.match(name):
                found[name] = [part.split("=")[0].strip() for part in arguments.split(",") if part.strip()]
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_macros_are_described(folder: Path) -> None:
    macros = macros_in(folder)
    entries = yaml.safe_load((folder / "_macros.yml").read_text())["macros"] if macros else []
    described = {
        entry["name"]: [argument["name"] for argument in entry.get("arguments", [])]
        for entry in entries
        if entry["name"] in macros
    }

    assert described == macros
    # Materializations are described there too, under names of dbt's.
    assert {entry["name"] for entry in entries} - set(macros) <= {
        f"materialization_{path.stem}_default" for path in folder.glob("*.sql")
    }
    texts = [entry["description"] for entry in entries]
    texts += [argument["description"] for entry in entries for argument in entry.get("arguments", [])]
    assert all(text.strip() for text in texts)
