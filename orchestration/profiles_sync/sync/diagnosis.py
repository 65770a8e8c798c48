"""From an error as the warehouse gave it to our code, a message without credentials, and what to do."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from profiles_sync.errors import NEXT_STEPS, ProfilesSyncError
from profiles_sync.sync.outcome import SyncError

MESSAGE_LIMIT = 4_000

_SECRET_VARIABLE = re.compile(
    r"SECRET|PASSWORD|PASSWD|TOKEN|PRIVATE_KEY|ACCESS_KEY|CREDENTIAL|PASSPHRASE", re.IGNORECASE
)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]*):[^\s@]+@")
_KEY_VALUE = re.compile(
    r"(?i)\b(password|passwd|pwd|token|secret|private_key|access_key|client_secret)(\s*[=:]\s*)('[^']*'|\"[^\"]*\"|[^\s,;&]+)"
)
_SIGNATURE = re.compile(
    r"(?i)\b(sig|(?:x-(?:amz|goog)-)?(?:signature|credential|security-token)|awsaccesskeyid)=[^\s&'\",;]+"
)
_HIDDEN = "*****"

_STATE = re.compile(r"\(([0-9A-Z]{5})\)|\bSQLSTATE\W+([0-9A-Z]{5})\b|(?:^|\s)([0-9A-Z]{5}):")

_RIGHT = "Grant the missing right to the sync's user; `profiles-sync grants` prints what it needs."
_LOGIN = NEXT_STEPS["E_AUTH"]
_SCHEMA = "Let the sync's user create schemas in the database, or create this one for it: `profiles-sync grants`."
_DATABASE = "Check the name of the database: `profiles-sync connect` writes it anew."
_AWAY = "Check that the warehouse runs and lets this machine in; the next sync catches up."
_ROOM = "Make room, then sync again: nothing is lost or doubled."
_COLUMNS = "Lower `max_columns_per_table` in profiles_sync.yml."

# By SQLSTATE, or its class.
_STATES: dict[str, tuple[str, str]] = {
    "28": ("E_AUTH", _LOGIN),
    "3D": ("E_AUTH", _DATABASE),
    "3F": ("E_PERMISSION", _SCHEMA),
    "42P01": ("E_STATE", NEXT_STEPS["E_STATE"]),
    "42501": ("E_PERMISSION", _RIGHT),
    "42939": ("E_CONFIG", "The warehouse keeps such names to itself: choose another schema with --space."),
    "53100": ("E_LIMIT_SIZE", _ROOM),
    "53200": ("E_LIMIT_SIZE", _ROOM),
    "53300": ("E_NETWORK", "Too many connections are open; the next sync catches up."),
    "54011": ("E_LIMIT_COLUMNS", _COLUMNS),
    "57P": ("E_NETWORK", _AWAY),
}

# By what is said; the first that matches decides.
_CATALOGUE: tuple[tuple[str, str, str], ...] = (
    ("E_NETWORK", r"resize mode", "The cluster is being resized; the next sync catches up."),
    (
        "E_LIMIT_TABLES",
        r"\b1040\b.*XX000|XX000.*\b1040\b",
        "The cluster has too many tables or columns: select fewer, or lower `max_event_tables` in profiles_sync.yml.",
    ),
    ("E_RESERVED_NAME", r"\b002318\b|ansi reserved", "Report the column's name: it should have been prefixed."),
    (
        "E_CONFIG",
        r"at or near \"?ENCODE",
        "This is no Redshift: connect it again as what it is, `profiles-sync connect postgres`.",
    ),
    (
        "E_CONFIG",
        r"invalid (sslmode value|port number|integer value .* for connection option)|ssl was required"
        r"|certificate verify failed|root certificate file|server certificate for",
        "Correct port, SSL mode or certificates of the target: `profiles-sync connect` writes it anew.",
    ),
    (
        "E_CONFIG",
        r"(statement|lock|idle-in-transaction) timeout",
        "A time limit of the warehouse ended it: raise it for the sync's user, as in "
        "`alter role … set statement_timeout = 0`; the next sync catches up.",
    ),
    (
        "E_PERMISSION",
        r"read-only transaction",
        "Connect to the primary server, not to a standby, and let the sync's user write: "
        "`alter role … reset default_transaction_read_only`.",
    ),
    (
        "E_PERMISSION",
        r"permission denied|access denied|insufficient privileges|must be owner of|read-only file system",
        _RIGHT,
    ),
    (
        "E_PERMISSION",
        r"object does not exist|does not exist or not authorized",
        "Make the grants again as SYSADMIN or ACCOUNTADMIN: `profiles-sync grants snowflake`.",
    ),
    (
        "E_AUTH",
        r"password authentication failed|no password supplied|is not permitted to log in|login failed"
        r"|jwt token is invalid|incorrect username or password",
        _LOGIN,
    ),
    ("E_PERMISSION", r"schema .* does not exist", _SCHEMA),
    (
        "E_NETWORK",
        r"could not translate host name|no such host|name or service not known|temporary failure in name resolution",
        "Check the host of the target in profiles.yml, and that it is written without a suffix twice.",
    ),
    (
        "E_NETWORK",
        r"connection refused|timed? ?out|could not connect|connection ((was|has been|is|already) )?(closed|reset|terminated)"
        r"|terminating connection|server closed the connection|server socket closed|broken pipe|\bEOF\b"
        r"|network is unreachable|no route to host"
        r"|the database system is (starting up|shutting down|in recovery)|too many (connections|clients)"
        r"|remaining connection slots|no pg_hba\.conf entry",
        _AWAY,
    ),
    ("E_AUTH", r"database .* does not exist|invalid database", _DATABASE),
    (
        "E_LIMIT_SIZE",
        r"exceeded (its )?quota|credit quota|resource monitor",
        "The account's credits or quota are used up: raise them, and let the virtual warehouse suspend itself.",
    ),
    (
        "E_PERMISSION",
        r"role .* does not exist",
        "Create the role, or correct it: it is the sync's user, or one of `reader_roles` in profiles_sync.yml.",
    ),
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
    ("E_LIMIT_SIZE", r"no space left on device|disk full|file too large|out of memory", _ROOM),
    ("E_LIMIT_COLUMNS", r"tables can have at most \d+ columns|too many columns", _COLUMNS),
    ("E_LOCKED", r"another sync has taken over", "Let one machine sync a space; the other sync goes on."),
    ("E_STATE", r"table with name \S+ does not exist", NEXT_STEPS["E_STATE"]),
    ("E_STATE", r"written by a newer profiles sync", "Upgrade Profiles Sync."),
)


def is_secret_variable(name: str) -> bool:
    """Whether an environment variable of this name holds a secret."""
    return bool(_SECRET_VARIABLE.search(name))


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without credentials.

    Args:
        text: A message that may quote a connection.
        secrets: Values to hide besides secret environment variables, passwords and signatures in URLs and
            `password=...` pairs.
    """
    found = {value for name, value in os.environ.items() if is_secret_variable(name)}
    # Longer ones first, so that a secret within another one leaves nothing of it.
    for secret in sorted(found | set(secrets), key=len, reverse=True):
        if len(secret) >= 4:
            text = text.replace(secret, _HIDDEN)
    text = _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", text)
    text = _SIGNATURE.sub(rf"\1={_HIDDEN}", text)
    return _KEY_VALUE.sub(rf"\1\2{_HIDDEN}", text)


def diagnose(message: str, *, fallback: str, secrets: Iterable[str] = ()) -> SyncError:
    """Classify an error message.

    Args:
        message: As dbt, a driver or the warehouse gave it.
        fallback: Code when nothing in the catalogue matches.
        secrets: Credentials to hide in it.
    """
    message = message.strip()
    text = redact(message, secrets)[:MESSAGE_LIMIT]
    # A secret may be a word of the message.
    raw = message[:MESSAGE_LIMIT]
    states = [next(filter(None, found.groups())) for found in _STATE.finditer(raw)]
    for state in states:
        for known in (state, state[:3], state[:2]):
            if known in _STATES:
                code, hint = _STATES[known]
                return SyncError(code, text, hint)
    for code, pattern, hint in _CATALOGUE:
        if re.search(pattern, raw, re.IGNORECASE):
            return SyncError(code, text, hint)
    # Also what a log-in was refused for comes as a connection that was not made; the words told that.
    if any(state.startswith("08") for state in states):
        return SyncError("E_NETWORK", text, _AWAY)
    return SyncError(fallback, text, NEXT_STEPS[fallback])


def diagnose_exception(error: BaseException, *, fallback: str = "E_INTERNAL", secrets: Iterable[str] = ()) -> SyncError:
    """Classify an exception; ours brings its own code and hint."""
    if isinstance(error, ProfilesSyncError):
        hint = redact(error.hint, secrets) or NEXT_STEPS[error.code]
        return SyncError(error.code, redact(error.message, secrets)[:MESSAGE_LIMIT], hint)
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "DagsterExecutionInterruptedError":
        return SyncError("E_INTERNAL", "the sync was interrupted", "The next sync continues where it stopped.")
    return diagnose(str(error) or type(error).__name__, fallback=fallback, secrets=secrets)
