"""BigQuery, over Google's client, the driver of dbt-bigquery."""

from __future__ import annotations

import io
import json
import math
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timezone
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

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
# A script may have a megabyte, in many statements: what is longer than this goes through a staging table.
_STATEMENT_CHARACTERS = 50_000
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
    text_type = "string"
    contains = "strpos({}, ?) > 0"
    user_query = "select session_user()"
    clock_query = "select unix_seconds(current_timestamp())"

    def __init__(self, client: bigquery.Client, project: str, space: str, secrets: Sequence[str] = ()) -> None:
        super().__init__(space)
        self._client = client
        self._project = project
        self._secrets = tuple(secrets)
        self._script: list[str] | None = None
        # Staging tables of the transaction, and the queries that a table consists of because of them.
        self._staged: list[str] = []
        self._seen_as: dict[str, list[str]] = {}

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
        for table, queries in self._seen_as.items():
            rows = " union all ".join(queries)
            parts = re.split(rf"(?<=from ){re.escape(table)}(?=[\s)]|$)", statement)
            statement = f"({rows})".join(parts)
        return [tuple(_naive(value) for value in row.values()) for row in self._run(statement).result()]

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files by a load job."""
        fields = self._fields(table)
        file = scratch / f"{uuid.uuid4().hex}.parquet"
        names = ", ".join(f'"{column}"' for column in columns)
        values = ", ".join(_parquet_value(column, fields[column].field_type) for column in columns)
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            local.execute("set timezone = 'UTC'")
            path = str(file).replace("'", "''")
            local.execute(f"copy (select {values} from ({query}) as found ({names})) to '{path}' (format parquet)")
        try:
            staged, loaded = self._stage(fields, columns, bigquery.SourceFormat.PARQUET, lambda: file.open("rb"))
        finally:
            file.unlink()
        self._insert_staged(table, columns, fields, staged)
        return loaded

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert rows; return their number."""
        every = list(rows)
        if not every:
            return 0
        fields = self._fields(table)
        # A bare NULL of a query is a number.
        nothing = [_null(fields[column]) for column in columns]
        rows_sql = [
            ", ".join(null if cell is None else _literal(cell) for cell, null in zip(row, nothing, strict=True))
            for row in every
        ]
        if sum(map(len, rows_sql)) > _STATEMENT_CHARACTERS:
            self._insert_staged(table, columns, fields, self._stage_rows(fields, columns, every))
        else:
            selects = " union all select ".join(rows_sql)
            self.execute(f"insert into {table} ({self.column_list(columns)}) select {selects}")
        return len(every)

    def update(
        self, table: str, key: Sequence[str], columns: Sequence[str], rows: Iterable[Sequence[Any]], also: str = ""
    ) -> None:
        """Change rows by their keys."""
        every = list(rows)
        if sum(len(_literal(cell)) for row in every for cell in row) <= _STATEMENT_CHARACTERS // (1 + len(columns)):
            super().update(table, key, columns, every, also)
            return
        staged = self._stage_rows(self._fields(table), [*key, *columns], every)
        changes = [f"{self.quote(column)} = given.{self.quote(column)}" for column in columns] + [also] * bool(also)
        same = " and ".join(f"changed.{self.quote(column)} = given.{self.quote(column)}" for column in key)
        self.execute(f"update {table} as changed set {', '.join(changes)} from {staged} as given where {same}")
        self._forget_staged()

    def lock(self, table: str) -> None:
        """Let the transaction fail when another one that locks runs beside it, or has added to the table since.

        Only a change of rows that are there is at odds with another transaction, and this row always is. In a transaction
        a SELECT may stand, an ASSERT need not be let.
        """
        count = self.query(f"select count(*) from {table} ")[0][0]
        version = self.ops("schema_version")
        message = _literal(f"another one wrote to {table.replace('`', '').rpartition('.')[2]}")
        self.execute(f"update {version} set version = version where true")
        self.execute(f"select if((select count(*) from {table}) = {count}, 1, error({message}))")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside as a whole, or nothing when it raises."""
        self._script = []
        try:
            yield
            script = self._script
        finally:
            self._script = None
            self._seen_as = {}
        if script:
            self._run("begin transaction;\n" + ";\n".join(script) + ";\ncommit transaction;").result()
        self._forget_staged()

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def quote(self, name: str) -> str:
        """Return a name as it goes into a statement."""
        return f"`{name}`"

    def qualified(self, schema: str, table: str) -> str:
        """Return the qualified name of a table, with the project: jobs may run in another."""
        return f"{self.quote(self._project)}.{super().qualified(schema, table)}"

    def drop_schema(self, schema: str) -> None:
        """Drop a dataset with everything in it."""
        self.execute(f"drop schema {self.quote(self._project)}.{self.quote(schema)} cascade")

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

    def _fields(self, table: str) -> dict[str, Any]:
        return {field.name: field for field in self._table(table).schema}

    def _stage_rows(self, fields: Mapping[str, Any], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
        lines = "\n".join(
            json.dumps({name: _json_value(cell) for name, cell in zip(columns, row, strict=True)}) for row in rows
        ).encode()
        form = bigquery.SourceFormat.NEWLINE_DELIMITED_JSON
        return self._stage(fields, columns, form, lambda: io.BytesIO(lines))[0]

    def _stage(
        self, fields: Mapping[str, Any], columns: Sequence[str], form: str, content: Callable[[], IO[bytes]]
    ) -> tuple[str, int]:
        """Load a file into a staging table with some columns of a table; return its name and the number of rows."""
        name = f"landing_{uuid.uuid4().hex}"
        staged = self.staging(name)
        expires = f"timestamp_add(current_timestamp(), interval {_STAGED_HOURS} hour)"
        kinds = ", ".join(f"{self.quote(column)} {_SQL_TYPES[fields[column].field_type]}" for column in columns)
        self._run(f"create table {staged} ({kinds}) options (expiration_timestamp = {expires})").result()
        self._staged.append(staged)
        config = bigquery.LoadJobConfig(
            source_format=form,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            schema=[fields[column] for column in columns],
        )
        number = _job_id()

        def load() -> Any:
            with content() as rows:
                return self._client.load_table_from_file(
                    rows,
                    f"{self._project}.{self.schemas.staging}.{name}",
                    size=rows.seek(0, io.SEEK_END),
                    rewind=True,
                    job_id=number,
                    job_config=config,
                )

        return staged, int(self._once(number, load).result().output_rows or 0)

    def _insert_staged(self, table: str, columns: Sequence[str], fields: Mapping[str, Any], staged: str) -> None:
        names = self.column_list(columns)
        self.execute(f"insert into {table} ({names}) select {names} from {staged}")
        if self._script is None:
            self._forget_staged()
            return
        own = f"select {self.column_list(list(fields))} from {table}"
        every = ", ".join(
            self.quote(name) if name in columns else f"{_null(field)} as {self.quote(name)}"
            for name, field in fields.items()
        )
        self._seen_as.setdefault(table, [own]).append(f"select {every} from {staged}")

    def _forget_staged(self) -> None:
        """Remove the staging tables, unless a transaction is still to read them."""
        if self._script is None:
            for table in self._staged:
                self._client.delete_table(table.replace("`", ""), not_found_ok=True)
            self._staged = []

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


def _null(field: Any) -> str:
    return f"cast(null as {_SQL_TYPES[field.field_type]})"


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else value


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
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\x00"}


def _naive(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(timezone.utc).replace(tzinfo=None)
    return value
