"""Read YAML and CSV so that a mistake can be shown with its file and line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from profiles_sync.errors import ConfigError

# A place inside a document: keys and indexes from the root.
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """A parsed file and the line of everything in it.

    Attributes:
        path: The file.
        data: Its content.
        lines: Line, counted from 1, of each key and item by its place.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[Location, int]

    def line(self, location: Sequence[str | int]) -> int | None:
        """Return the line of a place, or of the nearest one around it."""
        for end in range(len(location), 0, -1):
            if (found := self.lines.get(tuple(location[:end]))) is not None:
                return found
        return None

    def error(self, location: Sequence[str | int], message: str, hint: str = "") -> ConfigError:
        """Return an error that begins with this file and the line of `location`."""
        return error_at(self.path, self.line(location), message, hint)


def error_at(path: Path, line: int | None, message: str, hint: str = "") -> ConfigError:
    """Return an error that begins with file and line."""
    return ConfigError(f"{path}{f', line {line}' if line else ''}: {message}", hint=hint)


def read_yaml(path: Path) -> Document:
    """Read a YAML file whose root is a mapping; a missing or blank file is an empty one.

    Raises:
        ConfigError: It cannot be read, is no YAML, has a key twice or another root.
    """
    if not path.exists():
        return Document(path, {}, {})
    try:
        text = path.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Location, int] = {}
        if node is not None:
            _collect_lines(path, node, (), lines)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise error_at(path, line, f"this is not valid YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise error_at(path, None, f"the file cannot be read: {error}") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise error_at(path, 1, "settings are expected as `key: value` lines")
    return Document(path, data, lines)


def _collect_lines(path: Path, node: yaml.Node, place: Location, lines: dict[Location, int]) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                raise error_at(
                    path, key.start_mark.line + 1, f"`{key.value}` is given twice (first in line {lines[inner]})"
                )
            lines[inner] = key.start_mark.line + 1
            _collect_lines(path, value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*place, index)] = value.start_mark.line + 1
            _collect_lines(path, value, (*place, index), lines)


@dataclass(frozen=True)
class Row:
    """One row of a rule file: only the columns that its header names, blanks stripped."""

    path: Path
    line: int
    values: Mapping[str, str]

    def error(self, message: str, hint: str = "") -> ConfigError:
        """Return an error that begins with this row's file and line."""
        return error_at(self.path, self.line, message, hint)


def read_rows(path: Path, columns: Sequence[str], required: Sequence[str]) -> list[Row]:
    """Read a CSV file with a header; a missing file has no rows.

    Args:
        path: The file.
        columns: Names that its header may have.
        required: Names that it must have.

    Raises:
        ConfigError: It cannot be read, a column is unknown, missing or doubled, or a row has too many or too few cells.
    """
    if not path.exists():
        return []
    rows: list[Row] = []
    try:
        # A spreadsheet writes a byte order mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header, columns, required)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise error_at(path, reader.line_num, f"{len(cells)} cells, the header has {len(header)}")
                rows.append(
                    Row(path, reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
                )
    except csv.Error as error:
        raise error_at(path, reader.line_num, f"this is not valid CSV: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise error_at(path, None, f"the file cannot be read: {error}") from error
    return rows


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str], required: Sequence[str]) -> None:
    for index, name in enumerate(header):
        if name not in columns:
            raise error_at(path, 1, f"unknown column `{name}`", f"Known columns: {', '.join(columns)}.")
        if name in header[:index]:
            raise error_at(path, 1, f"column `{name}` is there twice")
    for name in required:
        if name not in header:
            raise error_at(path, 1, f"column `{name}` is missing")


def explain(error: ValidationError, known: Sequence[str]) -> tuple[Location, str, str]:
    """Turn the first problem that pydantic found into its place, a sentence and what to do.

    Args:
        error: What pydantic raised.
        known: Keys allowed at the root, listed when one is unknown.
    """
    # Branches of a union: the most telling one is the one that got furthest.
    problem = max(error.errors(include_url=False), key=lambda each: each["type"] == "extra_forbidden")
    place = tuple(problem["loc"])
    name = ".".join(str(part) for part in place)
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        hint = f"Known keys: {', '.join(sorted(known))}." if len(place) == 1 else ""
        return place, f"unknown key `{name}`", hint
    if kind == "missing":
        return place, f"`{name}` is missing", ""
    if kind == "literal_error":
        return place, f"`{name}` is {problem['input']!r}; use {context['expected']}", ""
    if kind == "too_long":
        return place, f"`{name}` has {context['actual_length']} entries; {context['max_length']} are allowed", ""
    if kind == "value_error":
        return place, f"`{name}`: {context['error']}" if name else str(context["error"]), ""
    if kind in ("model_type", "dict_type"):
        return place, f"`{name}` is {problem['input']!r}; `key: value` lines are expected below it", ""
    text = problem["msg"]
    return place, f"`{name}` is {problem['input']!r}; {text[0].lower()}{text[1:]}", ""
