"""Settle it: `disable`, `enable`, `warehouse delete`."""

from __future__ import annotations

from typing import Annotated

import typer

from profiles_sync.cli.app import HomeOption, TargetOption, app, existing_home

warehouse = typer.Typer(no_args_is_help=True, help="The warehouse that a home is connected to.")
app.add_typer(warehouse, name="warehouse")


@app.command()
def disable(home: HomeOption = None) -> None:
    """Stop syncs; credentials and everything synced stay. A sync that runs ends by itself."""
    from profiles_sync.settings import change_settings

    place = existing_home(home)
    change_settings(place, {"enabled": False})
    print(f"Syncs of {place.root} are off. `profiles-sync enable --home {place.root}` turns them on again.")


@app.command()
def enable(home: HomeOption = None) -> None:
    """Let syncs run again; the next one brings everything since the last that succeeded."""
    from profiles_sync.settings import change_settings

    place = existing_home(home)
    change_settings(place, {"enabled": True})
    print(f"Syncs of {place.root} are on; the next one brings everything since the last that succeeded.")


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
    from profiles_sync.connection.setup import check_deletable, delete_warehouse

    place = existing_home(home)
    check_deletable(place)
    if not yes:
        what = "its credentials, its history, AND ALL ITS TABLES" if drop_schema else "its credentials and its history"
        typer.confirm(f"Delete the warehouse of {place.root}: {what}?", abort=True, err=True)
    gone = delete_warehouse(place, target=target, drop_schema=drop_schema)
    print("Deleted: " + "; ".join(gone) + ".")
    if not drop_schema:
        print("The tables are still in the warehouse.")
