"""Keep it running: `up`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from profiles_sync.cli.app import HomeOption, TargetOption, app
from profiles_sync.errors import ConfigError
from profiles_sync.home import Home


@app.command()
def up(
    homes: Annotated[
        list[Path] | None, typer.Argument(help="Homes, each with pages of its own on the next port; default: --home.")
    ] = None,
    home: HomeOption = None,
    target: TargetOption = None,
    host: Annotated[str, typer.Option("--host", help="Address that Dagster listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="Port of Dagster's pages; of the first home's.")] = 3000,
) -> None:
    """Start Dagster: its pages, and the hourly schedule. Ctrl-C stops it."""
    from profiles_sync.services import Deployment, Services

    if homes and (home or target):
        raise ConfigError("homes are named as arguments or with --home and --target, not both")
    places = [Home.locate(each) for each in homes] if homes else [Home.locate(home)]
    if len({place.root for place in places}) < len(places):
        raise ConfigError("a home is named twice")
    console = Console(stderr=True)
    with console.status("Starting Dagster"):
        deployments = [
            Deployment(place, host, port + index, _environment_of(place, target)) for index, place in enumerate(places)
        ]
    console.print("Starting Dagster; this takes some seconds.")

    def show(ready: Deployment) -> None:
        console.print(f"Dagster is at [link]{ready.url}[/link] for {ready.home.root}; the schedule syncs every hour.")

    Services(deployments).run(show)
    console.print("Stopped.")


def _environment_of(home: Home, target: str | None) -> dict[str, str]:
    """Return the environment that points a process at a home; this process's own stays as it is."""
    from profiles_sync.project import load_manifest, open_workplace

    before = dict(os.environ)
    try:
        load_manifest(open_workplace(home, target=target), apart=True)
        return dict(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)
