"""Settle it: `disable`, `enable`, `warehouse delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from profiles_sync.cli.app import HomeOption, TargetOption, app, existing_home, print_problems
from profiles_sync.home import Home

warehouse = typer.Typer(no_args_is_help=True, help="The warehouse that a home is connected to.")
app.add_typer(warehouse, name="warehouse")


@app.command()
def disable(home: HomeOption = None) -> None:
    """Stop syncs; credentials and everything synced stay. A sync that runs ends by itself."""
    _switch(place := existing_home(home), on=False)
    print(f"Syncs of {place.root} are off. `profiles-sync enable {place.flag}` turns them on again.")


@app.command()
def enable(home: HomeOption = None) -> None:
    """Let syncs run again; the next one brings everything since the last that succeeded."""
    _switch(place := existing_home(home), on=True)
    print(f"Syncs of {place.root} are on; the next one brings everything since the last that succeeded.")


def _switch(home: Home, *, on: bool) -> None:
    from profiles_sync import alerts
    from profiles_sync.settings import Event, change_settings

    change_settings(home, {"enabled": on})
    print_problems(alerts.send(home, Event.MODIFIED if on else Event.DISABLED))


@warehouse.command()
def delete(
    home: HomeOption = None,
    target: TargetOption = None,
    drop_schema: Annotated[
        bool,
        typer.Option("--drop-schema", help="Drop the space's three schemas in the warehouse too, with every table."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget the credentials and the history of a home whose syncs are disabled; its tables stay in the warehouse."""
    from profiles_sync import alerts
    from profiles_sync.connection.setup import check_deletable, delete_warehouse

    place = existing_home(home)
    check_deletable(place)
    if not yes:
        what = (
            "its credentials, its history, AND ALL ITS TABLES, landed calls and suppressed users included"
            if drop_schema
            else "its credentials and its history"
        )
        typer.confirm(f"Delete the warehouse of {place.root}: {what}?", abort=True, err=True)
    from profiles_sync.settings import Event

    bound = place.binding
    gone = delete_warehouse(place, target=target, drop_schema=drop_schema)
    print("Deleted: " + "; ".join(gone) + ".")
    # Nothing in the home knows it any more.
    facts = {"warehouse": bound.warehouse, "address": bound.address, "schema": bound.schema} if bound else {}
    print_problems(alerts.send(place, Event.DELETED, **facts))
    if not drop_schema:
        print("The tables are still in the warehouse.")
