"""What is left of a call that was erased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from profiles_sync.warehouse import Warehouse

ERASED = "erased"
"""Call type of a stub: no table is made of it."""


# Calls in one statement: of each its number twice and its payload, within the 2,100 parameters of SQL Server.
_CHUNK = 500


def leave_bare_stubs(warehouse: Warehouse, condition: str) -> None:
    """Take everything out of calls that says whose they are or what they say, and every identifier.

    Args:
        warehouse: An open connection.
        condition: Chooses them in `raw_events`.
    """
    _leave(warehouse, warehouse.json_value, condition, [stub(())])


def leave_stubs(warehouse: Warehouse, payloads: Mapping[int, str]) -> None:
    """Take everything out of calls that says whose they are or what they say.

    Args:
        warehouse: An open connection.
        payloads: What stays of each call, by its `event_no`.
    """
    events = list(payloads)
    for start in range(0, len(events), _CHUNK):
        chunk = events[start : start + _CHUNK]
        each = f" when ? then {warehouse.json_value}" * len(chunk)
        _leave(
            warehouse,
            f"case event_no{each} end",
            f"event_no in ({', '.join('?' for _ in chunk)})",
            [*(value for event in chunk for value in (event, payloads[event])), *chunk],
        )


def _leave(warehouse: Warehouse, payload: str, condition: str, parameters: Sequence[object]) -> None:
    warehouse.execute(
        f"update {warehouse.staging('raw_events')} set type = '{ERASED}', event_name = null, event_slug = null, "
        f"user_id = null, anonymous_id = null, payload_sha256 = '', payload = {payload} where {condition}",
        parameters,
    )


def stub(identifiers: Iterable[tuple[str, str]]) -> str:
    """Return what stays of a call: identifiers (type, value), best first."""
    entries = [{"id": value, "type": kind, "collection": "users", "encoding": "none"} for kind, value in identifiers]
    return json.dumps({"context": {"externalIds": entries}} if entries else {}, ensure_ascii=False)
