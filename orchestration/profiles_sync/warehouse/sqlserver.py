"""SQL Server and Azure SQL Database, over the connections of dbt-sqlserver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from dbt.adapters.contracts.connection import Connection, ConnectionState, Identifier

from profiles_sync.warehouse.base import Warehouse, WarehouseError
from profiles_sync.warehouse.duckdb import limit_memory

if TYPE_CHECKING:
    from profiles_sync.project import Target

# Rows that go to the server in one array of parameters.
_ROWS_AT_ONCE = 2000
# Of an nvarchar that is not `max`.
_LONGEST_IN_ARRAY = 4000
# Types as ODBC numbers them: both drivers have them under these numbers.
_WVARCHAR, _BIT, _BIGINT, _DOUBLE, _TIMESTAMP, _DATE = -9, -7, -5, 8, 93, 91
# A boolean is an int as well, and a moment a date.
_PARAMETER_TYPES = {
    bool: (_BIT, 1, 0),
    int: (_BIGINT, 19, 0),
    float: (_DOUBLE, 15, 0),
    datetime: (_TIMESTAMP, 26, 6),
    date: (_DATE, 10, 0),
}


class SQLServerWarehouse(Warehouse):
    """A connection with autocommit; rows go in as arrays of parameters, the driver's bulk path within a transaction."""

    engine = "sqlserver"
    payload_text = "payload"
    text_type = "varchar(450)"
    contains = "charindex(?, {}) > 0"
    add_column = "add"
    clock_query = "select datediff_big(second, '1970-01-01', sysutcdatetime())"

    def __init__(self, connection: Any, space: str, secrets: Sequence[str] = ()) -> None:
        super().__init__(space)
        self._connection = connection
        self._secrets = tuple(secrets)

    @classmethod
    def connect(cls, target: Target) -> SQLServerWarehouse:
        """Connect as the dbt adapter does: with its driver, and any error undoing its transaction."""
        try:
            opened = cls._manager().open(
                Connection(
                    type=Identifier(cls.engine),
                    name="landing",
                    state=ConnectionState.INIT,
                    transaction_open=False,
                    handle=None,
                    credentials=target.credentials,
                )
            )
        except ImportError:
            raise
        except Exception as error:
            raise WarehouseError.of(error, f"connecting to {target.address}", target.secrets) from error
        warehouse = cls(opened.handle, target.schema, target.secrets)
        warehouse.execute("set xact_abort on")
        return warehouse

    @classmethod
    def _manager(cls) -> Any:
        from dbt.adapters.sqlserver.sqlserver_connections import SQLServerConnectionManager

        return SQLServerConnectionManager

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        self._run(sql, parameters).close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        cursor = self._run(sql, parameters)
        try:
            return [tuple(row) for row in cursor.fetchall()]
        finally:
            cursor.close()

    def drop_schema(self, schema: str) -> None:
        """Drop a schema with everything in it, which T-SQL does piece by piece."""
        sql = "select table_type, table_name from information_schema.tables where table_schema = ? order by table_type desc"
        for kind, table in self.query(sql, [schema]):
            self.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {self.qualified(schema, table)}")
        self.execute(f"drop schema {self.quote(schema)}")

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert rows; return their number."""
        every = [tuple(row) for row in rows]
        for start in range(0, len(every), _ROWS_AT_ONCE):
            self._insert_many(table, columns, every[start : start + _ROWS_AT_ONCE])
        return len(every)

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files, many rows at once."""
        written = 0
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            found = local.execute(rows_sql(columns, query))
            while rows := found.fetchmany(_ROWS_AT_ONCE):
                self._insert_many(table, columns, rows)
                written += len(rows)
        return written

    def lock(self, table: str) -> None:
        """Let other transactions wait that want to write the table."""
        self.query(f"select count(*) from {table} with (tablockx, holdlock)")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside as a whole, or undo it when it raises."""
        self.execute("begin transaction")
        try:
            yield
        except BaseException:
            # The server has undone it already where the error was its own.
            with suppress(WarehouseError):
                self.execute("if @@trancount > 0 rollback transaction")
            raise
        self.execute("commit transaction")

    def table_exists(self, schema: str, table: str) -> bool:
        """Whether there is a table of this name."""
        # In capitals, for databases whose own names are case-sensitive.
        sql = "select count(*) from INFORMATION_SCHEMA.TABLES where TABLE_SCHEMA = ? and TABLE_NAME = ?"
        return bool(self.query(sql, [schema, table])[0][0])

    def close(self) -> None:
        """Close the connection; what was not committed is undone."""
        self._connection.close()

    def _run(self, sql: str, parameters: Sequence[Any]) -> Any:
        try:
            cursor = self._connection.cursor()
            if parameters:
                cursor.execute(sql, tuple(parameters))
            else:
                cursor.execute(sql)
        except Exception as error:
            raise WarehouseError.of(error, self.engine, self._secrets) from error
        return cursor

    def _insert_many(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        sql = f"insert into {table} ({self.column_list(columns)}) values ({', '.join('?' for _ in columns)})"
        short: list[Sequence[Any]] = []
        long: list[Sequence[Any]] = []
        for row in rows:
            # With one text that is too long for an array, the drivers would send all of its rows one by one.
            (long if any(_is_long(value) for value in row) else short).append(row)
        for row in long:
            self.execute(sql, row)
        if not short:
            return
        try:
            cursor = self._connection.cursor()
            if hasattr(cursor, "fast_executemany"):
                cursor.fast_executemany = True
            cursor.setinputsizes(parameter_types(short))
            cursor.executemany(sql, short)
            cursor.close()
        except Exception as error:
            raise WarehouseError.of(error, self.engine, self._secrets) from error


def parameter_types(rows: Sequence[Sequence[Any]]) -> list[tuple[int, int, int]]:
    """Return ODBC's type, size and digits for each column of an array of parameters.

    Left to itself, mssql-python takes the type of all of a column's texts from the longest one: where that is plain ASCII, the others lose
    what the database's code page has not.

    Args:
        rows: The rows; no text in them is longer than an array holds.
    """
    return [_parameter_type([value for value in column if value is not None]) for column in zip(*rows, strict=True)]


def _parameter_type(values: Sequence[Any]) -> tuple[int, int, int]:
    if not values or isinstance(values[0], str):
        return _WVARCHAR, max([1, *map(_length, values)]), 0
    return next(found for kind, found in _PARAMETER_TYPES.items() if isinstance(values[0], kind))


def _length(text: str) -> int:
    """The length of a text in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and _length(value) > _LONGEST_IN_ARRAY


def rows_sql(columns: Sequence[str], query: str) -> str:
    """Return a DuckDB query whose rows go into the columns as they are: payloads compact, as models compare what they take out of them.

    Args:
        columns: Names of the columns.
        query: DuckDB query for their values, in this order.
    """
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(
        'cast(json("payload") as varchar)' if column == "payload" else f'"{column}"' for column in columns
    )
    return f"select {values} from ({query}) as found ({names})"
