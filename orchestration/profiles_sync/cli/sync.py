"""Move data: `sync`, `rebuild`, `land`, `models`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from profiles_sync.cli.app import EXIT_CODES, HomeOption, JsonOption, SourceOption, TargetOption, app, print_json
from profiles_sync.home import Home

if TYPE_CHECKING:
    from profiles_sync.project import Workplace


@app.command()
def sync(
    home: HomeOption = None,
    source: SourceOption = None,
    target: TargetOption = None,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Replay every landed event into new tables; the same as `rebuild`.")
    ] = False,
    all_files: Annotated[
        bool,
        typer.Option(
            "--all-files",
            help="Look at all days of the archives in profiles_sync.yml, as is done once a day; else at the newest seven.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Land new files and bring every table up to date."""
    _sync(home, source or [], target, full_refresh=full_refresh, all_files=all_files, as_json=as_json)


@app.command()
def rebuild(
    home: HomeOption = None,
    target: TargetOption = None,
    with_current_rules: Annotated[
        bool,
        typer.Option(
            "--with-current-rules",
            help="Resolve identities as if today's settings and rules had always held; else each event by those of its time.",
        ),
    ] = False,
    with_new_types: Annotated[
        bool,
        typer.Option(
            "--reinfer",
            help="First learn the columns' types anew, from all landed calls and `column_types`; else each keeps its type.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Replay every landed event into new tables and swap them in."""
    if with_new_types:
        from profiles_sync.project import open_workplace
        from profiles_sync.sync.launch import reinfer_columns

        for table, column, before, now in reinfer_columns(open_workplace(Home.locate(home), target=target)):
            print(f"{table}.{column}: {before} -> {now}", file=sys.stderr)
    _sync(home, [], target, full_refresh=True, with_current_rules=with_current_rules, as_json=as_json)


def _sync(
    home: str | None,
    sources: list[str],
    target: str | None,
    *,
    full_refresh: bool,
    with_current_rules: bool = False,
    all_files: bool = False,
    as_json: bool,
) -> NoReturn:
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import check_ready

    workplace = open_workplace(Home.locate(home), target=target)
    check_ready(workplace, sources)
    run_and_exit(
        workplace,
        sources,
        full_refresh=full_refresh,
        with_current_rules=with_current_rules,
        all_files=all_files,
        as_json=as_json,
    )


def run_and_exit(
    workplace: Workplace,
    sources: Sequence[str] = (),
    *,
    full_refresh: bool = False,
    with_current_rules: bool = False,
    all_files: bool = False,
    as_json: bool = False,
) -> NoReturn:
    """Run a sync, print its report, and end with the exit code that it has."""
    from profiles_sync import report
    from profiles_sync.sync.history import to_json
    from profiles_sync.sync.launch import output_to_log, run_sync

    with (
        output_to_log(workplace.home, "sync") as (output, errors),
        report.LiveReporter(report.make_console(errors)) as reporter,
    ):
        record = run_sync(
            workplace,
            reporter,
            sources=sources,
            full_refresh=full_refresh,
            with_current_rules=with_current_rules,
            all_files=all_files,
        )
        reporter.close()
        if as_json:
            print_json(to_json(record), output)
        else:
            report.print_sync(report.make_console(output), record)
    raise typer.Exit(EXIT_CODES[record.status])


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
            print_json(report.load_to_json(load), output)
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
