"""Direct connections to the warehouse, for landing and for bookkeeping: one file per engine."""

from profiles_sync.warehouse.base import PROBE, Schemas, Warehouse, WarehouseError
from profiles_sync.warehouse.connect import open_warehouse

__all__ = ["PROBE", "Schemas", "Warehouse", "WarehouseError", "open_warehouse"]
