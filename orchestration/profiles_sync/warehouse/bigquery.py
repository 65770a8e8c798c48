"""BigQuery, over Google's client, the driver of dbt-bigquery."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from dbt.adapters.bigquery.clients import create_bigquery_client
from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from requests.exceptions import RequestException

from profiles_sync.warehouse.base import Warehouse, WarehouseError
from profiles_sync.warehouse.duckdb import limit_memory

if TYPE_CHECKING:
    from profiles_sync.project import Target

# A job that an answer did not come for is asked for again so many times, by its id.
_ATTEMPTS = 3
# A script may have a megabyte.
_ROWS_IN_A_SCRIPT = 200
_STAGED_HOURS = 12
_ERRORS = (GoogleAPICallError, GoogleAuthError, RequestException)


class BigQueryWarehouse(Warehouse):
    """A project's datasets.

    BigQuery has transactions within one script only. So a transaction here gathers its statements, and commits by sending them as one
    script, once: the job's id is chosen before it is sent, and BigQuery runs no id twice. Rows from files are loaded before into staging
    tables, which nobody reads and which remove themselves; queries inside of the transaction see them in the table that they are meant for.
    """

    engine = "bigquery"
    payload_text = "payload"
    contains = "strpos({}, ?) > 0"
    user_query = "select session_user()"
    clock_query = "select unix_seconds(current_timestamp())"

    def __init__(self, client: bigquery.Client, project: str, space: str, secrets: Sequence[str] = ()) -> None:
        super().__init__(space)
        self._client = client
        self._project = project
        self._secrets = tuple(secrets)
        self._script: list[str] | None = None
        self._staged: dict[str, list[str]] = {}

    @classmethod
    def connect(cls, target: Target) -> BigQueryWarehouse:
        """Connect as dbt-bigquery does."""
        try:
            client = create_bigquery_client(target.credentials)
        except Exception as error:
            raise WarehouseError.of(error, f"connecting to {target.address}", target.secrets) from error
        return cls(client, target.credentials.database, target.schema, target.secrets)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; inside of a transaction, when it commits."""
        statement = _with_literals(sql, parameters)
        if self._script is None:
            self._run(statement)
        else:
            self._script.append(statement)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        statement = _with_literals(sql, parameters)
        for table, staged in self._staged.items():
            rows = " union all ".join(f"select * from {each}" for each in (table, *staged))
            parts = re.split(rf"(?<=from ){re.escape(table)}(?=[\s)]|$)", statement)
            statement = f"({rows})".join(parts)
        return [tuple(_naive(value) for value in row.values()) for row in self._run(statement).result()]

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files by a load job."""
        fields = {field.name: field for field in self._table(table).schema}
        file = scratch / f"{uuid.uuid4().hex}.parquet"
        names = ", ".join(f'"{column}"' for column in columns)
        values = ", ".join(_parquet_value(column, fields[column].field_type) for column in columns)
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            local.execute("set timezone = 'UTC'")
            path = str(file).replace("'", "''")
            local.execute(f"copy (select {values} from ({query}) as found ({names})) to '{path}' (format parquet)")
        try:
            return self._insert_file(table, columns, file, fields)
        finally:
            file.unlink()

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert rows; return their number."""
        every = list(rows)
        if not every:
            return 0
        kinds = {field.name: _SQL_TYPES[field.field_type] for field in self._table(table).schema}
        # A bare NULL of a query is a number.
        nothing = [f"cast(null as {kinds[column]})" for column in columns]
        for start in range(0, len(every), _ROWS_IN_A_SCRIPT):
            selects = " union all select ".join(
                ", ".join(null if cell is None else _literal(cell) for cell, null in zip(row, nothing, strict=True))
                for row in every[start : start + _ROWS_IN_A_SCRIPT]
            )
            self.execute(f"insert into {table} ({self.column_list(columns)}) select {selects}")
        return len(every)

    def lock(self, table: str) -> None:
        """Let the transaction fail when another one adds to the table before it."""
        count = self.query(f"select count(*) from {table} ")[0][0]
        self.execute(
            f"assert (select count(*) from {table}) = {count} as 'another one wrote to {table.replace('`', '')}'"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside as a whole, or nothing when it raises."""
        self._script = []
        try:
            yield
            script = self._script
        finally:
            self._script = None
            staged = [table for tables in self._staged.values() for table in tables]
            self._staged = {}
        if script:
            self._run("begin transaction;\n" + ";\n".join(script) + ";\ncommit transaction;").result()
        for table in staged:
            self._client.delete_table(table.replace("`", ""), not_found_ok=True)

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def quote(self, name: str) -> str:
        """Return a name as it goes into a statement."""
        return f"`{name}`"

    def staging(self, table: str) -> str:
        """Return the qualified name of a staging table."""
        return f"{self.quote(self._project)}.{super().staging(table)}"

    def ops(self, table: str) -> str:
        """Return the qualified name of a bookkeeping table."""
        return f"{self.quote(self._project)}.{super().ops(table)}"

    def table_exists(self, schema: str, table: str) -> bool:
        """Whether there is a table of this name."""
        try:
            self._client.get_table(f"{self._project}.{schema}.{table}")
        except NotFound:
            return False
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error
        return True

    def schema_exists(self, schema: str) -> bool:
        """Whether there is a dataset of this name."""
        try:
            self._client.get_dataset(f"{self._project}.{schema}")
        except NotFound:
            return False
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error
        return True

    def table_names(self, schema: str) -> list[str]:
        """Return the names of a dataset's tables, sorted."""
        try:
            return sorted(each.table_id for each in self._client.list_tables(f"{self._project}.{schema}"))
        except NotFound:
            return []
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error

    def columns(self, schema: str) -> list[tuple[str, str, str]]:
        """Return (table, column, type) of a dataset's tables, in the order of tables and of their columns."""
        try:
            views = {
                each.table_id
                for each in self._client.list_tables(f"{self._project}.{schema}")
                if each.table_type == "VIEW"
            }
        except NotFound:
            return []
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error
        # Each dataset has a catalog of its own.
        found = self.query(
            f"select c.table_name, c.column_name, lower(c.data_type) from {self.quote(self._project)}.{self.quote(schema)}"
            ".INFORMATION_SCHEMA.COLUMNS as c order by c.table_name, c.ordinal_position"
        )
        return [(table, column, kind) for table, column, kind in found if table not in views]

    def _table(self, table: str) -> bigquery.Table:
        try:
            return self._client.get_table(table.replace("`", ""))
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error

    def _insert_file(self, table: str, columns: Sequence[str], file: Path, fields: dict[str, Any]) -> int:
        staged = f"{self._project}.{self.schemas.staging}.landing_{uuid.uuid4().hex}"
        expires = f"timestamp_add(current_timestamp(), interval {_STAGED_HOURS} hour)"
        kinds = ", ".join(f"{self.quote(name)} {_SQL_TYPES[field.field_type]}" for name, field in fields.items())
        self._run(f"create table `{staged}` ({kinds}) options (expiration_timestamp = {expires})").result()
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=[fields[column] for column in columns],
        )
        number = _job_id()

        def load() -> Any:
            with file.open("rb") as rows:
                return self._client.load_table_from_file(
                    rows, staged, size=file.stat().st_size, job_id=number, job_config=config
                )

        loaded = int(self._once(number, load).result().output_rows or 0)
        name = f"`{staged}`".replace(".", "`.`")
        names = self.column_list(columns)
        insertion = f"insert into {table} ({names}) select {names} from {name}"
        if self._script is None:
            self._run(insertion).result()
            self._client.delete_table(staged, not_found_ok=True)
        else:
            self._script.append(insertion)
            self._staged.setdefault(table, []).append(name)
        return loaded

    def _run(self, sql: str) -> Any:
        number = _job_id()
        job = self._once(number, lambda: self._client.query(sql, job_id=number, job_retry=None))
        try:
            job.result(job_retry=None)
        except _ERRORS as error:
            raise WarehouseError.of(error, "BigQuery", self._secrets) from error
        return job

    def _once(self, number: str, start: Any) -> Any:
        """Start a job; when no answer came, find out by its id whether it was started."""
        for attempt in range(_ATTEMPTS):
            try:
                return start()
            except Conflict:
                return self._client.get_job(number)
            except RequestException as error:
                if attempt == _ATTEMPTS - 1:
                    raise WarehouseError.of(error, "BigQuery", self._secrets) from error
            except _ERRORS as error:
                raise WarehouseError.of(error, "BigQuery", self._secrets) from error
        raise AssertionError


_SQL_TYPES = {
    "STRING": "string", "INTEGER": "int64", "FLOAT": "float64", "BOOLEAN": "bool", "TIMESTAMP": "timestamp", "DATE": "date",
    "BYTES": "bytes",
}  # fmt: skip
_PARQUET_TYPES = {"STRING": "varchar", "INTEGER": "bigint", "FLOAT": "double", "BOOLEAN": "boolean", "DATE": "date"}


def _parquet_value(column: str, field_type: str) -> str:
    # A Parquet timestamp that is not marked as UTC is loaded as a DATETIME.
    kind = "timestamptz" if field_type == "TIMESTAMP" else _PARQUET_TYPES[field_type]
    return f'cast("{column}" as {kind}) as "{column}"'


def _job_id() -> str:
    return f"profiles_sync_{uuid.uuid4().hex}"


def _with_literals(sql: str, parameters: Sequence[Any]) -> str:
    parts = sql.split("?") if parameters else [sql]
    literals = [_literal(value) for value in parameters]
    return "".join(part + literal for part, literal in zip(parts, [*literals, ""], strict=True))


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"cast('{value}' as float64)"
    if isinstance(value, datetime):
        return f"timestamp '{value.replace(tzinfo=None).isoformat(sep=' ')}+00'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    text: str = str(value)
    return "'" + _ESCAPED.sub(lambda found: _ESCAPES[found.group()], text) + "'"


_ESCAPED: re.Pattern[str] = re.compile(r"[\\'\n\r\0]")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\0"}


def _naive(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).replace(tzinfo=None)
    return value
