"""The requests of a space, and whose calls are not to land."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from profiles_sync.warehouse import Warehouse


class Action(str, Enum):
    """What is asked for, in Segment's words."""

    DELETE = "DELETE_ONLY"
    SUPPRESS = "SUPPRESS_ONLY"
    UNSUPPRESS = "UNSUPPRESS"


class RequestStatus(str, Enum):
    """How far a request is, in Segment's words."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"


@dataclass(frozen=True)
class Suppression:
    """Whose calls are not to land.

    Attributes:
        salt: Key of the hashes.
        users: Hashes of the user ids.
    """

    salt: bytes
    users: frozenset[str]

    def covers(self, user_id: str) -> bool:
        """Whether this user is suppressed."""
        return hashed(self.salt, user_id) in self.users


def hashed(salt: bytes, user_id: str) -> str:
    """Return what stands for a user id in the requests."""
    return hmac.new(salt, user_id.encode(), hashlib.sha256).hexdigest()


def count_of_suppressions(warehouse: Warehouse) -> str:
    """Return the query for the number of requests that `read_suppression` would read."""
    return f"select count(*) from {_suppressions(warehouse)}"


def read_suppression(warehouse: Warehouse) -> Suppression | None:
    """Return whose calls are not to land, None when nobody was ever suppressed: the newest request of each user counts."""
    rows = warehouse.query(
        f"select salt, user_id_hash, action from {_suppressions(warehouse)} order by requested_at, request_id"
    )
    newest = {user: action for _, user, action in rows}
    users = frozenset(user for user, action in newest.items() if action == Action.SUPPRESS.value)
    return Suppression(bytes.fromhex(rows[0][0]), users) if users else None


def _suppressions(warehouse: Warehouse) -> str:
    actions = f"'{Action.SUPPRESS.value}', '{Action.UNSUPPRESS.value}'"
    return f"{warehouse.ops('privacy_requests')} where action in ({actions})"


def record(warehouse: Warehouse, action: Action, user_ids: Sequence[str], status: RequestStatus, events: int) -> None:
    """Record a request for each user id; the caller's transaction.

    Args:
        warehouse: An open connection.
        action: What is asked for.
        user_ids: Whom it is about.
        status: How far it is.
        events: Calls that it erases.
    """
    table = warehouse.ops("privacy_requests")
    known = warehouse.query(f"select min(salt), max(requested_at) from {table}")[0]
    salt = known[0] or secrets.token_hex(32)
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    # The newest counts, also when the clock was set back.
    moment = max(now, known[1] + timedelta(microseconds=1)) if known[1] else now
    warehouse.insert(
        table,
        [
            "request_id",
            "action",
            "user_id_hash",
            "salt",
            "status",
            "events",
            "requested_at",
            "finished_at",
        ],
        [
            (
                f"{moment:%Y%m%dT%H%M%S.%f}-{number:05d}-{uuid.uuid4().hex[:8]}",
                action.value,
                hashed(bytes.fromhex(salt), user_id),
                salt,
                status.value,
                events,
                moment,
                moment if status is RequestStatus.FINISHED else None,
            )
            for number, user_id in enumerate(user_ids)
        ],
    )


def count_of_unfinished(warehouse: Warehouse) -> str:
    """Return the query for the number of erasures that were begun and not ended."""
    return f"select count(*) from {warehouse.ops('privacy_requests')} where status = '{RequestStatus.RUNNING.value}'"


def has_unfinished(warehouse: Warehouse) -> bool:
    """Whether an erasure was begun and not ended."""
    return bool(warehouse.query(count_of_unfinished(warehouse))[0][0])


def finish(warehouse: Warehouse) -> None:
    """Mark every request as finished."""
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    warehouse.execute(
        f"update {warehouse.ops('privacy_requests')} set status = ?, finished_at = ? where status = ?",
        [RequestStatus.FINISHED.value, now, RequestStatus.RUNNING.value],
    )
