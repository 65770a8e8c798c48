"""What is left of a call that was erased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from profiles_sync.warehouse import Warehouse

ERASED = "erased"
"""Call type of a stub: no table is made of it."""


def leave_stub(warehouse: Warehouse, condition: str, parameters: Sequence[object], payload: str) -> None:
    """Take everything out of calls that says whose they are or what they say.

    Args:
        warehouse: An open connection.
        condition: Chooses them in `raw_events`.
        parameters: Of the condition.
        payload: What stays of the call.
    """
    warehouse.execute(
        f"update {warehouse.staging('raw_events')} set type = '{ERASED}', event_name = null, event_slug = null, "
        f"user_id = null, anonymous_id = null, payload_sha256 = '', payload = ? where {condition}",
        [payload, *parameters],
    )


def stub(identifiers: Iterable[tuple[str, str]]) -> str:
    """Return what stays of a call: identifiers (type, value), best first."""
    entries = [{"id": value, "type": kind, "collection": "users", "encoding": "none"} for kind, value in identifiers]
    return json.dumps({"context": {"externalIds": entries}} if entries else {}, ensure_ascii=False)
