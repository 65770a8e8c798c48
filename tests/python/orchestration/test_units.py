"""The units of deploy/systemd: their commands run as they stand there, one process each, without systemd."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from support.archive import write_file
from support.cli import Cli
from support.dbt import ROOT
from support.landing import call, track
from support.pages import RUN, Pages

pytestmark = pytest.mark.slow

UNITS = ROOT / "deploy" / "systemd"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _default_signals() -> None:
    # As systemd starts a service. In the background of a script SIGINT is ignored, and so is SIGTERM then by Dagster's code server.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Machine:
    """What the files of deploy/systemd are on a machine, in a folder."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        self.web_port = free_port()
        self._replaced = {
            "/opt/profiles-sync/bin": str(Path(sys.executable).parent),
            "/etc/profiles-sync": str(cli.folder / "etc"),
            "/var/lib/profiles-sync": str(cli.folder),
            "4266": str(free_port()),
            "3000": str(self.web_port),
        }
        (cli.folder / "etc").mkdir()
        for name in ("profiles-sync.env", "workspace.yaml"):
            (cli.folder / "etc" / name).write_text(self._here((UNITS / name).read_text()))
        variables = (cli.folder / "etc" / "profiles-sync.env").read_text().splitlines()
        self.environment = cli.env | dict(line.split("=", 1) for line in variables if not line.startswith("#"))

    def _here(self, text: str) -> str:
        for place, here in self._replaced.items():
            text = text.replace(place, here)
        return text

    def _setting(self, service: str, key: str, otherwise: str = "") -> str:
        unit = (UNITS / f"profiles-sync-{service}.service").read_text()
        found = re.search(rf"^{key}=(.*)$", unit, re.MULTILINE)
        return found[1] if found else otherwise

    def command(self, service: str, key: str) -> str:
        command = self._here(self._setting(service, key))
        assert command
        return command

    @contextmanager
    def started(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.cli.folder / f"{service}.log").open("wb") as log:
            if before := self._here(self._setting(service, "ExecStartPre")).removeprefix("-"):
                subprocess.run(
                    before, shell=True, check=True, cwd=self.cli.folder, env=self.environment, stdout=log, stderr=log
                )
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.command(service, 'ExecStart')}"],
                cwd=self.cli.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_default_signals,
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                # Without a word of the unit systemd grants 90 seconds.
                process.wait(int(self._setting(service, "TimeoutStopSec", "90")))
            finally:
                # As systemd does at last with what is left of a service.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def wait_for(what: Callable[[], bool], timeout_s: float = 240) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_units_commands_serve_a_home(tmp_path: Path) -> None:
    cli = Cli(tmp_path)
    write_file(tmp_path / "archive", "a", [call("page", "m1"), track("m2", "Order Completed")])
    assert cli.run("connect", "duckdb", "--source", "archive").returncode == 0
    machine = Machine(cli)
    pages = Pages(f"http://127.0.0.1:{machine.web_port}")
    with machine.started("code"), machine.started("daemon") as daemon, machine.started("web") as web:
        after = machine.command("web", "ExecStartPost")
        subprocess.run(after, shell=True, check=True, env=machine.environment)
        wait_for(pages.is_ready)

        pages.stop_schedules()
        run_id, run = pages.sync()

        assert (run["status"], run["profiles_sync/status"]) == ("SUCCESS", "Success")
        assert cli.query("select id from profiles.order_completed") == [("m2",)]
        wait_for(lambda: "order_completed" in pages.asset_keys())
        assert [record["run_id"] for record in cli.json("history")] == [run_id]
        refused = cli.run("up", "--port", str(free_port()))
        assert (refused.returncode, f":{machine.web_port}" in refused.stderr) == (2, True)
        assert pages(RUN, id=run_id)["runOrError"]["status"] == "SUCCESS"
        assert daemon.poll() is None
        assert web.poll() is None
