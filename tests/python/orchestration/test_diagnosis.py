"""Errors get our code and a next step, and lose their credentials."""

from __future__ import annotations

import pytest

from profiles_sync.errors import ConfigError
from profiles_sync.sync.diagnosis import diagnose, diagnose_exception, redact


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('connection to server at "10.0.0.9", port 5432 failed: Connection refused', "E_NETWORK"),
        ('could not translate host name "db.example" to address: Name or service not known', "E_NETWORK"),
        ('FATAL:  password authentication failed for user "ps"', "E_AUTH"),
        ('FATAL:  role "ps" is not permitted to log in', "E_AUTH"),
        ("permission denied for schema profiles", "E_PERMISSION"),
        ("42501: must be owner of table pages", "E_PERMISSION"),
        ('schema "profiles" does not exist', "E_PERMISSION"),
        ("IO Error: Could not set lock on file: Conflicting lock is held in python (PID 7)", "E_NETWORK"),
        ("could not extend file: No space left on device", "E_LIMIT_SIZE"),
        ("tables can have at most 1600 columns", "E_LIMIT_COLUMNS"),
        ("57014: system is in resize mode", "E_NETWORK"),
        ("002318 (42601): invalid column definition name 'x' (ANSI reserved)", "E_RESERVED_NAME"),
        ("something nobody has seen", "E_DBT"),
    ],
)
def test_catalogue(message: str, code: str) -> None:
    error = diagnose(message, fallback="E_DBT")

    assert error.code == code
    assert error.message == message
    assert bool(error.hint) == (code != "E_DBT")


def test_an_error_of_ours_keeps_its_code_and_hint() -> None:
    error = diagnose_exception(ConfigError("wrong", hint="do this"))

    assert (error.code, error.message, error.hint) == ("E_CONFIG", "wrong", "do this")


def test_credentials_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_POSTGRES_PASSWORD", "corr3ct-horse")
    text = (
        "postgres://ps:b4ttery@db/x failed; password=staple token: 'ab cd'; corr3ct-horse again; "
        "account_key sUpErKeY; user ps"
    )

    shown = redact(text, ["sUpErKeY"])

    for secret in ("b4ttery", "staple", "ab cd", "corr3ct-horse", "sUpErKeY"):
        assert secret not in shown
    assert "postgres://ps:*****@db/x failed" in shown
    assert shown.endswith("user ps")


def test_a_long_message_is_cut() -> None:
    assert len(diagnose("x" * 100_000, fallback="E_DBT").message) == 4000
