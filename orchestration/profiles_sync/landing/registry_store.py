"""The column registry in the warehouse: read, written, and learnt anew from the calls that have landed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from profiles_sync.landing import registry
from profiles_sync.landing.calls import containers, read_document
from profiles_sync.landing.structure import SLOTS, Counts, Path, Structure
from profiles_sync.naming import EVENT_TYPE_TABLES
from profiles_sync.privacy.stubs import ERASED
from profiles_sync.warehouse import Warehouse

_COLUMNS = tuple(registry.RegisteredPath.__dataclass_fields__)
_KEY = ("table_name", "raw_path")
_CHANGING = ("column_name", "data_type", "path_rank", "status", "misfits", "updated_load_id")
# Tables asked for in one query, and event numbers: calls of a few KB each.
_TABLES_A_QUERY = 500
_EVENTS_A_QUERY = 10_000


def read_registry(warehouse: Warehouse, tables: Sequence[str] | None = None) -> list[registry.RegisteredPath]:
    """Return the rows of some tables; None: of all."""
    query = f"select {', '.join(_COLUMNS)} from {warehouse.ops('column_registry')}"
    if tables is None:
        return [registry.RegisteredPath(*row) for row in warehouse.query(query)]
    rows = []
    for start in range(0, len(tables), _TABLES_A_QUERY):
        chunk = tables[start : start + _TABLES_A_QUERY]
        rows += warehouse.query(f"{query} where table_name in ({', '.join('?' for _ in chunk)})", chunk)
    return [registry.RegisteredPath(*row) for row in rows]


def write_registry(
    warehouse: Warehouse, added: Iterable[registry.RegisteredPath], updated: Iterable[registry.RegisteredPath]
) -> None:
    """Add rows, and change those that are there; the caller has a transaction."""
    target = warehouse.ops("column_registry")
    warehouse.insert(target, _COLUMNS, [[getattr(row, name) for name in _COLUMNS] for row in added])
    warehouse.update(target, _KEY, _CHANGING, ([getattr(row, name) for name in (*_KEY, *_CHANGING)] for row in updated))


def reinfer(warehouse: Warehouse, rules: registry.RegistryRules) -> list[tuple[str, str, str, str]]:
    """Learn each column's type anew from all landed calls, as if they had come in one load. The caller holds the home's lock.

    Args:
        warehouse: An open connection.
        rules: Rules of the space as they are today.

    Returns:
        Table, column, and what it was and is now: a type, or `overflow`.

    Raises:
        WarehouseError: The warehouse cannot be reached or refuses; then nothing has changed.
    """
    known = read_registry(warehouse)
    changed = registry.infer_anew(known, _landed_values(warehouse, known), rules)
    with warehouse.transaction():
        write_registry(warehouse, (), changed)
    before = {(row.table_name, row.column_name): _shown(row) for row in known}
    after = {(row.table_name, row.column_name): _shown(row) for row in changed}
    return [(*column, before[column], now) for column, now in sorted(after.items()) if now != before[column]]


def _shown(row: registry.RegisteredPath) -> str:
    return registry.OVERFLOW if row.status == registry.OVERFLOW else row.data_type


def _landed_values(warehouse: Warehouse, known: Sequence[registry.RegisteredPath]) -> dict[tuple[str, Path], Counts]:
    """Count the values of each registered path by type, over all landed calls."""
    raw_events = warehouse.staging("raw_events")
    event_types = frozenset(EVENT_TYPE_TABLES.values())
    registered = {(row.table_name, row.path) for row in known}
    structure = Structure(frozenset(row.path for row in known if row.data_type == "timestamp"))
    values: dict[tuple[str, Path], Counts] = defaultdict(lambda: [0] * len(SLOTS))
    first, last = warehouse.query(f"select min(event_no), max(event_no) from {raw_events}")[0]
    for start in range(first or 1, (last or 0) + 1, _EVENTS_A_QUERY):
        for kind, slug, payload in warehouse.query(
            f"select type, event_slug, {warehouse.payload_text} from {raw_events} "
            f"where event_no >= {start} and event_no < {start + _EVENTS_A_QUERY} and type <> '{ERASED}'"
        ):
            table = slug if kind == "track" else EVENT_TYPE_TABLES[kind]
            for container, value in containers(kind, read_document(payload.encode())).items():
                structure.add(table, container, value)
        for (table, path), counts in structure.counts():
            for each in registry.tables_of(table, path, event_types):
                if (each, path) in registered:
                    values[each, path] = [sum(pair) for pair in zip(values[each, path], counts, strict=True)]
        structure.clear()
    return values
