"""The generated dbt files: a thin model per track event's table, and what the columns of all tables are that get some from calls.

What a file says is a pure function of the registries: a sync that brings no new name and no new property writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from profiles_sync.home import Home, write_atomically
from profiles_sync.naming import REGISTERED_AS, is_trait_of
from profiles_sync.project import description_files
from profiles_sync.warehouse import Warehouse

PREFIX = "event__"

# No text may come out of it: what a model outside of the project compiles to, dbt would write over the model itself.
_MODEL = """\
{{{{-
  config(
    materialized='append_events',
    alias='{table}',
    meta={{'dagster': {{'group': 'events'}}, 'sync_group': 'event'}},
  )
-}}}}

{{{{- profiles_sync.track_event() -}}}}
"""

# Described once, in dbt_project/models/event_types/columns.md.
_FIXED_COLUMNS = (
    "id", "segment_id", "event_source_id", "event_source_name", "event_source_slug", "anonymous_id", "user_id",
    "received_at", "sent_at", "timestamp", "original_timestamp", "uuid_ts", "loaded_at", "event", "event_text",
    "_overflow",
)  # fmt: skip

_SHOWN_NAMES = 5


@dataclass(frozen=True)
class EventColumn:
    """A column that comes from a key of the calls.

    Attributes:
        name: Its name.
        data_type: One of the five Segment types.
        raw_paths: Paths that it comes from, each a JSON array of keys; the first wins where a call carries several.
    """

    name: str
    data_type: str
    raw_paths: tuple[str, ...]


@dataclass(frozen=True)
class EventTable:
    """A track event's table as the registries know it.

    Attributes:
        name: Its name.
        event_names: Events that land in it.
        columns: Columns besides the fixed ones, by name.
    """

    name: str
    event_names: tuple[str, ...]
    columns: tuple[EventColumn, ...] = ()


@dataclass(frozen=True)
class Registry:
    """What the registries of events and columns hold.

    Attributes:
        tracks: The track events' tables that calls have landed for so far, by name.
        columns: Columns from calls of our own tables that get some, by table; of a table of traits, its traits.
        newest: Newest landed event of each event table.
    """

    tracks: tuple[EventTable, ...]
    columns: Mapping[str, tuple[EventColumn, ...]]
    newest: Mapping[str, int]


def read_registry(warehouse: Warehouse) -> Registry:
    """Return what has landed so far, by one statement for each of the two registries."""
    events = warehouse.query(
        f"select table_name, kind, event_names, last_event_no from {warehouse.ops('event_registry')} order by table_name"
    )
    columns = _read_columns(warehouse)
    return Registry(
        tuple(
            EventTable(table, tuple(json.loads(names)), columns.get(table, ()))
            for table, kind, names, _ in events
            if kind == "track"
        ),
        {table: columns.get(table, ()) for table, kind, _, _ in events if kind != "track"} | _traits(columns),
        {table: newest for table, _, _, newest in events},
    )


def _traits(columns: Mapping[str, tuple[EventColumn, ...]]) -> dict[str, tuple[EventColumn, ...]]:
    """Return the traits among the columns of each table of traits, by its name."""
    return {
        table: tuple(
            column
            for column in columns.get(name, ())
            if json.loads(column.raw_paths[0])[0] == "traits" and is_trait_of(table, column.name)
        )
        for table, name in REGISTERED_AS.items()
    }


def _read_columns(warehouse: Warehouse) -> dict[str, tuple[EventColumn, ...]]:
    paths = warehouse.query(
        f"select table_name, column_name, data_type, raw_path from {warehouse.ops('column_registry')} "
        "where status = 'active' order by table_name, column_name, path_rank"
    )
    columns: dict[str, dict[str, list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    for table, column, data_type, path in paths:
        columns[table][column].append((data_type, path))
    return {
        table: tuple(
            EventColumn(column, rows[0][0], tuple(path for _, path in rows)) for column, rows in sorted(found.items())
        )
        for table, found in columns.items()
    }


def plan_event_models(tables: Iterable[EventTable]) -> dict[str, str]:
    """Return the text of every file, by its name: a model and its description per table."""
    files = {}
    for table in tables:
        files[f"{PREFIX}{table.name}.sql"] = _MODEL.format(table=table.name)
        files[f"{PREFIX}{table.name}.yml"] = _description(table)
    return files


def write_event_models(models_dir: Path, tables: Iterable[EventTable]) -> list[str]:
    """Bring the generated models up to date.

    A file is replaced only where its text changed. Other files in the folder are left alone. A description begins with
    a digest of what it was made of, so that 1,000 of them need not be written to see that none has changed.

    Args:
        models_dir: Folder of the models; made where it is missing.
        tables: Every track event table.

    Returns:
        Names of the tables whose model is new, in order.

    Raises:
        OSError: The folder cannot be written.
    """
    models_dir.mkdir(parents=True, exist_ok=True)
    new = []
    for table in tables:
        model, description = (models_dir / f"{PREFIX}{table.name}{ending}" for ending in (".sql", ".yml"))
        text = _MODEL.format(table=table.name)
        present = model.read_text("utf-8") if model.exists() else None
        if present != text:
            write_atomically(model, text)
            if present is None:
                new.append(table.name)
        if not _begins_with(description, _digest_line(table)):
            write_atomically(description, _description(table))
    return new


def write_dbt_files(home: Home, registry: Registry) -> list[str]:
    """Bring a home's models and descriptions up to date, and return the names of the tables whose model is new."""
    write_descriptions(home.descriptions_dir, description_files(), registry.columns)
    return write_event_models(home.models_dir, registry.tracks)


def write_descriptions(
    folder: Path, package_files: Iterable[Path], columns: Mapping[str, tuple[EventColumn, ...]]
) -> None:
    """Bring the home's descriptions of our own tables up to date.

    They are the package's, with the columns that come from keys of the calls.

    Args:
        folder: The home's folder; a file is replaced only where what it is made of has changed.
        package_files: The package's.
        columns: Columns from calls, by table.
    """
    for file in package_files:
        text = file.read_text("utf-8")
        document = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        more = [columns.get(model["name"], ()) for model in document["models"]]
        digest = _digest_line((text, more))
        if _begins_with(folder / file.name, digest):
            continue
        for model, found in zip(document["models"], more, strict=True):
            model["columns"] += _described(found)
        write_atomically(folder / file.name, digest + _yaml(document))


def _begins_with(path: Path, line: str) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline() == line
    except FileNotFoundError:
        return False


def _digest_line(source: object) -> str:
    # The version of this module's own text counts too.
    return f"# {hashlib.sha256(f'4 {source!r}'.encode()).hexdigest()[:32]}\n"


def _description(table: EventTable) -> str:
    columns: list[Mapping[str, Any]] = [
        {"name": name, "description": f"{{{{ doc('profiles_sync', 'event_{name}') }}}}"} for name in _FIXED_COLUMNS
    ]
    columns += _described(table.columns)
    model = {
        "name": PREFIX + table.name,
        "description": _literal(f"Track calls of {_all_of(map(_shown_name, table.event_names))}, one row per call."),
        "columns": columns,
    }
    return _digest_line(table) + _yaml({"version": 2, "models": [model]})


def _described(columns: Iterable[EventColumn]) -> list[Mapping[str, Any]]:
    return [
        {
            "name": column.name,
            "description": _literal(f"From {_all_of(map(_shown_path, column.raw_paths))}; {column.data_type}."),
        }
        for column in columns
    ]


def _yaml(document: Mapping[str, Any]) -> str:
    return str(
        yaml.dump(
            document,
            Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper),
            sort_keys=False,
            allow_unicode=True,
            width=1_000_000,
        )
    )


def _shown_name(name: str) -> str:
    return f"`{name if len(name) <= 100 else name[:100] + '…'}`"


def _shown_path(raw_path: str) -> str:
    keys = json.loads(raw_path)
    plain = all(re.fullmatch(r"[^\W.]+", key) for key in keys)
    return f"`{'.'.join(keys) if plain else raw_path}`"


def _all_of(shown: Iterable[str]) -> str:
    every = list(shown)
    more = len(every) - _SHOWN_NAMES
    return ", ".join(every[:_SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _literal(text: str) -> str:
    """Return a description that dbt's Jinja renders to this text."""
    return text.replace("{", '{{ "{" }}') if re.search("{[{%#]", text) else text
