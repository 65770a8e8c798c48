"""GoogleSQL, BigQuery's SQL: Google's own analyzer and reference evaluator (PyPI `zetasql`, WebAssembly), set up like BigQuery."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

import wasmtime
from google._upb._message import SetAllowOversizeProtos


def _cache_compiled_module() -> None:
    # Compiling takes over a minute; from the cache it is a second.
    create = wasmtime.Config.__init__

    def create_with_cache(self: Any, *arguments: Any, **named: Any) -> None:
        create(self, *arguments, **named)
        self.cache = True

    wasmtime.Config.__init__ = create_with_cache  # type: ignore[method-assign]


_cache_compiled_module()

from zetasql.core.exceptions import ZetaSQLError  # noqa: E402
from zetasql.core.local_service import ZetaSqlLocalService  # noqa: E402
from zetasql.types import LanguageOptions  # noqa: E402
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service  # noqa: E402
from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2  # noqa: E402
from zetasql.wasi._pb2.zetasql.public import options_pb2, type_pb2, value_pb2  # noqa: E402

Columns = Mapping[str, str]
"""Columns of a table or query: name -> BigQuery type."""
Cell = value_pb2.ValueProto
Path = tuple[str, ...]

# Features of GoogleSQL that BigQuery does not have, as parts of their names.
_NOT_IN_BIGQUERY = (
    "ANONYMIZATION", "DIFFERENTIAL_PRIVACY", "PROTO_BASE", "ENCRYPTION", "SQL_GRAPH", "MAP_TYPE", "UUID_TYPE", "MATCH_RECOGNIZE",
    "FOR_UPDATE", "ROW_TYPE", "MEASURES", "JSON_TYPE_COMPARISON", "LATERAL_COLUMN_REFERENCES", "EXPERIMENTAL", "TEST_IDEALLY",
    "SPANNER", "TTL", "LOCALITY", "TIMESTAMP_NANOS", "TIMESTAMP_PICOS", "LITERAL_CONCATENATION", "MULTILEVEL",
    "AGGREGATE_FILTERING", "CORRESPONDING", "INSERT_ON_CONFLICT", "DML_RETURNING", "LIMIT_ALL", "LATERAL_JOIN",
    "LIMIT_OFFSET_EXPRESSIONS", "UPDATE_CONSTRUCTOR", "BRACED", "REPLACE_FIELDS", "FILTER_FIELDS", "ARRAY_ORDERING",
    "ARRAY_EQUALITY", "BARE_ARRAY_ACCESS", "STRUCT_POSITIONAL", "CHAINED_FUNCTION", "IMPLICIT_COERCION_STRING_LITERAL_TO_BYTES",
    "ALIASES_FOR_STRING_AND_DATE", "GROUP_BY_ARRAY", "GROUP_BY_STRUCT", "INLINE_LAMBDA", "DISALLOW_PRIMARY",
    "DISALLOW_NULL_PRIMARY", "ARRAY_GREATEST_LEAST", "ORDER_BY_COLLATE", "TOP_LEVEL_TABLE", "PIPE_", "ARRAY_FIND",
    "CAST_DIFFERENT_ARRAY", "STRATIFIED", "FROM_AND_TO_PROTO_INTERVAL", "WITH_GROUP_ROWS", "LEGACY_BINARY_CONCAT",
    "BETWEEN_UINT64", "DISALLOW_LEGACY", "STRICT_FUNCTION_DEFAULT", "TYPEOF",
)  # fmt: skip

_KIND = type_pb2.TypeKind
_TYPES = {
    "INT64": _KIND.TYPE_INT64, "INTEGER": _KIND.TYPE_INT64, "STRING": _KIND.TYPE_STRING, "FLOAT64": _KIND.TYPE_DOUBLE,
    "FLOAT": _KIND.TYPE_DOUBLE, "BOOL": _KIND.TYPE_BOOL, "BOOLEAN": _KIND.TYPE_BOOL, "TIMESTAMP": _KIND.TYPE_TIMESTAMP,
    "DATE": _KIND.TYPE_DATE, "BYTES": _KIND.TYPE_BYTES, "JSON": _KIND.TYPE_JSON, "NUMERIC": _KIND.TYPE_NUMERIC,
    "DATETIME": _KIND.TYPE_DATETIME,
}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class GoogleSqlError(Exception):
    """The statement is wrong; the message is Google's."""


# An answer has the nesting of the statement, of which protobuf reads a hundred levels unless told otherwise.
SetAllowOversizeProtos(True)


def _language() -> Any:
    options = LanguageOptions.maximum_features().to_proto()
    options.product_mode = options_pb2.PRODUCT_EXTERNAL
    name = options_pb2.LanguageFeature.Name
    kept = {
        feature
        for feature in options.enabled_language_features
        if not any(part in name(feature) for part in _NOT_IN_BIGQUERY)
    }
    kept.add(options_pb2.LanguageFeature.Value("FEATURE_ALTER_COLUMN_SET_DATA_TYPE"))
    del options.enabled_language_features[:]
    options.enabled_language_features.extend(sorted(kept))
    del options.supported_statement_kinds[:]
    if "QUALIFY" not in options.reserved_keywords:
        options.reserved_keywords.append("QUALIFY")
    return options


_LANGUAGE = _language()


def _call(method: str, request: Any, answer: type) -> Any:
    try:
        client = ZetaSqlLocalService.get_instance().wasm_client
        return client.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
    except ZetaSQLError as error:
        raise GoogleSqlError(str(error).replace("[INVALID_ARGUMENT] ", "")) from error


def type_name(proto: Any) -> str:
    """BigQuery's name of a type.

    Raises:
        GoogleSqlError: No column of ours may be of that type.
    """
    found = next((name for name, kind in _TYPES.items() if kind == proto.type_kind), None)
    if found is None:
        raise GoogleSqlError(f"unexpected type {_KIND.Name(proto.type_kind)}")
    return found


@functools.lru_cache(4096)
def table_names(sql: str) -> tuple[Path, ...]:
    """Tables that a statement names, as the segments of their paths."""
    request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql)
    request.options.CopyFrom(_LANGUAGE)
    found = _call("ExtractTableNamesFromStatement", request, service.ExtractTableNamesFromStatementResponse).table_name
    return tuple(tuple(segment for part in name.table_name_segment for segment in part.split(".")) for name in found)


def _add_table(catalog: Any, name: str, columns: Columns, number: int) -> None:
    table = catalog.table.add()
    table.name = table.name_in_catalog = name
    table.serialization_id = number
    for column, kind in columns.items():
        added = table.column.add()
        added.name = column
        added.type.type_kind = _TYPES[kind.upper()]
        added.is_writable_column = True


def _catalog(tables: Mapping[Path, Columns]) -> Any:
    root = simple_catalog_pb2.SimpleCatalogProto(name="bigquery")
    root.builtin_function_options.language_options.CopyFrom(_LANGUAGE)
    below: dict[Path, Any] = {}
    for number, (path, columns) in enumerate(tables.items(), 1):
        parent = root
        for depth in range(1, len(path)):
            if path[:depth] not in below:
                below[path[:depth]] = parent.catalog.add()
                below[path[:depth]].name = path[depth - 1]
            parent = below[path[:depth]]
        _add_table(parent, path[-1], columns, number)
    return root


def analyze(sql: str, tables: Mapping[Path, Columns]) -> Columns | None:
    """Check a statement as BigQuery does before it runs it.

    Args:
        sql: One statement.
        tables: The tables that there are.

    Returns:
        The columns of a query; None for any other statement.

    Raises:
        GoogleSqlError: BigQuery would refuse it.
    """
    query, columns = _analyzed(sql, _key(tables))
    return columns if query else None


def columns_made(sql: str, tables: Mapping[Path, Columns]) -> Columns:
    """Check a statement that makes a table or view of a query, and return the columns of what it makes.

    Raises:
        GoogleSqlError: BigQuery would refuse it.
    """
    return _analyzed(sql, _key(tables))[1]


_Key = tuple[tuple[Path, tuple[tuple[str, str], ...]], ...]


def _key(tables: Mapping[Path, Columns]) -> _Key:
    return tuple((path, tuple(columns.items())) for path, columns in tables.items())


# Most statements are looked at twice, for what they are and for the columns that they make; it takes as long as running them.
@functools.lru_cache(1024)
def _analyzed(sql: str, tables: _Key) -> tuple[bool, Columns]:
    request = service.AnalyzeRequest(sql_statement=sql)
    request.options.language_options.CopyFrom(_LANGUAGE)
    request.options.error_message_mode = options_pb2.ERROR_MESSAGE_ONE_LINE
    request.simple_catalog.CopyFrom(_catalog({path: dict(columns) for path, columns in tables}))
    resolved = _call("Analyze", request, service.AnalyzeResponse).resolved_statement
    query = resolved.WhichOneof("node") == "resolved_query_stmt_node"
    # The statement itself stands within the kinds that it belongs to, and has what it shares with others in its parents.
    while "node" in resolved.DESCRIPTOR.oneofs_by_name:
        resolved = getattr(resolved, resolved.WhichOneof("node"))
    while "output_column_list" not in resolved.DESCRIPTOR.fields_by_name:
        if "parent" not in resolved.DESCRIPTOR.fields_by_name:
            return query, {}
        resolved = resolved.parent
    return query, {column.name: type_name(column.column.type) for column in resolved.output_column_list}


def scans(sql: str, tables: Mapping[Path, Columns]) -> list[tuple[Path, list[str]]]:
    """Which columns of which tables a statement reads, once for each time that it does; of the table that it changes, none.

    Args:
        sql: One statement.
        tables: The tables that there are.

    Raises:
        GoogleSqlError: BigQuery would refuse it.
    """
    request = service.AnalyzeRequest(sql_statement=sql)
    request.options.language_options.CopyFrom(_LANGUAGE)
    request.options.prune_unused_columns = True
    request.simple_catalog.CopyFrom(_catalog(tables))
    paths = list(tables)
    found: list[tuple[Path, list[str]]] = []
    waiting = [_call("Analyze", request, service.AnalyzeResponse).resolved_statement]
    while waiting:
        for field, value in waiting.pop().ListFields():
            if field.message_type is None or field.name == "table_scan":
                continue
            nodes = value if field.is_repeated else [value]
            waiting.extend(nodes)
            if field.message_type.name == "ResolvedTableScanProto":
                found += [
                    (paths[node.table.serialization_id - 1], [column.name for column in node.parent.column_list])
                    for node in nodes
                ]
    return found


def evaluate(sql: str, tables: Mapping[str, tuple[Columns, Sequence[Sequence[Any]]]]) -> list[list[Any]]:
    """Rows of a query by the reference evaluator.

    Args:
        sql: The query; it calls tables by one name each.
        tables: Name -> columns and rows of cells.

    Raises:
        GoogleSqlError: It is wrong, or fails on these rows.
    """
    request = service.EvaluateQueryRequest(sql=sql)
    request.options.language_options.CopyFrom(_LANGUAGE)
    request.options.error_message_mode = options_pb2.ERROR_MESSAGE_ONE_LINE
    request.options.default_timezone = "UTC"
    request.simple_catalog.CopyFrom(_catalog({(name,): columns for name, (columns, _) in tables.items()}))
    for name, (_, rows) in tables.items():
        data = request.table_content[name].table_data
        data.SetInParent()
        for row in rows:
            data.row.add().cell.extend(row)
    found = _call("EvaluateQuery", request, service.EvaluateQueryResponse)
    return [list(row.cell) for row in found.content.table_data.row]


def size(made: Any) -> int:
    """Bytes that BigQuery counts for a cell."""
    which = made.WhichOneof("value")
    if which in ("string_value", "bytes_value"):
        value = getattr(made, which)
        return 2 + len(value.encode() if which == "string_value" else value)
    return {None: 0, "bool_value": 1}.get(which, 8)


def cell(value: Any, kind: str) -> Any:
    """A cell of a Python value; a text is read as the type wants it."""
    made = Cell()
    if value is None:
        return made
    match kind:
        case "INT64" | "INTEGER":
            made.int64_value = int(value)
        case "FLOAT64" | "FLOAT":
            made.double_value = float(value)
        case "BOOL" | "BOOLEAN":
            made.bool_value = str(value).lower() in ("true", "1")
        case "STRING":
            made.string_value = str(value)
        case "BYTES":
            made.bytes_value = bytes(value)
        case "DATE":
            day = value if isinstance(value, date) else date.fromisoformat(str(value))
            made.date_value = (day - date(1970, 1, 1)).days
        case "TIMESTAMP":
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            micros = (moment.replace(tzinfo=moment.tzinfo or timezone.utc) - _EPOCH) // timedelta(microseconds=1)
            made.timestamp_value.seconds, micros = divmod(micros, 1_000_000)
            made.timestamp_value.nanos = micros * 1000
        case _:
            raise GoogleSqlError(f"no cells of type {kind}")
    return made


def python_value(made: Any) -> Any:
    """The Python value of a cell; timestamps in UTC with zone."""
    which = made.WhichOneof("value")
    if which is None:
        return None
    value = getattr(made, which)
    if which == "timestamp_value":
        return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    if which == "date_value":
        return date(1970, 1, 1) + timedelta(days=value)
    return value


_LEXEME = re.compile(
    r"--[^\n]*|#[^\n]*|/\*.*?\*/|[rR]?'''.*?'''|[rR]?\"\"\".*?\"\"\"|[rR][\"'].*?[\"']|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|;",
    re.S,
)


def split_script(sql: str) -> list[str]:
    """Statements of a script, without comments before them."""
    parts, start = [], 0
    for found in _LEXEME.finditer(sql):
        if found[0] == ";":
            parts.append(sql[start : found.start()])
            start = found.end()
    parts.append(sql[start:])
    stripped = (re.sub(r"^(\s*(--[^\n]*\n|#[^\n]*\n|/\*.*?\*/))*\s*", "", part, flags=re.S) for part in parts)
    return [part for part in stripped if part.strip()]


def all_of(paths: Iterable[Path], project: str) -> list[Path]:
    """Paths with the project in front where it is left out."""
    return [path if len(path) >= 3 else (project, *path) for path in paths]
