"""What people read on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.landing.model import RECENT_DAYS, LoadReport
from profiles_sync.landing.model import Progress as LandingProgress
from profiles_sync.sync.outcome import GROUPS, Group, Outcome, Status, SyncError, TableResult

if TYPE_CHECKING:
    from profiles_sync.settings import SelectiveSync
    from profiles_sync.status import DeploymentStatus
    from profiles_sync.sync.health import Day, Health
    from profiles_sync.sync.history import SyncRecord
    from profiles_sync.sync.launch import VerifiedTest
    from profiles_sync.sync.prune import Pruned
    from profiles_sync.tables import ColumnInfo, TableInfo

_BAR = 30
GROUP_NAMES: dict[Group, str] = {
    "identity_graph": "Identity graph tables",
    "event_type": "Event type tables",
    "event": "Event tables",
}
_STYLES = {
    Status.SUCCESS: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.RUNNING: "cyan",
}


class LiveReporter:
    """Shows a sync's progress in one line; plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if console.is_terminal:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )
            self._task = self._progress.add_task("Starting", total=None)
            self._progress.start()

    def phase(self, text: str) -> None:
        """Begin a new phase."""
        if self._progress is not None and self._task is not None:
            self._progress.reset(self._task, description=text, total=None)
        else:
            self._console.print(f"{text} ...", highlight=False)

    def landing(self, progress: LandingProgress) -> None:
        """Show how far landing is."""
        if self._progress is not None and self._task is not None:
            text = f"Landing {progress.calls:,} calls"
            self._progress.update(
                self._task, description=text, completed=progress.files_done, total=progress.files or None
            )

    def table(self, table: str, index: int, total: int) -> None:
        """Show which table dbt starts on."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=f"Building {table}", completed=index, total=total)

    def close(self) -> None:
        """Take the line away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __enter__(self) -> LiveReporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def make_console(file: TextIO | None = None) -> Console:
    """Return a console; what is piped into a file or program is not folded at 80 columns."""
    console = Console(file=file)
    return console if console.is_terminal else Console(file=file, width=160)


def _plain_table(*, show_header: bool = True, show_footer: bool = False) -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=show_header, show_footer=show_footer)


def print_tables(console: Console, tables: Sequence[TableInfo]) -> None:
    """Print the tables of the space."""
    grid = _plain_table()
    for name in ("Table", "Group"):
        grid.add_column(name)
    for name in ("Rows", "Columns"):
        grid.add_column(name, justify="right")
    for name in ("Last new row (UTC)", "Notices"):
        grid.add_column(name)
    for table in tables:
        newest = f"{table.last_new_row:%Y-%m-%d %H:%M:%S}" if table.last_new_row else ""
        notices = ", ".join(f"{code} {number:,}" for code, number in table.notices.items())
        grid.add_row(
            _switched(table.name, table.selected),
            table.group,
            f"{table.rows:,}",
            str(table.columns),
            newest,
            Text(notices),
        )
    console.print(grid)


def print_columns(console: Console, columns: Sequence[ColumnInfo]) -> None:
    """Print the columns of a table."""
    grid = _plain_table()
    for name in ("Column", "Type", "From"):
        grid.add_column(name, overflow="fold")
    grid.add_column("Values that did not fit", justify="right")
    for column in columns:
        misfits = f"{column.misfits:,}" if column.misfits else ""
        sources = Text(", ".join(column.raw_paths))
        grid.add_row(_switched(column.name, column.selected), column.data_type, sources, misfits)
    console.print(grid)


def _switched(name: str, selected: bool) -> Text:
    return Text(name) if selected else Text.assemble(name, (" (off)", "dim"))


def print_selection(console: Console, selection: SelectiveSync) -> None:
    """Print what is selected."""
    console.print(f"Tables that are not named below are {'on' if selection.default else 'off'}.")
    grid = _plain_table(show_header=False)
    for table, entry in sorted(selection.tables.items()):
        columns = {} if isinstance(entry, bool) else entry.columns
        off = ", ".join(sorted(name for name, selected in columns.items() if not selected))
        grid.add_row(Text(table), "on" if selection.is_on(table) else "off", Text(f"without {off}" if off else ""))
    if selection.tables:
        console.print(grid)
    for table, changes in sorted(selection.stopped_partners().items()):
        console.print(f"[yellow]{table} is off too: it stands for {changes}.[/yellow]")


def duration(seconds: float) -> str:
    """Return a duration as people write it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def print_sync(console: Console, record: SyncRecord, *, detail: bool = False) -> None:
    """Print one sync: status, rows by group, errors; in detail, each table too."""
    outcome = record.outcome
    line = Text.assemble(
        ("Sync ", "bold"), record.run_id[:8], "  ", _status(record.status), f"  {duration(record.duration_s)}"
    )
    line.append(f"  started {record.started_at:%Y-%m-%d %H:%M:%S} UTC by {record.trigger}", style="dim")
    console.print(line)
    if outcome is None:
        return
    if record.status is Status.SKIPPED:
        console.print(outcome.error.message if outcome.error else "", markup=False)
        return
    if outcome.landing.files or outcome.error is None:
        console.print(_landing_line(outcome), highlight=False)
        for file in outcome.landing.unread:
            console.print(f"  {file}", style="yellow", markup=False, highlight=False)
    if outcome.tables:
        console.print(_rows_by_group(outcome))
    elif outcome.error is None:
        console.print("Every table was up to date.")
    if detail and outcome.tables:
        console.print(_tables(outcome.tables))
        for table in outcome.tables:
            if table.new_columns:
                console.print(
                    f"New columns of {table.table}: {', '.join(table.new_columns)}", markup=False, highlight=False
                )
    if outcome.error:
        _print_error(console, outcome.error)
        failed = [table for table in outcome.failed_tables if table.status is Status.FAILED]
        for table in failed:
            if table.error and table.error != outcome.error:
                console.print(f"  {table.table}: {table.error.message}", markup=False, highlight=False)
        if waiting := len(outcome.failed_tables) - len(failed):
            console.print(f"{waiting} tables that are made of them were left as they were.", highlight=False)


def _rows_by_group(outcome: Outcome) -> Table:
    shown = _plain_table(show_footer=True)
    shown.add_column("", footer="All")
    shown.add_column("Rows synced", justify="right", footer=f"{outcome.rows_synced:,}")
    for group in GROUPS:
        shown.add_row(GROUP_NAMES[group], f"{outcome.rows(group):,}")
    return shown


def print_history(console: Console, records: Sequence[SyncRecord]) -> None:
    """Print syncs as a table."""
    if not records:
        console.print("No sync yet.")
        return
    shown = _plain_table()
    for title in ("Sync", "Started (UTC)", "Status", "Duration"):
        shown.add_column(title, no_wrap=True)
    for title in ("Rows", "Graph", "Types", "Events"):
        shown.add_column(title, justify="right", no_wrap=True)
    for record in records:
        outcome = record.outcome
        rows = [f"{outcome.rows_synced:,}", *(f"{outcome.rows(group):,}" for group in GROUPS)] if outcome else [""] * 4
        shown.add_row(
            record.run_id[:8],
            f"{record.started_at:%Y-%m-%d %H:%M}",
            _status(record.status),
            duration(record.duration_s),
            *rows,
        )
    console.print(shown)
    console.print("Rows of identity graph tables, event type tables and event tables.", style="dim")
    for record in records:
        if record.outcome and record.outcome.error:
            console.print(f"{record.run_id[:8]}  {record.outcome.error.headline}", markup=False, highlight=False)


def print_load(console: Console, load: LoadReport) -> None:
    """Print what a landing brought."""
    if load.load_id is None:
        console.print("Nothing new to land.")
        return
    console.print(
        f"Landed {load.landed:,} calls from {_files(len(load.files))} in {duration(load.seconds)}.", highlight=False
    )
    for reason, count in sorted(load.rejected.items()):
        console.print(f"  rejected {count:,}: {reason}", highlight=False)
    for file in load.files:
        if file.status not in ("landed", "empty"):
            console.print(f"  {file.status}: {file.path}: {file.detail}", markup=False, highlight=False)


def load_to_json(load: LoadReport) -> dict[str, Any]:
    """Return what a landing brought as plain JSON values."""
    return {
        "load_id": load.load_id,
        "files": [
            {name: getattr(file, name) for name in ("path", "status", "landed", "rejected", "detail")}
            for file in load.files
        ],
        "read": load.read,
        "landed": load.landed,
        "rejected": dict(load.rejected),
        "first_event_no": load.first_event_no,
        "last_event_no": load.last_event_no,
        "new_tables": list(load.new_tables),
        "seconds": round(load.seconds, 3),
    }


def print_status(console: Console, status: DeploymentStatus) -> None:
    """Print where a deployment stands."""
    shown = _plain_table(show_header=False)
    shown.add_column(style="bold", no_wrap=True)
    shown.add_column()
    shown.add_row("Home", Text(status.home))
    schema = f"schema {status.schema}" if status.schema else ""
    where = ", ".join(filter(None, (f"{status.warehouse} {status.address}".strip(), schema)))
    shown.add_row("Warehouse", Text(where or "the first sync settles it"))
    shown.add_row("Sources", Text("\n".join(status.sources) or "none; name them in profiles_sync.yml"))
    frequency = "hourly" if status.next_sync_at else "hourly while `profiles-sync up` runs"
    if not status.enabled:
        frequency = "off; `profiles-sync enable` turns syncs on"
    elif status.paused:
        frequency += "; the schedule is paused in Dagster"
    shown.add_row("Frequency", frequency)
    shown.add_row("Next sync", f"{status.next_sync_at:%Y-%m-%d %H:%M} UTC" if status.next_sync_at else "none planned")
    console.print(shown)
    for record in filter(None, (status.running, status.last)):
        print_sync(console, record)


def print_tests(console: Console, tests: Sequence[VerifiedTest]) -> None:
    """Show what dbt's tests came to; of those that passed the number."""
    failed = [test for test in tests if not test.passed]
    console.print(f"{len(tests) - len(failed)} of {len(tests)} tests passed.", style="red" if failed else "green")
    for test in failed:
        console.print(f"{test.table}: {test.name}: {test.message}", markup=False)


def print_health(console: Console, health: Health, table: str | None = None) -> None:
    """Print rows by day and by table, or a table's by day.

    Raises:
        ProfilesSyncError: The table got no row in this span.
    """
    if table is not None:
        chosen = next((each for each in health.tables if each.table == table), None)
        if chosen is None:
            raise ProfilesSyncError(
                f"no row was synced into {table} in {len(health.days)} days",
                hint="`profiles-sync health` lists the tables that got rows.",
                code="E_CONFIG",
            )
        _print_days(console, {day.day: chosen.rows[day.day] for day in health.days}, {})
        return
    _print_days(console, {day.day: day.rows_synced for day in health.days}, {day.day: day for day in health.days})
    shown = _plain_table()
    shown.add_column("Table", no_wrap=True)
    shown.add_column("Group", no_wrap=True)
    shown.add_column("Rows synced", justify="right")
    shown.add_column("Share", justify="right")
    for each in health.tables:
        share = f"{health.share(each):.1%}"
        shown.add_row(each.table, GROUP_NAMES[each.group], f"{each.rows.total():,}", share)
    console.print()
    console.print(shown)


def _print_days(console: Console, rows: Mapping[date, int], details: Mapping[date, Day]) -> None:
    shown = _plain_table()
    shown.add_column("Day (UTC)", no_wrap=True)
    shown.add_column("Rows synced", justify="right")
    shown.add_column("")
    shown.add_column("Syncs" if details else "", no_wrap=True)
    most = max(rows.values()) or 1
    for day, count in rows.items():
        syncs = details[day].syncs if day in details else {}
        told = ", ".join(f"{number} {status.value}" for status, number in syncs.items())
        shown.add_row(f"{day}", f"{count:,}", "█" * round(_BAR * count / most), told)
    console.print(shown)


def print_pruned(console: Console, pruned: Sequence[Pruned], *, dry_run: bool) -> None:
    """Show what was removed, or would be."""
    table = _plain_table()
    for name in ("What", "Kept", "Would go" if dry_run else "Removed"):
        table.add_column(name)
    for each in pruned:
        table.add_row(each.what, each.kept, f"{each.count:,}")
    console.print(table)


def _landing_line(outcome: Outcome) -> str:
    landing = outcome.landing
    line = f"Landed {landing.events:,} calls from {_files(landing.files)}" if landing.files else "No new files"
    notes = [
        (landing.rejected, "rejected"),
        (outcome.identity.duplicates, "duplicate"),
        (outcome.identity.filtered, "filtered"),
    ]
    parts = [f"{count:,} {name}" for count, name in notes if count]
    line += f" ({', '.join(parts)})" if parts else ""
    identity = outcome.identity
    if identity.profiles_created or identity.profiles_merged:
        line += f"; {identity.profiles_created:,} profiles created, {identity.profiles_merged:,} merged"
    line += "."
    if landing.passed_over and not landing.files:
        line += (
            f" Of the archive the newest {RECENT_DAYS} days were looked at; `sync --all-files` looks at all of them."
        )
    return line


def _files(number: int) -> str:
    return f"{number:,} new file{'' if number == 1 else 's'}"


def _tables(tables: Sequence[TableResult]) -> Table:
    shown = _plain_table()
    for title in ("Table", "Group", "Status"):
        shown.add_column(title, no_wrap=True)
    for title in ("Inserted", "Updated", "Deleted"):
        shown.add_column(title, justify="right", no_wrap=True)
    order = {group: place for place, group in enumerate(GROUPS)}
    for table in sorted(tables, key=lambda each: (order.get(each.group, 9) if each.group else 9, each.table)):
        shown.add_row(
            table.table,
            table.group or "internal",
            _status(table.status),
            f"{table.inserted:,}",
            f"{table.updated:,}",
            f"{table.deleted:,}",
        )
    return shown


def _status(status: Status) -> Text:
    return Text(status.value, style=_STYLES[status])


def _print_error(console: Console, error: SyncError) -> None:
    console.print(Text.assemble((error.code, "red"), " ", error.message), highlight=False)
    if error.hint:
        console.print(error.hint, markup=False, highlight=False)
