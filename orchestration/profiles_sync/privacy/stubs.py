"""What is left of a call that was erased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from profiles_sync.warehouse import Warehouse

ERASED = "erased"
"""Call type of a stub: no table is made of it."""

_BARE = (
    f"type = '{ERASED}', event_name = null, event_slug = null, user_id = null, anonymous_id = null, payload_sha256 = ''"
)


def leave_bare_stubs(warehouse: Warehouse, condition: str) -> None:
    """Take everything out of calls that says whose they are or what they say, and every identifier.

    Args:
        warehouse: An open connection.
        condition: Chooses them in `raw_events`.
    """
    warehouse.execute(
        f"update {warehouse.staging('raw_events')} set {_BARE}, payload = {warehouse.json_value} where {condition}",
        [stub(())],
    )


def leave_stubs(warehouse: Warehouse, payloads: Mapping[int, str]) -> None:
    """Take everything out of calls that says whose they are or what they say.

    Args:
        warehouse: An open connection.
        payloads: What stays of each call, by its `event_no`.
    """
    warehouse.update(warehouse.staging("raw_events"), ["event_no"], ["payload"], payloads.items(), _BARE)


def stub(identifiers: Iterable[tuple[str, str]]) -> str:
    """Return what stays of a call: identifiers (type, value), best first."""
    entries = [{"id": value, "type": kind, "collection": "users", "encoding": "none"} for kind, value in identifiers]
    return json.dumps({"context": {"externalIds": entries}} if entries else {}, ensure_ascii=False)
