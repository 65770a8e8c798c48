"""Secrets in the operating system's keyring, from where dbt gets them through the environment.

A target of the home's `profiles.yml` that reads `DBT_ENV_SECRET_KEYRING_PASSWORD` has its `password` there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from profiles_sync.errors import ConfigError
from profiles_sync.home import Home

_VARIABLE = re.compile(r"\bDBT_ENV_SECRET_KEYRING_([A-Z_]+)\b")


def variable(key: str) -> str:
    """Return the variable through which dbt gets a secret from the keyring."""
    return f"DBT_ENV_SECRET_KEYRING_{key.upper()}"


def remember(home: Home, key: str, secret: str) -> None:
    """Put a secret into the operating system's keyring.

    Raises:
        ConfigError: There is no keyring.
    """
    _keyring("set_password", home, key, secret)


def forget(home: Home, keys: Iterable[str]) -> None:
    """Take secrets of this home out of the keyring.

    Raises:
        ConfigError: The keyring cannot be used.
    """
    for key in keys:
        if _keyring("get_password", home, key) is not None:
            _keyring("delete_password", home, key)
        os.environ.pop(variable(key), None)


def load(home: Home) -> None:
    """Give dbt the secrets that the home's `profiles.yml` wants from the keyring, in this process's environment.

    Raises:
        ConfigError: The keyring cannot be read, or a secret is not in it.
    """
    for key in kept(home):
        secret = _keyring("get_password", home, key)
        if secret is None:
            raise ConfigError(
                f"the keyring has no {key} for {home.root}", hint="Run `profiles-sync connect` again for this home."
            )
        os.environ[variable(key)] = secret


def kept(home: Home) -> list[str]:
    """Return the keys of the secrets that the home's `profiles.yml` wants from the keyring."""
    try:
        text = home.profiles_file.read_text("utf-8")
    except FileNotFoundError:
        return []
    return sorted({name.lower() for name in _VARIABLE.findall(text)})


def _keyring(call: str, home: Home, *arguments: str) -> str | None:
    try:
        import keyring
    except ImportError as error:
        raise ConfigError(
            "the library for the operating system's keyring is missing",
            hint="Install it: pip install 'profiles-sync[keyring]'",
        ) from error
    try:
        answer: str | None = getattr(keyring, call)(f"profiles-sync:{home.root}", *arguments)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"the operating system's keyring cannot be used: {type(error).__name__}",
            hint="Unlock it, or keep the secrets elsewhere: `profiles-sync connect --secrets file` or `environment`.",
        ) from error
    return answer
