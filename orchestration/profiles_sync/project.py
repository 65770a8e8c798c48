"""The dbt project: where it is, what it targets, and its parsed form."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import yaml

from profiles_sync.connection import keychain
from profiles_sync.connection.kinds import KINDS
from profiles_sync.errors import ConfigError, DbtError
from profiles_sync.home import Binding, Home, exclusive, write_atomically
from profiles_sync.settings import Deployment, load_deployment, load_users_accounts
from profiles_sync.sync.diagnosis import is_secret_variable, redact

PROFILE = "profiles_sync"
DEFAULT_SPACE = "profiles"
# Whether there are `users` and `accounts`, for dbt to know when it parses; blank: as the project's variable says.
USERS_ACCOUNTS_VARIABLE = "PROFILES_SYNC_ENABLE_USERS_ACCOUNTS"

_HERE = Path(__file__).resolve().parent


def _program() -> str:
    beside = Path(sys.executable).with_name("profiles-sync")
    found = shutil.which("profiles-sync")
    if (found and Path(found) == beside) or not beside.exists():
        return "profiles-sync"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


# What to type to call this program from here: its name where the shell finds it, else its path. Found out before a
# home's environment is set, which puts it on PATH.
PROGRAM = _program()


def project_dir() -> Path:
    """Return the folder of `dbt_project.yml`: inside the installed package, or the root of a checkout."""
    return next(folder for folder in (_HERE / "_dbt", _HERE.parents[1]) if (folder / "dbt_project.yml").exists())


def description_files() -> list[Path]:
    """Return the package's own descriptions of the tables that get columns from calls."""
    return sorted((project_dir() / "dbt_project" / "descriptions").glob("*.yml"))


def dbt_executable() -> str:
    """Return the dbt of this environment, which need not be on PATH."""
    beside = Path(sys.executable).with_name("dbt")
    return str(beside) if beside.exists() else "dbt"


@dataclass(frozen=True)
class Target:
    """A target of `profiles.yml`, as dbt reads it.

    Attributes:
        name: Its name.
        kind: Kind of warehouse: dbt's adapter type.
        schema: Schema of the public tables.
        address: Where the warehouse is, without credentials.
        credentials: dbt's credentials object; never to be printed.
    """

    name: str
    kind: str
    schema: str
    address: str
    credentials: Any

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that may appear in no message."""
        shown = set(self.credentials._connection_keys())
        return tuple(
            value
            for name, value in vars(self.credentials).items()
            if name not in shown and name not in ("schema", "database") and isinstance(value, str) and len(value) >= 4
        )


@dataclass(frozen=True)
class Workplace:
    """A home with everything resolved that a sync needs to know before it starts.

    Attributes:
        home: The home.
        deployment: What its file says.
        target: The warehouse.
        profiles_dir: Folder of the `profiles.yml` in force.
    """

    home: Home
    deployment: Deployment
    target: Target
    profiles_dir: Path

    @property
    def binding(self) -> Binding:
        """What the home is bound to by its first sync."""
        return binding_of(self.home, self.target)


def binding_of(home: Home, target: Target) -> Binding:
    """Return what syncs of a home into a target bind it to."""
    address = target.address
    if target.kind == "duckdb" and Path(address).is_relative_to(home.root):
        # A home may be moved.
        address = str(Path(address).relative_to(home.root))
    return Binding(target.name, target.kind, address, target.schema)


def open_workplace(home: Home, *, target: str | None = None) -> Workplace:
    """Create what is missing of a home, point this process at it, and find its warehouse.

    The target is the one given, else the environment's, the home file's, the bound one, the default of `profiles.yml`.

    Args:
        home: The home.
        target: Name of a target of the `profiles.yml` in force.

    Raises:
        ConfigError: The home's file, `profiles.yml` or the target is wrong, or the home belongs to another warehouse.
    """
    home.create()
    for path in description_files():
        if not (home.descriptions_dir / path.name).exists():
            write_atomically(home.descriptions_dir / path.name, path.read_text("utf-8"))
    deployment = load_deployment(home)
    bound = home.binding
    profiles_dir = home.root if home.profiles_file.exists() else project_dir()
    name = target or os.environ.get("PROFILES_SYNC_TARGET") or deployment.target or (bound.target if bound else "")
    space = (
        deployment.space or os.environ.get("PROFILES_SYNC_SPACE") or (bound.schema if bound else "") or DEFAULT_SPACE
    )
    home.activate(target=name, space=space, profiles_dir=profiles_dir)
    keychain.load(home)
    found = _read_target(profiles_dir, name)
    os.environ["PROFILES_SYNC_TARGET"] = found.name
    os.environ["PROFILES_SYNC_READER_ROLES"] = ",".join(deployment.reader_roles)
    wanted = load_users_accounts(home)
    os.environ[USERS_ACCOUNTS_VARIABLE] = "" if wanted is None else str(wanted).lower()
    workplace = Workplace(home, deployment, found, profiles_dir)
    home.check_binding(workplace.binding)
    return workplace


def _read_target(profiles_dir: Path, name: str) -> Target:
    path = profiles_dir / "profiles.yml"
    try:
        raw = yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        # Its text would quote the line, and that may be the password's.
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: this is not valid YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}") from None
    return resolve_target(raw, name, path)


def resolve_target(raw: dict[str, Any], name: str, path: Path) -> Target:
    """Return a target as dbt understands it, its expressions rendered.

    Args:
        raw: Content of a `profiles.yml`.
        name: Of the target; blank: the default one.
        path: The file, for messages; dbt looks for its flags beside it.

    Raises:
        ConfigError: There is no such target, dbt does not accept it, or its adapter is not installed.
    """
    # Only here is dbt imported into this process.
    from dbt.config.profile import Profile
    from dbt.config.renderer import ProfileRenderer
    from dbt.flags import set_from_args
    from dbt_common.context import set_invocation_context
    from dbt_common.exceptions import DbtBaseException

    if not name:
        # The default target's own expression reads this variable, and blank is no name.
        os.environ.pop("PROFILES_SYNC_TARGET", None)
    section = raw.get(PROFILE) if isinstance(raw, dict) else None
    outputs = section.get("outputs") if isinstance(section, dict) else None
    if not isinstance(outputs, dict) or not all(isinstance(each, dict) for each in outputs.values()):
        raise ConfigError(
            f"{path} has no `outputs:` with targets below `{PROFILE}:`", hint="`profiles-sync connect` writes it anew."
        )
    if name and name not in outputs:
        raise ConfigError(f"{path} has no target `{name}`", hint=f"Targets: {', '.join(outputs)}.")
    kind = str(outputs.get(name, {}).get("type", ""))
    if kind in KINDS and find_spec(f"dbt.adapters.{kind}") is None:
        raise ConfigError(f"the driver for {kind} is not installed", hint=f"Install it: {KINDS[kind].install}")
    set_from_args(Namespace(profiles_dir=str(path.parent)), None)
    set_invocation_context(os.environ)
    try:
        profile = Profile.from_raw_profiles(raw, PROFILE, ProfileRenderer({}), name or None)
    except DbtBaseException as error:
        raise ConfigError(f"{path}: {redact(str(error).strip(), _raw_secrets(outputs))}") from None
    # Each adapter has its own class of them.
    credentials: Any = profile.credentials
    if credentials.type == "duckdb":
        address = str(Path(credentials.path).resolve())
    else:
        shown = {key: getattr(credentials, key, None) for key in ("host", "port", "account", "project", "database")}
        address = "/".join(str(value) for value in shown.values() if value)
    return Target(profile.target_name, credentials.type, credentials.schema, address, credentials)


def _raw_secrets(outputs: Mapping[str, Any]) -> list[str]:
    """Return the values of targets that may be secret, as they stand in the file: dbt's message may quote them."""
    return [
        str(value)
        for target in outputs.values()
        for key, value in target.items()
        if is_secret_variable(str(key)) or key in ("pass", "keyfile_json")
    ]


def run_dbt(workplace: Workplace, arguments: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
    """Run one dbt command to its end, quietly.

    Args:
        workplace: Where.
        arguments: Of dbt, such as ``["run-operation", "prepare_space"]``.
        environment: Variables on top of this process's.

    Raises:
        DbtError: dbt failed; the message is what dbt said.
    """
    finished = subprocess.run(
        [dbt_executable(), "--quiet", "--no-use-colors", *arguments],
        cwd=project_dir(),
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise _failure(workplace, arguments[0], finished.stdout.strip() or f"exit code {finished.returncode}")


def _failure(workplace: Workplace, command: str, said: str) -> DbtError:
    return DbtError(f"dbt {command} failed: {redact(said, workplace.target.secrets)}")


def run_dbt_tests(workplace: Workplace, target_path: Path) -> list[dict[str, Any]]:
    """Run every dbt test of the project but those of seeds, which a sync does not read; tests that fail are among the results.

    Args:
        workplace: Where.
        target_path: Folder for dbt's artifacts.

    Raises:
        DbtError: dbt could not run them.
    """
    finished = subprocess.run(
        [
            dbt_executable(),
            "--quiet",
            "--no-use-colors",
            "test",
            "--exclude",
            "resource_type:seed",
            "--target-path",
            str(target_path),
        ],
        cwd=project_dir(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    path = target_path / "run_results.json"
    if finished.returncode not in (0, 1) or not path.exists():
        raise _failure(workplace, "test", finished.stdout.strip() or f"exit code {finished.returncode}")
    results: list[dict[str, Any]] = orjson.loads(path.read_bytes())["results"]
    return results


def _parse(workplace: Workplace) -> None:
    """Have dbt parse the project, in this process: to import it anew takes as long as to parse. No connection is opened."""
    from dbt.cli.main import dbtRunner

    said: list[str] = []

    def note(event: Any) -> None:
        if event.info.level == "error":
            said.append(event.info.msg)

    arguments = ["--log-level", "none", "--no-use-colors", "parse", "--project-dir", str(project_dir())]
    finished = dbtRunner(callbacks=[note]).invoke(arguments)
    if not finished.success:
        raise _failure(workplace, "parse", "\n".join(said).strip() or str(finished.exception))


def load_manifest(workplace: Workplace, *, apart: bool = False) -> dict[str, Any]:
    """Return the project's manifest, parsed anew only when a file of the project or the target changed.

    Args:
        workplace: Where.
        apart: In a process of its own, for one that goes on for days: what dbt holds and starts stays until the end.

    Raises:
        DbtError: The project does not parse.
    """
    folder = workplace.home.target_dir
    path = folder / "manifest.json"
    stamp = folder / "manifest.fingerprint"
    # A code server that loads must not read a manifest that a sync is writing.
    with exclusive(folder / "manifest.lock"):
        fingerprint = _fingerprint(workplace)
        if not path.exists() or not stamp.exists() or stamp.read_text("utf-8") != fingerprint:
            if apart:
                run_dbt(workplace, ["parse"])
            else:
                _parse(workplace)
            write_atomically(stamp, fingerprint)
        return _read_manifest(path, fingerprint)


@functools.lru_cache(maxsize=1)
def _read_manifest(path: Path, _fingerprint: str) -> dict[str, Any]:
    # A sync asks before it lands and after, mostly for the same one: megabytes where there are many event tables.
    manifest: dict[str, Any] = orjson.loads(path.read_bytes())
    return manifest


def _fingerprint(workplace: Workplace) -> str:
    root = project_dir()
    digest = hashlib.sha256(
        f"{workplace.target.name} {workplace.target.address} {workplace.target.schema} "
        f"{os.environ.get(USERS_ACCOUNTS_VARIABLE, '')}".encode()
    )
    for folder in (
        root / "dbt_project",
        root / "macros",
        root / "seeds",
        root / "tests" / "dbt",
        workplace.home.models_dir,
        workplace.home.descriptions_dir,
    ):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".sql", ".yml", ".csv", ".md"):
                digest.update(_state(path))
    for path in (root / "dbt_project.yml", root / "packages.yml", workplace.profiles_dir / "profiles.yml"):
        digest.update(_state(path))
    return digest.hexdigest()


def _state(path: Path) -> bytes:
    try:
        status = path.stat()
    except FileNotFoundError:
        return b""
    return f"{path} {status.st_size} {status.st_mtime_ns}\n".encode()
