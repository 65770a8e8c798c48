"""Where a deployment stands: its warehouse, its last sync, its next one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dagster import DagsterInstance

from profiles_sync.errors import ConfigError
from profiles_sync.home import Binding, Home
from profiles_sync.landing.files import public_path
from profiles_sync.project import open_workplace
from profiles_sync.settings import load_deployment
from profiles_sync.sync import history
from profiles_sync.sync.outcome import Status

# A scheduler that works beats every 30 s.
_HEARTBEAT_S = 120.0


@dataclass(frozen=True)
class DeploymentStatus:
    """What `status` shows.

    Attributes:
        home: Path of the home.
        warehouse: Kind of warehouse; before the first sync the one that was connected, blank if none was.
        address: Where it is; blank until then.
        schema: Schema of the public tables; blank until then, unless it was chosen.
        sources: What every sync reads.
        enabled: Syncs run; `profiles-sync disable` turns them off.
        paused: Somebody switched the schedule off.
        next_sync_at: UTC; None when no scheduler runs, the schedule is paused, syncs are off or there is nothing to read.
        running: The sync that runs now.
        last: The last one that ended.
    """

    home: str
    warehouse: str
    address: str
    schema: str
    sources: tuple[str, ...]
    enabled: bool
    paused: bool
    next_sync_at: datetime | None
    running: history.SyncRecord | None
    last: history.SyncRecord | None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            **{name: getattr(self, name) for name in ("home", "warehouse", "address", "schema", "enabled", "paused")},
            "sources": list(self.sources),
            "frequency": "hourly",
            "next_sync_at": self.next_sync_at.isoformat() if self.next_sync_at else None,
            "running": history.to_json(self.running) if self.running else None,
            "last": history.to_json(self.last) if self.last else None,
        }


def read_status(home: Home) -> DeploymentStatus:
    """Read where a deployment stands, without touching its warehouse, which a sync may hold."""
    bound = home.binding or _connected(home)
    deployment = load_deployment(home)
    sources = tuple(public_path(source.path) for source in deployment.sources)
    with history.open_instance(home) as instance:
        records = history.read_history(instance, home, limit=20)
        paused = _is_paused(instance)
        alive = _scheduler_is_alive(instance)
    return DeploymentStatus(
        home=str(home.root),
        warehouse=bound.warehouse if bound else deployment.target or "",
        address=bound.address if bound else "",
        schema=bound.schema if bound else deployment.space or "",
        sources=sources,
        enabled=deployment.enabled,
        paused=paused,
        next_sync_at=history.next_full_hour(history.now())
        if alive and sources and deployment.enabled and not paused
        else None,
        running=next((record for record in records if record.status is Status.RUNNING), None),
        last=next((record for record in records if record.status is not Status.RUNNING), None),
    )


def _connected(home: Home) -> Binding | None:
    """Return what the first sync will be bound to, where the home's own `profiles.yml` settles it."""
    if not home.profiles_file.exists():
        return None
    try:
        return open_workplace(home).binding
    except ConfigError:
        # The sync itself says what is wrong with it.
        return None


def _is_paused(instance: DagsterInstance) -> bool:
    return any(
        state.instigator_name == "hourly_sync" and state.status.value == "STOPPED"
        for state in instance.all_instigator_state()
    )


def _scheduler_is_alive(instance: DagsterInstance) -> bool:
    beat = instance.get_daemon_heartbeats().get("SCHEDULER")
    return beat is not None and time.time() - beat.timestamp < _HEARTBEAT_S
