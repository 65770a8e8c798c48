"""Dedicated SQL pools of Azure Synapse, over the connections of dbt-synapse."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from profiles_sync.errors import ConfigError
from profiles_sync.warehouse.base import WarehouseError
from profiles_sync.warehouse.duckdb import write_csv
from profiles_sync.warehouse.sqlserver import SQLServerWarehouse, rows_sql

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

# Where files wait for COPY: https://account.blob.core.windows.net/container/prefix. With a shared access signature (read, list, create,
# write, delete) both of us use that; without one we sign in as the environment says, and the pool as its managed identity.
STAGE, STAGE_SIGNATURE = "PROFILES_SYNC_SYNAPSE_STAGE", "DBT_ENV_SECRET_SYNAPSE_STAGE_SAS"


class SynapseWarehouse(SQLServerWarehouse):
    """A connection to a dedicated pool.

    Rows from files come by COPY from Blob storage where a place in it is named, else as arrays of parameters.
    """

    engine = "synapse"

    @classmethod
    def _manager(cls) -> Any:
        from dbt.adapters.synapse.synapse_connection_manager import SynapseConnectionManager

        return SynapseConnectionManager

    def insert_query(self, table: str, columns: Sequence[str], query: str, scratch: Path) -> int:
        """Insert the result of a DuckDB query over local files."""
        if stage := os.environ.get(STAGE):
            return self._copy(table, columns, query, scratch, stage)
        return super().insert_query(table, columns, query, scratch)

    def lock(self, table: str) -> None:
        """Let other transactions wait that want to delete from the table: a pool has no lock but that of a change."""
        self.execute(f"delete from {table} where load_id is null")

    def _copy(self, table: str, columns: Sequence[str], query: str, scratch: Path, stage: str) -> int:
        file = scratch / f"{uuid.uuid4().hex}.csv.gz"
        # COPY reads an empty field as NULL; no text that is landed is empty.
        written = write_csv(rows_sql(columns, query), file, null="")
        signature = os.environ.get(STAGE_SIGNATURE, "")
        credential = (
            f"identity = 'Shared Access Signature', secret = {_literal(signature)}"
            if signature
            else "identity = 'Managed Identity'"
        )
        try:
            with _staged(file, stage, signature) as address:
                self.execute(
                    f"copy into {table} ({self.column_list(columns)}) from {_literal(address)} with (file_type = 'CSV', "
                    f"credential = ({credential}), compression = 'GZIP', fieldquote = '\"', fieldterminator = ',', "
                    "rowterminator = '0x0A', encoding = 'UTF8', dateformat = 'ymd')"
                )
        finally:
            file.unlink()
        return written


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def _staged(file: Path, stage: str, signature: str) -> Iterator[str]:
    """Put a file into Blob storage for the time of the block; gives its address.

    Raises:
        ConfigError: The place is no address of a container.
        WarehouseError: It cannot be written or removed.
    """
    from azure.core.exceptions import AzureError

    address = f"{stage.rstrip('/')}/{file.name}"
    try:
        blob = _blob(address, signature)
    except ValueError as error:
        raise ConfigError(
            f"{STAGE} is no address of a container in Blob storage: {error}",
            hint=f"Such as {STAGE}=https://account.blob.core.windows.net/container/prefix (docs/warehouses.md).",
        ) from error
    try:
        with blob, file.open("rb") as content:
            blob.upload_blob(content)
            try:
                yield address
            finally:
                blob.delete_blob()
    except AzureError as error:
        raise WarehouseError.of(error, f"a file in {stage}", (signature.lstrip("?"),)) from error


def _blob(address: str, signature: str) -> BlobClient:
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import BlobClient

    return BlobClient.from_blob_url(address, credential=signature or DefaultAzureCredential())
