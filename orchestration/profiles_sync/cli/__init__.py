"""The command line: ``profiles-sync``; one module for each group of commands, listed here in the order of the help."""

from __future__ import annotations

import io
import sys
from typing import NoReturn

from rich.console import Console

from profiles_sync.cli.app import EXIT_CONFIG, EXIT_FAILED, app
from profiles_sync.errors import ConfigError, ProfilesSyncError, file_error

# Importing a module adds its commands, in the order of the help.
# isort: off
from profiles_sync.cli import connection as connection
from profiles_sync.cli import sync as sync
from profiles_sync.cli import tables as tables
from profiles_sync.cli import watch as watch
from profiles_sync.cli import care as care
from profiles_sync.cli import privacy as privacy
from profiles_sync.cli import services as services
from profiles_sync.cli import settings as settings
from profiles_sync.cli import sample as sample
# isort: on


def main() -> None:
    """Run the command line; an error that the user can act on is one message, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where a terminal's encoding has no such character, a table with another one in it is better than none.
            stream.reconfigure(errors="replace")
    try:
        app()
    except ProfilesSyncError as error:
        _fail(error)
    except OSError as error:
        told = file_error(error)
        if told is None:
            raise
        _fail(told)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: ProfilesSyncError) -> NoReturn:
    # Not folded: paths and commands are there to be copied.
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]error[/red] {error.code}: ", end="")
    console.print(error.message, markup=False)
    if error.hint:
        console.print(error.hint, markup=False)
    sys.exit(EXIT_CONFIG if isinstance(error, ConfigError) or error.code == "E_CONFIG" else EXIT_FAILED)
