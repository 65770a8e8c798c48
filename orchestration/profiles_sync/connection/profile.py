"""The home's `profiles.yml`: written by `connect`, readable by its owner alone, without secrets if so wished."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from profiles_sync.connection.keychain import variable
from profiles_sync.connection.kinds import Kind
from profiles_sync.home import Home, write_atomically
from profiles_sync.project import PROFILE, project_dir

_ENVIRONMENT_VARIABLE = re.compile(r"env_var\('(\w+)'")


class Secrets(str, Enum):
    """Where a deployment's secrets are kept."""

    FILE = "file"
    ENVIRONMENT = "environment"
    KEYRING = "keyring"


def build_profile(kind: Kind, answers: Mapping[str, str], secrets: Secrets) -> dict[str, Any]:
    """Return a `profiles.yml` with the one target that the answers describe.

    What is not asked is as in the project's own `profiles.yml`.

    Args:
        kind: Of warehouse.
        answers: By key of the target.
        secrets: Where the secret ones are to be kept; only in a file do they stand in the result.
    """
    project = yaml.safe_load((project_dir() / "profiles.yml").read_text("utf-8"))
    target = project[PROFILE]["outputs"].get(kind.name)
    if target is None:
        target = {"type": kind.name, "schema": "{{ env_var('PROFILES_SYNC_SPACE', 'profiles') }}", "threads": 4}
    for question in kind.questions:
        value = answers.get(question.key, "")
        if kind.name == "duckdb" and value == question.default:
            # Inside of the home, wherever that is moved to.
            continue
        if question.secret and secrets is Secrets.KEYRING and value:
            target[question.key] = f"{{{{ env_var('{variable(question.key)}') }}}}"
        elif question.secret and secrets is Secrets.ENVIRONMENT:
            target.setdefault(question.key, f"{{{{ env_var('{environment_variable(kind, question.key)}') }}}}")
        else:
            target[question.key] = int(value) if question.is_number else _literal(value)
    return {PROFILE: {"target": kind.name, "outputs": {kind.name: target}}}


def write_profile(home: Home, profile: Mapping[str, Any]) -> Path:
    """Write the home's `profiles.yml`, for its owner alone to read."""
    text = "# Written by `profiles-sync connect`. It may hold credentials: keep it to yourself.\n"
    write_atomically(home.profiles_file, text + yaml.safe_dump(dict(profile), sort_keys=False), mode=0o600)
    return home.profiles_file


def environment_variable(kind: Kind, key: str) -> str:
    """Return the environment variable that the project's target reads a secret from."""
    project = yaml.safe_load((project_dir() / "profiles.yml").read_text("utf-8"))
    expression = str(project[PROFILE]["outputs"].get(kind.name, {}).get(key, ""))
    found = _ENVIRONMENT_VARIABLE.search(expression)
    return found.group(1) if found else f"DBT_ENV_SECRET_{kind.name.upper()}_{key.upper()}"


def _literal(text: str) -> str:
    # dbt renders every value of the file; one that looks like an expression is written as a string of one.
    return f"{{{{ {json.dumps(text)} }}}}" if re.search(r"\{[{%#]", text) else text
