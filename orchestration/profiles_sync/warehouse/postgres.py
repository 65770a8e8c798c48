"""Postgres, over psycopg2, the driver of dbt-postgres."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2
import psycopg2.extensions

from profiles_sync.warehouse.base import PG_TABLES_QUERY, Warehouse, WarehouseError
from profiles_sync.warehouse.duckdb import limit_memory

if TYPE_CHECKING:
    from profiles_sync.project import Target

# `merge`, on which the models stand.
_OLDEST = 150000


class PostgresWarehouse(Warehouse):
    """A connection to a Postgres database."""

    engine = "postgres"
    json_value = "cast(? as json)"
    tables_query = PG_TABLES_QUERY
    address_query = "select host(inet_client_addr())"

    def __init__(self, connection: psycopg2.extensions.connection, space: str, secrets: Sequence[str] = ()) -> None:
        super().__init__(space)
        self._connection = connection
        self._secrets = tuple(secrets)
        # Transactions are begun and ended by `transaction` alone.
        connection.autocommit = True

    @classmethod
    def connect(cls, target: Target) -> PostgresWarehouse:
        """Connect as dbt-postgres does."""
        credentials = target.credentials
        optional = {
            name: getattr(credentials, name)
            for name in ("keepalives_idle", "sslmode", "sslcert", "sslkey", "sslrootcert")
            if getattr(credentials, name, None)
        }
        if credentials.search_path:
            optional["options"] = "-c search_path=" + credentials.search_path.replace(" ", "\\ ")
        try:
            connection = psycopg2.connect(
                host=credentials.host,
                port=credentials.port,
                user=credentials.user,
                password=credentials.password,
                dbname=credentials.database,
                connect_timeout=credentials.connect_timeout,
                application_name="profiles_sync",
                # What is copied is UTF-8, whatever encoding a role or the environment prefers.
                client_encoding="UTF8",
                **optional,
            )
        except psycopg2.Error as error:
            raise WarehouseError.of(error, f"connecting to {target.address}", target.secrets) from error
        encoding = connection.get_parameter_status("server_encoding")
        if encoding != "UTF8":
            connection.close()
            raise WarehouseError(
                f"connecting to {target.address}: the database's encoding is {encoding}, which cannot hold every text",
                hint="Make a database for it: create database … encoding 'UTF8' template template0.",
                code="E_CONFIG",
            )
        warehouse = cls(connection, target.schema, target.secrets)
        if credentials.role:
            warehouse.execute(f'set role "{credentials.role}"')
        return warehouse

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        with self._cursor() as cursor:
            _run(cursor, sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._cursor() as cursor:
            _run(cursor, sql, parameters)
            return list(cursor.fetchall())

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files by COPY."""
        file = scratch / "copy.csv"
        with duckdb.connect() as local:
            limit_memory(local, scratch)
            local.execute(
                f"copy ({query}) to '{str(file).replace(chr(39), chr(39) * 2)}' (format csv, header false, nullstr '')"
            )
        try:
            with file.open("rb") as rows, self._cursor() as cursor:
                cursor.copy_expert(f"copy {table} ({self.column_list(columns)}) from stdin (format csv)", rows, 1 << 20)
                return int(cursor.rowcount)
        finally:
            file.unlink()

    def shortcomings(self) -> list[str]:
        """Return whether the server is too old, or set so that a commit may be lost."""
        found = []
        if int(self.query("show server_version_num")[0][0]) < _OLDEST:
            found.append(
                f"Postgres {self.query('show server_version')[0][0]} is too old; version 15 or later is needed."
            )
        if self.query("show synchronous_commit")[0][0] == "off":
            found.append("synchronous_commit is off: a crash of the server can lose the last commits, and so events.")
        return found

    def schema_exists(self, schema: str) -> bool:
        """Whether there is a schema of this name, visible to this role or not."""
        return bool(self.query("select count(*) from pg_catalog.pg_namespace where nspname = ?", [schema])[0][0])

    def lock(self, table: str) -> None:
        """Let other transactions wait that want to write the table."""
        self.execute(f"lock table {table} in exclusive mode")

    def reclaim(self) -> None:
        """Write the kept tables anew: an updated row's old version stays in its file until then."""
        for schema in (self.schemas.staging, self.schemas.ops):
            for (table,) in self.query(
                "select table_name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'",
                [schema],
            ):
                self.execute(f"vacuum full {self.quote(schema)}.{self.quote(table)}")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except psycopg2.Error as error:
            state = f" ({error.pgcode})" if error.pgcode else ""
            raise WarehouseError.of(type(error)(f"{error}{state}"), "Postgres", self._secrets) from error


def _run(cursor: Any, sql: str, parameters: Sequence[Any]) -> None:
    if parameters:
        cursor.execute(sql.replace("%", "%%").replace("?", "%s"), tuple(parameters))
    else:
        cursor.execute(sql)
