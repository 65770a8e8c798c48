"""A warehouse that somebody wants to connect, first only tried, then written into the home; and its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from profiles_sync import alerts
from profiles_sync.connection import keychain
from profiles_sync.connection.kinds import Kind
from profiles_sync.connection.profile import Secrets, build_profile, environment_variable, write_profile
from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.home import HOME_VARIABLE, Home
from profiles_sync.project import Target, binding_of, open_workplace, resolve_target
from profiles_sync.services import running_url
from profiles_sync.settings import Event, change_settings, load_deployment
from profiles_sync.sync.lock import HomeLock
from profiles_sync.warehouse import open_warehouse


@dataclass(frozen=True)
class Candidate:
    """A warehouse and its credentials.

    Attributes:
        home: The deployment it is meant for.
        kind: Of warehouse.
        space: Schema of the public tables.
        secrets: Where secrets are to be kept.
        target: As dbt understands it.
        profile: The `profiles.yml` to be.
        hidden: The secrets by key.
    """

    home: Home
    kind: Kind
    space: str
    secrets: Secrets
    target: Target
    profile: dict[str, Any]
    hidden: Mapping[str, str]

    @classmethod
    def of(cls, home: Home, kind: Kind, answers: Mapping[str, str], *, space: str, secrets: Secrets) -> Candidate:
        """Return what the answers describe; of the home nothing but its folders is made yet.

        Args:
            home: The deployment.
            kind: Of warehouse.
            answers: By key of the target.
            space: Schema of the public tables.
            secrets: Where the secret answers are to be kept.

        Raises:
            ConfigError: dbt does not accept them, the driver is missing, or the home belongs to another warehouse.
        """
        home.create()
        hidden = {each.key: answers[each.key] for each in kind.questions if each.secret and answers[each.key]}
        profile = build_profile(kind, answers, secrets)
        os.environ.update({HOME_VARIABLE: str(home.root), "PROFILES_SYNC_SPACE": space})
        if secrets is Secrets.KEYRING:
            os.environ.update({keychain.variable(key): secret for key, secret in hidden.items()})
        target = resolve_target(profile, kind.name, home.profiles_file)
        home.check_binding(binding_of(home, target))
        return cls(home, kind, space, secrets, target, profile, hidden)

    def keep(self, sources: Sequence[str]) -> list[str]:
        """Write the target and its secrets to where they belong, and turn syncs on.

        Args:
            sources: What every sync reads; empty: as before.

        Returns:
            What went wrong without harm to the connection.

        Raises:
            ConfigError: The home or the keyring cannot be written, or the home's settings are wrong.
        """
        old = keychain.kept(self.home)
        was_connected = self.home.profiles_file.exists()
        # In the order of need: a sync that is on finds its target, and the target its secrets.
        new = self.hidden if self.secrets is Secrets.KEYRING else {}
        for key, secret in new.items():
            keychain.remember(self.home, key, secret)
        write_profile(self.home, self.profile)
        settings = {"target": self.kind.name, "space": self.space, "enabled": True}
        change_settings(self.home, settings | ({"sources": list(sources)} if sources else {}))
        problems = []
        try:
            keychain.forget(self.home, [key for key in old if key not in new])
        except ConfigError as error:
            problems.append(f"the former secrets are still in the keyring: {error.message}")
        return problems + alerts.send(self.home, Event.MODIFIED if was_connected else Event.CREATED)

    @property
    def whereabouts(self) -> str:
        """Where the credentials are, in a sentence."""
        file = self.home.profiles_file
        if not any(each.secret for each in self.kind.questions) or not self.hidden:
            return f"The connection is in {file}."
        if self.secrets is Secrets.KEYRING:
            return f"The connection is in {file}, its secrets in the operating system's keyring."
        if self.secrets is Secrets.ENVIRONMENT:
            names = ", ".join(environment_variable(self.kind, key) for key in self.hidden)
            return f"The connection is in {file}; set {names} wherever syncs run."
        return f"The connection is in {file}, which only you can read."


def check_deletable(home: Home) -> None:
    """Refuse to delete the warehouse of a home that may still sync.

    Raises:
        ConfigError: Its syncs are on, or `profiles-sync up` runs on it.
    """
    if load_deployment(home).enabled:
        raise ConfigError(
            f"syncs of {home.root} are on", hint=f"First `profiles-sync disable {home.flag}`, then delete."
        )
    if url := running_url(home):
        raise ConfigError(f"`profiles-sync up` runs on {home.root}: {url}", hint="Stop it first.")


def delete_warehouse(home: Home, *, target: str | None = None, drop_schema: bool = False) -> list[str]:
    """Take a home's credentials and everything that syncs have left in it away; its settings and rules stay.

    Args:
        home: A home whose syncs are disabled.
        target: For a home that was never connected: the target that its syncs went to.
        drop_schema: Drop the space's schemas in the warehouse first; when that fails, everything stays.

    Returns:
        What is gone.

    Raises:
        ProfilesSyncError: Syncs are on, one is running (``E_LOCKED``), or the warehouse refuses to drop a schema.
    """
    check_deletable(home)
    gone = []
    with HomeLock(home.lock_file) as lock:
        if not lock.acquire():
            raise ProfilesSyncError(
                "a sync is running in this home", hint="Try again when it has ended.", code="E_LOCKED"
            )
        if drop_schema:
            with open_warehouse(open_workplace(home, target=target).target) as house:
                # Before its first sync a schema of that name may have become somebody else's.
                house.refuse_foreign_tables()
                for schema in (house.schemas.space, house.schemas.staging, house.schemas.ops):
                    if house.schema_exists(schema):
                        house.drop_schema(schema)
                        gone.append(f"schema {schema} with its tables")
        keychain.forget(home, keychain.kept(home))
        change_settings(home, {"target": None, "space": None})
        for path in (home.profiles_file, home.binding_file):
            if path.exists():
                path.unlink()
                gone.append(str(path))
        for folder in (
            home.dagster_dir,
            home.models_dir,
            home.descriptions_dir,
            home.target_dir,
            home.logs_dir,
        ):
            if folder.exists():
                shutil.rmtree(folder)
                gone.append(str(folder))
    return gone
