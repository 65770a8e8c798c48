"""Redshift, over its own driver, the one of dbt-redshift."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from botocore.exceptions import BotoCoreError, ClientError
from dbt.adapters.redshift.connections import get_connection_method
from redshift_connector.error import Error

from profiles_sync.errors import ConfigError
from profiles_sync.warehouse.base import PG_TABLES_QUERY, Warehouse, WarehouseError
from profiles_sync.warehouse.duckdb import limit_memory, write_csv

if TYPE_CHECKING:
    from profiles_sync.project import Target

# Where files wait for COPY: s3://bucket/prefix, and the role that Redshift reads them with.
STAGE, STAGE_ROLE = "PROFILES_SYNC_REDSHIFT_STAGE", "PROFILES_SYNC_REDSHIFT_STAGE_ROLE"
# A text may have so many bytes, and one statement 16 MB.
_TEXT_BYTES = 65_535
_STATEMENT_BYTES = 8_000_000
_ROWS_IN_A_STATEMENT = 1_000


class RedshiftWarehouse(Warehouse):
    """A connection to a database of a cluster or workgroup.

    Rows from files come by COPY from a bucket where one is named, else by INSERT, many rows a statement.
    """

    engine = "redshift"
    json_value = "json_parse(?)"
    payload_text = "json_serialize(payload)"
    text_type = "varchar(400)"
    text_bytes = _TEXT_BYTES
    tables_query = PG_TABLES_QUERY

    def __init__(self, connection: Any, space: str, secrets: Sequence[str] = ()) -> None:
        super().__init__(space)
        self._connection = connection
        self._secrets = tuple(secrets)
        # Transactions are begun and ended by `transaction` alone.
        connection.autocommit = True

    @classmethod
    def connect(cls, target: Target) -> RedshiftWarehouse:
        """Connect as dbt-redshift does, by password or by IAM."""
        try:
            connection = get_connection_method(target.credentials)()
        except Exception as error:
            raise WarehouseError.of(error, f"connecting to {target.address}", target.secrets) from error
        return cls(connection, target.schema, target.secrets)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        self._run(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._run(sql, parameters).fetchall()]

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files."""
        if stage := os.environ.get(STAGE):
            return self._copy(table, columns, query, scratch, stage)
        return self._insert_rows(table, columns, query, scratch)

    def schema_exists(self, schema: str) -> bool:
        """Whether there is a schema of this name, visible to this user or not."""
        return bool(self.query("select count(*) from pg_catalog.pg_namespace where nspname = ?", [schema])[0][0])

    def lock(self, table: str) -> None:
        """Let other transactions wait that want to write the table."""
        self.execute(f"lock table {table}")

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back."""
        self._connection.close()

    def _copy(self, table: str, columns: Sequence[str], query: str, scratch: Path, stage: str) -> int:
        name = uuid.uuid4().hex
        file = scratch / f"{name}.csv.gz"
        # No value is this name, so it can stand for NULL.
        rows = write_csv(query, file, null=name)
        role = os.environ.get(STAGE_ROLE)
        try:
            with _staged(file, stage) as address:
                self.execute(
                    f"copy {table} ({self.column_list(columns)}) from {_literal(address)} "
                    f"iam_role {_literal(role) if role else 'default'} "
                    f"csv gzip null as '{name}' timeformat 'auto' dateformat 'auto' compupdate off statupdate off"
                )
        finally:
            file.unlink()
        return rows

    def _insert_rows(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        described = "select column_name, data_type from svv_columns where table_schema = ? and table_name = ?"
        kinds = dict(self.query(described, table.replace('"', "").split(".")[-2:]))
        values = [_cell_of(kinds[column]) for column in columns]
        number = 0
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            found = local.execute(query)
            rows: list[str] = []
            size = 0
            while chunk := found.fetchmany(_ROWS_IN_A_STATEMENT):
                for row in chunk:
                    rows.append("(" + ", ".join(value(cell) for value, cell in zip(values, row, strict=True)) + ")")
                    size += len(rows[-1].encode())
                    if len(rows) == _ROWS_IN_A_STATEMENT or size > _STATEMENT_BYTES:
                        number += self._insert_values(table, columns, rows)
                        rows, size = [], 0
            number += self._insert_values(table, columns, rows)
        return number

    def _insert_values(self, table: str, columns: Sequence[str], rows: Sequence[str]) -> int:
        if rows:
            self.execute(f"insert into {table} ({self.column_list(columns)}) values {', '.join(rows)}")
        return len(rows)

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        # Values go into the statement: the driver would send each with a type of its own guess.
        statement = sql if not parameters else "".join(_merged(sql, parameters))
        try:
            cursor = self._connection.cursor()
            cursor.execute(statement)
        except (Error, OSError) as error:
            told = error.args[0] if error.args else ""
            text = f"{told.get('M')} ({told.get('C')})" if isinstance(told, dict) else str(error)
            raise WarehouseError.of(RuntimeError(text), "Redshift", self._secrets) from error
        return cursor


def _merged(sql: str, parameters: Sequence[Any]) -> Iterator[str]:
    parts = sql.split("?")
    yield parts[0]
    for part, value in zip(parts[1:], parameters, strict=True):
        yield _literal(value)
        yield part


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"cast('{value.isoformat(sep=' ')}' as timestamp)"
    if isinstance(value, date):
        return f"cast('{value.isoformat()}' as date)"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


def _cell_of(kind: str) -> Any:
    return _json_cell if kind.lower() == "super" else _cell


def _json_cell(value: Any) -> str:
    return "null" if value is None else f"json_parse({_cell(value)})"


def _cell(value: Any) -> str:
    if isinstance(value, str) and len(value.encode()) > _TEXT_BYTES:
        raise ConfigError(
            f"a value of {len(value.encode())} bytes is too long for an INSERT into Redshift ({_TEXT_BYTES})",
            hint=f"Let files go through a bucket: set {STAGE}=s3://bucket/prefix (docs/warehouses.md).",
        )
    return _literal(value)


@contextmanager
def _staged(file: Path, stage: str) -> Iterator[str]:
    """Put a file into the bucket for the time of the block; gives its address."""
    import boto3

    bucket, _, prefix = stage.removeprefix("s3://").partition("/")
    key = "/".join(filter(None, (prefix.strip("/"), file.name)))
    try:
        client = boto3.client("s3")
        client.upload_file(str(file), bucket, key)
    except (BotoCoreError, ClientError) as error:
        raise WarehouseError.of(error, f"writing to {stage}") from error
    try:
        yield f"s3://{bucket}/{key}"
    finally:
        client.delete_object(Bucket=bucket, Key=key)
