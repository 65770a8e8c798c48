"""Errors get our code and a next step, and lose their credentials."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from profiles_sync.errors import NEXT_STEPS, ConfigError, ProfilesSyncError
from profiles_sync.sync.diagnosis import diagnose, diagnose_exception, redact


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('connection to server at "10.0.0.9", port 5432 failed: Connection refused', "E_NETWORK"),
        ('could not translate host name "db.example" to address: Name or service not known', "E_NETWORK"),
        ("dial tcp: lookup db.example: no such host", "E_NETWORK"),
        ("canceling statement due to statement timeout (57014)", "E_CONFIG"),
        ("canceling statement due to lock timeout", "E_CONFIG"),
        ("terminating connection due to idle-in-transaction timeout", "E_CONFIG"),
        ("cannot execute COPY FROM in a read-only transaction (25006)", "E_PERMISSION"),
        ("read tcp 10.0.0.1: i/o timeout", "E_NETWORK"),
        ("Error during deduping step: EOF", "E_NETWORK"),
        ("SSL connection has been closed unexpectedly", "E_NETWORK"),
        ("terminating connection due to administrator command", "E_NETWORK"),
        ("connection already closed", "E_NETWORK"),
        ("connection is closed", "E_NETWORK"),
        ("BrokenPipe: server socket closed. Please check that client side networking", "E_NETWORK"),
        ("FATAL:  the database system is starting up", "E_NETWORK"),
        ("FATAL:  sorry, too many clients already", "E_NETWORK"),
        ("server closed the connection unexpectedly (08006)", "E_NETWORK"),
        ('FATAL:  password authentication failed for user "ps"', "E_AUTH"),
        ('FATAL:  role "ps" is not permitted to log in', "E_AUTH"),
        ("250001 (08001): Failed to connect to DB: JWT token is invalid", "E_AUTH"),
        ("250001 (08001): Failed to connect to DB", "E_NETWORK"),
        ("390144: JWT token is invalid.", "E_AUTH"),
        ('FATAL:  database "shop" does not exist', "E_AUTH"),
        ("permission denied for schema profiles", "E_PERMISSION"),
        ("permission denied for database shop", "E_PERMISSION"),
        ("permission denied for relation pages", "E_PERMISSION"),
        ("42501: must be owner of table pages", "E_PERMISSION"),
        ('schema "profiles" does not exist', "E_PERMISSION"),
        ("something about a schema (3F000)", "E_PERMISSION"),
        (
            "002043 (02000): SQL compilation error:\nObject does not exist, or operation cannot be performed.",
            "E_PERMISSION",
        ),
        ("IO Error: Could not set lock on file: Conflicting lock is held in python (PID 7)", "E_NETWORK"),
        ('IO Error: Cannot open file "/x/y.duckdb": No such file or directory', "E_CONFIG"),
        ('syntax error at or near "ENCODE" (42601)', "E_CONFIG"),
        ('connecting to h/5432/shop: invalid sslmode value: "requird"', "E_CONFIG"),
        ('connecting to h/99999/shop: invalid port number: "99999"', "E_CONFIG"),
        ("server does not support SSL, but SSL was required", "E_CONFIG"),
        ("SSL error: certificate verify failed", "E_CONFIG"),
        ('root certificate file "/x/root.crt" does not exist', "E_CONFIG"),
        ('unacceptable schema name "pg_shop" (42939)', "E_CONFIG"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "ps", database "shop", no encryption', "E_NETWORK"),
        ("could not extend file: No space left on device", "E_LIMIT_SIZE"),
        ("could not write (53100)", "E_LIMIT_SIZE"),
        ("Warehouse 'PS' cannot be resumed because resource monitor 'M' has exceeded its quota.", "E_LIMIT_SIZE"),
        ("tables can have at most 1600 columns", "E_LIMIT_COLUMNS"),
        ("Internal error 1040 (XX000)", "E_LIMIT_TABLES"),
        ("57014: system is in resize mode", "E_NETWORK"),
        ("002318 (42601): invalid column definition name 'x' (ANSI reserved)", "E_RESERVED_NAME"),
        ("This space was written by a newer Profiles Sync (tables of version 9)", "E_STATE"),
        ("something nobody has seen", "E_DBT"),
        ("division by zero in row 42501 of 57014", "E_DBT"),
    ],
)
def test_catalogue(message: str, code: str) -> None:
    error = diagnose(message, fallback="E_DBT")

    assert error.code == code
    assert error.message == message
    assert error.hint
    # The hint goes through the same filter as the message, and has to come out of it.
    assert redact(error.hint) == error.hint


def test_every_code_is_documented_with_its_next_step() -> None:
    documented = Path(__file__).parents[3].joinpath("docs", "operations.md").read_text()

    assert set(re.findall(r"^\| `(E_[A-Z_]+)` \|", documented, re.MULTILINE)) == set(NEXT_STEPS)
    for error in (
        ConfigError("x"),
        ProfilesSyncError("x"),
        *(ProfilesSyncError("x", code=code) for code in NEXT_STEPS),
    ):
        assert diagnose_exception(error).hint == NEXT_STEPS[error.code]


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


def test_a_secret_that_is_a_word_of_the_message_hides_no_cause() -> None:
    error = diagnose("password authentication failed for user ps", fallback="E_INTERNAL", secrets=["password"])

    assert (error.code, error.message) == ("E_AUTH", "***** authentication failed for user ps")


def test_what_signs_a_url_is_hidden() -> None:
    said = "403 for https://host/a?sv=1&sig=abc%3D and https://host/b?X-Amz-Credential=AK%2Fx&X-Amz-Signature=f00d"
    hidden = "403 for https://host/a?sv=1&sig=***** and https://host/b?X-Amz-Credential=*****&X-Amz-Signature=*****"
    assert redact(said) == hidden


def test_a_long_message_is_cut() -> None:
    assert len(diagnose("x" * 100_000, fallback="E_DBT").message) == 4000
