"""A BigQuery look-alike in this process: its REST interface, over Google's analyzer and reference evaluator.

It is for a few hundred rows. What BigQuery refuses before running is refused with Google's message; what it computes, Google's
reference implementation computes. It is no measure of speed, or of what Google's service does beyond the language. Bytes are at most
what Google's page on prices says: those of the columns that a statement reads, in the partitions that literals leave, and of a table
whose rows it changes all.
"""

from __future__ import annotations

import base64
import copy
import email.parser
import gzip
import io
import json
import re
import threading
import time
import traceback
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb

from support.engines.googlesql import (
    Columns,
    GoogleSqlError,
    Path,
    all_of,
    analyze,
    cell,
    columns_made,
    evaluate,
    python_value,
    scans,
    size,
    split_script,
    table_names,
)

PROJECT = "test-project"
# Of a dataset: its columns.
_CATALOG = ("INFORMATION_SCHEMA", "COLUMNS")
_API = re.compile(r"^(?:/upload|/resumable/upload)?/bigquery/v2/projects/([^/]+)(/.*)$")
_NAME = r"((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))*)"
# Changes of one table's schema within this many seconds are refused beyond five, as BigQuery's quota is.
_SCHEMA_CHANGES, _SCHEMA_SECONDS = 5, 10.0
_REFUSED_NAMES = re.compile(r"(?i)_PARTITION|_TABLE_|_FILE_|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER")


class RequestError(Exception):
    """An error that the interface answers with."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


@dataclass
class Table:
    """A table or view; its rows are lists of cells."""

    columns: dict[str, str]
    rows: list[list[Any]] = field(default_factory=list)
    view: str | None = None
    layout: str = ""
    changes: list[float] = field(default_factory=list)


@dataclass
class Result:
    """What a job gave."""

    kind: str
    columns: Columns = field(default_factory=dict)
    rows: list[list[Any]] = field(default_factory=list)
    affected: int | None = None
    target: Path | None = None


class Engine:
    """Datasets, tables, and the statements that were sent, newest last.

    With `metering` on, `processed` has the bytes of each table that each statement since then read.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tables: dict[Path, Table] = {}
        self.datasets: set[Path] = set()
        self.statements: list[str] = []
        self.metering = False
        self.processed: list[tuple[str, dict[Path, int]]] = []

    def run(self, sql: str) -> Result:
        """Run a statement or script; what a failed script did in a transaction is undone.

        Raises:
            GoogleSqlError: A statement is wrong.
        """
        with self.lock:
            self.statements.append(sql)
            statements = split_script(sql)
            if len(statements) == 1:
                return self._statement(statements[0])
            return self._script(statements)

    def _script(self, statements: Sequence[str]) -> Result:
        variables: dict[str, int] = {}
        before: dict[Path, Table] | None = None
        result, row_count = Result("SCRIPT"), 0
        try:
            for sql in statements:
                if found := re.fullmatch(r"(?is)declare\s+(\w+)\s+int64\s+default\s+(\d+)\s*", sql):
                    variables[found[1]] = int(found[2])
                elif found := re.fullmatch(r"(?is)set\s+(\w+)\s*=\s*@@row_count\s*", sql):
                    variables[found[1]] = row_count
                elif re.fullmatch(r"(?is)begin\s+transaction\s*", sql):
                    before = {path: copy.copy(table) for path, table in self.tables.items()}
                    for table in self.tables.values():
                        table.rows = list(table.rows)
                elif re.fullmatch(r"(?is)commit\s+transaction\s*", sql):
                    before = None
                else:
                    for name, value in variables.items():
                        sql = re.sub(rf"\b{name}\b", str(value), sql)
                    if before is not None and re.match(r"(?i)(create|drop|alter|truncate)\b", sql):
                        raise GoogleSqlError(f"DDL is not allowed in a transaction: {sql[:80]}")
                    result = self._statement(sql)
                    row_count = result.affected or 0
            if before is not None:
                raise GoogleSqlError("the script ended inside of a transaction")
        except BaseException:
            if before is not None:
                self.tables = before
            raise
        return Result("SCRIPT", result.columns, result.rows)

    def _statement(self, sql: str) -> Result:
        verb = sql.split(None, 1)[0].lower()
        if verb in ("grant", "revoke"):
            return Result("GRANT")
        if verb == "assert":
            condition = re.fullmatch(r"(?is)assert\s+(.*)\s+as\s+('(?:\\.|[^'\\])*')\s*", sql)
            if condition is None:
                raise GoogleSqlError(f"not understood: {sql[:200]}")
            if not python_value(self._evaluate(f"select {condition[1]} as holds")[0][0]):
                raise GoogleSqlError(f"Assertion failed: {condition[2]}")
            return Result("ASSERT")
        if self.metering:
            self.processed.append((sql, self.bytes_of(sql)))
        known = self._known(sql)
        columns = analyze(sql, known)
        if columns is not None:
            if len({name.lower() for name in columns}) < len(columns):
                raise GoogleSqlError(f"duplicate column names: {list(columns)}")
            return Result("SELECT", columns, self._evaluate(sql))
        for pattern, run in (
            (rf"(?is)create\s+schema\s+(?:if\s+not\s+exists\s+)?{_NAME}", self._create_schema),
            (rf"(?is)drop\s+schema\s+(?:if\s+exists\s+)?{_NAME}", self._drop_schema),
            (rf"(?is)(create\s+(?:or\s+replace\s+)?view\s+{_NAME}(?:.*?)\sas\s+(.*))$", self._create_view),
            (
                rf"(?is)(create\s+(or\s+replace\s+)?table\s+{_NAME}((?:(?!\sas\s).)*?)\sas\s+(?=\(|/\*|--|select\b|with\b)(.*))$",
                self._create_table_as,
            ),
            (rf"(?is)create\s+(or\s+replace\s+)?table\s+{_NAME}\s*\((.*)\)(.*)$", self._create_table),
            (rf"(?is)alter\s+table\s+{_NAME}\s+(.*)$", self._alter),
            (rf"(?is)drop\s+(?:table|view)\s+(?:if\s+exists\s+)?{_NAME}", self._drop),
            (rf"(?is)insert\s+into\s+{_NAME}\s+(?:\(([^)]*)\)\s*)?(.*)$", self._insert),
            (rf"(?is)delete\s+from\s+{_NAME}(\s+as\s+\w+)?\s+where\s+(.*)$", self._delete),
            (rf"(?is)update\s+{_NAME}(\s+as\s+\w+)?\s+set\s+(.*)$", self._update),
        ):
            if found := re.match(pattern, sql):
                return run(*found.groups())
        raise GoogleSqlError(f"not understood: {sql[:200]}")

    def bytes_of(self, sql: str) -> dict[Path, int]:
        """Bytes by table that BigQuery would charge a statement for.

        Raises:
            GoogleSqlError: It is wrong.
        """
        charged: dict[Path, int] = {}
        if re.match(r"(?i)(alter|drop|create\s+(or\s+replace\s+)?(view|schema))\b", sql):
            return charged
        if changed := re.match(rf"(?is)(?:delete\s+from|update)\s+{_NAME}", sql):
            path = self._path(changed[1])
            charged[path] = self._size(path, self.table(path).columns, sql)
        waiting = scans(sql, self._known(sql))
        while waiting:
            name, columns = waiting.pop()
            path = all_of([name], PROJECT)[0]
            if path[2:] == _CATALOG:
                continue
            if view := self.table(path).view:
                quoted = ", ".join(f"`{column}`" for column in columns) or "1"
                waiting += scans(f"select {quoted} from ({view})", self._known(view))
            else:
                charged[path] = charged.get(path, 0) + self._size(path, columns, sql)
        return charged

    def _size(self, path: Path, columns: Iterable[str], sql: str) -> int:
        """Bytes of columns, in the landing days that a statement names."""
        table = self.table(path)
        names = list(table.columns)
        places = [names.index(column) for column in columns]
        rows = table.rows
        days = re.search(r"landed_on between date '([\d-]+)' and date '([\d-]+)'", sql)
        if days and re.search("partition by `?landed_on", table.layout):
            day = names.index("landed_on")
            rows = [row for row in rows if days[1] <= str(python_value(row[day])) <= days[2]]
        return sum(size(row[place]) for row in rows for place in places)

    def _known(self, sql: str) -> dict[Path, Columns]:
        """The tables that a statement names, under the paths that it uses."""
        known: dict[Path, Columns] = {}
        for path in self._named(sql):
            full = all_of([path], PROJECT)[0]
            if full in self.tables or full[2:] == _CATALOG:
                known[path] = known[full] = self.table(full).columns
        return known

    def _named(self, sql: str) -> set[Path]:
        target = re.match(rf"(?is)(?:insert\s+into|delete\s+from|update|alter\s+table)\s+{_NAME}", sql)
        named = set(table_names(sql))
        if target is not None:
            named.add(tuple(target[1].replace("`", "").split(".")))
        return named

    def _evaluate(self, sql: str) -> list[list[Any]]:
        """Rows of a query; tables are handed over under one flat name each."""
        content: dict[str, tuple[Columns, list[list[Any]]]] = {}
        for path in set(all_of(table_names(sql), PROJECT)):
            table = self.table(path)
            rows = self._evaluate(table.view) if table.view else table.rows
            content[".".join(path)] = (table.columns, rows)
            flat = f"`{'.'.join(path)}`"
            project, *rest = (rf"`?{re.escape(part)}`?" for part in path)
            name = rf"(?<![\w.`-])(?:{project}\.)?{r'[.]'.join(rest)}(?![\w`])"
            # A table without an alias is called by the last part of its name.
            sql = re.sub(rf"(?i){name}(?!\s+as\b)", f"{flat} as `{path[-1]}`", sql)
            sql = re.sub(rf"(?i){name}(?=\s+as\b)", flat, sql)
        return evaluate(sql, content)

    def table(self, path: Path) -> Table:
        """A table.

        Raises:
            GoogleSqlError: There is none.
        """
        if path[2:] == _CATALOG:
            kinds = {
                "table_name": "STRING",
                "column_name": "STRING",
                "data_type": "STRING",
                "ordinal_position": "INT64",
            }
            places = [
                (known[2], *column, place)
                for known, table in self.tables.items()
                if known[:2] == path[:2]
                for place, column in enumerate(table.columns.items(), 1)
            ]
            return Table(kinds, [[*map(cell, row, kinds.values())] for row in places])
        if path not in self.tables:
            raise GoogleSqlError(f"Not found: Table {':'.join(path[:1])}:{'.'.join(path[1:])} was not found")
        return self.tables[path]

    def _path(self, name: str) -> Path:
        return all_of([tuple(name.replace("`", "").split("."))], PROJECT)[0]

    def _create_schema(self, name: str) -> Result:
        self.datasets.add(self._dataset(name))
        return Result("CREATE_SCHEMA")

    def _drop_schema(self, name: str) -> Result:
        dataset = self._dataset(name)
        self.datasets.discard(dataset)
        self.tables = {path: table for path, table in self.tables.items() if path[:2] != dataset}
        return Result("DROP_SCHEMA")

    def _dataset(self, name: str) -> Path:
        parts = tuple(name.replace("`", "").split("."))
        return parts if len(parts) == 2 else (PROJECT, *parts)

    def _put(self, name: str, table: Table, replace: bool = True) -> Path:
        path = self._path(name)
        if path[:2] not in self.datasets:
            raise GoogleSqlError(f"Not found: Dataset {path[0]}:{path[1]}")
        if path in self.tables and not replace:
            raise GoogleSqlError(f"Already Exists: Table {'.'.join(path)}")
        _require_names(table.columns)
        self.tables[path] = table
        return path

    def _create_view(self, sql: str, name: str, query: str) -> Result:
        columns = columns_made(sql, self._known(sql))
        path = self._put(name, Table(dict(columns), view=query))
        return Result("CREATE_VIEW", target=path)

    def _create_table_as(self, sql: str, replace: str | None, name: str, layout: str, query: str) -> Result:
        columns = columns_made(sql, self._known(sql))
        rows = self._evaluate(query)
        path = self._put(name, Table(dict(columns), rows, layout=layout), bool(replace))
        return Result("CREATE_TABLE_AS_SELECT", target=path)

    def _create_table(self, replace: str | None, name: str, columns: str, layout: str) -> Result:
        path = self._put(name, Table(_declared(columns), layout=layout), bool(replace))
        return Result("CREATE_TABLE", target=path)

    def _alter(self, name: str, change: str) -> Result:
        path = self._path(name)
        table = self.table(path)
        now = time.monotonic()
        table.changes = [moment for moment in table.changes if moment > now - _SCHEMA_SECONDS]
        if len(table.changes) >= _SCHEMA_CHANGES:
            raise GoogleSqlError(f"Exceeded rate limits: too many table update operations for {name}")
        table.changes.append(now)
        if found := re.match(r"(?is)rename\s+to\s+`?(\w+)`?", change):
            if (*path[:2], found[1]) in self.tables:
                raise GoogleSqlError(f"Already Exists: Table {'.'.join((*path[:2], found[1]))}")
            self.tables[(*path[:2], found[1])] = self.tables.pop(path)
        elif found := re.match(r"(?is)alter\s+column\s+`?(\w+)`?\s+set\s+data\s+type\s+(\w+)", change):
            if (table.columns[found[1]].upper(), found[2].upper()) != ("INT64", "FLOAT64"):
                raise GoogleSqlError(f"cannot change {table.columns[found[1]]} to {found[2]}")
            place = list(table.columns).index(found[1])
            table.columns = {**table.columns, found[1]: "FLOAT64"}
            table.rows = [[*row[:place], _fit(row[place], "FLOAT64"), *row[place + 1 :]] for row in table.rows]
        else:
            added = dict(re.findall(r"(?is)add\s+column\s+(?:if\s+not\s+exists\s+)?`?(\w+)`?\s+(\w+)", change))
            if not added:
                raise GoogleSqlError(f"not understood: alter table {change}")
            _require_names(added)
            table.columns = {**table.columns, **{column: kind.upper() for column, kind in added.items()}}
            table.rows = [[*row, *(cell(None, kind) for kind in added.values())] for row in table.rows]
        return Result("ALTER_TABLE", target=path)

    def _drop(self, name: str) -> Result:
        self.tables.pop(self._path(name), None)
        return Result("DROP_TABLE")

    def _insert(self, name: str, columns: str | None, query: str) -> Result:
        path = self._path(name)
        if re.match(r"(?i)values\b", query):
            rows = [self._evaluate(f"select {values}")[0] for values in _value_lists(query[6:])]
        else:
            rows = self._evaluate(query)
        names = (
            [column.strip().strip("`") for column in columns.split(",")] if columns else list(self.table(path).columns)
        )
        self.append(path, names, rows)
        return Result("INSERT", affected=len(rows), target=path)

    def append(self, path: Path, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Append rows whose cells are those of the named columns."""
        table = self.table(path)
        place = {column.lower(): number for number, column in enumerate(names)}
        table.rows = table.rows + [
            [
                _fit(row[place[column.lower()]], kind) if column.lower() in place else cell(None, kind)
                for column, kind in table.columns.items()
            ]
            for row in rows
        ]

    def _delete(self, name: str, alias: str | None, condition: str) -> Result:
        path = self._path(name)
        table = self.table(path)
        called = alias.split()[-1] if alias else f"`{path[-1]}`"
        columns = ", ".join(f"{called}.`{column}`" for column in table.columns)
        kept = self._evaluate(f"select {columns} from {name}{alias or ''} where not coalesce({condition}, false)")
        gone = len(table.rows) - len(kept)
        table.rows = kept
        return Result("DELETE", affected=gone, target=path)

    def _update(self, name: str, alias: str | None, rest: str) -> Result:
        path = self._path(name)
        changes, condition = _at(rest, "where")
        changes, source = _at(changes, "from")
        if condition is None:
            raise GoogleSqlError(f"UPDATE must have a WHERE clause: {rest[:80]}")
        table = self.table(path)
        new = {column.strip().strip("`").lower(): value for column, value in _assignments(changes)}
        hit = f"coalesce({condition}, false)"
        called = alias.split()[-1] if alias else f"`{path[-1]}`"
        columns = ", ".join(
            f"if({hit}, {new[column.lower()]}, {called}.`{column}`) as `{column}`"
            if column.lower() in new
            else f"{called}.`{column}`"
            for column in table.columns
        )
        joined = f" left join {source} on {condition}" if source else ""
        rows = self._evaluate(f"select {hit}, {columns} from {name}{alias or ''}{joined}")
        if len(rows) > len(table.rows):
            raise GoogleSqlError("UPDATE/MERGE must match at most one source row for each target row")
        table.rows = [row[1:] for row in rows]
        return Result("UPDATE", affected=sum(python_value(row[0]) for row in rows), target=path)


def _at(text: str, word: str) -> tuple[str, str | None]:
    """Split at a word that stands in no parentheses and no literal; None: there is none."""
    depth = 0
    for found in re.finditer(rf"(?i)'(?:\\.|[^'\\])*'|`[^`]*`|[()]|\b{word}\b", text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0].lower() == word:
            return text[: found.start()], text[found.end() :]
    return text, None


def _require_names(columns: Iterable[str]) -> None:
    for name in columns:
        if _REFUSED_NAMES.match(name):
            raise GoogleSqlError(
                f'Invalid field name "{name}". Field names are not allowed to start with the (case-insensitive) prefixes '
                "_PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ and _COLIDENTIFIER"
            )


def _declared(columns: str) -> dict[str, str]:
    return {name: kind.upper() for name, kind in re.findall(r"`?(\w+)`?\s+(\w+)[^,]*(?:,|$)", columns)}


def _fit(value: Any, kind: str) -> Any:
    which = value.WhichOneof("value")
    if kind.upper() in ("FLOAT64", "FLOAT") and which == "int64_value":
        return cell(value.int64_value, "FLOAT64")
    return value


def _pieces(text: str, separator: str) -> list[str]:
    """Parts of a text between separators that stand outside of brackets and literals."""
    parts, depth, start, place = [], 0, 0, 0
    while place < len(text):
        if found := re.compile(r"[rRbB]?'(?:\\.|[^'\\])*'|`[^`]*`").match(text, place):
            place = found.end()
            continue
        depth += (text[place] == "(") - (text[place] == ")")
        if text[place] == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
        place += 1
    return [*parts, text[start:]]


def _value_lists(text: str) -> list[str]:
    return [part.strip()[1:-1] for part in _pieces(text, ",")]


def _assignments(text: str) -> list[tuple[str, str]]:
    pairs = (part.split("=", 1) for part in _pieces(text, ","))
    return [(name, value) for name, value in pairs]


@dataclass
class _Job:
    document: dict[str, Any]
    result: Result


class Service:
    """The REST interface over an engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.jobs: dict[str, _Job] = {}
        self.results: dict[Path, Result] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.lose_answers = 0
        """How many of the next jobs are run without an answer being given."""

    def handle(self, method: str, rest: str, query: dict[str, str], body: Any) -> Any:
        """Answer one request."""
        parts = [unquote(part) for part in rest.strip("/").split("/")]
        match (method, *parts):
            case ("GET", "datasets"):
                return {"datasets": [self._dataset(path) for path in sorted(self.engine.datasets)]}
            case ("POST", "datasets"):
                return self._add_dataset(body)
            case ("GET", "datasets", name):
                return self._dataset(self._known_dataset(name))
            case ("DELETE", "datasets", name):
                self.engine._drop_schema(name)
                return {}
            case ("GET", "datasets", name, "tables"):
                dataset = self._known_dataset(name)
                found = [path for path in sorted(self.engine.tables) if path[:2] == dataset]
                return {"tables": [self._table(path, short=True) for path in found], "totalItems": len(found)}
            case ("GET", "datasets", name, "tables", table):
                return self._table((PROJECT, name, table))
            case ("PATCH" | "PUT", "datasets", name, "tables", table):
                return self._table((PROJECT, name, table))
            case ("DELETE", "datasets", name, "tables", table):
                if self.engine.tables.pop((PROJECT, name, table), None) is None:
                    raise RequestError(404, "notFound", f"Not found: Table {name}.{table}")
                return {}
            case ("POST", "jobs"):
                return self._start(body)
            case ("GET", "jobs", job):
                return self._job(job).document
            case ("POST", "jobs", job, "cancel"):
                return {"job": self._job(job).document}
            case ("GET", "queries", job):
                return self._rows(self._job(job), query)
            case ("GET", "datasets", name, "tables", table, "data"):
                result = self.results[(PROJECT, name, table)]
                return {"totalRows": str(len(result.rows)), "rows": _json_rows(result, query)}
        raise RequestError(404, "notFound", f"{method} {rest}")

    def _add_dataset(self, body: Any) -> Any:
        reference = body["datasetReference"]
        path = (reference["projectId"], reference["datasetId"])
        if path in self.engine.datasets:
            raise RequestError(409, "duplicate", f"Already Exists: Dataset {path[1]}")
        self.engine.datasets.add(path)
        return self._dataset(path)

    def _known_dataset(self, name: str) -> Path:
        if (PROJECT, name) not in self.engine.datasets:
            raise RequestError(404, "notFound", f"Not found: Dataset {PROJECT}:{name}")
        return (PROJECT, name)

    def _dataset(self, path: Path) -> Any:
        return {
            "id": ":".join(path),
            "datasetReference": {"projectId": path[0], "datasetId": path[1]},
            "location": "US",
        }

    def _table(self, path: Path, short: bool = False) -> Any:
        reference = {"projectId": path[0], "datasetId": path[1], "tableId": path[2]}
        if path in self.results:
            result = self.results[path]
            return {"tableReference": reference, "type": "TABLE", "numRows": str(len(result.rows))}
        if path not in self.engine.tables:
            raise RequestError(404, "notFound", f"Not found: Table {path[0]}:{path[1]}.{path[2]}")
        table = self.engine.tables[path]
        described = {
            "id": f"{path[0]}:{path[1]}.{path[2]}",
            "tableReference": reference,
            "type": "VIEW" if table.view else "TABLE",
        }
        if not short:
            described |= {"schema": _schema(table.columns), "numRows": str(len(table.rows)), "numBytes": "0"}
            if table.view:
                described["view"] = {"query": table.view, "useLegacySql": False}
        return described

    def _start(self, body: Any) -> Any:
        reference = body.get("jobReference") or {}
        number = reference.get("jobId") or uuid.uuid4().hex
        if number in self.jobs:
            raise RequestError(409, "duplicate", f"Already Exists: Job {PROJECT}:US.{number}")
        configuration = body["configuration"]
        try:
            result = self._run(configuration)
        except GoogleSqlError as error:
            raise RequestError(400, "invalidQuery", str(error)) from error
        return self._finish(number, configuration, result)

    def _run(self, configuration: Any) -> Result:
        if "copy" in configuration:
            raise GoogleSqlError("a copy job ends after its answer, at no time that could be told")
        query = configuration["query"]["query"]
        if configuration.get("dryRun"):
            for sql in split_script(query):
                analyze(sql, self.engine._known(sql))
            return Result("SELECT")
        return self.engine.run(query)

    def _finish(self, number: str, configuration: Any, result: Result) -> Any:
        kind = next(name for name in ("query", "load") if name in configuration)
        document: dict[str, Any] = {
            "kind": "bigquery#job",
            "id": f"{PROJECT}:US.{number}",
            "jobReference": {"projectId": PROJECT, "jobId": number, "location": "US"},
            "status": {"state": "DONE"},
            "configuration": {**configuration, "jobType": kind.upper()},
            "statistics": {"creationTime": "0", "startTime": "0", "endTime": "0", "totalBytesProcessed": "0"},
        }
        if kind == "query":
            statistics: dict[str, Any] = {
                "statementType": result.kind,
                "totalBytesProcessed": "0",
                "totalBytesBilled": "0",
            }
            target = result.target
            if result.kind == "SELECT":
                target = (PROJECT, "_anonymous", f"anon_{number}")
                self.results[target] = result
            if result.affected is not None:
                statistics["numDmlAffectedRows"] = str(result.affected)
            if target is not None:
                table = {"projectId": target[0], "datasetId": target[1], "tableId": target[2]}
                document["configuration"]["query"] = {**configuration["query"], "destinationTable": table}
            document["statistics"]["query"] = statistics
        elif kind == "load":
            document["statistics"]["load"] = {"outputRows": str(result.affected)}
        self.jobs[number] = _Job(document, result)
        if self.lose_answers:
            self.lose_answers -= 1
            raise ConnectionAbortedError
        return document

    def load(self, body: Any, content: bytes) -> Any:
        """Run a load job."""
        configuration = body["configuration"]
        load, target = configuration["load"], configuration["load"]["destinationTable"]
        number = (body.get("jobReference") or {}).get("jobId") or uuid.uuid4().hex
        if number in self.jobs:
            raise RequestError(409, "duplicate", f"Already Exists: Job {PROJECT}:US.{number}")
        path = (PROJECT, target["datasetId"], target["tableId"])
        with self.engine.lock:
            fields = (load.get("schema") or {}).get("fields")
            columns = {each["name"]: _TYPE_NAMES.get(each["type"], each["type"]) for each in fields or []}
            if not columns:
                columns = self.engine.table(path).columns
            if load.get("writeDisposition") == "WRITE_TRUNCATE" or path not in self.engine.tables:
                self._known_dataset(path[1])
                self.engine.tables[path] = Table(dict(columns))
            names, rows = _read_rows(load["sourceFormat"], content, columns, int(load.get("skipLeadingRows") or 0))
            self.engine.append(path, names, rows)
        return self._finish(number, configuration, Result("LOAD", affected=len(rows)))

    def _job(self, number: str) -> _Job:
        if number not in self.jobs:
            raise RequestError(404, "notFound", f"Not found: Job {number}")
        return self.jobs[number]

    def _rows(self, job: _Job, query: dict[str, str]) -> Any:
        result = job.result
        answer = {
            "jobReference": job.document["jobReference"],
            "jobComplete": True,
            "totalRows": str(len(result.rows)),
            "schema": _schema(result.columns),
            "totalBytesProcessed": "0",
        }
        if result.affected is not None:
            answer["numDmlAffectedRows"] = str(result.affected)
        if query.get("maxResults") != "0":
            answer["rows"] = _json_rows(result, query)
        return answer


_TYPE_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_SCHEMA_NAMES = {short: name for name, short in _TYPE_NAMES.items()}


def _schema(columns: Columns) -> Any:
    return {
        "fields": [
            {"name": name, "type": _SCHEMA_NAMES.get(kind.upper(), kind.upper()), "mode": "NULLABLE"}
            for name, kind in columns.items()
        ]
    }


def _json_rows(result: Result, query: dict[str, str]) -> Any:
    rows = result.rows[int(query.get("startIndex") or 0) :]
    return [{"f": [{"v": _json_cell(value)} for value in row]} for row in rows]


def _json_cell(value: Any) -> Any:
    which = value.WhichOneof("value")
    if which is None:
        return None
    if which == "timestamp_value":
        # The client asks for microseconds.
        return str(value.timestamp_value.seconds * 1_000_000 + value.timestamp_value.nanos // 1000)
    if which == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if which == "bool_value":
        return str(value.bool_value).lower()
    if which == "double_value":
        return repr(value.double_value)
    return str(python_value(value))


def _read_rows(kind: str, content: bytes, columns: Columns, skip: int) -> tuple[list[str], list[list[Any]]]:
    if kind == "CSV":
        import csv

        lines = list(csv.reader(io.StringIO(content.decode(), newline="")))[skip:]
        names = list(columns)
        return names, [
            [cell(text or None, columns[name]) for name, text in zip(names, line, strict=True)] for line in lines
        ]
    if kind == "PARQUET":
        import tempfile

        with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as local:
            file.write(content)
            file.flush()
            local.execute("set timezone = 'UTC'")
            found = local.execute(f"select * from read_parquet('{file.name}')")
            names = [each[0] for each in found.description]
            kinds = dict(zip(names, (str(each[1]) for each in found.description), strict=True))
            for name, kind_name in kinds.items():
                if columns[name] == "TIMESTAMP" and "TIME ZONE" not in kind_name.upper():
                    raise RequestError(400, "invalid", f"{name}: a Parquet timestamp that is not in UTC is a DATETIME")
            micros = ", ".join(f'epoch_us("{name}")' if columns[name] == "TIMESTAMP" else f'"{name}"' for name in names)
            rows = local.execute(f"select {micros} from read_parquet('{file.name}')").fetchall()
        return names, [
            [
                _micros(value) if columns[name] == "TIMESTAMP" else cell(value, columns[name])
                for name, value in zip(names, row, strict=True)
            ]
            for row in rows
        ]
    lines = [json.loads(line) for line in content.decode().splitlines() if line.strip()]
    names = list(columns)
    return names, [[cell(line.get(name), columns[name]) for name in names] for line in lines]


def _micros(value: int | None) -> Any:
    made = cell(None, "TIMESTAMP")
    if value is not None:
        made.timestamp_value.seconds, rest = divmod(value, 1_000_000)
        made.timestamp_value.nanos = rest * 1000
    return made


class BigQueryServer:
    """A running look-alike; each database is an engine of its own behind the one address."""

    def __init__(self) -> None:
        self.service = Service(Engine())
        handler = _handler(self)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._http.shutdown()
        self._http.server_close()

    def database(self) -> BigQueryDatabase:
        """An empty project; the one before is gone."""
        self.service = Service(Engine())
        return BigQueryDatabase(self)

    def statements(self) -> list[str]:
        """What the newest project was sent so far, oldest first: a script counts as one."""
        return list(self.service.engine.statements)

    def drop(self, database: BigQueryDatabase) -> None:
        """Forget a project."""
        self.service = Service(Engine())


@dataclass(frozen=True)
class BigQueryDatabase:
    """The project of a server."""

    server: BigQueryServer

    @property
    def environment(self) -> dict[str, str]:
        """What the target `bigquery` of profiles.yml reads."""
        return {
            "PROFILES_SYNC_TARGET": "bigquery",
            "PROFILES_SYNC_BIGQUERY_PROJECT": PROJECT,
            "PROFILES_SYNC_BIGQUERY_LOCATION": "US",
            "PROFILES_SYNC_BIGQUERY_METHOD": "oauth-secrets",
            "DBT_ENV_SECRET_BIGQUERY_TOKEN": "not-a-token",
            "PROFILES_SYNC_BIGQUERY_API_ENDPOINT": f"http://127.0.0.1:{self.server.port}",
        }

    @property
    def engine(self) -> Engine:
        """The engine, to look at what was sent."""
        return self.server.service.engine

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query; timestamps in UTC without zone."""
        with self.engine.lock:
            columns = analyze(sql, self.engine._known(sql))
            rows = self.engine._evaluate(sql) if columns is not None else self.engine._statement(sql).rows
        values = ([python_value(value) for value in row] for row in rows)
        return [tuple(v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in row) for row in values]


@contextmanager
def running_bigquery() -> Iterator[BigQueryServer]:
    """Start a server, stopped at the end."""
    server = BigQueryServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _handler(server: BigQueryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
            out = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(out)))
            self.end_headers()
            self.wfile.write(out)

        def _body(self) -> bytes:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

        def _go(self) -> None:
            url = urlsplit(self.path)
            found = _API.match(url.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = self._body()
            service = server.service
            try:
                if found is None:
                    raise RequestError(404, "notFound", url.path)
                if "/upload/" in url.path:
                    self._upload(service, query, body)
                    return
                document = json.loads(body) if body else None
                answer = service.handle(self.command, found[2], query, document)
                self._answer(200, answer)
            except ConnectionAbortedError:
                self.close_connection = True
            except RequestError as error:
                details = {"message": error.message, "reason": error.reason, "domain": "global"}
                self._answer(
                    error.status, {"error": {"code": error.status, "message": error.message, "errors": [details]}}
                )
            except Exception as error:
                traceback.print_exc()
                # 501: the client does not ask again.
                self._answer(501, {"error": {"code": 501, "message": repr(error), "errors": []}})

        def _upload(self, service: Service, query: dict[str, str], body: bytes) -> None:
            if query.get("uploadType") == "multipart":
                head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
                parts = email.parser.BytesParser().parsebytes(head + body).get_payload()
                document, content = (part.get_payload(decode=True) for part in parts)  # type: ignore[union-attr]
                self._answer(200, service.load(json.loads(document), content))
            elif self.command == "POST":
                upload = uuid.uuid4().hex
                service.uploads[upload] = {"body": json.loads(body), "content": b""}
                self._answer(
                    200,
                    {},
                    {"location": f"http://127.0.0.1:{server.port}{urlsplit(self.path).path}?upload_id={upload}"},
                )
            else:
                upload = service.uploads[query["upload_id"]]
                upload["content"] += body
                total = self.headers["content-range"].rpartition("/")[2]
                if total == "*" or len(upload["content"]) < int(total):
                    self._answer(308, {}, {"range": f"bytes=0-{len(upload['content']) - 1}"})
                else:
                    self._answer(200, service.load(upload["body"], upload["content"]))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _go  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
