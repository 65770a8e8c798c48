"""A deployment's home: one folder that holds everything of one space in one warehouse."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from profiles_sync.errors import ConfigError

HOME_VARIABLE = "PROFILES_SYNC_HOME"
DEFAULT_HOME = ".profiles_sync"

# No concurrency limit here: the lock decides, for every entry point alike, and a second sync is recorded as Skipped
# instead of waiting in a queue behind a run that may have been killed.
_DAGSTER_YAML = """\
# Written by profiles-sync when the home was made; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false
retention:
  schedule:
    purge_after_days: {skipped: 7, failure: 30, success: 90}
  sensor:
    purge_after_days: {skipped: 7, failure: 30, success: 90}
"""


@dataclass(frozen=True)
class Binding:
    """The warehouse and space that a home belongs to since its first sync.

    Attributes:
        target: Name of the dbt target.
        warehouse: Kind of warehouse, such as ``duckdb``.
        address: Where it is, without credentials; relative to the home for a file inside it.
        schema: Schema of the public tables.
    """

    target: str
    warehouse: str
    address: str
    schema: str


@dataclass(frozen=True)
class Home:
    """Paths inside a deployment's home. Nothing is created before `create`."""

    root: Path

    @classmethod
    def locate(cls, path: str | Path | None = None) -> Home:
        """Return the home at `path`, else the one that ``PROFILES_SYNC_HOME`` names, else ``.profiles_sync``."""
        chosen = path or os.environ.get(HOME_VARIABLE) or DEFAULT_HOME
        return cls(Path(chosen).expanduser().resolve())

    @property
    def flag(self) -> str:
        """The option that names this home, as it is typed in a shell."""
        return f"--home {shlex.quote(str(self.root))}"

    @property
    def config_file(self) -> Path:
        """The user's settings."""
        return self.root / "profiles_sync.yml"

    @property
    def profiles_file(self) -> Path:
        """The home's own targets; there after `connect`."""
        return self.root / "profiles.yml"

    @property
    def rules_dir(self) -> Path:
        """Holds ``identity_rules.csv`` and ``blocked_values.csv``, each optional."""
        return self.root / "rules"

    @property
    def descriptions_dir(self) -> Path:
        """What the columns are, for dbt, of our own tables that get columns from calls."""
        return self.root / "descriptions"

    @property
    def models_dir(self) -> Path:
        """Generated models, one per track event."""
        return self.root / "models"

    @property
    def dagster_dir(self) -> Path:
        """Dagster's own home."""
        return self.root / "dagster"

    @property
    def target_dir(self) -> Path:
        """What dbt compiles and reports."""
        return self.root / "target"

    @property
    def runs_dir(self) -> Path:
        """What the dbt of each sync wrote, a folder a sync."""
        return self.target_dir / "runs"

    @property
    def logs_dir(self) -> Path:
        """Output of the command line's syncs and of the services that `up` starts."""
        return self.root / "logs"

    @property
    def lock_file(self) -> Path:
        """Held by the one sync that runs."""
        return self.root / "sync.lock"

    @property
    def webserver_file(self) -> Path:
        """Address of the web server while `up` runs."""
        return self.dagster_dir / "webserver.json"

    @property
    def webserver_lock_file(self) -> Path:
        """Held by the one `up` that serves the home."""
        return self.dagster_dir / "webserver.lock"

    @property
    def made_at(self) -> float:
        """When the home was made, in seconds since 1970."""
        return (self.dagster_dir / "dagster.yaml").stat().st_mtime

    def create(self) -> Home:
        """Make the folders and Dagster's configuration where they are missing.

        Raises:
            ConfigError: The folder cannot be made or written.
        """
        try:
            for folder in (
                self.rules_dir,
                self.models_dir,
                self.descriptions_dir,
                self.dagster_dir,
                self.target_dir,
                self.logs_dir,
            ):
                folder.mkdir(parents=True, exist_ok=True)
            dagster_yaml = self.dagster_dir / "dagster.yaml"
            if not dagster_yaml.exists():
                write_atomically(dagster_yaml, _DAGSTER_YAML)
        except OSError as error:
            raise ConfigError(
                f"the home {self.root} cannot be used: {error.strerror or error}",
                hint=f"Choose another folder with --home or {HOME_VARIABLE}.",
            ) from error
        return self

    def activate(self, *, target: str, space: str, profiles_dir: Path) -> None:
        """Point this process and its children (dbt, Dagster) at this home.

        Args:
            target: dbt target that syncs use.
            space: Schema of the public tables.
            profiles_dir: Folder of the `profiles.yml` in force.
        """
        os.environ.update(
            {
                HOME_VARIABLE: str(self.root),
                "PROFILES_SYNC_TARGET": target,
                "PROFILES_SYNC_SPACE": space,
                "DAGSTER_HOME": str(self.dagster_dir),
                "DBT_PROFILES_DIR": str(profiles_dir),
                "DBT_TARGET_PATH": str(self.target_dir),
                "DBT_LOG_PATH": str(self.logs_dir),
                # A program that has the DuckDB file open is waited for, up to some minutes.
                "PROFILES_SYNC_CONNECT_ATTEMPTS": "8",
                # dbt-postgres talks in the encoding of the role or the environment, which may not know every text.
                "PGCLIENTENCODING": "UTF8",
                # Neither dbt nor Dagster may report to their makers.
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
                "DAGSTER_DISABLE_TELEMETRY": "1",
                "DO_NOT_TRACK": "1",
            }
        )
        # dagster-dbt looks for `dbt` on PATH, where an environment that was not activated is missing.
        scripts = str(Path(sys.executable).parent)
        if scripts not in os.environ.get("PATH", "").split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join(filter(None, (scripts, os.environ.get("PATH", ""))))

    @property
    def binding(self) -> Binding | None:
        """The warehouse this home belongs to, None before its first sync."""
        try:
            return Binding(**json.loads(self.binding_file.read_text("utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ConfigError(
                f"{self.binding_file} cannot be read: {error.strerror or error}",
                hint="Let this user read and write the home, or choose another --home.",
            ) from error
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"{self.binding_file} is damaged: {error}",
                hint="Restore it from a backup; it names this home's warehouse.",
            ) from error

    def check_binding(self, wanted: Binding) -> None:
        """Refuse a warehouse or space other than the one this home belongs to.

        Raises:
            ConfigError: The home belongs to another one (``E_SCHEMA_IMMUTABLE``).
        """
        bound = self.binding
        if bound is None or _place(bound) == _place(wanted):
            return
        raise ConfigError(
            f"the home {self.root} syncs into schema {bound.schema} of {bound.warehouse} {bound.address}, "
            f"not into schema {wanted.schema} of {wanted.warehouse} {wanted.address}",
            hint="A home belongs to one space in one warehouse. Use another --home for another one.",
            code="E_SCHEMA_IMMUTABLE",
        )

    def check_bound(self) -> None:
        """Refuse what needs the tables of a sync.

        Raises:
            ConfigError: This home has not synced yet.
        """
        if self.binding is None:
            raise ConfigError(
                "there was no sync in this home yet", hint=f"`profiles-sync sync {self.flag}` makes the tables."
            )

    def bind(self, binding: Binding) -> None:
        """Let the home belong to a warehouse and space from now on."""
        self.check_binding(binding)
        if self.binding != binding:
            write_atomically(self.binding_file, json.dumps(asdict(binding), indent=2) + "\n")

    @property
    def binding_file(self) -> Path:
        """Names the warehouse that the home belongs to; there after the first sync."""
        return self.root / "binding.json"


def _place(binding: Binding) -> tuple[str, str, str]:
    # Two targets may name one place.
    return binding.warehouse, binding.address, binding.schema


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time do something; a file, made where it is missing, stands for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a file so that a reader sees the old or the new text, never a part.

    Args:
        path: The file; a link stays one.
        text: Its content.
        mode: Its rights, from the first byte on; None: those that it has, or what the process's mask leaves of a new one.

    Raises:
        OSError: It cannot be written; its name is the file's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.resolve()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        if mode is None and path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            file.write(text)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        # A full disk is told without a name.
        error.filename = str(path)
        raise
