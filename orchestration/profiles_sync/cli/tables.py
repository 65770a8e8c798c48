"""See and choose what is synced: `tables`, `select`, `backfill`, `schema retype`."""

from __future__ import annotations

from datetime import datetime, timezone
from enum import Enum
from typing import Annotated

import typer

from profiles_sync.cli.app import HomeOption, JsonOption, TargetOption, app, existing_home, print_json
from profiles_sync.cli.sync import run_and_exit
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home


class Switch(str, Enum):
    """On or off."""

    ON = "on"
    OFF = "off"


class ColumnType(str, Enum):
    """The types that a column may have."""

    TIMESTAMP = "timestamp"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    VARCHAR = "varchar"


schema = typer.Typer(no_args_is_help=True, help="Change the tables' columns.")
app.add_typer(schema, name="schema")


@app.command()
def tables(
    table: Annotated[str | None, typer.Argument(help="A table: shows its columns and where each comes from.")] = None,
    home: HomeOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the tables: rows, columns, the last new row, and what was noticed about them."""
    from profiles_sync import report
    from profiles_sync.project import open_workplace, project_dir
    from profiles_sync.settings import load_settings
    from profiles_sync.sync.store import open_store
    from profiles_sync.tables import read_columns, read_tables

    workplace = open_workplace(existing_home(home), target=target)
    workplace.home.check_bound()
    selection = load_settings(workplace.home, project_dir(), workplace.target.schema).selective_sync
    with open_store(workplace) as store:
        if table is not None:
            columns = read_columns(store.warehouse, table, selection)
            if as_json:
                print_json([column.to_json() for column in columns])
            else:
                report.print_columns(report.make_console(), columns)
            return
        found = read_tables(store.warehouse, selection)
    if as_json:
        print_json([each.to_json() for each in found])
    else:
        report.print_tables(report.make_console(), found)


@app.command()
def select(
    on: Annotated[list[str] | None, typer.Option("--on", help="Table or <table>.<column>; may be repeated.")] = None,
    off: Annotated[list[str] | None, typer.Option("--off", help="Table or <table>.<column>; may be repeated.")] = None,
    default: Annotated[Switch | None, typer.Option("--default", help="For tables that are not named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the tables and columns that get new events, from the next sync on; show the choice."""
    from profiles_sync import report
    from profiles_sync.settings import load_selection
    from profiles_sync.settings.selection import change_selection

    place = Home.locate(home)
    if on or off or default:
        place.create()
        change_selection(place, on=on or (), off=off or (), default=None if default is None else default is Switch.ON)
    selection = load_selection(place)
    if as_json:
        print_json(selection.model_dump(mode="json"))
    else:
        report.print_selection(report.make_console(), selection)


@app.command()
def backfill(
    since: Annotated[str, typer.Option("--since", help="Date or date-time (UTC) of receipt, or `all`.")],
    table: Annotated[
        list[str] | None,
        typer.Option("--tables", help="Event tables, separated by commas; may be repeated. Default: all of them."),
    ] = None,
    home: HomeOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let event tables go back further than the first sync did, and sync."""
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import extend_backfill

    workplace = open_workplace(existing_home(home), target=target)
    names = [name.strip() for each in table or () for name in each.split(",") if name.strip()]
    extend_backfill(workplace, _moment(since), names)
    run_and_exit(workplace, as_json=as_json)


@schema.command()
def retype(
    column: Annotated[str, typer.Argument(help="<table>.<column>; traits are columns of profile_traits.")],
    to: Annotated[ColumnType, typer.Argument(help="Its new type.")],
    home: HomeOption = None,
    target: TargetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a column another type, and rebuild, so that its history has it too."""
    from profiles_sync.project import open_workplace
    from profiles_sync.sync.launch import retype_column

    workplace = open_workplace(existing_home(home), target=target)
    table, dot, name = column.partition(".")
    if not dot or not table or not name:
        raise ConfigError(f"`{column}` does not name a column", hint="Write <table>.<column>.")
    retype_column(workplace, table, name, to.value)
    run_and_exit(workplace, full_refresh=True, as_json=as_json)


def _moment(text: str) -> datetime:
    if text == "all":
        return datetime(1970, 1, 1)
    try:
        found = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError as error:
        raise ConfigError(
            f"`{text}` is no date", hint="Write --since 2024-01-31, --since 2024-01-31T12:00:00, or --since all."
        ) from error
    if found.tzinfo is not None:
        found = found.astimezone(timezone.utc).replace(tzinfo=None)
    return max(found, datetime(1970, 1, 1))
