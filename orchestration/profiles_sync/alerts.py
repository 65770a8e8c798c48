"""Tell people what happened: a webhook, a command, or both, as `alerts:` of the home's settings says. Nothing without it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dagster as dg

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.settings import Alerts, Event, load_deployment
from profiles_sync.sync.diagnosis import is_secret_variable
from profiles_sync.sync.outcome import Status

if TYPE_CHECKING:
    from profiles_sync.sync.history import SyncRecord

# Hidden in the pages, as tags of this beginning are.
ALERTED_TAG = ".dagster/profiles_sync_alerted"
_OVERDUE_KEY = "profiles_sync/overdue"
_WEBHOOK_TIMEOUT_S = 10.0
_COMMAND_TIMEOUT_S = 60.0
_WAITS_S = (1.0, 5.0)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SYNCED = (Status.SUCCESS, Status.PARTIAL)


def send(home: Home, event: Event, **facts: Any) -> list[str]:
    """Send an event to whoever wants it.

    Args:
        home: The deployment.
        event: What happened.
        facts: More to say, as JSON values.

    Returns:
        What went wrong; a sync never fails by an alert.
    """
    try:
        deployment = load_deployment(home)
    except ConfigError as error:
        return [f"no alert could be sent: {error.message}"]
    alerts = deployment.alerts
    if alerts is None or event not in alerts.events:
        return []
    bound = home.binding
    body = {
        "event": event.value,
        "sent_at": datetime.now(timezone.utc).isoformat(),
        "home": str(home.root),
        "warehouse": bound.warehouse if bound else deployment.target,
        "address": bound.address if bound else None,
        "schema": bound.schema if bound else deployment.space,
        **facts,
    }
    ways = [(alerts.webhook, _post), (alerts.command, _run)]
    found = [way(alerts, body) for wanted, way in ways if wanted]
    return [f"alert `{event.value}`: {problem}" for problem in found if problem]


def after_sync(
    home: Home, instance: dg.DagsterInstance, record: SyncRecord, records: Iterable[SyncRecord]
) -> list[str]:
    """Send what a sync that has just ended gives reason for, once.

    Args:
        home: The deployment.
        instance: Its Dagster.
        record: The sync.
        records: The syncs that ended, newest first.

    Returns:
        What went wrong.
    """
    run = instance.get_run_by_id(record.run_id)
    if run is None or ALERTED_TAG in run.tags:
        return []
    instance.add_run_tags(record.run_id, {ALERTED_TAG: "true"})
    try:
        alerts = load_deployment(home).alerts
    except ConfigError as error:
        return [f"no alert could be sent: {error.message}"]
    if alerts is None:
        return []
    earlier, others = itertools.tee(each for each in records if each.run_id != record.run_id)
    problems: list[str] = []
    if record.status is Status.SKIPPED:
        problems += send(home, Event.SKIPPED, **_facts(record))
    elif record.status is Status.PARTIAL:
        problems += send(home, Event.PARTIAL, **_facts(record))
    elif record.status is Status.FAILED:
        decided = (each for each in earlier if each.status is not Status.SKIPPED)
        failures = 1 + sum(1 for _ in itertools.takewhile(lambda each: each.status is Status.FAILED, decided))
        if failures in alerts.failures:
            problems += send(home, Event.FAILED, **_facts(record), consecutive_failures=failures)
    if _brought_rows(record) and not any(map(_brought_rows, others)):
        problems += send(home, Event.BACKFILLED, **_facts(record))
    return problems


def check_overdue(home: Home, instance: dg.DagsterInstance, records: Iterable[SyncRecord]) -> list[str]:
    """Send that no sync has succeeded for too long, once for each such span of time.

    Args:
        home: The deployment.
        instance: Its Dagster.
        records: The syncs that ended, newest first.

    Returns:
        What went wrong.
    """
    try:
        deployment = load_deployment(home)
    except ConfigError as error:
        return [f"no alert could be sent: {error.message}"]
    if deployment.alerts is None or deployment.alerts.overdue_hours is None or not deployment.enabled:
        return []
    last = next((record for record in records if record.status is Status.SUCCESS), None)
    since = last.finished_at.timestamp() if last and last.finished_at else home.made_at
    hours = (time.time() - since) / 3600
    spans = int(hours // deployment.alerts.overdue_hours)
    mark = f"{last.run_id if last else ''}:{spans}"
    if spans < 1 or instance.run_storage.get_cursor_values({_OVERDUE_KEY}).get(_OVERDUE_KEY) == mark:
        return []
    instance.run_storage.set_cursor_values({_OVERDUE_KEY: mark})
    return send(
        home,
        Event.OVERDUE,
        hours_without_success=round(hours, 1),
        last_success_at=last.finished_at.isoformat() if last and last.finished_at else None,
    )


def _brought_rows(record: SyncRecord) -> bool:
    return record.status in _SYNCED and record.outcome is not None and record.outcome.rows_synced > 0


def _facts(record: SyncRecord) -> dict[str, Any]:
    outcome = record.outcome
    assert outcome is not None
    error = outcome.error
    return {
        "run_id": record.run_id,
        "status": record.status.value,
        "started_at": record.started_at.isoformat(),
        "duration_s": round(record.duration_s, 3),
        "rows_synced": outcome.rows_synced,
        "tables_failed": [table.table for table in outcome.failed_tables],
        "error": {"code": error.code, "message": error.message, "hint": error.hint} if error else None,
    }


def _post(alerts: Alerts, body: dict[str, Any]) -> str:
    """Post to the webhook; return what went wrong, without its address, which is a secret of its own."""
    missing = [name for name in _VARIABLE.findall(alerts.webhook or "") if name not in os.environ]
    if missing:
        return f"the webhook's environment variable {missing[0]} is not set"
    url = _VARIABLE.sub(lambda found: os.environ[found[1]], alerts.webhook or "")
    headers = {"Content-Type": "application/json", "User-Agent": "profiles-sync"}
    problem = ""
    for wait_s in (*_WAITS_S, None):
        try:
            request = urllib.request.Request(url, json.dumps(body).encode(), headers)
            with urllib.request.urlopen(request, timeout=_WEBHOOK_TIMEOUT_S):
                return ""
        except urllib.error.HTTPError as error:
            problem = f"the webhook answered {error.code}"
            if error.code < 500:
                return problem
        except (ValueError, http.client.InvalidURL):
            return "the webhook is no address"
        except http.client.HTTPException:
            problem = "the webhook does not speak HTTP"
        except OSError as error:
            reason = getattr(error, "reason", error)
            problem = f"the webhook cannot be reached: {getattr(reason, 'strerror', None) or type(reason).__name__}"
        if wait_s is not None:
            time.sleep(wait_s)
    return problem


def _run(alerts: Alerts, body: dict[str, Any]) -> str:
    """Run the command with the event on its standard input; return what went wrong."""
    # The warehouse's credentials are none of its business.
    environment = {name: value for name, value in os.environ.items() if not is_secret_variable(name)}
    try:
        finished = subprocess.run(
            alerts.command or [],
            input=json.dumps(body).encode(),
            env={**environment, "PROFILES_SYNC_EVENT": body["event"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the command did not end within {_COMMAND_TIMEOUT_S:.0f} s"
    except OSError as error:
        return f"the command cannot be run: {error.strerror}"
    return f"the command ended with exit code {finished.returncode}" if finished.returncode else ""
