"""Alerts, received on a loopback address: which events, at which thresholds, once each, and nothing secret in them."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
import yaml
from dagster._core.utils import make_new_run_id

from profiles_sync import alerts
from profiles_sync.defs.sensors import sync_sensors
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home
from profiles_sync.project import Workplace
from profiles_sync.settings import Event, load_deployment
from profiles_sync.sync import history
from profiles_sync.sync.outcome import Outcome, Status, SyncError, TableResult, conclude, skipped
from profiles_sync.sync.progress import SilentReporter
from profiles_sync.sync.session import Session
from support.archive import write_file
from support.cli import Cli
from support.landing import call
from support.receiver import Receiver

ERROR = SyncError("E_NETWORK", "connection refused", "Check that the warehouse runs.")
TABLE = TableResult("pages", "model.profiles_sync.pages", "event_type", Status.SUCCESS, inserted=2)
GOOD = conclude([TABLE])
PARTIAL = conclude([TABLE, TableResult("tracks", "m.t", "event_type", Status.FAILED, error=ERROR)])
BAD = conclude(error=ERROR)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


class Syncs:
    """A home whose syncs are told, not run."""

    def __init__(self, home: Home, instance: dg.DagsterInstance) -> None:
        self.home, self.instance = home, instance
        self.clock = datetime.now(timezone.utc) - timedelta(hours=10)

    def end(self, outcome: Outcome) -> list[str]:
        self.clock += timedelta(minutes=1)
        run_id = make_new_run_id()
        self.instance.add_run(dg.DagsterRun(job_name="sync", run_id=run_id, tags={history.SYNC_TAG: "true"}))
        record = history.SyncRecord(run_id, outcome.status, self.clock, self.clock, "schedule", outcome)
        self.instance.report_runless_asset_event(history.materialization(record))
        history.tag_run(self.instance, record)
        problems = alerts.after_sync(self.home, self.instance, record, history.finished(self.instance))
        # Whoever looks later finds it done.
        return problems + alerts.after_sync(self.home, self.instance, record, history.finished(self.instance))


def settle(home: Home, **wanted: Any) -> None:
    home.config_file.write_text(yaml.safe_dump({"alerts": wanted}))


@pytest.fixture
def syncs(tmp_path: Path) -> Iterator[Syncs]:
    home = Home(tmp_path / "home").create()
    with history.open_instance(home) as instance:
        yield Syncs(home, instance)


def test_the_fifth_and_the_twentieth_failure_in_a_row(syncs: Syncs, receiver: Receiver) -> None:
    settle(syncs.home, webhook=receiver.url, events=["Warehouse Sync Failed"])
    syncs.end(GOOD)
    for number in range(1, 22):
        syncs.end(BAD)
        if number == 3:
            # Neither breaks the row nor counts in it.
            syncs.end(skipped("sync x is running"))

    assert [body["consecutive_failures"] for body in receiver.bodies] == [5, 20]
    assert receiver.bodies[0]["error"] == {"code": "E_NETWORK", "message": ERROR.message, "hint": ERROR.hint}

    syncs.end(PARTIAL)
    for _ in range(5):
        syncs.end(BAD)
    assert [body["consecutive_failures"] for body in receiver.bodies] == [5, 20, 5]


def test_each_kind_of_end_has_its_event(syncs: Syncs, receiver: Receiver) -> None:
    settle(syncs.home, webhook=receiver.url, failures=[1])
    for outcome in (BAD, conclude(), PARTIAL, GOOD, skipped("sync x is running"), GOOD):
        assert syncs.end(outcome) == []

    assert receiver.events == [
        "Warehouse Sync Failed",
        "Sync Partially Succeeded",
        "Historical Backfill Completed",
        "Sync Skipped",
    ]
    assert receiver.bodies[1]["tables_failed"] == ["tracks"]
    assert receiver.bodies[1]["rows_synced"] == 2


def test_a_command_gets_the_event_and_no_credentials(
    syncs: Syncs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_POSTGRES_PASSWORD", "korrekt")
    script = tmp_path / "hook.py"
    script.write_text(
        "import json, os, sys\n"
        f"with open({str(tmp_path / 'told')!r}, 'a') as file:\n"
        "    print(json.dumps({'event': os.environ['PROFILES_SYNC_EVENT'], 'body': json.load(sys.stdin),\n"
        "                      'secret': 'DBT_ENV_SECRET_POSTGRES_PASSWORD' in os.environ}), file=file)\n"
    )
    settle(syncs.home, command=f"{sys.executable} '{script}'", events=["Sync Partially Succeeded"])

    assert syncs.end(PARTIAL) == []

    told = json.loads((tmp_path / "told").read_text())
    assert (told["event"], told["secret"]) == ("Sync Partially Succeeded", False)
    assert told["body"]["status"] == "Partial success"


def test_a_hook_that_fails_is_told_and_fails_nothing(
    syncs: Syncs, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_WAITS_S", (0.0, 0.0))
    monkeypatch.setenv("HOOK", receiver.url)
    settle(syncs.home, webhook="${HOOK}", command=["/none/such"], events=["Sync Skipped"])

    receiver.answers = [503, 503]
    problems = syncs.end(skipped("x"))
    assert problems == ["alert `Sync Skipped`: the command cannot be run: No such file or directory"]
    assert receiver.events == ["Sync Skipped"], "tried again"

    receiver.answers = [404]
    assert "the webhook answered 404" in syncs.end(skipped("x"))[0]
    settle(syncs.home, webhook="http://127.0.0.1:1/secret-path", command=["false"], events=["Sync Skipped"])
    problems = syncs.end(skipped("x"))
    assert problems[0] == "alert `Sync Skipped`: the webhook cannot be reached: Connection refused"
    assert problems[1] == "alert `Sync Skipped`: the command ended with exit code 1"
    settle(syncs.home, webhook="${NOT_THERE}")
    assert "NOT_THERE is not set" in syncs.end(skipped("x"))[0]


def test_a_webhook_that_speaks_no_http_is_told_without_its_address(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_WAITS_S", (0.0,))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        threading.Thread(target=answer, daemon=True).start()
        settle(syncs.home, webhook=f"http://127.0.0.1:{server.getsockname()[1]}/s3cret", events=["Sync Skipped"])
        assert syncs.end(skipped("x")) == ["alert `Sync Skipped`: the webhook does not speak HTTP"]

    settle(syncs.home, webhook="http://127.0.0.1:1/s3 cret", events=["Sync Skipped"])
    assert syncs.end(skipped("x")) == ["alert `Sync Skipped`: the webhook is no address"]


@pytest.mark.parametrize("cause", [RuntimeError("s3cret"), KeyboardInterrupt()])
def test_an_alert_that_breaks_leaves_a_sync_its_one_record(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch, cause: BaseException
) -> None:
    def break_down(*arguments: Any) -> list[str]:
        raise cause

    monkeypatch.setattr(alerts, "after_sync", break_down)
    run = dg.DagsterRun(job_name="sync", run_id=make_new_run_id())
    syncs.instance.add_run(run)
    warnings: list[str] = []
    context = SimpleNamespace(
        log_event=syncs.instance.report_runless_asset_event,
        log=SimpleNamespace(warning=warnings.append, error=warnings.append),
    )
    target = SimpleNamespace(secrets=(), schema="profiles")
    workplace = SimpleNamespace(home=syncs.home, target=target, deployment=load_deployment(syncs.home))
    session = Session(cast(Workplace, workplace), run, syncs.instance, SilentReporter())
    monkeypatch.setattr(session, "_begin", lambda context: True)
    whole = nullcontext() if isinstance(cause, Exception) else pytest.raises(KeyboardInterrupt)

    with whole, session.step(cast(dg.AssetExecutionContext, context)):
        session._finish(GOOD, cast(dg.AssetExecutionContext, context))

    assert [record.status for record in history.finished(syncs.instance)] == [Status.SUCCESS]
    assert "s3cret" not in "".join(warnings)
    assert ("no alert could be sent: RuntimeError" in warnings) == isinstance(cause, Exception)


def test_nobody_is_told_unless_that_is_wished(syncs: Syncs, receiver: Receiver) -> None:
    assert syncs.end(BAD) == []
    assert alerts.check_overdue(syncs.home, syncs.instance, history.finished(syncs.instance)) == []
    assert receiver.bodies == []


def test_no_success_for_hours_is_told_once_for_each_span(syncs: Syncs, receiver: Receiver) -> None:
    settle(syncs.home, webhook=receiver.url, overdue_hours=4, events=["Sync Overdue"])

    def check() -> list[str]:
        return alerts.check_overdue(syncs.home, syncs.instance, history.finished(syncs.instance))

    # A home that has just been made is not overdue; one of yesterday without any sync is.
    assert check() == []
    assert receiver.bodies == []
    made = syncs.home.dagster_dir / "dagster.yaml"
    os.utime(made, (made.stat().st_atime, made.stat().st_mtime - 86_400))
    check()
    check()
    assert [body["last_success_at"] for body in receiver.bodies] == [None]

    # The last success was ten hours ago, a failure since then does not count.
    syncs.end(GOOD)
    syncs.end(BAD)
    check()
    check()
    assert len(receiver.bodies) == 2
    assert 9.9 < receiver.bodies[1]["hours_without_success"] < 10.1

    syncs.home.config_file.write_text(syncs.home.config_file.read_text() + "enabled: false\n")
    syncs.clock = datetime.now(timezone.utc) - timedelta(hours=5)
    syncs.end(GOOD)
    check()
    assert len(receiver.bodies) == 2, "a home that is off is not overdue"


def test_a_run_that_died_before_it_could_report_is_found_by_the_sensors(syncs: Syncs, receiver: Receiver) -> None:
    settle(syncs.home, webhook=receiver.url, failures=[1, 2], events=["Warehouse Sync Failed"])
    runs = [make_new_run_id(), make_new_run_id()]
    for run_id in runs:
        syncs.instance.add_run(dg.DagsterRun(job_name="sync", run_id=run_id, tags={history.SYNC_TAG: "true"}))
    # One whose code did not load, and one that was killed: it says that it runs, and nobody holds the lock.
    syncs.instance.report_run_failed(syncs.instance.get_run_by_id(runs[0]), "no code")
    killed = syncs.instance.get_run_by_id(runs[1])
    assert killed is not None
    syncs.instance.add_run_tags(runs[1], {history.LOCKED_TAG: "true"})
    syncs.instance.handle_run_event(runs[1], dg.DagsterEvent("PIPELINE_STARTING", "sync"))  # type: ignore[attr-defined]

    watch = next(
        each for each in sync_sensors(cast(Workplace, SimpleNamespace(home=syncs.home))) if each.name == "watch_syncs"
    )
    for _ in range(2):
        watch.evaluate_tick(dg.build_sensor_context(syncs.instance))

    statuses = {run_id: syncs.instance.get_run_by_id(run_id).status for run_id in runs}  # type: ignore[union-attr]
    assert statuses == dict.fromkeys(runs, dg.DagsterRunStatus.FAILURE)
    assert sorted(body["run_id"] for body in receiver.bodies) == sorted(runs)
    assert {
        record.run_id: record.status for record in history.read_history(syncs.instance, syncs.home)
    } == dict.fromkeys(runs, Status.FAILED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: [/x]\nalerts:\n  webhook: hooks.example/x\n", "line 3: `alerts.webhook`: a webhook begins with"),
        ("alerts:\n  failures: [0]\n", "line 2: `alerts.failures.0` is 0"),
        (
            "alerts:\n  events:\n    - Sync Skipped\n    - Sync Skiped\n",
            "line 4: `alerts.events.3|line 4: `alerts.events.1",
        ),
        ("alerts:\n  emial: x\n", "line 2: unknown key `alerts.emial`"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    home = Home(tmp_path)
    home.config_file.write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_deployment(home)


@pytest.mark.slow
def test_the_life_of_a_warehouse_is_told(tmp_path: Path, receiver: Receiver) -> None:
    cli = Cli(tmp_path)
    cli.home.mkdir()
    (cli.home / "profiles_sync.yml").write_text(f"alerts:\n  webhook: {receiver.url}\n  failures: [1]\n")
    write_file(tmp_path / "archive", "a", [call("page", "m1")])

    assert cli.run("connect", "duckdb", "--source", "archive").returncode == 0
    assert cli.json("sync")["status"] == "Success"
    assert cli.json("sync", "--source", "none-such", exit_code=1)["status"] == "Failed"
    assert cli.run("connect", "duckdb").returncode == 0
    assert cli.run("disable").returncode == 0
    assert cli.run_words("warehouse", "delete", "--yes").returncode == 0

    assert receiver.events == [
        Event.CREATED.value,
        Event.BACKFILLED.value,
        Event.FAILED.value,
        Event.MODIFIED.value,
        Event.DISABLED.value,
        Event.DELETED.value,
    ]
    assert receiver.bodies[2]["error"]["code"] == "E_SOURCE_READ"
    assert {body["schema"] for body in receiver.bodies} == {"profiles"}
