"""A stand-in for SQL Server and for a dedicated pool: the driver's connection, in this process, over DuckDB.

dbt's real adapter and our landing connect to it, as they think to a server. It is no emulator of SQL Server: it shows that what they
send is T-SQL that sqlglot understands, and that it means what it should as far as DuckDB can show. What a server would refuse, the lint
looks for (`tsql_lint`) in every batch that was sent (`sent`).
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
import tempfile
import threading
import types
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from support.dbt import Deployment
from support.engines.tsql_translator import MACROS, UntranslatableError, translate

_SYSTEM_VIEWS = (
    "create schema if not exists sys",
    "create or replace view sys.schemas as select schema_name as name, oid as schema_id from duckdb_schemas() "
    "where database_name = current_database()",
    "create or replace view sys.tables as select table_name as name, schema_oid as schema_id, table_oid as object_id from duckdb_tables() "
    "where database_name = current_database()",
    "create or replace view sys.views as select view_name as name, schema_oid as schema_id, view_oid as object_id from duckdb_views() "
    "where database_name = current_database()",
    "create table if not exists sys.declared (object_name text, column_name text, max_length int)",
    "create or replace view sys.columns as select c.column_name as name, c.table_oid as object_id, c.column_index as column_id, "
    "case c.data_type when 'VARCHAR' then 'varchar' when 'BLOB' then 'binary' when 'INTEGER' then 'int' when 'DOUBLE' then 'float' "
    "when 'BOOLEAN' then 'bit' when 'TIMESTAMP' then 'datetime2' else lower(c.data_type) end as user_type_id, "
    "case when c.data_type = 'VARCHAR' then coalesce(d.max_length, -1) when c.data_type = 'BLOB' then 16 else 8 end as max_length, "
    "0 as precision, 0 as scale from duckdb_columns() as c left join sys.declared as d "
    "on d.object_name = c.schema_name || '.' || c.table_name and d.column_name = c.column_name where c.database_name = current_database()",
    "create or replace view sys.types as select distinct user_type_id as name, user_type_id from sys.columns",
    "create table if not exists sys.objects (object_id int, schema_id int, name text, type text)",
    "create or replace macro tsql_schema_id(n) as (select max(schema_id) from sys.schemas where name = n)",
)  # fmt: skip
_PYTHON_TYPES = {
    "VARCHAR": str, "BLOB": bytes, "BOOLEAN": bool, "DOUBLE": float, "FLOAT": float, "TIMESTAMP": datetime, "DATE": date,
}  # fmt: skip
_OBJECT_ID = r"object_id\s*\(\s*'([^']*)'\s*(?:,\s*'(\w)'\s*)?\)"
_STRING = r"N?'(?:[^']|'')*'"
SIGNATURE = "?sv=2024-11-04&sp=rcwdl&sig=hunter3%2F%3D"
"""Opens the Blob storage."""
_COPY = re.compile(
    rf"(?is)copy\s+into\s+(\S+)\s+\(([^()]*)\)\s+from\s+({_STRING})\s+with\s+\(file_type = 'CSV', "
    rf"credential = \(identity = 'Shared Access Signature', secret = ({_STRING})\), compression = 'GZIP', fieldquote = '\"', "
    "fieldterminator = ',', rowterminator = '0x0A', encoding = 'UTF8', dateformat = 'ymd'\\)"
)
_HEAD = re.compile(r"(?is)\s*(?:;|--[^\n]*\n|/\*.*?\*/|use\s+\[[^\]]*\]\s*;?)*\s*", re.DOTALL)


class StandInError(Exception):
    """What the driver raises."""


@dataclass
class _Result:
    columns: list[tuple[str, type]] | None
    rows: list[tuple[Any, ...]]
    count: int


class Cursor:
    """A DB-API cursor."""

    fast_executemany = False
    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._results: list[_Result] = []
        self._place = 0

    def execute(self, sql: str, *parameters: Any) -> Cursor:
        """Run a batch."""
        values = (
            list(parameters[0])
            if len(parameters) == 1 and isinstance(parameters[0], (list, tuple))
            else list(parameters)
        )
        self._results = self._connection.run(sql, values) or [_Result(None, [], -1)]
        self._place = 0
        return self

    def setinputsizes(self, sizes: Sequence[tuple[int, int, int]]) -> None:
        """Nothing: a text is a text here."""

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        self._results = self._connection.run_many(sql, rows)
        self._place = 0

    @property
    def _current(self) -> _Result:
        return self._results[self._place] if self._results else _Result(None, [], -1)

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """Columns of the present result."""
        columns = self._current.columns
        return None if columns is None else [(name, kind, None, None, None, None, None) for name, kind in columns]

    @property
    def rowcount(self) -> int:
        """Rows written by the present statement."""
        return self._current.count

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        rows, self._current.rows = self._current.rows, []
        return rows

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next rows."""
        rows, self._current.rows = self._current.rows[:size], self._current.rows[size:]
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return next(iter(self.fetchmany(1)), None)

    def nextset(self) -> bool:
        """Go to the next statement's result."""
        if self._place + 1 >= len(self._results):
            return False
        self._place += 1
        return True

    def close(self) -> None:
        """Forget the results."""
        self._results = []


class Connection:
    """A DB-API connection with autocommit."""

    autocommit = True
    timeout = 0

    def __init__(self, server: StandIn, database: str) -> None:
        self._server = server
        self._duckdb = server.files[database].cursor()
        self._duckdb.execute(f"use {database}")
        self._open = False

    def cursor(self) -> Cursor:
        """A cursor."""
        return Cursor(self)

    def add_output_converter(self, *_: Any) -> None:
        """Nothing: no value here comes as bytes of the protocol."""

    def commit(self) -> None:
        """Nothing: each statement commits, or an explicit transaction does."""

    def rollback(self) -> None:
        """Nothing, as above."""

    def close(self) -> None:
        """End the session, and what it had not committed."""
        self._undo()
        self._duckdb.close()

    def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[_Result]:
        """Run a statement for each row; undo all of the transaction when one fails."""
        self._server.sent.append(sql)
        statement = translate(sql)[0]
        with self._undone():
            self._duckdb.executemany(statement, [list(row) for row in rows])
        return [_Result(None, [], len(rows))]

    def run(self, sql: str, parameters: list[Any]) -> list[_Result]:
        """Run a batch; undo all of the transaction when a statement fails."""
        self._server.sent.append(sql)
        with self._undone():
            return list(self._batch(sql, parameters))

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._undo()
            raise self._server.database_error(f"{type(error).__name__}: {error}") from error

    def _undo(self) -> None:
        if self._open:
            self._duckdb.rollback()
            self._open = False

    def _batch(self, sql: str, parameters: list[Any]) -> Iterator[_Result]:
        """Run the statements of a batch, one after the other."""
        if "sp_getapplock" in sql:
            name = re.search(r'(?i)create schema "(\w+)"', sql)
            assert name is not None
            self._duckdb.execute(f'create schema if not exists "{name[1]}"')
            sql = sql[sql.rindex("LockOwner") :].partition(";")[2]
        if "dm_exec_describe_first_result_set" in sql:
            yield _Result([("definition", str), ("needs_refresh", int)], [], 0)
            return
        variables: dict[str, Any] = {}
        place = 0
        while True:
            place = _HEAD.match(sql, place).end()  # type: ignore[union-attr]
            if place >= len(sql):
                return
            place = yield from self._statement(sql, place, parameters, variables, True)

    def _statement(
        self, sql: str, place: int, parameters: list[Any], variables: dict[str, Any], wanted: bool, inside: bool = False
    ) -> Iterator[_Result] | Any:
        """Run the statement at a place, if it is wanted; return where it ends."""
        place = _HEAD.match(sql, place).end()  # type: ignore[union-attr]
        if found := re.compile(rf"(?is)exec(?:ute)?\s*\(\s*({_STRING})\s*\)").match(sql, place):
            if wanted:
                yield from self._batch(_unquoted(found[1]), [])
        elif found := re.compile(rf"(?is)exec\s+sp_rename\s+({_STRING})\s*,\s*({_STRING})(?:\s*,\s*'column')?").match(
            sql, place
        ):
            if wanted:
                self._rename(_unquoted(found[1]), _unquoted(found[2]))
        elif found := re.compile(r"(?is)rename\s+object\s+(\S+)\s+to\s+(\S+)").match(sql, place):
            self._rename(found[1], found[2].strip('"[]'))
        elif found := re.compile(rf"(?is)if\s+{_OBJECT_ID}\s+is\s+not\s+null\s").match(sql, place):
            exists = self._object(found[1], found[2]) is not None
            return (yield from self._block(sql, found.end(), exists and wanted))
        elif found := re.compile(
            r"(?is)if\s+not\s+exists\s*\(select \* from sys\.schemas where name = '(\w+)'\)"
        ).match(sql, place):
            known = self._duckdb.execute("select count(*) from sys.schemas where name = ?", [found[1]]).fetchone()
            return (yield from self._block(sql, found.end(), known == (0,)))
        elif found := re.compile(r"(?is)if\s+exists\s*\((?:[^()]|\([^()]*\))*\)").match(sql, place):
            # Only an index is asked for so.
            return (yield from self._block(sql, found.end(), False))
        elif found := re.compile(r"(?is)declare\s+(@\w+)\s+[\w()]+(?:\s*=\s*(schema_id\('\w+'\)))?\s*;").match(
            sql, place
        ):
            if found[2]:
                variables[found[1]] = self._duckdb.execute(f"select tsql_{found[2]}").fetchall()[0][0]
        elif found := re.compile(r"(?is)if\s+@@trancount\s*>\s*0\s+rollback\s+transaction").match(sql, place):
            self._undo()
        else:
            end = _end(sql, place, inside)
            if wanted:
                yield from self._plain(sql[place:end], parameters, variables)
            return end
        return found.end()

    def _block(self, sql: str, place: int, wanted: bool) -> Iterator[_Result] | Any:
        """Run what an IF governs: one statement, or those between BEGIN and END."""
        place = _HEAD.match(sql, place).end()  # type: ignore[union-attr]
        if not (found := re.compile(r"(?i)begin\s").match(sql, place)):
            return (yield from self._statement(sql, place, [], {}, wanted))
        place = found.end()
        while True:
            place = _HEAD.match(sql, place).end()  # type: ignore[union-attr]
            if end := re.compile(r"(?i)end\b").match(sql, place):
                return end.end()
            if place >= len(sql):
                raise UntranslatableError(f"a BEGIN without its END:\n{sql}")
            place = yield from self._statement(sql, place, [], {}, wanted, True)

    def _plain(self, sql: str, parameters: list[Any], variables: Mapping[str, Any]) -> Iterator[_Result]:
        sql = sql.strip().rstrip(";")
        head = re.sub(r"\s+", " ", sql[:40].lower())
        if head.startswith(("set xact_abort", "set nocount", "create clustered columnstore", "update statistics")):
            return
        if head.startswith(("begin tran", "commit tran", "rollback tran")):
            if head.startswith("begin"):
                self._duckdb.begin()
            elif head.startswith("commit"):
                self._duckdb.commit()
            else:
                self._duckdb.rollback()
            self._open = head.startswith("begin")
            yield _Result(None, [], -1)
            return
        for name, value in variables.items():
            sql = sql.replace(name, str(value) if value is not None else "null")
        sql = re.sub(f"(?i){_OBJECT_ID}", lambda found: str(self._object(found[1], found[2]) or "null"), sql)
        if re.match(r"(?i)create (unique )?(clustered )?index", sql):
            translate(sql)
            return
        if found := _COPY.fullmatch(sql):
            yield self._copy(found[1], found[2], _unquoted(found[3]), _unquoted(found[4]))
            return
        self._declare(sql)
        for statement in translate(sql):
            yield self._run(statement, parameters)

    def _copy(self, table: str, columns: str, address: str, signature: str) -> _Result:
        """Load a file from Blob storage; an empty field is NULL, with quotes as well."""
        with (
            tempfile.NamedTemporaryFile(suffix=".csv.gz") as file,
            urllib.request.urlopen(f"{address}?{signature.lstrip('?')}") as answer,
        ):
            file.write(answer.read())
            file.flush()
            written = self._duckdb.execute(
                f"copy {table} ({columns}) from '{file.name}' (format csv, header false, delim ',', quote '\"', escape '\"', "
                "new_line '\\n', nullstr '', allow_quoted_nulls true, compression gzip)"
            ).fetchall()
        return _Result(None, [], written[0][0])

    def _run(self, statement: str, parameters: list[Any]) -> _Result:
        found = self._duckdb.execute(statement, parameters)

        described = found.description or []
        rows = found.fetchall() if described else []
        if re.match(r"(?i)(insert|update|delete|merge|create table)\b", statement):
            return _Result(None, [], rows[0][0] if rows else -1)
        if not re.match(r"(?is)(select|with|\()", statement):
            return _Result(None, [], -1)
        columns = [(column[0], _PYTHON_TYPES.get(str(column[1]).split("(")[0], int)) for column in described]
        columns = [
            (name, Decimal if str(column[1]).startswith("DECIMAL") else kind)
            for (name, kind), column in zip(columns, described, strict=True)
        ]
        return _Result(columns, rows, len(rows))

    def _declare(self, sql: str) -> None:
        """Keep the lengths of text columns, which DuckDB has not."""
        if table := re.match(r'(?is)create table (?:"\w+"\.)?"(\w+)"\."(\w+)" \(', sql):
            for column, length in re.findall(r'"(\w+)" varchar\((\d+)\)', sql):
                self._duckdb.execute(
                    "insert into sys.declared values (?, ?, ?)", [f"{table[1]}.{table[2]}", column, int(length)]
                )

    def _object(self, name: str, kind: str | None) -> int | None:
        schema, table = [part.strip('"[]') for part in name.split(".")][-2:]
        sources = {"U": ["tables"], "V": ["views"]}.get(kind or "", ["tables", "views"])
        for source in sources:
            found = self._duckdb.execute(
                f"select o.object_id from sys.{source} as o join sys.schemas as s using (schema_id) where s.name = ? and o.name = ?",
                [schema, table],
            ).fetchone()
            if found:
                return int(found[0])
        return None

    def _rename(self, name: str, new: str) -> None:
        parts = [part.strip('"[]') for part in name.split(".")]
        kind = "table" if self._object(".".join(parts[-2:]), "U") is not None else "view"
        self._duckdb.execute(f'alter {kind} "{parts[-2]}"."{parts[-1]}" rename to "{new}"')


def _unquoted(literal: str) -> str:
    return literal[literal.index("'") + 1 : -1].replace("''", "'")


def _end(sql: str, place: int, inside: bool) -> int:
    """Return where a statement ends: at a semicolon, at another one without it, or with the batch; inside of a block, at its END."""
    pattern = re.compile(
        rf"(?is){_STRING}|\"[^\"]*\"|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|;|\bexec(?:ute)?\s*\(|\bif\s+object_id\b|\brename\s+object\b|\bend\b"
    )
    for found in pattern.finditer(sql, place):
        text = found[0].lower()
        if text == ";":
            return found.end()
        if text.startswith(("exec", "if", "rename")) and found.start() > place:
            return found.start()
        if text == "end" and inside:
            return found.start()
    return len(sql)


@dataclass(frozen=True)
class StandInDatabase:
    """A database of the stand-in; `file` is what holds it, `stage` the Blob storage through which files go into a pool's."""

    engine: str
    name: str
    file: duckdb.DuckDBPyConnection
    stage: str = ""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the target of profiles.yml reads."""
        prefix = f"PROFILES_SYNC_{self.engine.upper()}"
        return {
            f"{prefix}_HOST": "stand-in",
            f"{prefix}_DATABASE": self.name,
            f"{prefix}_USER": "test",
            f"DBT_ENV_SECRET_{self.engine.upper()}_PASSWORD": "hunter2",
            f"{prefix}_STAGE": self.stage,
            f"DBT_ENV_SECRET_{self.engine.upper()}_STAGE_SAS": SIGNATURE,
        }


@dataclass
class StandIn:
    """Databases in memory, and every batch that was sent to them."""

    engine: str
    database_error: Callable[[str], Exception] = StandInError
    files: dict[str, duckdb.DuckDBPyConnection] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def database(self, *, stage: str = "") -> StandInDatabase:
        """A new database, empty; `stage`: address in Blob storage through which files go into it."""
        name = f"{self.engine}_{next(self._numbers)}"
        file = duckdb.connect()
        for statement in (f"attach ':memory:' as {name}", f"use {name}", *MACROS, *_SYSTEM_VIEWS):
            file.execute(statement)
        self.files[name] = file
        return StandInDatabase(self.engine, name, file, stage)

    def drop(self, database: StandInDatabase) -> None:
        """Remove a database."""
        self.files.pop(database.name).close()

    def connect(self, connection_string: str, **_: Any) -> Connection:
        """Return a connection, as the driver does."""
        parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
        names = {key.lower(): value for key, value in parts.items()}
        if names.get("pwd", "").strip("{}") != "hunter2":
            raise self.database_error(f"Login failed for user {names.get('uid')}")
        with self._lock:
            return Connection(self, names["database"].strip("{}"))


class StandInDeployment(Deployment):
    """A deployment whose warehouse is asked in DuckDB's SQL."""

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query in the stand-in's own dialect; none of another statement."""
        assert isinstance(self.database, StandInDatabase)
        return self.database.file.execute(sql).fetchall()


@contextmanager
def running_sqlserver() -> Iterator[StandIn]:
    """Put the stand-in in the place of mssql-python's connections."""
    import mssql_python

    server = StandIn("sqlserver", lambda text: mssql_python.ProgrammingError("stand-in", text))
    before = mssql_python.connect
    mssql_python.connect = server.connect
    try:
        yield server
    finally:
        mssql_python.connect = before


@contextmanager
def running_synapse() -> Iterator[StandIn]:
    """Put the stand-in in the place of pyodbc, which needs a driver manager that a machine without one cannot even import."""
    pyodbc = _pyodbc()
    server = StandIn("synapse", pyodbc.ProgrammingError)
    pyodbc.connect = server.connect
    yield server


ENGINES: Mapping[str, Callable[[], AbstractContextManager[StandIn]]] = {
    "sqlserver": running_sqlserver,
    "synapse": running_synapse,
}


@functools.cache
def _pyodbc() -> Any:
    """The module that dbt's adapters find under the name, for the rest of the process: they import it once."""
    module: Any = types.ModuleType("pyodbc")
    module.Error = type("Error", (Exception,), {})
    for name in ("DatabaseError", "InterfaceError"):
        setattr(module, name, type(name, (module.Error,), {}))
    for name in ("InternalError", "OperationalError", "ProgrammingError"):
        setattr(module, name, type(name, (module.DatabaseError,), {}))
    module.pooling = True
    sys.modules["pyodbc"] = module
    return module
