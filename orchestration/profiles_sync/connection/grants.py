"""The least privileges that a sync needs, as SQL for an administrator."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from string import Template

from profiles_sync.connection.kinds import find_kind
from profiles_sync.errors import ConfigError


def grants(kind: str, answers: Mapping[str, str], *, space: str) -> str:
    """Return the statements for a kind of warehouse.

    Args:
        kind: Such as `postgres`.
        answers: What is known already, by the flags of `connect`; else the questions' defaults, else `<flag>`.
        space: Schema of the public tables.

    Raises:
        ConfigError: There is no such warehouse, or a name holds a quote.
    """
    names = {question.flag: question.default or f"<{question.flag}>" for question in find_kind(kind).questions}
    names = {"user": "profiles_sync", **names, **answers, "space": space}
    for flag, name in names.items():
        if set(name) & set("\"'`[]\\\n;"):
            raise ConfigError(f"--{flag}: a name with quotes, brackets or semicolons cannot be put into SQL safely")
    text = (files("profiles_sync.connection") / "sql" / f"{kind}.sql").read_text("utf-8")
    return Template(text).substitute(names)
