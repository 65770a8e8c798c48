"""`profiles-sync demo`: a sample archive, two syncs, and what came of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from profiles_sync import report
from profiles_sync.errors import ConfigError, ProfilesSyncError
from profiles_sync.home import Home, write_atomically
from profiles_sync.project import PROGRAM, Workplace, open_workplace
from profiles_sync.sample import SHOWN_PERSON_EMAIL, write_sample_archive
from profiles_sync.sync.history import SyncRecord
from profiles_sync.sync.launch import output_to_log, run_sync
from profiles_sync.sync.outcome import Status
from profiles_sync.warehouse import Warehouse, open_warehouse

_MARKER = "made-by-profiles-sync-demo"


@dataclass(frozen=True)
class Person:
    """A person of the archive, as the tables tell it.

    Attributes:
        canonical: The profile that is left.
        profiles: Every profile that belongs to it now: id, and what created it.
        merge: The call that merged the last of them; None when nothing was merged.
        identifiers: Type and value.
        traits: Name and value.
    """

    canonical: str
    profiles: Sequence[tuple[str, str]]
    merge: str | None
    identifiers: Sequence[tuple[str, str]]
    traits: Sequence[tuple[str, str]]


def run_demo(folder: Path) -> int:
    """Run the demo in a folder of its own, emptied first.

    Args:
        folder: Holds the sample archive and the demo's home.

    Returns:
        0 when both syncs succeeded, else 1.

    Raises:
        ConfigError: The folder holds something else than an earlier demo.
    """
    folder = folder.resolve()
    _empty(folder)
    archive = folder / "archive"
    home = Home(folder / "home").create()
    # The pages and the schedule of `profiles-sync up` find the archive here.
    write_atomically(home.config_file, f"sources:\n  - path: {archive}\n")
    workplace = open_workplace(home, target="duckdb")
    with output_to_log(home, "demo") as (output, errors):
        console = report.make_console(output)
        with report.LiveReporter(report.make_console(errors)) as reporter:
            reporter.phase("Writing the sample archive")
            write_sample_archive(archive, "first")
            syncs = {"First sync: ten days of a shop": run_sync(workplace, reporter)}
            if all(record.status is Status.SUCCESS for record in syncs.values()):
                reporter.phase("More files arrive")
                write_sample_archive(archive, "later")
                syncs["Second sync: the next hour, and a late file"] = run_sync(workplace, reporter)
        _print_report(console, workplace, syncs)
    return 0 if all(record.status is Status.SUCCESS for record in syncs.values()) else 1


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARKER).exists():
            raise ConfigError(f"{folder} is not empty and no earlier demo", hint="Name another folder with --to.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).touch()


def _print_report(console: Console, workplace: Workplace, syncs: Mapping[str, SyncRecord]) -> None:
    home = workplace.home
    console.rule("Two syncs of a sample archive")
    for title, record in syncs.items():
        console.print(f"\n[bold]{title}[/bold]")
        report.print_sync(console, record)
    if all(record.status is Status.SUCCESS for record in syncs.values()):
        with open_warehouse(workplace.target) as warehouse:
            person = read_person(warehouse, SHOWN_PERSON_EMAIL)
        print_person(console, person)
    console.print("\n[bold]Where to look next[/bold]")
    steps = [
        (f"{PROGRAM} up {home.flag}", "Dagster's pages: the syncs, the tables, the hourly schedule"),
        (f"{PROGRAM} history {home.flag}", "the syncs so far; add an id for its tables"),
        (str(home.root / "warehouse.duckdb"), "the tables, in the schema profiles"),
        (f"{PROGRAM} sync --source PATH", "your own archive"),
    ]
    for command, what in steps:
        console.print(Text.assemble("  ", (command, "cyan"), f"  {what}"))


def read_person(warehouse: Warehouse, email: str) -> Person:
    """Read a person's profiles, identifiers and traits from the public tables.

    Raises:
        ProfilesSyncError: Nobody has this address.
    """

    def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return warehouse.query(sql.format(space=f'"{warehouse.schemas.space}"'), parameters)

    found = rows("select canonical_segment_id from {space}.user_identifiers where type = 'email' and value = ?", email)
    if not found:
        raise ProfilesSyncError(f"no profile has the identifier email {email}")
    canonical = found[0][0]
    changes = rows(
        "select u.segment_id, u.canonical_segment_id, u.triggering_event_type, u.triggering_event_source_id, "
        'u."timestamp" '
        "from {space}.id_graph_updates as u inner join {space}.id_graph as g on g.segment_id = u.segment_id "
        "where g.canonical_segment_id = ? order by u.seq",
        canonical,
    )
    created, merge = [], None
    for segment_id, owner, kind, source, at in changes:
        what = f"{kind} call from {source}, {at:%Y-%m-%d %H:%M}"
        if segment_id == owner:
            created.append((segment_id, what))
        else:
            merge = what
    identifiers = (
        "select type, value from {space}.user_identifiers where canonical_segment_id = ? order by seq, type, value"
    )
    traits = "select name, value from {space}.user_traits where canonical_segment_id = ? order by name"
    return Person(
        canonical,
        created,
        merge,
        [(kind, value) for kind, value in rows(identifiers, canonical)],
        [(name, value) for name, value in rows(traits, canonical)],
    )


def print_person(console: Console, person: Person) -> None:
    """Print a person: how several profiles became one, and what is known of it."""
    console.print("\n[bold]One person[/bold]")
    for segment_id, what in person.profiles:
        mark = "  canonical" if segment_id == person.canonical else "  merged"
        console.print(Text.assemble("  ", (segment_id, "cyan"), f"  created by a {what}", (mark, "bold")))
    if person.merge:
        console.print(
            f"  merged by an {person.merge}" if person.merge[0] in "aeiou" else f"  merged by a {person.merge}"
        )
    for title, pairs in (("identifiers", person.identifiers), ("traits", person.traits)):
        console.print(f"  {title}")
        for name, value in pairs:
            console.print(Text.assemble("    ", (name, "dim"), f"  {value}"))
