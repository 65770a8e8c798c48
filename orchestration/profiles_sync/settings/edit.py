"""Change single keys of the home's settings file and leave the rest of it, comments included, as its owner wrote it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from profiles_sync.home import Home, write_atomically
from profiles_sync.settings.files import read_yaml
from profiles_sync.settings.load import check_deployment


def change_settings(home: Home, changes: Mapping[str, Any]) -> None:
    """Set keys of `profiles_sync.yml`; None takes a key away.

    Args:
        home: The deployment.
        changes: Plain YAML values by key.

    Raises:
        ConfigError: The file as it is, or as it would be, is wrong; it is left alone then.
    """
    before = read_yaml(home.config_file)
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    present = home.config_file.read_text("utf-8") if home.config_file.exists() else ""
    written = present if before.data else ""
    # Comments without a key hang on nothing in the document.
    notes = "" if written else "".join(f"{line}\n" for line in present.splitlines() if line.startswith("#"))
    if found := re.search(r"^( *)- ", written, re.MULTILINE):
        # Lists stay as far from the margin as their owner put them.
        yaml.indent(mapping=2, sequence=len(found[1]) + 2, offset=len(found[1]))
    document = yaml.load(written) if written else CommentedMap()
    for key, value in changes.items():
        if value is None:
            document.pop(key, None)
        else:
            _put(document, key, value)
    check_deployment(type(before)(before.path, dict(document), before.lines))
    text = io.StringIO()
    yaml.dump(document, text)
    write_atomically(home.config_file, notes + (text.getvalue() if document else ""))


def _put(section: Any, key: str, value: Any) -> None:
    """Set a key; of a mapping only what differs is touched, so that the comments in it stay."""
    present = section.get(key)
    if not isinstance(value, Mapping) or not isinstance(present, Mapping):
        if present != value:
            section[key] = value
        return
    for name in [name for name in present if name not in value]:
        del section[key][name]
    for name, inner in value.items():
        _put(present, name, inner)
