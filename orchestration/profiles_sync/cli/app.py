"""What all commands share: the program, its common options, how data is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from profiles_sync import __version__
from profiles_sync.errors import ConfigError
from profiles_sync.home import DEFAULT_HOME, HOME_VARIABLE, Home
from profiles_sync.sync.outcome import Status

EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_CODES = {Status.SUCCESS: 0, Status.SKIPPED: 0, Status.PARTIAL: 3, Status.FAILED: EXIT_FAILED}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Identity-resolved profiles from Segment-spec calls, in your own warehouse.",
    epilog="Exit codes: 0 success or skipped, 1 failed, 2 usage or configuration, 3 partial success.",
)

# No path: a blank one, of a variable that is not set, would be this folder.
HomeOption = Annotated[
    str | None,
    typer.Option(
        "--home",
        metavar="PATH",
        help=f"Folder that holds everything of one deployment. [env: {HOME_VARIABLE}; default: {DEFAULT_HOME}]",
    ),
]
TargetOption = Annotated[
    str | None, typer.Option("--target", help="Target of profiles.yml. After the first sync: the one it went to.")
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--source", help="Folder, file or URL to read, instead of those in profiles_sync.yml; may be repeated."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]


def existing_home(home: str | None) -> Home:
    """Return the home for commands that only look."""
    place = Home.locate(home)
    if not place.dagster_dir.is_dir():
        raise ConfigError(
            f"there is no deployment in {place.root}",
            hint=f"`profiles-sync sync` makes one; --home or {HOME_VARIABLE} names another.",
        )
    return place


def print_json(data: Any, file: Any = None) -> None:
    """Print data as JSON, to standard output unless a file is given."""
    print(json.dumps(data, indent=2, ensure_ascii=False), file=file or sys.stdout)


def print_problems(problems: Iterable[str]) -> None:
    """Say on standard error what went wrong beside the matter itself, such as an alert that was not delivered."""
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""
