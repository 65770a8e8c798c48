"""Errors that a user can act on, each with a code and what to do."""

from __future__ import annotations

import errno

NEXT_STEPS = {
    "E_CONFIG": "Correct it, then sync again.",
    "E_AUTH": "Check the credentials: `profiles-sync connect` writes them anew.",
    "E_NETWORK": "Check that the warehouse and the sources can be reached; the next sync catches up.",
    "E_PERMISSION": "Grant the missing right; `profiles-sync grants` prints what a sync needs.",
    "E_SCHEMA_CONFLICT": "Choose another schema with `space:` in profiles_sync.yml, before the first sync.",
    "E_SCHEMA_IMMUTABLE": "A home stays with the schema and warehouse of its first sync. Use another --home for another one.",
    "E_RESERVED_NAME": "Report the name: it should have been prefixed.",
    "E_LIMIT_COLUMNS": "Lower `max_columns_per_table` in profiles_sync.yml.",
    "E_LIMIT_TABLES": "Lower `max_event_tables` in profiles_sync.yml.",
    "E_LIMIT_SIZE": "Make room, then sync again: nothing is lost or doubled.",
    "E_SOURCE_READ": "Check the path and that this machine may read it; what was not read is read by the next sync.",
    "E_LOCKED": "Another command works on this home; try again when it has ended.",
    "E_DBT": "The log of the run has the statement; the tables that failed go on from where they stopped with the next sync.",
    "E_STATE": "Restore the home or the schema that was changed by hand, or run `profiles-sync rebuild`.",
    "E_INTERNAL": "The log of the run has the details: please report it with them. The next sync goes on where this one stopped.",
}
"""Every code, with what to do when the error itself does not say it better."""


class ProfilesSyncError(Exception):
    """A failure that names its cause and the way out.

    Attributes:
        code: One of the error catalogue's codes, such as ``E_NETWORK``.
        message: What went wrong, without credentials.
        hint: What to do about it; blank when the message says so already.
    """

    code = "E_INTERNAL"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message if not hint else f"{message}\n{hint}")
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


class ConfigError(ProfilesSyncError):
    """Something in the configuration or on the command line has to change before a sync can start."""

    code = "E_CONFIG"


class DbtError(ProfilesSyncError):
    """dbt ended with an error, which the message quotes."""

    code = "E_DBT"


_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG}


def file_error(error: OSError) -> ProfilesSyncError | None:
    """Return what to tell of a file that cannot be used, or None where the user cannot act on it."""
    if error.filename is None or error.errno not in _NO_ROOM | _NO_ACCESS:
        return None
    message = f"{error.filename}: {error.strerror}"
    if error.errno in _NO_ROOM:
        return ProfilesSyncError(message, hint=NEXT_STEPS["E_LIMIT_SIZE"], code="E_LIMIT_SIZE")
    return ConfigError(
        message, hint="Whoever runs this has to be able to read and write the home and all that is in it."
    )
