"""Change what the selective sync is, in the home's file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.settings.edit import change_settings
from profiles_sync.settings.files import explain, read_yaml
from profiles_sync.settings.load import load_selection
from profiles_sync.settings.schema import SelectiveSync

KEY = "selective_sync"


def change_selection(
    home: Home, *, on: Sequence[str] = (), off: Sequence[str] = (), default: bool | None = None
) -> SelectiveSync:
    """Switch tables and columns on or off.

    Args:
        home: The deployment.
        on: Names to switch on: a table, or `<table>.<column>`.
        off: Names to switch off.
        default: What holds for tables that are not named; None: as it is.

    Returns:
        The selection as it is in the file now.

    Raises:
        ConfigError: A name is no table or column that may be off, or the file is wrong; it is left alone then.
    """
    load_selection(home)
    section: dict[str, Any] = read_yaml(home.config_file).data.get(KEY, {})
    if default is not None:
        section["default"] = default
    tables = section.setdefault("tables", {})
    for names, enabled in ((on, True), (off, False)):
        for name in names:
            _switch(tables, name, enabled)
    try:
        selection = SelectiveSync.model_validate(section)
    except ValidationError as error:
        raise ConfigError(explain(error, ())[1]) from error
    change_settings(home, {KEY: section})
    return selection


def _switch(tables: dict[str, Any], name: str, enabled: bool) -> None:
    table, dot, column = name.partition(".")
    if not table or (dot and not column) or "." in column:
        raise ConfigError(f"`{name}` names no table and no column", hint="Write <table> or <table>.<column>.")
    entry = tables.get(table)
    if not column:
        if isinstance(entry, dict):
            entry["enabled"] = enabled
        else:
            tables[table] = enabled
        return
    if not isinstance(entry, dict):
        entry = tables[table] = {} if entry is None else {"enabled": entry}
    columns = entry.setdefault("columns", {})
    if enabled:
        columns.pop(column, None)
    else:
        columns[column] = False
