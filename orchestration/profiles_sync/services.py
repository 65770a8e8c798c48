"""`profiles-sync up`: Dagster's web server, daemon and code server on one home, started and stopped together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.home import Home, write_atomically

LOCATION = "profiles_sync"
_STOP_WAIT_S = 20.0

_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  __typename ... on PythonError { message } } } } } }"""
_RELOAD = "mutation Reload($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"


@dataclass
class _Service:
    name: str
    process: subprocess.Popen[bytes]


class Services:
    """The processes of one `up`."""

    def __init__(self, home: Home, host: str, port: int) -> None:
        self._home = home
        self._host = host
        self._port = port
        self._services: list[_Service] = []
        self._stopping = False

    @property
    def url(self) -> str:
        """Address of the web server."""
        return f"http://{self._host}:{self._port}"

    def run(self, on_ready: Callable[[], None], *, start_timeout_s: float = 180.0) -> None:
        """Start everything and wait until a signal or the end of a process; then stop what is left.

        Args:
            on_ready: Called when the web server answers.
            start_timeout_s: How long it may take until then.

        Raises:
            ConfigError: The port is taken.
            ProfilesSyncError: A process ended by itself, or the web server did not answer in time.
        """
        if not _is_free(self._host, self._port):
            raise ConfigError(f"port {self._port} of {self._host} is taken", hint="Choose another one with --port.")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        try:
            code_port = _free_port()
            workspace = self._home.dagster_dir / "workspace.yaml"
            write_atomically(
                workspace,
                f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code_port}, location_name: {LOCATION}}}\n",
            )
            # One code server for both others; it also replaces its code on reload while syncs go on.
            code_server = ["dagster", "code-server", "start", "-m", "profiles_sync.definitions"]
            code_server += ["-h", "127.0.0.1", "-p", str(code_port), "--location-name", LOCATION]
            self._start("code-server", code_server)
            # The others look for it once, at their start.
            self._wait_for(lambda: _answers(code_port), "code-server", start_timeout_s)
            self._start(
                "webserver", ["dagster_webserver", "-w", str(workspace), "-h", self._host, "-p", str(self._port)]
            )
            self._start("daemon", ["dagster._daemon", "run", "-w", str(workspace)])
            self._wait_for(self._is_ready, "webserver", start_timeout_s)
            write_atomically(self._home.webserver_file, json.dumps({"url": self.url, "pid": os.getpid()}))
            if not self._stopping:
                on_ready()
            while not self._stopping:
                self._check_alive()
                time.sleep(0.5)
        finally:
            self._home.webserver_file.unlink(missing_ok=True)
            self._stop()

    def _start(self, name: str, module: Sequence[str]) -> None:
        with (self._home.logs_dir / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                # Python would import a `gql.py` of the folder that `up` was typed in before the library of that name.
                cwd=self._home.root,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: a Ctrl-C reaches only us, and we stop each with all its children.
                start_new_session=True,
            )
        self._services.append(_Service(name, process))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _wait_for(self, ready: Callable[[], bool], name: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._stopping and not ready():
            self._check_alive()
            if time.monotonic() > deadline:
                raise ProfilesSyncError(
                    f"Dagster's {name} did not answer within {timeout_s:.0f} s",
                    hint=f"See the logs in {self._home.logs_dir}.",
                )
            time.sleep(0.3)

    def _is_ready(self) -> bool:
        """Whether the pages are there and know the deployment.

        Raises:
            ProfilesSyncError: The deployment does not load.
        """
        try:
            entries = _ask(self.url, _LOCATIONS, timeout_s=30)["workspaceOrError"]["locationEntries"]
        except (OSError, KeyError):
            return False
        loaded = [entry["locationOrLoadError"] for entry in entries if entry["locationOrLoadError"]]
        for location in loaded:
            if location["__typename"] == "PythonError":
                raise ProfilesSyncError(f"Dagster cannot load the deployment: {location['message'].strip()}")
        return bool(loaded)

    def _check_alive(self) -> None:
        for service in self._services:
            if not self._stopping and service.process.poll() is not None:
                log = self._home.logs_dir / f"{service.name}.log"
                raise ProfilesSyncError(
                    f"Dagster's {service.name} ended with exit code {service.process.returncode}", hint=f"See {log}."
                )

    def _stop(self) -> None:
        # Syncs run below the code server: nothing may start a new one before it goes.
        for service in reversed(self._services):
            _signal_group(service.process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_WAIT_S
        for service in self._services:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(max(0.0, deadline - time.monotonic()))
            # Whatever is left of the group, orphans too.
            _signal_group(service.process, signal.SIGKILL)
            service.process.wait()


def reload_definitions(home: Home, *, timeout_s: float = 60.0) -> None:
    """Let a running web server show tables that a sync has just made; without effect when none runs.

    Raises:
        OSError: The server does not answer.
    """
    try:
        url = json.loads(home.webserver_file.read_text("utf-8"))["url"]
    except FileNotFoundError:
        return
    _ask(url, _RELOAD, timeout_s=timeout_s, name=LOCATION)


def _ask(url: str, query: str, *, timeout_s: float, **variables: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=timeout_s) as response:
        data: dict[str, Any] = json.loads(response.read())["data"]
    return data


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
