"""What every warehouse connection can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.sync.diagnosis import diagnose

if TYPE_CHECKING:
    from typing_extensions import Self

    from profiles_sync.project import Target

# The connection test's table, which a test that was killed leaves behind.
PROBE = "__profiles_sync_probe"
# Of Postgres and its kin, as dbt finds tables: information_schema hides those that the role has no right on.
PG_TABLES_QUERY = (
    "select cast(c.relname as varchar) as table_name from pg_catalog.pg_class as c "
    "inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace "
    "where n.nspname = ? and c.relkind in ('r', 'p', 'v', 'm', 'f')"
)
# Rows per statement when rows come from Python.
_CHUNK = 500
# Parameters per statement: SQL Server takes 2,100.
_PARAMETERS = 2000


class WarehouseError(ProfilesSyncError):
    """The warehouse refused; the code says in which way."""

    code = "E_INTERNAL"

    @classmethod
    def of(cls, error: Exception, doing: str, secrets: Iterable[str] = ()) -> WarehouseError:
        """Return the error for a driver's exception: classified, without credentials, with what to do.

        Args:
            error: What the driver raised.
            doing: What was being done, such as `connecting`.
            secrets: Values to hide.
        """
        found = diagnose(str(error), fallback="E_INTERNAL", secrets=secrets)
        return cls(f"{doing}: {found.message}", hint=found.hint, code=found.code)


@dataclass(frozen=True)
class Schemas:
    """The three schemas of a space.

    Attributes:
        space: Public tables.
        staging: Raw events and identity state.
        ops: Bookkeeping.
    """

    space: str
    staging: str
    ops: str

    @classmethod
    def of(cls, space: str) -> Schemas:
        """Return the schemas of the space whose public tables are in `space`."""
        return cls(space, f"{space}_staging", f"{space}_ops")


class Warehouse(ABC):
    """An open connection. A context manager: closed at its end.

    Statements are written for all engines; `?` stands for a parameter and may occur nowhere else in them.

    Args:
        space: Schema of the public tables.
    """

    engine: ClassVar[str]
    """dbt's adapter type."""
    add_column: ClassVar[str] = "add column"
    """How `alter table` adds a column."""
    json_value: ClassVar[str] = "?"
    """How a parameter with a document becomes a value of the engine's JSON type."""
    payload_text: ClassVar[str] = "cast(payload as varchar)"
    """A call's payload as text."""
    text_type: ClassVar[str] = "varchar"
    """Type of a text as a cast names it."""
    text_bytes: ClassVar[int] = 0
    """Longest text; 0 where there is no limit that settings would meet."""
    contains: ClassVar[str] = "position(? in {}) > 0"
    """Whether a text has a parameter in it."""
    tables_query: ClassVar[str] = "select table_name from information_schema.tables where table_schema = ?"
    """Asks for the names of a schema's tables and views, of those too that we have no right on where the engine tells."""
    user_query: ClassVar[str] = "select current_user"
    """Asks who we are."""
    address_query: ClassVar[str] = ""
    """Asks which address the warehouse sees us at; blank where it does not tell."""
    clock_query: ClassVar[str] = "select extract(epoch from current_timestamp)"
    """Asks for its time, in seconds since 1970."""

    def __init__(self, space: str) -> None:
        self.schemas = Schemas.of(space)

    @classmethod
    @abstractmethod
    def connect(cls, target: Target) -> Self:
        """Connect to the warehouse of a target.

        Raises:
            WarehouseError: It cannot be reached or refuses.
        """

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement.

        Raises:
            WarehouseError: It failed.
        """

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query; timestamps are datetimes in UTC without zone.

        Raises:
            WarehouseError: It failed.
        """

    @abstractmethod
    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files, in its order; return the number of rows.

        Args:
            table: Qualified name of the table.
            columns: Its columns, in the order of the query's.
            query: In DuckDB's dialect, on every engine.
            scratch: Folder for temporary files.

        Raises:
            WarehouseError: It failed.
        """

    @abstractmethod
    def lock(self, table: str) -> None:
        """Let other transactions wait that want to write the table.

        Args:
            table: Its qualified name; call this inside of a transaction.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection; what was not committed is undone."""

    def shortcomings(self) -> list[str]:
        """Return what about this warehouse speaks against syncing into it, each with what to do."""
        return []

    def drop_schema(self, schema: str) -> None:
        """Drop a schema with everything in it."""
        self.execute(f"drop schema {self.quote(schema)} cascade")

    def table_names(self, schema: str) -> list[str]:
        """Return the names of a schema's tables and views, sorted; none when there is no such schema."""
        return [str(row[0]) for row in self.query(f"{self.tables_query} order by table_name", [schema])]

    def columns(self, schema: str) -> list[tuple[str, str, str]]:
        """Return (table, column, type) of a schema's tables, in the order of tables and of their columns; not of views."""
        # In capitals, for engines whose own names are case-sensitive.
        sql = (
            "select c.TABLE_NAME, c.COLUMN_NAME, lower(c.DATA_TYPE) from INFORMATION_SCHEMA.COLUMNS as c "
            "inner join INFORMATION_SCHEMA.TABLES as t on t.TABLE_SCHEMA = c.TABLE_SCHEMA and t.TABLE_NAME = c.TABLE_NAME "
            "where c.TABLE_SCHEMA = ? and t.TABLE_TYPE = 'BASE TABLE' order by c.TABLE_NAME, c.ORDINAL_POSITION"
        )
        return [(table, column, kind) for table, column, kind in self.query(sql, [schema])]

    def refuse_foreign_tables(self) -> None:
        """Refuse a space's schema in which there are tables although no sync has ever made one there.

        Raises:
            ConfigError: That is so (``E_SCHEMA_CONFLICT``).
        """
        if self.table_exists(self.schemas.ops, "schema_version"):
            return
        if foreign := [name for name in self.table_names(self.schemas.space) if name != PROBE]:
            raise ConfigError(
                f"schema {self.schemas.space} holds tables that Profiles Sync did not make: {', '.join(foreign[:5])}",
                hint="Choose another schema with `space:` in profiles_sync.yml, before the first sync.",
                code="E_SCHEMA_CONFLICT",
            )

    def schema_exists(self, schema: str) -> bool:
        """Whether there is a schema of this name."""
        sql = "select count(*) from information_schema.schemata where schema_name = ?"
        return bool(self.query(sql, [schema])[0][0])

    def qualified(self, schema: str, table: str) -> str:
        """Return the qualified name of a table."""
        return f"{self.quote(schema)}.{self.quote(table)}"

    def public(self, table: str) -> str:
        """Return the qualified name of a public table."""
        return self.qualified(self.schemas.space, table)

    def reclaim(self) -> None:
        """Let nothing be left of deleted rows where the engine keeps them; a long operation, outside of a transaction."""
        return

    def staging(self, table: str) -> str:
        """Return the qualified name of a staging table."""
        return self.qualified(self.schemas.staging, table)

    def ops(self, table: str) -> str:
        """Return the qualified name of a bookkeeping table."""
        return self.qualified(self.schemas.ops, table)

    def quote(self, name: str) -> str:
        """Return a name as it goes into a statement."""
        return f'"{name}"'

    def column_list(self, columns: Sequence[str]) -> str:
        """Return columns as they go into a statement, separated by commas."""
        return ", ".join(map(self.quote, columns))

    def table_exists(self, schema: str, table: str) -> bool:
        """Whether there is a table of this name."""
        sql = f"select count(*) from ({self.tables_query}) as tables where table_name = ?"
        return bool(self.query(sql, [schema, table])[0][0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside as a whole, or undo it when it raises."""
        self.execute("begin")
        try:
            yield
        except BaseException:
            # Where the connection is lost the server has undone it already; the error is what lost it.
            with suppress(WarehouseError):
                self.execute("rollback")
            raise
        self.execute("commit")

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert rows; return their number.

        Args:
            table: Qualified name of the table.
            columns: Its columns, in the order of each row's values.
            rows: Values.
        """
        every = list(rows)
        one = f"({', '.join('?' for _ in columns)})"
        for start in range(0, len(every), _CHUNK):
            chunk = every[start : start + _CHUNK]
            values = ", ".join([one] * len(chunk))
            self.execute(
                f"insert into {table} ({self.column_list(columns)}) values {values}",
                [cell for row in chunk for cell in row],
            )
        return len(every)

    def update(
        self, table: str, key: Sequence[str], columns: Sequence[str], rows: Iterable[Sequence[Any]], also: str = ""
    ) -> None:
        """Change rows by their keys, many in one statement.

        Args:
            table: Qualified name of the table.
            key: Columns that say which row.
            columns: Columns to change.
            rows: Values of the key, then of the columns.
            also: Assignments that are the same for each of the rows.
        """
        every = list(rows)
        same = " and ".join(f"{self.quote(column)} = ?" for column in key)
        chunk_rows = _PARAMETERS // (len(key) + len(columns) * (len(key) + 1))
        for start in range(0, len(every), chunk_rows):
            chunk = every[start : start + chunk_rows]
            changes, parameters = [], []
            for place, column in enumerate(columns, len(key)):
                # A call's payload is the one document that is changed.
                value = self.json_value if column == "payload" else "?"
                cases = f" when {same} then {value}" * len(chunk)
                changes.append(f"{self.quote(column)} = case{cases} else {self.quote(column)} end")
                parameters += [cell for row in chunk for cell in (*row[: len(key)], row[place])]
            parameters += [cell for row in chunk for cell in row[: len(key)]]
            # A list is looked up; that many conditions would be tried on every row of a large table.
            which = (
                f"{self.quote(key[0])} in ({', '.join('?' for _ in chunk)})"
                if len(key) == 1
                else " or ".join([f"({same})"] * len(chunk))
            )
            self.execute(f"update {table} set {', '.join([also] * bool(also) + changes)} where {which}", parameters)

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
