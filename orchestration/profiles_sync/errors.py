"""Errors that a user can act on, each with a code and what to do."""

from __future__ import annotations


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
