"""From an error as the warehouse gave it to our code, a message without credentials, and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.sync.outcome import SyncError

MESSAGE_LIMIT = 4_000

_SECRET_VARIABLE = re.compile(
    r"SECRET|PASSWORD|PASSWD|TOKEN|PRIVATE_KEY|ACCESS_KEY|CREDENTIAL|PASSPHRASE", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s@]+@")
_KEY_VALUE = re.compile(
    r"(?i)\b(password|passwd|pwd|token|secret|private_key|access_key|client_secret)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;&]+)"
)
_HIDDEN = "*****"

# The first that matches decides; SQLSTATEs stand before words.
_CATALOGUE: tuple[tuple[str, str, str], ...] = (
    ("E_NETWORK", r"\b57014\b.*resize|resize mode", "The cluster is being resized; the next sync catches up."),
    (
        "E_PERMISSION",
        r"\b42501\b|permission denied|access denied|insufficient privileges|must be owner of",
        "Grant the missing right to the sync's user.",
    ),
    (
        "E_AUTH",
        r"\b28(000|P01)\b|password authentication failed|no password supplied|is not permitted to log in|login failed"
        r"|jwt token is invalid",
        "Check user and password of the target in profiles.yml.",
    ),
    (
        "E_PERMISSION",
        r"\b3F000\b|schema .* does not exist",
        "Let the sync's user create schemas in the database, or create this one for it.",
    ),
    (
        "E_NETWORK",
        r"could not translate host name|no such host|name or service not known",
        "Check the host of the target in profiles.yml.",
    ),
    (
        "E_NETWORK",
        r"connection refused|timed? ?out|could not connect|connection (was )?(closed|reset)"
        r"|server closed the connection|\bEOF\b|network is unreachable",
        "Check that the warehouse runs and lets this machine in; the next sync catches up.",
    ),
    (
        "E_PERMISSION",
        r"role .* does not exist",
        "Create the role, or correct it: it is the sync's user, or one of `reader_roles` in profiles_sync.yml.",
    ),
    ("E_AUTH", r"database .* does not exist|invalid database", "Check the database of the target in profiles.yml."),
    (
        "E_NETWORK",
        r"conflicting lock is held|could not set lock on file",
        "Another program has the DuckDB file open; close it, or read a copy.",
    ),
    (
        "E_CONFIG",
        r"cannot open (file|database) .*(no such file or directory|does not exist)",
        "Make the folder of the DuckDB file, or name another one: `path` of the target in profiles.yml.",
    ),
    (
        "E_LIMIT_SIZE",
        r"no space left on device|disk full|out of memory",
        "Make room, then sync again: nothing is lost or doubled.",
    ),
    (
        "E_LIMIT_COLUMNS",
        r"tables can have at most \d+ columns|too many columns",
        "Lower `max_columns_per_table` in profiles_sync.yml.",
    ),
    ("E_RESERVED_NAME", r"\b002318\b|ansi reserved", "Report the column's name: it should have been prefixed."),
    ("E_STATE", r"written by a newer profiles sync", "Upgrade Profiles Sync."),
)


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return bool(_SECRET_VARIABLE.search(name))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without credentials.

    Args:
        text: A message that may quote a connection.
        secrets: Values to hide besides secret environment variables, passwords in URLs and `password=...` pairs.
    """
    found = {value for name, value in os.environ.items() if is_secret_variable(name)}
    # Longer ones first, so that a secret within another one leaves nothing of it.
    for secret in sorted(found | set(secrets), key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, _HIDDEN)
    text = _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", text)
    return _KEY_VALUE.sub(rf"\1\2{_HIDDEN}", text)


def diagnose(message: str, *, fallback: str, secrets: Iterable[str] = ()) -> SyncError:
    """Classify an error message.

    Args:
        message: As dbt, a driver or the warehouse gave it.
        fallback: Code when nothing in the catalogue matches.
        secrets: Credentials to hide in it.
    """
    text = redact(message.strip(), secrets)[:MESSAGE_LIMIT]
    for code, pattern, hint in _CATALOGUE:
        if re.search(pattern, text, re.IGNORECASE):
            return SyncError(code, text, hint)
    return SyncError(fallback, text)


def diagnose_exception(error: BaseException, *, fallback: str = "E_INTERNAL", secrets: Iterable[str] = ()) -> SyncError:
    """Classify an exception; ours brings its own code and hint."""
    if isinstance(error, ProfilesSyncError):
        return SyncError(error.code, redact(error.message, secrets)[:MESSAGE_LIMIT], redact(error.hint, secrets))
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "DagsterExecutionInterruptedError":
        return SyncError("E_INTERNAL", "the sync was interrupted", "The next sync continues where it stopped.")
    return diagnose(str(error) or type(error).__name__, fallback=fallback, secrets=secrets)
