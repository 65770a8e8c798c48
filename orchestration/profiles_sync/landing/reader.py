"""Reads files into scratch files. The one implementation: small loads run it in this process, large ones in several."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from profiles_sync.landing.calls import BODY, SUPPRESSED, Call, CallReader
from profiles_sync.landing.files import FileLines, UnavailableFileError, UnreadableFileError
from profiles_sync.landing.model import FileOutcome, NewFile
from profiles_sync.landing.spool import SpoolWriter
from profiles_sync.landing.structure import PATHS_KEPT, Structure
from profiles_sync.naming import EVENT_TYPE_TABLES, NameRules, event_table_name
from profiles_sync.privacy.requests import Suppression

# Event names with ids in them must not fill the memory.
_SLUGS_KEPT = 100_000


@dataclass(frozen=True)
class ReadingRules:
    """What a reader needs to know of the load.

    Attributes:
        now: What the clock says, in microseconds since 1970.
        loaded: Time of the load, later than that of any other.
        strict: Reject what Segment's Unify drops silently.
        names: How event tables are named.
        timestamp_paths: Paths of columns that are timestamps already.
        suppression: Whose calls are not to land.
    """

    now: int
    loaded: int
    strict: bool
    names: NameRules
    timestamp_paths: frozenset[tuple[str, ...]] = frozenset()
    suppression: Suppression | None = None


@dataclass(frozen=True)
class FileResult:
    """What reading one file gave.

    Attributes:
        outcome: For the ledger.
        reasons: Rejected calls by reason.
        notices: Notices by (code, field).
    """

    outcome: FileOutcome
    reasons: Counter[str] = field(default_factory=Counter)
    notices: Counter[tuple[str, str | None]] = field(default_factory=Counter)


class FileReader:
    """Reads one file after the other.

    A file counts as a whole or not at all: of one that turns out to be damaged, nothing is kept.

    Args:
        folder: Where the scratch files go.
        name: Name of this reader, different from any other's.
        rules: Rules of the load.
    """

    def __init__(self, folder: Path, name: str, rules: ReadingRules) -> None:
        self._rules = rules
        self._spool = SpoolWriter(folder, name)
        self._structure = Structure(rules.timestamp_paths)
        self._file_structure = Structure(rules.timestamp_paths)
        self._slugs: dict[str, str] = {}
        self._calls = CallReader(
            now=rules.now,
            loaded=rules.loaded,
            strict=rules.strict,
            accept=self._accept,
            reject=self._reject,
            notice=self._notice,
            suppressed=rules.suppression.covers if rules.suppression else None,
        )
        self._file_no = self._file_row = self._landed = 0
        self._reasons: Counter[str] = Counter()
        self._notices: Counter[tuple[str, str | None]] = Counter()

    def read(self, file_no: int, file: NewFile) -> FileResult:
        """Read a file; `file_no` stands for it in the scratch files."""
        self._file_no, self._landed = file_no, 0
        self._reasons, self._notices = Counter(), Counter()
        self._spool.mark()
        lines = FileLines(file)
        status, detail = "landed", None
        try:
            for self._file_row, line, whole in lines:
                if whole:
                    self._calls.read(line)
                else:
                    self._reject(line, 0, "payload_too_large", "the line is longer than 16 MiB")
        except (UnreadableFileError, UnavailableFileError) as error:
            self._spool.rollback()
            self._file_structure.clear()
            status = "unreadable" if isinstance(error, UnreadableFileError) else "unavailable"
            return FileResult(FileOutcome(file.path, lines.etag, file.size_bytes, 0, 0, 0, status, str(error)))
        self._structure.merge(self._file_structure)
        if self._structure.paths > PATHS_KEPT:
            self._spool.structure(self._structure)
        if lines.empty:
            status, detail = "empty", "no line"
        rejected = self._reasons.total()
        outcome = FileOutcome(
            file.path, lines.etag, file.size_bytes, self._landed + rejected, self._landed, rejected, status, detail
        )
        return FileResult(outcome, self._reasons, self._notices)

    def close(self) -> None:
        """Finish the scratch files."""
        self._spool.structure(self._structure)
        self._spool.close()

    def _accept(self, call: Call) -> None:
        kind = call.kind
        slug = None
        table = EVENT_TYPE_TABLES[kind]
        if kind == "track":
            name = call.event_name or ""
            slug = self._slugs.get(name)
            if slug is None:
                if len(self._slugs) > _SLUGS_KEPT:
                    self._slugs.clear()
                slug = self._slugs[name] = event_table_name(name, self._rules.names)
            table = slug
        if call.context is not None:
            self._file_structure.add(table, "context", call.context)
        if call.body is not None:
            self._file_structure.add(table, BODY[kind], call.body)
        self._spool.call(self._file_no, self._file_row, call, slug)
        self._landed += 1

    def _reject(self, source: bytes, item_no: int, reason: str, detail: str) -> None:
        if reason != SUPPRESSED:
            self._spool.reject(self._file_no, self._file_row, item_no, reason, detail, source)
        self._reasons[reason] += 1

    def _notice(self, code: str, name: str | None) -> None:
        self._notices[(code, name)] += 1
