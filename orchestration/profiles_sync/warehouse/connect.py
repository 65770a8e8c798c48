"""Open the warehouse of a dbt target."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from profiles_sync.errors import ConfigError
from profiles_sync.warehouse.base import Warehouse

if TYPE_CHECKING:
    from profiles_sync.project import Target

_ENGINES = {
    "bigquery": ("profiles_sync.warehouse.bigquery", "BigQueryWarehouse"),
    "duckdb": ("profiles_sync.warehouse.duckdb", "DuckDBWarehouse"),
    "postgres": ("profiles_sync.warehouse.postgres", "PostgresWarehouse"),
    "sqlserver": ("profiles_sync.warehouse.sqlserver", "SQLServerWarehouse"),
    "synapse": ("profiles_sync.warehouse.synapse", "SynapseWarehouse"),
    "redshift": ("profiles_sync.warehouse.redshift", "RedshiftWarehouse"),
    "snowflake": ("profiles_sync.warehouse.snowflake", "SnowflakeWarehouse"),
}


def open_warehouse(target: Target) -> Warehouse:
    """Connect to the warehouse of a target with the driver that its dbt adapter brings.

    Raises:
        ConfigError: There is no direct connection for this kind of warehouse, or its driver is missing.
        WarehouseError: The warehouse cannot be reached or refuses; the message carries no credentials.
    """
    if target.kind not in _ENGINES:
        raise ConfigError(
            f"target `{target.name}` is of type {target.kind}, which Profiles Sync cannot load into",
            hint=f"Supported: {', '.join(_ENGINES)}.",
        )
    module, name = _ENGINES[target.kind]
    try:
        engine: type[Warehouse] = getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise ConfigError(
            f"the driver of target `{target.name}` is missing: {error}",
            hint=f"Install it: pip install 'profiles-sync[{target.kind}]'",
        ) from error
    return engine.connect(target)
