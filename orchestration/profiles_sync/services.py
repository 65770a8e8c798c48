"""`profiles-sync up`: Dagster's web server, daemon and code server on each home, started and stopped together."""

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.guardian import DONE, STOP_WAIT_S
from profiles_sync.home import Home, write_atomically
from profiles_sync.sync.lock import HomeLock

LOCATION = "profiles_sync"

_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  __typename ... on PythonError { message } } } } } }"""
_RELOAD = "mutation Reload($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"
# The pages are on this machine: a proxy that the environment names for others does not know them.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Deployment:
    """A home that Dagster is to serve.

    Attributes:
        home: The home.
        host: Address that its web server listens on.
        port: Port of its pages.
        environment: Of its processes, which points them at the home.
    """

    home: Home
    host: str
    port: int
    environment: Mapping[str, str]

    @property
    def url(self) -> str:
        """Address of the web server."""
        return f"http://{self.host}:{self.port}"

    @property
    def is_ready(self) -> bool:
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
                raise ProfilesSyncError(
                    f"Dagster cannot load the deployment in {self.home.root}: {location['message'].strip()}"
                )
        return bool(loaded)


@dataclass
class _Service:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Services:
    """The processes of one `up`: for each home a code server, a web server and a daemon, on the home's own Dagster."""

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self._deployments = deployments
        self._services: list[_Service] = []
        self._guardian: subprocess.Popen[bytes] | None = None
        self._stopping = False

    def run(self, on_ready: Callable[[Deployment], None], *, start_timeout_s: float = 180.0) -> None:
        """Start everything and wait until a signal or the end of a process; then stop what is left.

        Args:
            on_ready: Called with each deployment when its web server answers.
            start_timeout_s: How long each may take until then.

        Raises:
            ConfigError: A port is taken, or a home is served already.
            ProfilesSyncError: A process ended by itself, or a web server did not answer in time.
        """
        with contextlib.ExitStack() as held:
            locks = [held.enter_context(HomeLock(each.home.webserver_lock_file)) for each in self._deployments]
            for deployment, lock in zip(self._deployments, locks, strict=True):
                _claim(deployment, lock)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._on_signal)
            # Sees to it that nothing goes on when this process is killed; until then the homes are served.
            self._guardian = subprocess.Popen(
                [sys.executable, "-m", "profiles_sync.guardian"],
                stdin=subprocess.PIPE,
                start_new_session=True,
                pass_fds=[lock.fileno() for lock in locks],
            )
            try:
                for deployment in self._deployments:
                    self._serve(deployment, start_timeout_s)
                    if not self._stopping:
                        on_ready(deployment)
                while not self._stopping:
                    self._check_alive()
                    time.sleep(0.5)
            finally:
                for deployment in self._deployments:
                    deployment.home.webserver_file.unlink(missing_ok=True)
                self._stop()

    def _serve(self, deployment: Deployment, start_timeout_s: float) -> None:
        # Imports Dagster, which who only asks for its address does without.
        from profiles_sync.sync.history import open_instance

        code_port = _free_port()
        workspace = deployment.home.dagster_dir / "workspace.yaml"
        write_atomically(
            workspace,
            f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {code_port}, location_name: {LOCATION}}}\n",
        )
        # One code server for both others; it also replaces its code on reload while syncs go on.
        code_server = ["dagster", "code-server", "start", "-m", "profiles_sync.definitions"]
        code_server += ["-h", "127.0.0.1", "-p", str(code_port), "--location-name", LOCATION]
        web_server = ["dagster_webserver", "-w", str(workspace), "-h", deployment.host, "-p", str(deployment.port)]
        with open_instance(deployment.home):
            # The tables of its storage are there now. Made at once by two services, they would end one of them.
            pass
        self._start(deployment, "code-server", code_server)
        # The others look for it once, at their start.
        self._wait_for(lambda: _answers(code_port), "code-server", start_timeout_s)
        self._start(deployment, "webserver", web_server)
        self._start(deployment, "daemon", ["dagster._daemon", "run", "-w", str(workspace)])
        self._wait_for(lambda: deployment.is_ready, "webserver", start_timeout_s)
        announce(deployment.home, deployment.url)

    def _start(self, deployment: Deployment, name: str, module: Sequence[str]) -> None:
        path = deployment.home.logs_dir / f"{name}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                # Python would import a `gql.py` of the folder that `up` was typed in before the library of that name.
                cwd=deployment.home.root,
                env=deployment.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: a Ctrl-C reaches only us, and we stop each with all its children.
                start_new_session=True,
            )
        self._services.append(_Service(name, process, path))
        self._tell_guardian(str(process.pid))

    def _tell_guardian(self, word: str) -> None:
        assert self._guardian is not None
        assert self._guardian.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._guardian.stdin.write(f"{word}\n".encode())
            self._guardian.stdin.flush()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _wait_for(self, ready: Callable[[], bool], name: str, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._stopping and not ready():
            self._check_alive()
            if time.monotonic() > deadline:
                raise ProfilesSyncError(
                    f"Dagster's {name} did not answer within {timeout_s:.0f} s",
                    hint=f"See {self._services[-1].log.parent}.",
                )
            time.sleep(0.3)

    def _check_alive(self) -> None:
        for service in self._services:
            if not self._stopping and service.process.poll() is not None:
                raise ProfilesSyncError(
                    f"Dagster's {service.name} ended with exit code {service.process.returncode}",
                    hint=f"See {service.log}.",
                )

    def _stop(self) -> None:
        # Syncs run below the code server: nothing may start a new one before it goes.
        for service in reversed(self._services):
            _signal_group(service.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WAIT_S
        for service in self._services:
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(max(0.0, deadline - time.monotonic()))
            # Whatever is left of the group, orphans too.
            _signal_group(service.process, signal.SIGKILL)
            service.process.wait()
        if self._guardian is not None:
            self._tell_guardian(DONE)
            self._guardian.communicate()


def _claim(deployment: Deployment, lock: HomeLock) -> None:
    home = deployment.home
    if not lock.acquire():
        raise ConfigError(f"Dagster runs on {home.root} already: {running_url(home) or 'it is starting'}")
    # An `up` that was killed left it behind.
    home.webserver_file.unlink(missing_ok=True)
    if not _is_free(deployment.host, deployment.port):
        raise ConfigError(
            f"port {deployment.port} of {deployment.host} is taken", hint="Choose another one with --port."
        )


def announce(home: Home, url: str) -> None:
    """Note where a home's pages are; it counts while the home's web server lock is held."""
    write_atomically(home.webserver_file, json.dumps({"url": url}))


def running_url(home: Home) -> str | None:
    """Return the address of the home's pages while they are served, else None."""
    # Not by a process id: in a container the next `up` has the one that was killed.
    if HomeLock(home.webserver_lock_file).holder() is None:
        return None
    try:
        return str(json.loads(home.webserver_file.read_text("utf-8"))["url"])
    except FileNotFoundError:
        # They are starting.
        return None


def reload_definitions(home: Home, *, timeout_s: float = 60.0) -> None:
    """Let a running web server show tables that a sync has just made; without effect when none runs.

    Raises:
        OSError: The server does not answer.
    """
    if url := running_url(home):
        _ask(url, _RELOAD, timeout_s=timeout_s, name=LOCATION)


def _ask(url: str, query: str, *, timeout_s: float, **variables: str) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{url}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with _OPENER.open(request, timeout=timeout_s) as response:
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


if __name__ == "__main__":
    # For a supervisor that starts the web server itself, below the lock: its address.
    announce(Home.locate(), sys.argv[1])
