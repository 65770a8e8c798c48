"""What the commands of persons' requests do, each under the home's lock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone

from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.landing.load import prepare_space
from profiles_sync.privacy import requests
from profiles_sync.privacy.erase import begin
from profiles_sync.privacy.files import forget_in_home
from profiles_sync.project import Workplace
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.launch import check_ready, run_sync
from profiles_sync.sync.lock import HomeLock
from profiles_sync.sync.progress import Reporter
from profiles_sync.sync.prune import require_every_call
from profiles_sync.sync.store import bind
from profiles_sync.warehouse import open_warehouse

_WAIT_S = 600.0


def delete_users(
    workplace: Workplace, reporter: Reporter, user_ids: Sequence[str], *, whole_profile: bool
) -> tuple[int, SyncRecord]:
    """Erase the calls of users and rebuild the tables without them.

    Args:
        workplace: The deployment.
        reporter: Follows the rebuild.
        user_ids: Whose calls.
        whole_profile: Also every call of the profiles that they belong to.

    Returns:
        The number of calls, and the sync that rebuilt. When it failed, every sync after it tries again.

    Raises:
        ConfigError: Syncs are off, or a setting is wrong: nothing could rebuild the tables.
        ProfilesSyncError: A sync is running (``E_LOCKED``), landed calls were pruned (``E_STATE``), or the warehouse
            refuses.
    """
    workplace.home.check_bound()
    with _locked(workplace):
        check_ready(workplace, ())
        # Once it is recorded, no sync ends well before the tables are rebuilt.
        with open_warehouse(workplace.target) as warehouse:
            require_every_call(
                warehouse,
                hint="So nothing was erased. `profiles-sync privacy suppress` keeps later calls out; "
                "delete the rows of before in the warehouse.",
            )
        events, texts = begin(workplace, user_ids, whole_profile=whole_profile)
        forget_in_home(workplace.home, texts)
    return events, run_sync(workplace, reporter, full_refresh=True)


def suppress_users(workplace: Workplace, user_ids: Sequence[str], *, suppressed: bool) -> int:
    """Let the calls of users land no longer, or land again; before the first sync, too.

    Returns:
        The number of users of whom this was not true before.

    Raises:
        ProfilesSyncError: A sync is running (``E_LOCKED``), or the warehouse refuses.
    """
    action = requests.Action.SUPPRESS if suppressed else requests.Action.UNSUPPRESS
    with _locked(workplace), open_warehouse(workplace.target) as warehouse, warehouse.transaction():
        before = requests.read_suppression(warehouse)
        changed = [user for user in user_ids if (before is not None and before.covers(user)) != suppressed]
        requests.record(warehouse, action, changed, requests.RequestStatus.FINISHED, 0)
    return len(changed)


def remove_identifier(workplace: Workplace, external_id_type: str, value: str) -> None:
    """Ask for an identifier to be taken off its profile by the next sync.

    Raises:
        ConfigError: Nobody owns it, it is the profile's last `user_id`, or it is a `group_id`.
        ProfilesSyncError: A sync is running (``E_LOCKED``), or the warehouse refuses.
    """
    if external_id_type == "group_id":
        raise ConfigError("a group_id belongs to no person's profile", hint="Only identifiers of persons are removed.")
    workplace.home.check_bound()
    with _locked(workplace), open_warehouse(workplace.target) as warehouse:
        mapping = f"{warehouse.public('external_id_mapping')}"
        owner = warehouse.query(
            f"select canonical_segment_id from {mapping} where external_id_type = ? and external_id_value = ?",
            [external_id_type, value],
        )
        if not owner:
            raise ConfigError(
                f"no profile has this {external_id_type}",
                hint=f"{workplace.target.schema}.external_id_mapping shows every identifier.",
            )
        if external_id_type == "user_id":
            users = warehouse.query(
                f"select count(*) from {mapping} where external_id_type = 'user_id' and canonical_segment_id = ?",
                [owner[0][0]],
            )[0][0]
            if users == 1:
                raise ConfigError(
                    "it is the only user_id of its profile", hint="`profiles-sync privacy delete` erases a user."
                )
        warehouse.insert(
            warehouse.ops("identity_actions"),
            ["action_id", "action", "external_id_type", "external_id_value", "requested_at"],
            [(uuid.uuid4().hex, "remove", external_id_type, value, datetime.now(timezone.utc).replace(tzinfo=None))],
        )


@contextmanager
def _locked(workplace: Workplace) -> Iterator[None]:
    with HomeLock(workplace.home.lock_file) as lock:
        if not lock.acquire(wait_s=_WAIT_S):
            raise ProfilesSyncError(
                "a sync is running in this home", hint="Try again when it has ended.", code="E_LOCKED"
            )
        bind(workplace)
        prepare_space(workplace)
        yield
