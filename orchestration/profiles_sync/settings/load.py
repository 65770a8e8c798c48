"""Merge the settings, weakest first: the project's vars, its seeds, the home's file, the home's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.settings.files import Document, Row, explain, read_rows, read_yaml
from profiles_sync.settings.schema import BlockedValue, Deployment, IdentityRule, SelectiveSync, Settings

PACKAGE = "profiles_sync"
RULES_FILE = "identity_rules.csv"
BLOCKED_FILE = "blocked_values.csv"

_RULE_COLUMNS = tuple(IdentityRule.model_fields)
_BLOCKED_COLUMNS = tuple(BlockedValue.model_fields)
_TABLES = ("identity_rules", "blocked_values")
_SCALARS = tuple(name for name in Settings.model_fields if name not in _TABLES)
_HOME_KEYS = (*Deployment.model_fields, *_SCALARS)

Model = TypeVar("Model", bound=BaseModel)


class _Selection(BaseModel):
    selective_sync: SelectiveSync = SelectiveSync()


def load_deployment(home: Home) -> Deployment:
    """Read what the home's file says about target, space and sources.

    Raises:
        ConfigError: The file is wrong; the message names the line.
    """
    return check_deployment(read_yaml(home.config_file))


def check_deployment(document: Document) -> Deployment:
    """Return what a home's file, already read, says about target, space and sources.

    Raises:
        ConfigError: It is wrong; the message names the line.
    """
    _refuse_unknown_keys(document)
    return _validate(
        Deployment, document, {key: document.data[key] for key in Deployment.model_fields if key in document.data}
    )


def check_space(space: str) -> None:
    """Refuse what cannot be the schema of the public tables.

    Raises:
        ConfigError: It is no schema name of a space.
    """
    try:
        Deployment(space=space)
    except ValidationError as error:
        raise ConfigError(f"`{space}`: {error.errors()[0]['ctx']['error']}", hint="Give another --space.") from error


def load_selection(home: Home) -> SelectiveSync:
    """Read what the home's file says about selected tables and columns; everything, where it says nothing.

    Raises:
        ConfigError: The file is wrong; the message names the line.
    """
    document = read_yaml(home.config_file)
    _refuse_unknown_keys(document)
    return _validate(_Selection, document, document.data).selective_sync


def load_users_accounts(home: Home) -> bool | None:
    """Return whether the home's file wants the tables `users` and `accounts`; None: it says nothing.

    dbt must know it when it parses, before a sync reads its settings; a wrong value is refused there.

    Raises:
        ConfigError: The file is no YAML.
    """
    value = read_yaml(home.config_file).data.get("enable_users_accounts")
    return value if isinstance(value, bool) else None


def load_settings(home: Home, project_dir: Path, schema: str) -> Settings:
    """Read and merge every setting.

    Args:
        home: The deployment.
        project_dir: Folder of the package's `dbt_project.yml` and `seeds`.
        schema: Schema of the public tables; a blank `space_id` becomes it.

    Raises:
        ConfigError: A file is wrong; the message names file and line and what to do.
    """
    project = read_yaml(project_dir / "dbt_project.yml")
    defaults = _package_vars(project)
    document = read_yaml(home.config_file)
    _refuse_unknown_keys(document)
    overrides = {key: value for key, value in document.data.items() if key in _SCALARS}

    # Each file is validated on its own first, so that a mistake is shown in the file that has it.
    base = _validate(Settings, project, {**defaults, **{table: [] for table in _TABLES}}, within=("vars", PACKAGE))
    merged = _validate(Settings, document, {**base.model_dump(), **overrides})

    rules = _rules(project_dir / "seeds" / RULES_FILE, home.rules_dir / RULES_FILE, merged)
    blocked = _blocked_values(home.rules_dir / BLOCKED_FILE)
    if merged.use_recommended_blocks:
        blocked = [*_blocked_values(project_dir / "seeds" / BLOCKED_FILE), *blocked]
    return merged.model_copy(
        update={
            "space_id": merged.space_id or schema,
            "identity_rules": rules,
            "blocked_values": list(dict.fromkeys(blocked)),
        }
    )


def _package_vars(project: Document) -> dict[str, Any]:
    found = project.data.get("vars", {}).get(PACKAGE)
    if not isinstance(found, dict):
        raise project.error(("vars",), f"the defaults under `vars: {PACKAGE}:` are missing")
    return found


def _refuse_unknown_keys(document: Document) -> None:
    for key in document.data:
        if key in _TABLES:
            raise document.error((key,), f"`{key}` is a table of its own", f"Put it into rules/{key}.csv in the home.")
        if key not in _HOME_KEYS:
            raise document.error((str(key),), f"unknown key `{key}`", f"Known keys: {', '.join(sorted(_HOME_KEYS))}.")


def _validate(model: type[Model], document: Document, data: Mapping[str, Any], within: Sequence[str] = ()) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        place, message, hint = explain(error, _HOME_KEYS)
        raise document.error((*within, *place), message, hint) from error


def _rules(package_file: Path, home_file: Path, settings: Settings) -> list[IdentityRule]:
    """Return the package's rules, each overridden column by column by the home's row of its type."""
    fallback = {
        "value_limit": str(settings.default_limit),
        "limit_window": settings.default_window,
        "priority": "",
        "custom": "true",
        "from_group_traits": "true",
        "normalize": "",
        "enabled": "true",
    }
    rules: dict[str, Mapping[str, str]] = {}
    for path in (package_file, home_file):
        seen: dict[str, int] = {}
        for row in read_rows(path, _RULE_COLUMNS, ["external_id_type"]):
            name = row.values["external_id_type"]
            if name in seen:
                raise row.error(
                    f"identifier type `{name}` is given twice (first in line {seen[name]})", "Keep one of the two rows."
                )
            seen[name] = row.line
            values = {**fallback, **rules.get(name, {}), **row.values}
            _validate_row(IdentityRule, row, _typed(values))
            rules[name] = values
    return [IdentityRule.model_validate(_typed(values)) for values in rules.values()]


def _blocked_values(path: Path) -> list[BlockedValue]:
    return [
        _validate_row(BlockedValue, row, {"external_id_type": "", "value": "", **row.values})
        for row in read_rows(path, _BLOCKED_COLUMNS, ["kind"])
    ]


def _validate_row(model: type[Model], row: Row, values: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        _, message, hint = explain(error, tuple(model.model_fields))
        raise row.error(message, hint) from error


def _typed(values: Mapping[str, str]) -> dict[str, Any]:
    # A blank limit is no limit, a blank priority none; pydantic reads numbers and booleans from text.
    return {
        name: None if name in ("value_limit", "priority") and not value else value for name, value in values.items()
    }
