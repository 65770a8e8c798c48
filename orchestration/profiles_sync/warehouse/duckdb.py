"""DuckDB: the file is the warehouse, and one process at a time may have it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from profiles_sync.warehouse.base import Warehouse, WarehouseError

if TYPE_CHECKING:
    from profiles_sync.project import Target

# A reader that has the file is waited for, as dbt does.
_ATTEMPTS = 6
_LEAST_ROOM = 1 << 30


class DuckDBWarehouse(Warehouse):
    """A connection to a DuckDB file."""

    engine = "duckdb"
    json_value = "cast(? as json)"

    def __init__(self, connection: duckdb.DuckDBPyConnection, space: str) -> None:
        super().__init__(space)
        self._connection = connection

    @classmethod
    def connect(cls, target: Target) -> DuckDBWarehouse:
        """Open the file; waits up to a minute while another process has it."""
        credentials = target.credentials
        for attempt in range(_ATTEMPTS):
            try:
                connection = duckdb.connect(credentials.path, config=dict(credentials.config_options or {}))
                break
            except duckdb.IOException as error:
                if attempt == _ATTEMPTS - 1 or "lock" not in str(error).lower():
                    raise WarehouseError.of(error, f"opening {target.address}", target.secrets) from error
                time.sleep(2**attempt)
            except duckdb.Error as error:
                raise WarehouseError.of(error, f"opening {target.address}", target.secrets) from error
        for name, value in (credentials.settings or {}).items():
            connection.execute(f"set {name} = ?", [value])
        return cls(connection, target.schema)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement."""
        self._run(sql, parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._run(sql, parameters).fetchall()

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a query over local files."""
        limit_memory(self._connection, scratch)
        # Against what DuckDB would choose, JSON takes half the room and half the time to write.
        self._connection.execute("set force_compression = 'zstd'")
        row = self._run(f"insert into {table} ({self.column_list(columns)}) {query}").fetchone()
        return int(row[0]) if row else 0

    def shortcomings(self) -> list[str]:
        """Return whether the disk is nearly full."""
        folder = Path(
            self.query("select path from duckdb_databases() where database_name = current_database()")[0][0]
        ).parent
        free = shutil.disk_usage(folder).free
        return [f"only {free / (1 << 20):.0f} MB are free in {folder}; make room."] if free < _LEAST_ROOM else []

    def lock(self, table: str) -> None:
        """Nothing to do: the file has one writer."""

    def reclaim(self) -> None:
        """Copy what is there into a new file, which takes the old one's place; blocks that are free keep their contents."""
        path = Path(self.query("select path from duckdb_databases() where database_name = current_database()")[0][0])
        fresh = path.with_name(f".{path.name}.fresh")
        fresh.unlink(missing_ok=True)
        name = self.query("select current_database()")[0][0]
        self.execute(f"attach '{str(fresh).replace(chr(39), chr(39) * 2)}' as fresh_copy")
        self.execute(f"copy from database {self.quote(name)} to fresh_copy")
        self.execute("detach fresh_copy")
        self._connection.close()
        fresh.replace(path)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        self._connection = duckdb.connect(str(path))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql, list(parameters))
        except duckdb.Error as error:
            raise WarehouseError.of(error, "DuckDB") from error


def limit_memory(connection: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Let a connection sort on disk rather than in memory, whatever the size of a load."""
    connection.execute("set memory_limit = '800MB'")
    connection.execute("set temp_directory = ?", [str(scratch / "duckdb")])
    # The order of a load is the order of its insertion.
    connection.execute("set preserve_insertion_order = true")


def write_csv(query: str, file: Path, *, null: str) -> int:
    """Write the result of a query over local files as gzipped CSV without a header, every value quoted; return the number of rows.

    Args:
        query: In DuckDB's dialect.
        file: Where to; its folder takes what does not fit into memory.
        null: What stands for NULL, unquoted.
    """
    place = str(file).replace("'", "''")
    with duckdb.connect() as local:
        limit_memory(local, file.parent)
        written = local.execute(
            f"copy ({query}) to '{place}' (format csv, header false, nullstr '{null}', force_quote *, compression gzip)"
        ).fetchall()
    return int(written[0][0])
