"""A real account of a contributor: `TEST_ACCOUNT` names the target, the target's own variables say where it is (docs/warehouses.md)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from profiles_sync.home import Home
from profiles_sync.project import open_workplace
from profiles_sync.warehouse import Warehouse, open_warehouse
from support.engines import Database

SPACE = "profiles"


@dataclass(frozen=True)
class AccountDatabase:
    """The database, project or catalogue that the environment names."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Nothing: all is in the environment already."""
        return {}


@dataclass(frozen=True)
class AccountServer:
    """The account."""

    target: str

    def database(self) -> AccountDatabase:
        """The database, which must hold no space yet: what is there is not ours to drop."""
        with self._open() as warehouse:
            for schema in _schemas(warehouse):
                if warehouse.schema_exists(schema):
                    raise AssertionError(
                        f"{schema} exists on the account. The suite makes and drops it: give it a database of its own, or drop it."
                    )
        return AccountDatabase()

    def drop(self, _: Database) -> None:
        with self._open() as warehouse:
            for schema in _schemas(warehouse):
                if warehouse.schema_exists(schema):
                    warehouse.drop_schema(schema)

    @contextmanager
    def _open(self) -> Iterator[Warehouse]:
        with tempfile.TemporaryDirectory() as folder:
            target = open_workplace(Home(Path(folder)), target=self.target).target
        with open_warehouse(target) as warehouse:
            yield warehouse


def _schemas(warehouse: Warehouse) -> tuple[str, str, str]:
    names = warehouse.schemas
    if names.space != SPACE:
        raise AssertionError(f"PROFILES_SYNC_SPACE must not be set: the suite's space is {SPACE}")
    return names.space, names.staging, names.ops


@contextmanager
def running_account(target: str) -> Iterator[AccountServer]:
    """The account of a target."""
    yield AccountServer(target)
