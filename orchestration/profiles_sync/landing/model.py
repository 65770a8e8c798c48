"""What goes into landing and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from profiles_sync.errors import ProfilesSyncError
from profiles_sync.naming import NameRules, name_rules


class LandingError(ProfilesSyncError):
    """Landing could not do its work; nothing of the load was written."""

    code = "E_SOURCE_READ"


@dataclass(frozen=True)
class Source:
    """A place that calls are read from.

    Attributes:
        path: A folder or file: a local path or a URL that fsspec knows.
        source_id: Source of the calls whose path names none. None: the first folder below `path`, days left out, else
            the name of the folder that the file is in.
        name: Name of `source_id` in the tables.
        slug: Its slug.
        storage_options: What fsspec needs to open it, such as an endpoint.
    """

    path: str
    source_id: str | None = None
    name: str | None = None
    slug: str | None = None
    storage_options: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class SourceName:
    """What the tables call a source beside its id."""

    name: str | None = None
    slug: str | None = None


RECENT_DAYS = 7
"""How many days back an hourly listing of an archive goes."""


@dataclass(frozen=True)
class LandingOptions:
    """The settings that landing follows; each has the meaning of the setting of the same name.

    Attributes:
        strict_unify_limits: Reject what Segment's Unify drops without a word, such as calls with too many traits.
        max_event_tables: Track events beyond this many get no table of their own.
        max_columns_per_table: Keys beyond this many become no columns; 0: the engine's limit less 50.
        portable_names: Names that fit every engine.
        bigquery_compat_views: Tables of BigQuery have views, whose names no event's table may take.
        column_types: `<table>.<column>` to one of the five types, instead of the type found.
        source_names: Source id to its name and slug.
        backfill_months: How far back, before the newest receipt of the first load, event tables go; `all`: no limit.
        workers: Processes that read; None: one per processor, four at most. Small loads are read in this process.
        recent_days: Of a source that has landed before, look only at the newest `received-day` folders, so many days
            back; None: at all.
    """

    strict_unify_limits: bool = True
    max_event_tables: int = 2000
    max_columns_per_table: int = 0
    portable_names: bool = False
    bigquery_compat_views: bool = False
    column_types: Mapping[str, str] = field(default_factory=dict)
    source_names: Mapping[str, SourceName] = field(default_factory=dict)
    backfill_months: int | Literal["all"] = "all"
    workers: int | None = None
    recent_days: int | None = None

    def names(self, engine: str) -> NameRules:
        """Return how tables and columns are named on an engine."""
        return name_rules(engine, portable=self.portable_names, compat_views=self.bigquery_compat_views)


@dataclass(frozen=True)
class NewFile:
    """A file, or a new version of one, that no load has read.

    Attributes:
        path: Absolute local path, or URL, as the tables show it.
        version: The store's ETag, or the time of the last change.
        content_version: Whether `version` follows the content; otherwise a digest of it is added when it is read.
        size_bytes: As stored.
        source: Where it was found.
        source_id: Source of its calls.
        store: fsspec's file system that has it.
        path_in_store: Its path there.
    """

    path: str
    version: str
    content_version: bool
    size_bytes: int
    source: Source = field(repr=False)
    source_id: str
    store: Any = field(repr=False, compare=False)
    path_in_store: str = field(repr=False)


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file.

    Attributes:
        path: The file.
        etag: Its version in the ledger.
        size_bytes: As stored.
        read: Calls found.
        landed: Calls accepted.
        rejected: Calls rejected.
        status: `landed`, `unreadable`, `empty`; `unavailable` when the store did not give it, which the ledger does not
            keep.
        detail: Why, where it is not simply landed.
    """

    path: str
    etag: str
    size_bytes: int
    read: int
    landed: int
    rejected: int
    status: str
    detail: str | None = None


@dataclass(frozen=True)
class Notice:
    """Something worth knowing that stopped nothing.

    Attributes:
        notice: Its code.
        table_name: Table concerned, or None.
        column_name: Column or field concerned, or None.
        occurrences: How often.
        detail: An example or explanation.
    """

    notice: str
    table_name: str | None
    column_name: str | None
    occurrences: int
    detail: str | None


@dataclass(frozen=True)
class LoadReport:
    """What one landing did.

    Attributes:
        load_id: The load; None when there was nothing to write.
        loaded_at: Its time, UTC without zone.
        files: What became of each new file.
        passed_over: `received-day` folders that were not looked into, being older than `recent_days`.
        read: Calls found.
        landed: Calls accepted.
        rejected: Rejected calls by reason.
        notices: Notices of the load.
        first_event_no: First number given, to an event or an action on identities; None without any.
        last_event_no: Last one.
        tables: Events by event table.
        new_tables: Track tables seen for the first time.
        new_columns: Columns seen for the first time, as `<table>.<column>`.
        settings_version: Version of the settings that holds from this load on; None when none was recorded.
        seconds: Duration.
    """

    load_id: str | None
    loaded_at: datetime
    files: tuple[FileOutcome, ...] = ()
    passed_over: int = 0
    read: int = 0
    landed: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    first_event_no: int | None = None
    last_event_no: int | None = None
    tables: Mapping[str, int] = field(default_factory=dict)
    new_tables: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    settings_version: int | None = None
    seconds: float = 0.0

    @property
    def bytes_read(self) -> int:
        """Size of the files read, as stored."""
        return sum(file.size_bytes for file in self.files)


@dataclass(frozen=True)
class Progress:
    """How far a landing is.

    Attributes:
        phase: `list`, `read` or `load`.
        files_done: Files read.
        files: New files.
        bytes_done: Their size, as stored.
        bytes: Size of all.
        calls: Calls accepted so far.
    """

    phase: str
    files_done: int = 0
    files: int = 0
    bytes_done: int = 0
    bytes: int = 0
    calls: int = 0


ProgressCallback = Callable[[Progress], None]
