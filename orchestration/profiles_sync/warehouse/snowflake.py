"""Snowflake, over its own connector, the driver of dbt-snowflake."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import snowflake.connector

from profiles_sync.warehouse.base import Warehouse, WarehouseError
from profiles_sync.warehouse.duckdb import limit_memory

if TYPE_CHECKING:
    from profiles_sync.project import Target


class SnowflakeWarehouse(Warehouse):
    """A session of a Snowflake account."""

    engine = "snowflake"
    json_value = "parse_json(?)"

    def __init__(
        self, connection: snowflake.connector.SnowflakeConnection, space: str, secrets: Sequence[str] = ()
    ) -> None:
        super().__init__(space)
        self._connection = connection
        self._secrets = tuple(secrets)

    @classmethod
    def connect(cls, target: Target) -> SnowflakeWarehouse:
        """Connect as dbt-snowflake does, with its credentials, a key pair's as well."""
        credentials = target.credentials
        try:
            connection = snowflake.connector.connect(
                account=credentials.account,
                database=credentials.database,
                warehouse=credentials.warehouse,
                role=credentials.role,
                # Transactions are begun and ended by `transaction` alone.
                autocommit=True,
                paramstyle="qmark",
                application="profiles_sync",
                client_session_keep_alive=credentials.client_session_keep_alive,
                login_timeout=60,
                session_parameters={"QUERY_TAG": credentials.query_tag or "profiles_sync"},
                **credentials.auth_args(),
            )
        except snowflake.connector.Error as error:
            raise WarehouseError.of(error, f"connecting to {target.address}", target.secrets) from error
        return cls(connection, target.schema, target.secrets)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        self._run(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self._run(sql, parameters).fetchall())

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files: PUT to the stage of the space, then COPY INTO."""
        # A folder of its own each time: COPY leaves out a file of a name that it has loaded before.
        folder = uuid.uuid4().hex
        file = scratch / f"{folder}.parquet"
        kinds = {name.lower(): kind for name, kind in self._columns(table)}
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            # As text: Snowflake's cast is exact, and Parquet knows blank from NULL.
            values = ", ".join(f"cast(c{i} as varchar) as c{i}" for i in range(len(columns)))
            names = ", ".join(f"c{i}" for i in range(len(columns)))
            local.execute(
                f"copy (select {values} from ({query}) as found ({names})) to '{_escaped(file)}' (format parquet)"
            )
        try:
            stage = f"{self.schemas.staging}.landing/{folder}/"
            self.execute(f"put 'file://{_escaped(file)}' @{stage} auto_compress = false")
            fields = ", ".join(_field(i, kinds[name.lower()]) for i, name in enumerate(columns))
            copied = self._run(
                f"copy into {table} ({self.column_list(columns)}) from (select {fields} from @{stage}) "
                "file_format = (type = parquet) on_error = abort_statement purge = true"
            )
            # A row for each file that was loaded.
            place = [column.name.lower() for column in copied.description].index("rows_loaded")
            return sum(int(row[place]) for row in copied.fetchall())
        finally:
            file.unlink()

    def lock(self, table: str) -> None:
        """Let other landings wait. Only rows that change are locked, and this one is always there."""
        self.execute(f"update {self.ops('schema_version')} set version = version")

    def close(self) -> None:
        """Close the session; an open transaction is rolled back."""
        self._connection.close()

    def quote(self, name: str) -> str:
        """Return the name as it is: quoted, in lower case, it would be another one."""
        return name

    def table_exists(self, schema: str, table: str) -> bool:
        """Whether there is a table of this name."""
        return super().table_exists(schema.upper(), table.upper())

    def table_names(self, schema: str) -> list[str]:
        """Return the names of a schema's tables and views, sorted, as the other engines write them."""
        return [name.lower() for name in super().table_names(schema.upper())]

    def columns(self, schema: str) -> list[tuple[str, str, str]]:
        """Return (table, column, type) of a schema's tables, in their order, as the other engines write them."""
        return [(table.lower(), column.lower(), kind) for table, column, kind in super().columns(schema.upper())]

    def schema_exists(self, schema: str) -> bool:
        """Whether there is a schema of this name."""
        return super().schema_exists(schema.upper())

    def _columns(self, table: str) -> list[tuple[Any, ...]]:
        return [(row[0], row[1]) for row in self.query(f"describe table {table}")]

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        try:
            cursor = self._connection.cursor()
            cursor.execute(sql, list(parameters) or None)
        except snowflake.connector.Error as error:
            raise WarehouseError.of(error, "Snowflake", self._secrets) from error
        return cursor


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")


def _field(number: int, kind: str) -> str:
    text = f"$1:c{number}::varchar"
    # A key may occur twice in an object of JSON; without the letter, one such call would stop a load.
    return f"parse_json({text}, 'd')" if kind.upper() == "VARIANT" else f"$1:c{number}::{kind}"
