"""Keep it running: `up`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from profiles_sync.cli.app import HomeOption, TargetOption, app
from profiles_sync.home import Home


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
