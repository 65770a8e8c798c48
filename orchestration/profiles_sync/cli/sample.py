"""Try it: `demo`, `sample`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from profiles_sync.cli.app import app


class Part(str, Enum):
    """Parts of the sample archive."""

    FIRST = "first"
    LATER = "later"


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
