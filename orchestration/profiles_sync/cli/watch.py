"""See what happened: `history`, `status`, `health`."""

from __future__ import annotations

from typing import Annotated

import typer

from profiles_sync.cli.app import HomeOption, JsonOption, app, existing_home, print_json


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

    place = existing_home(home)
    with open_instance(place) as instance:
        if run:
            record = find_sync(instance, place, run)
            if as_json:
                print_json(to_json(record))
            else:
                report.print_sync(report.make_console(), record, detail=True)
            return
        records = read_history(instance, place, limit=limit)
    if as_json:
        print_json([to_json(record) for record in records])
    else:
        report.print_history(report.make_console(), records)


@app.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show where this deployment writes to, its last sync and its next one."""
    from profiles_sync import report
    from profiles_sync.status import read_status

    found = read_status(existing_home(home))
    if as_json:
        print_json(found.to_json())
    else:
        report.print_status(report.make_console(), found)


@app.command()
def health(
    table: Annotated[str | None, typer.Argument(help="A table: shows its rows of each day.")] = None,
    home: HomeOption = None,
    days: Annotated[int, typer.Option("--days", min=1, help="How many days, today included.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """Show the rows synced by day and by table."""
    from profiles_sync import report
    from profiles_sync.sync.health import measure
    from profiles_sync.sync.history import close_dead_runs, finished, now, open_instance

    place = existing_home(home)
    with open_instance(place) as instance:
        close_dead_runs(instance, place)
        found = measure(finished(instance), now(), days=days)
    if as_json:
        print_json(found.to_json())
    else:
        report.print_health(report.make_console(), found, table)
