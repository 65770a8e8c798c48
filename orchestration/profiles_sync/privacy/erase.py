"""Erase the calls of users, in three steps that each can be repeated.

`begin` lists the calls, forgets what quotes them, and records the request. `strip` leaves of each call a stub: number,
message, times, and its identifiers under names that say nothing. A rebuild then replays the stubs: nobody else's
profile changes. A sync that finds an erasure begun carries out what is left of it.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import groupby
from typing import Any

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.privacy import requests
from profiles_sync.privacy.stubs import ERASED, leave_stubs, stub
from profiles_sync.project import Workplace, run_dbt
from profiles_sync.warehouse import Warehouse, open_warehouse

# Shorter ones would be found in everything.
SEARCHED_LENGTH = 4
_CHUNK = 500
_INTEGER = re.compile(r"-?[0-9]+")
_QUOTING = (("sync_runs", "error_message"), ("sync_run_tables", "error_message"), ("notices", "detail"))


def begin(workplace: Workplace, user_ids: Sequence[str], *, whole_profile: bool) -> tuple[int, frozenset[str]]:
    """List the calls of users for erasing and record the request; the caller holds the lock.

    Args:
        workplace: The deployment.
        user_ids: Whose calls.
        whole_profile: Also all calls of the profiles that these users belong to.

    Returns:
        The number of calls, and the texts that no file of the home may keep: the user ids and, of whole profiles,
        their identifiers.

    Raises:
        ProfilesSyncError: Of a whole profile, calls have landed that no sync has resolved (``E_STATE``).
        WarehouseError: The warehouse cannot be reached or refuses.
    """
    with open_warehouse(workplace.target) as warehouse, warehouse.transaction():
        if whole_profile:
            _require_resolved(warehouse)
        profiles = _family(warehouse, user_ids) if whole_profile else []
        texts = {*user_ids, *(_identifiers(warehouse, profiles))}
        events = _events(warehouse, user_ids, profiles)
        created = set(_in(warehouse, "select profile_no from {identity_profiles} where profile_no in ({})", events))
        merged = set(
            _in(
                warehouse,
                "select event_no from {identity_graph_log} where profile_no <> canonical_no and event_no in ({})",
                events,
            )
        )
        whole = set(profiles)
        stamped = _stamps(warehouse, events)
        listed = set(_in(warehouse, "select event_no from {erased_events} where event_no in ({})", events))
        kinds = [
            (
                event,
                stamped.get(event),
                "profile"
                if event in whole
                else "created"
                if event in created
                else "merged"
                if event in merged
                else "event",
            )
            for event in events
            if event not in listed
        ]
        warehouse.insert(warehouse.ops("erased_events"), ["event_no", "segment_id", "kind"], kinds)
        _forget_quotes(warehouse, texts)
        requests.record(warehouse, requests.Action.DELETE, user_ids, requests.RequestStatus.RUNNING, len(events))
    return len(events), frozenset(text for text in texts if len(text) >= SEARCHED_LENGTH)


def strip(workplace: Workplace) -> None:
    """Make a stub of each call that is listed for erasing; the caller holds the lock.

    Raises:
        ProfilesSyncError: dbt or the warehouse failed; nothing is lost, and it can be repeated.
    """
    run_dbt(workplace, ["run-operation", "prepare_erasure"])
    with open_warehouse(workplace.target) as warehouse, warehouse.transaction():
        raw_events, erased = warehouse.staging("raw_events"), warehouse.ops("erased_events")
        events = [
            row[0]
            for row in warehouse.query(
                f"select landed.event_no from {raw_events} as landed inner join {erased} as listed "
                f"on listed.event_no = landed.event_no where landed.type <> '{ERASED}' order by landed.event_no"
            )
        ]
        rows = warehouse.query(
            f"select event_no, external_id_type, external_id_value from {warehouse.ops('erased_identifiers')} "
            "order by event_no, rank_no"
        )
        identifiers = {
            event: [(kind, value) for _, kind, value in found] for event, found in groupby(rows, key=lambda row: row[0])
        }
        leave_stubs(warehouse, {event: stub(identifiers.get(event, ())) for event in events})
        _free_identifiers(warehouse)


def _require_resolved(warehouse: Warehouse) -> None:
    landed = warehouse.query(f"select max(last_event_no) from {warehouse.ops('loads')}")[0][0] or 0
    resolved = warehouse.query(f"select max(to_event_no) from {warehouse.staging('identity_resolution')}")[0][0] or 0
    if landed > resolved:
        raise ProfilesSyncError(
            "calls have landed whose profile is not known yet", hint="Run `profiles-sync sync` first.", code="E_STATE"
        )


def _free_identifiers(warehouse: Warehouse) -> None:
    """Take what stays of an erased profile's identifiers off it: whoever carries one next is somebody new."""
    erased, log = warehouse.ops("erased_identifiers"), warehouse.staging("identity_mapping_log")
    profiles = f"select event_no from {warehouse.ops('erased_events')} where kind = 'profile'"
    actions = warehouse.ops("identity_actions")
    kept = warehouse.query(
        f"select distinct kept.external_id_type, kept.external_id_value from {erased} as kept inner join {log} as log "
        f"on log.identifier_key = kept.identifier_key and log.profile_no in ({profiles}) where kept.hidden = 0 "
        f"and not exists (select 1 from {actions} as asked where asked.event_no is null "
        "and asked.external_id_type = kept.external_id_type "
        "and asked.external_id_value = kept.external_id_value)"
    )
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    warehouse.insert(
        actions,
        ["action_id", "action", "external_id_type", "external_id_value", "requested_at"],
        [(uuid.uuid4().hex, "remove", kind, value, now) for kind, value in kept],
    )


def _family(warehouse: Warehouse, user_ids: Sequence[str]) -> list[int]:
    """Return the profiles that these users belong to, and all that were merged with them."""
    log, canonical = warehouse.staging("identity_mapping_log"), warehouse.staging("identity_canonical")
    owners = []
    for user_id in user_ids:
        rows = warehouse.query(
            f"select profile_no, operation from {log} where external_id_type = 'user_id' and external_id_value = ? "
            "order by event_no desc, row_no desc",
            [user_id],
        )
        if rows and rows[0][1] == "CREATED":
            owners.append(rows[0][0])
    moved: dict[int, int] = dict(
        _pairs(warehouse, f"select profile_no, canonical_no from {canonical} where profile_no in ({{}})", owners)
    )
    heads = sorted({moved.get(owner, owner) for owner in owners})
    members = _in(warehouse, "select profile_no from {identity_canonical} where canonical_no in ({})", heads)
    return sorted({*heads, *members})


def _identifiers(warehouse: Warehouse, profiles: Sequence[int]) -> set[str]:
    return {
        str(value)
        for value in _in(
            warehouse, "select external_id_value from {identity_mapping_log} where profile_no in ({})", profiles
        )
    }


def _events(warehouse: Warehouse, user_ids: Sequence[str], profiles: Sequence[int]) -> list[int]:
    """Return the numbers of the calls, with every copy of them that landed."""
    found = set(_in(warehouse, "select event_no from {raw_events} where user_id in ({})", user_ids))
    for user_id in user_ids:
        # An Alias says who the user was before.
        condition, parameters = _mentions(warehouse, warehouse.payload_text, user_id)
        for event_no, payload in warehouse.query(
            f"select event_no, payload from {warehouse.staging('raw_events')} where type = 'alias' and ({condition})",
            parameters,
        ):
            document = payload if isinstance(payload, dict) else json.loads(payload)
            if str(document.get("previousId")) == user_id:
                found.add(event_no)
    found.update(_in(warehouse, "select event_no from {identity_events} where profile_no in ({})", profiles))
    messages = _in(warehouse, "select message_id from {raw_events} where event_no in ({})", sorted(found))
    found.update(_in(warehouse, "select event_no from {raw_events} where message_id in ({})", messages))
    return sorted(found)


def _stamps(warehouse: Warehouse, events: Sequence[int]) -> dict[int, str]:
    outcomes, profiles = warehouse.staging("identity_events"), warehouse.staging("identity_profiles")
    return dict(
        _pairs(
            warehouse,
            f"select outcomes.event_no, profiles.segment_id from {outcomes} as outcomes inner join {profiles} as profiles "
            "on profiles.profile_no = outcomes.stamp_no where outcomes.event_no in ({})",
            events,
        )
    )


def _forget_quotes(warehouse: Warehouse, texts: Iterable[str]) -> None:
    """Delete rejected calls and blank messages that hold one of the texts."""
    for text in texts:
        condition, parameters = _mentions(warehouse, "payload_text", text)
        warehouse.execute(f"delete from {warehouse.ops('rejected_events')} where {condition}", parameters)
        if len(text) >= SEARCHED_LENGTH:
            for table, column in _QUOTING:
                warehouse.execute(
                    f"update {warehouse.ops(table)} set {column} = replace({column}, ?, '{ERASED}') "
                    f"where {warehouse.contains.format(column)}",
                    [text, text],
                )


def _mentions(warehouse: Warehouse, document: str, value: str) -> tuple[str, list[str]]:
    """Return a condition with its parameters: a JSON text, whole or cut off, has a value in it, a string or a number."""
    strings = sorted({json.dumps(value, ensure_ascii=False), json.dumps(value)})
    conditions = [warehouse.contains.format(document) for _ in strings]
    parameters = strings
    if _INTEGER.fullmatch(value):
        dense = f"replace(replace({document}, ' ', ''), '\t', '')"
        conditions += [warehouse.contains.format(dense)] * 2 + [f"{dense} like ?"]
        parameters += [f":{value},", f":{value}}}", f"%:{value}"]
    return " or ".join(conditions), parameters


def _in(warehouse: Warehouse, sql: str, values: Sequence[object]) -> list[Any]:
    """Return the first column of a query with a list of values, some hundreds at a time; tables are named in braces."""
    tables = {
        name: warehouse.staging(name)
        for name in (
            "raw_events",
            "identity_events",
            "identity_profiles",
            "identity_graph_log",
            "identity_mapping_log",
            "identity_canonical",
        )
    } | {"erased_events": warehouse.ops("erased_events")}
    return [row[0] for row in _pairs(warehouse, sql.format("{}", **tables), values)]


def _pairs(warehouse: Warehouse, sql: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(values), _CHUNK):
        chunk = list(values[start : start + _CHUNK])
        yield from warehouse.query(sql.format(", ".join("?" for _ in chunk)), chunk)
