"""The command line: ``profiles-sync``."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from profiles_sync import __version__
from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.home import DEFAULT_HOME, HOME_VARIABLE, Home
from profiles_sync.sync.outcome import Status

EXIT_FAILED = 1
EXIT_CONFIG = 2
_EXIT_CODES = {Status.SUCCESS: 0, Status.SKIPPED: 0, Status.PARTIAL: 3, Status.FAILED: EXIT_FAILED}


class Part(str, Enum):
    """Parts of the sample archive."""

    FIRST = "first"
    LATER = "later"


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Identity-resolved profiles from Segment-spec calls, in your own warehouse.",
    epilog="Exit codes: 0 success or skipped, 1 failed, 2 usage or configuration, 3 partial success.",
)

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
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


@app.command()
def sync(
    home: HomeOption = None,
    source: SourceOption = None,
    target: TargetOption = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Replay every landed event into new tables; the same as `rebuild`.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Land new files and bring every table up to date."""
    _sync(home, source or [], target, full_refresh=full_refresh, as_json=as_json)


@app.command()
def rebuild(home: HomeOption = None, target: TargetOption = None, as_json: JsonOption = False) -> None:
    """Replay every landed event into new tables and swap them in."""
    _sync(home, [], target, full_refresh=True, as_json=as_json)


def _sync(home: Path | None, sources: list[str], target: str | None, *, full_refresh: bool, as_json: bool) -> NoReturn:
    from profiles_sync import report
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.history import to_json
    from profiles_sync.sync.launch import check_ready, output_to_log, run_sync

    workplace = open_workplace(Home.locate(home), target=target)
    check_ready(workplace, sources)
    with (
        output_to_log(workplace.home, "sync") as (output, errors),
        report.LiveReporter(report.make_console(errors)) as reporter,
    ):
        record = run_sync(workplace, reporter, sources=sources, full_refresh=full_refresh)
        reporter.close()
        if as_json:
            _print_json(to_json(record), output)
        else:
            report.print_sync(report.make_console(output), record)
    raise typer.Exit(_EXIT_CODES[record.status])


@app.command()
def land(
    home: HomeOption = None, source: SourceOption = None, target: TargetOption = None, as_json: JsonOption = False
) -> None:
    """Land new files only; `sync`, or dbt alone, makes the tables."""
    from profiles_sync import report
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import check_ready, land_only, output_to_log

    workplace = open_workplace(Home.locate(home), target=target)
    check_ready(workplace, source or [])
    with (
        output_to_log(workplace.home, "land") as (output, errors),
        report.LiveReporter(report.make_console(errors)) as reporter,
    ):
        load = land_only(workplace, reporter, sources=source or [])
        reporter.close()
        if as_json:
            _print_json(report.load_to_json(load), output)
        else:
            report.print_load(report.make_console(output), load)


@app.command()
def models(
    to: Annotated[Path, typer.Option("--to", help="Folder below the model-paths of your dbt project.")],
    home: HomeOption = None,
    target: TargetOption = None,
) -> None:
    """Write the dbt models of the track events that have landed into a project that uses this one as a package."""
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import write_models

    written = write_models(open_workplace(Home.locate(home), target=target), to)
    print(f"{len(written)} new models below {to}{': ' + ', '.join(written) if written else ''}")


@app.command()
def history(
    run: Annotated[
        str | None, typer.Argument(help="A sync, by the beginning of its id: shows its tables and errors.")
    ] = None,
    home: HomeOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many syncs.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the syncs so far, newest first, or one of them in detail."""
    from profiles_sync import report
    from profiles_sync.sync.history import find_sync, open_instance, read_history, to_json

    place = _existing(home)
    with open_instance(place) as instance:
        if run:
            record = find_sync(instance, place, run)
            if as_json:
                _print_json(to_json(record))
            else:
                report.print_sync(report.make_console(), record, detail=True)
            return
        records = read_history(instance, place, limit=limit)
    if as_json:
        _print_json([to_json(record) for record in records])
    else:
        report.print_history(report.make_console(), records)


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show where this deployment writes to, its last sync and its next one."""
    from profiles_sync import report
    from profiles_sync.status import read_status

    found = read_status(_existing(home))
    if as_json:
        _print_json(found.to_json())
    else:
        report.print_status(report.make_console(), found)


@app.command()
def up(
    home: HomeOption = None,
    target: TargetOption = None,
    host: Annotated[str, typer.Option("--host", help="Address that Dagster listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="Port of Dagster's pages.")] = 3000,
) -> None:
    """Start Dagster: its pages, and the hourly schedule. Ctrl-C stops it."""
    from profiles_sync.project import load_manifest, open_workplace
    from profiles_sync.services import Services

    console = Console(stderr=True)
    workplace = open_workplace(Home.locate(home), target=target)
    with console.status("Starting Dagster"):
        load_manifest(workplace)
    services = Services(workplace.home, host, port)
    console.print("Starting Dagster; this takes some seconds.")
    services.run(
        lambda: console.print(
            f"Dagster is at [link]{services.url}[/link]; the schedule syncs every hour. Ctrl-C stops it."
        )
    )
    console.print("Stopped.")


@app.command()
def demo(
    to: Annotated[Path, typer.Option("--to", help="Folder for the demo; an earlier demo in it is deleted.")] = Path(
        ".demo"
    ),
) -> None:
    """Sync a sample archive twice on DuckDB and show what came of it."""
    from profiles_sync.demo import run_demo

    raise typer.Exit(run_demo(to))


@app.command()
def sample(
    to: Annotated[Path, typer.Option("--to", help="Folder that the archive is written below.")],
    part: Annotated[
        Part, typer.Option("--part", help="Ten days, or the hour after them and a late file.")
    ] = Part.FIRST,
) -> None:
    """Write the sample archive, in the layout of Segment's S3 archive."""
    from profiles_sync.sample import write_sample_archive

    written = write_sample_archive(to, part.value)
    print(f"{written.lines} lines in {len(written.files)} files below {to}")


def _existing(home: Path | None) -> Home:
    """Return the home for commands that only look."""
    place = Home.locate(home)
    if not place.dagster_dir.is_dir():
        raise ConfigError(
            f"there is no deployment in {place.root}",
            hint=f"`profiles-sync sync` makes one; --home or {HOME_VARIABLE} names another.",
        )
    return place


def _print_json(data: Any, file: Any = None) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False), file=file or sys.stdout)


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


def main() -> None:
    """Run the command line; an error that the user can act on is one message, not a traceback."""
    try:
        app()
    except ProfilesSyncError as error:
        # Not folded: paths and commands are there to be copied.
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"[red]error[/red] {error.code}: ", end="")
        console.print(error.message, markup=False)
        if error.hint:
            console.print(error.hint, markup=False)
        sys.exit(EXIT_CONFIG if isinstance(error, ConfigError) or error.code == "E_CONFIG" else EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
