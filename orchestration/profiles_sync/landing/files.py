"""Which files there are, and the lines in them."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl

import fsspec
import msgspec
import orjson
from fsspec.implementations.local import LocalFileSystem

from profiles_sync.landing.model import LandingError, NewFile, Source
from profiles_sync.landing.timestamps import from_datetime
from profiles_sync.sync.diagnosis import redact

ARCHIVE = "segment-logs"
EXTENSIONS = (".gz", ".json", ".jsonl", ".ndjson")
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 20
# A file up to this size is fetched in one request.
_WHOLE = 8 << 20
LINE_BYTES = 16 << 20
"""Longest line that is read, the largest JSON that a warehouse's column takes."""

DOCUMENT_BYTES = 64 << 20
"""Longest file that is read as one JSON document."""

_DAY = re.compile(r"\d+|\d{4}-\d{2}-\d{2}|\w+=[^/]*")

_USER = re.compile(r"^[^/]*@")
_PASSWORD = re.compile(r"^[^/:@]*:[^/]*@")
# Parameters that sign a URL, other ones every time, by the one that tells: those of S3, Google, CloudFront and Azure.
_SIGNING = {
    "x-amz-signature": re.compile(r"(?i)x-amz-.*"),
    "x-goog-signature": re.compile(r"(?i)x-goog-.*"),
    "signature": re.compile(r"(?i)signature|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid"),
    "sig": re.compile(r"(?i)s[a-z]{1,4}"),
}

_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_item = msgspec.json.Decoder(msgspec.Raw).decode


class UnreadableFileError(Exception):
    """The content of a file is damaged; it will stay so until somebody writes it again."""


class UnavailableFileError(Exception):
    """The store did not give the file this time."""


class Ledger:
    """The versions of files that earlier landings have dealt with.

    Args:
        rows: (path, etag, size in bytes) of every entry.
    """

    def __init__(self, rows: Iterable[tuple[str, str, int]]) -> None:
        self._versions: dict[str, dict[str, int]] = {}
        for path, etag, size in rows:
            self._versions.setdefault(_recorded(path), {})[etag] = size

    def has(self, file: NewFile) -> bool:
        """Whether this version of the file was dealt with."""
        versions = self._versions.get(file.path)
        if versions is None:
            return False
        if file.content_version:
            return file.version in versions
        # A copy may keep the time of the file that it replaces.
        return any(
            etag.partition("/")[0] == file.version and size == file.size_bytes for etag, size in versions.items()
        )

    def has_content(self, file: NewFile, digest: str) -> bool:
        """Whether a file of this digest was dealt with under the same path."""
        return any(etag.partition("/")[2] == digest for etag in self._versions.get(file.path, ()))

    def may_have_content(self, file: NewFile) -> bool:
        """Whether the file may be an earlier one that was merely touched: same path, same size."""
        return not file.content_version and file.size_bytes in self._versions.get(file.path, {}).values()

    def knows_below(self, folder: str) -> bool:
        """Whether any file below a folder was dealt with."""
        return any(path.startswith(folder) for path in self._versions)


@dataclass
class RecentDays:
    """Of a source that the ledger knows, only the newest `received-day` folders are entered.

    Attributes:
        today: The day, UTC: a folder of a later day does not make others old.
        days: How many, back from the newest one.
        passed_over: Folders that were not entered, counted while files are listed.
    """

    today: date
    days: int
    passed_over: int = 0

    def first(self, folders: Iterable[str]) -> date:
        """Return the first day that is entered of a source with these folders."""
        found = [day for day in map(_received_day, folders) if day is not None and day <= self.today]
        return max(found, default=self.today) - timedelta(days=self.days - 1)


def list_files(sources: Iterable[Source], ledger: Ledger, *, recent: RecentDays | None = None) -> list[NewFile]:
    """Return the files, and versions of files, that no landing has dealt with, each once, in byte order of their paths.

    Args:
        sources: Where to look.
        ledger: What has been dealt with.
        recent: Which folders of an archive are entered; None: all.

    Raises:
        LandingError: A source cannot be listed.
    """
    found: dict[str, NewFile] = {}
    for source in sources:
        for file in _list_source(source, ledger, recent):
            found.setdefault(file.path, file)
    fresh = [file for file in found.values() if not ledger.has(file)]
    return sorted(fresh, key=lambda file: file.path.encode())


def _list_source(source: Source, ledger: Ledger, recent: RecentDays | None) -> Iterator[NewFile]:
    try:
        store, root = fsspec.core.url_to_fs(source.path, **source.storage_options)
        if not store.exists(root):
            raise LandingError(
                f"the source {public_path(source.path)} does not exist",
                hint="Check the path, and whether this machine may read it.",
            )
        if store.isfile(root):
            yield _new_file(source, store, root, root, store.info(root))
            return
        if isinstance(store, LocalFileSystem) and not store.isdir(root):
            raise LandingError(f"the source {public_path(source.path)} is neither a file nor a folder")
        for path, info in _walk(store, root, ledger, recent):
            yield _new_file(source, store, root, path, info)
    except LandingError:
        raise
    except ImportError as error:
        raise LandingError(
            f"the source {public_path(source.path)} needs a package that is not installed: {error}",
            hint="Install it into this environment, for example: pip install s3fs",
        ) from error
    except Exception as error:
        # Every store has errors of its own.
        raise LandingError(
            f"the source {public_path(source.path)} cannot be listed: {_said(error)}",
            hint="Check the address, the credentials in the environment, and the permission to list.",
        ) from error


def _walk(store: Any, root: str, ledger: Ledger, recent: RecentDays | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the files that may hold calls; of a source that the ledger knows, those in `recent` folders."""
    local = isinstance(store, LocalFileSystem)
    # Beside each folder the one that the walk began in and those that it came to by links.
    waiting: list[tuple[str, tuple[str, ...]]] = [(root, (os.path.realpath(root),) if local else ())]
    while waiting:
        folder, entered = waiting.pop()
        parts = PurePosixPath(folder).parts
        in_archive = ARCHIVE in parts
        entries = _entries(store, folder)
        oldest = None
        if (
            recent is not None
            and in_archive
            and len(parts) - parts.index(ARCHIVE) == 2
            and ledger.knows_below(f"{_full_path(store, folder)}/")
        ):
            oldest = recent.first(PurePosixPath(path).name for path, _ in entries)
        for path, info in entries:
            name = PurePosixPath(path).name
            if local and info["type"] == "other":
                info = _followed(info)
            if info["type"] == "directory":
                if recent is not None and oldest is not None and (_received_day(name) or oldest) < oldest:
                    recent.passed_over += 1
                elif not info.get("islink"):
                    waiting.append((path, entered))
                # What lies within is read there, under its own name; it may also be a folder that holds this one.
                elif not any(_lies_in(os.path.realpath(path), each) for each in entered):
                    waiting.append((path, (*entered, os.path.realpath(path))))
            elif local and info["type"] != "file":
                # A pipe would be waited for.
                continue
            elif not name.startswith((".", "_")) and name.endswith(".gz" if in_archive else EXTENSIONS):
                yield path, info


def _followed(info: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what fsspec says of a local file with what a link leads to."""
    try:
        target = Path(info["name"]).stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        # It leads nowhere: reading it will say so.
        return {**info, "type": "file"}
    kind = "directory" if stat.S_ISDIR(target.st_mode) else "file" if stat.S_ISREG(target.st_mode) else "other"
    return {**info, "type": kind, "size": target.st_size, "mtime": target.st_mtime}


def _lies_in(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def _entries(store: Any, folder: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what is in a folder. `store.walk` would pass over a folder that may not be read as if it were empty."""
    try:
        listing = store.ls(folder, detail=True)
    except FileNotFoundError:
        # Gone since it was listed; some stores also say so of an empty one.
        return []
    found = [(str(info["name"]).rstrip("/"), info) for info in listing]
    # Stores without folders may list a folder's marker within it.
    return [(path, info) for path, info in found if path != folder.rstrip("/")]


def _received_day(name: str) -> date | None:
    """Return the day that a folder of the archive stands for: a Unix time in milliseconds or seconds, or a date."""
    try:
        if name.isdigit():
            number = int(name)
            return datetime.fromtimestamp(number / 1000 if len(name) >= 12 else number, timezone.utc).date()
        return date.fromisoformat(name)
    except (ValueError, OverflowError, OSError):
        return None


def _new_file(source: Source, store: Any, root: str, path: str, info: Mapping[str, Any]) -> NewFile:
    version, content_version = _version(info)
    return NewFile(
        path=_full_path(store, path),
        version=version,
        content_version=content_version,
        size_bytes=int(info.get("size") or 0),
        source=source,
        source_id=_storable(_source_id(source, _recorded(root), _recorded(path))),
        store=store,
        path_in_store=path,
    )


def _version(info: Mapping[str, Any]) -> tuple[str, bool]:
    for name in ("md5Hash", "ETag", "etag", "content_md5"):
        if info.get(name):
            return str(info[name]).strip('"'), True
    for name in ("mtime", "LastModified", "last_modified", "updated", "modified", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return f"{from_datetime(value):x}", False
        if isinstance(value, (int, float)):
            return f"{int(value * 1_000_000):x}", False
        if value:
            return str(value).replace("/", "-"), False
    return f"size-{info.get('size')}", False


def _source_id(source: Source, root: str, path: str) -> str:
    parts = PurePosixPath(path).parts
    if ARCHIVE in parts:
        place = parts.index(ARCHIVE) + 1
        if place < len(parts) - 1:
            return parts[place]
    if source.source_id:
        return source.source_id
    inside = [] if path == root else parts[len(PurePosixPath(root).parts) : -1]
    for name in (*inside, *reversed(parts[:-1])):
        if not _DAY.fullmatch(name) and name.strip("/"):
            return name
    return "default"


def _full_path(store: Any, path: str) -> str:
    return _storable(path if isinstance(store, LocalFileSystem) else _recorded(str(store.unstrip_protocol(path))))


def _recorded(path: str) -> str:
    """Return a path, or a URL without the credentials that it may carry; what it was landed as before gives the same.

    Only the web has queries: elsewhere a question mark is part of a name. What a query asks for beside being signed
    tells files apart and may be secret too: a digest of it stays.
    """
    scheme, separator, rest = path.partition("://")
    if not separator or path.startswith("/"):
        return path
    if scheme not in ("http", "https"):
        return f"{scheme}://{_PASSWORD.sub('', rest)}"
    address, _, query = rest.partition("?")
    asked = parse_qsl(query, keep_blank_values=True)
    names = {name.lower() for name, _ in asked}
    signing = [parameters for signature, parameters in _SIGNING.items() if signature in names]
    kept = sorted(each for each in asked if not any(parameters.fullmatch(each[0]) for parameters in signing))
    digest = f"#{hashlib.sha256(repr(kept).encode()).hexdigest()[:16]}" if kept else ""
    return f"{scheme}://{_USER.sub('', address)}{digest}"


def _storable(name: str) -> str:
    r"""Return a name with `\xe9` for each byte that is no UTF-8, which no warehouse stores."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def public_path(path: str) -> str:
    """Return a path or URL without the credentials that it may carry."""
    scheme, separator, rest = path.partition("://")
    return f"{scheme}://{_USER.sub('', rest).partition('?')[0]}" if separator else path


def _said(error: Exception) -> str:
    return redact(f"{type(error).__name__}: {error}")


class FileLines:
    """The lines of one file, gzip or plain, with what is known of it when they have been read.

    Attributes:
        empty: Whether the file holds nothing but white space.
    """

    def __init__(self, file: NewFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.empty = True

    @property
    def etag(self) -> str:
        """The version for the ledger; complete once the lines have been read to the end."""
        if self._file.content_version:
            return self._file.version
        return f"{self._file.version}/{self._digest.hexdigest()[:32]}"

    def __iter__(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield (line number from 1, the line stripped, whether it is whole); blank lines are left out.

        A line beyond `LINE_BYTES` comes as its first part, and the rest of it is passed over.

        A `.json` file may also be one document over several lines: an object, or an array of them. Then the items come
        as lines without breaks, numbered by their places in it.

        Raises:
            UnreadableFileError: The content is damaged.
            UnavailableFileError: The store failed.
        """
        with _open(self._file) as raw:
            stream = self._decompressed(raw)
            read = iter(lambda: self._read(stream, _BLOCK), b"")
            start = [next(read, b"").removeprefix(_BOM)]
            if self._file.path.endswith((".json", ".json.gz")) and not _begins_with_a_call(start[0]):
                size = len(start[0])
                while size <= DOCUMENT_BYTES and (block := next(read, b"")):
                    start.append(block)
                    size += len(block)
                if size <= DOCUMENT_BYTES and (items := _items_of_document(b"".join(start))) is not None:
                    self.empty = not items
                    yield from ((number, item, len(item) <= LINE_BYTES) for number, item in enumerate(items, 1))
                    return
            yield from self._lines(chain(start, read))

    def _lines(self, blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes, bool]]:
        number, rest, skipping = 0, b"", False
        for block in blocks:
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                number += 1
                if skipping:
                    skipping = False
                    continue
                if line := line.strip():
                    self.empty = False
                    yield number, line, True
            if len(rest) > LINE_BYTES:
                if not skipping:
                    self.empty = False
                    yield number + 1, rest, False
                rest, skipping = b"", True
        if not skipping and (rest := rest.strip()):
            self.empty = False
            yield number + 1, rest, True

    def _decompressed(self, raw: BinaryIO) -> BinaryIO:
        hashed = _Hashed(raw, self._digest)
        buffered: io.BufferedReader[io.RawIOBase] = io.BufferedReader(hashed, _BLOCK)
        start = self._peek(buffered)
        if start.startswith(_GZIP):
            return cast(BinaryIO, gzip.GzipFile(fileobj=buffered))
        if start and self._file.path.endswith(".gz"):
            raise UnreadableFileError("not a gzip file, although its name ends in .gz")
        return cast(BinaryIO, buffered)

    def _peek(self, buffered: io.BufferedReader[io.RawIOBase]) -> bytes:
        try:
            return buffered.peek(2)[:2]
        except Exception as error:
            raise UnavailableFileError(_said(error)) from error

    def _read(self, stream: BinaryIO, size: int) -> bytes:
        try:
            return stream.read(size)
        except EOFError as error:
            raise UnreadableFileError("cut short: the end of the gzip data is missing") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableFileError(f"damaged gzip data: {error}") from error
        except Exception as error:
            raise UnavailableFileError(_said(error)) from error


def _begins_with_a_call(start: bytes) -> bool:
    """Whether the first line is an object of its own, as in a file of one call a line."""
    line, newline, _ = start.lstrip().partition(b"\n")
    if not newline or not line.startswith(b"{"):
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _items_of_document(content: bytes) -> list[bytes] | None:
    """Return the items of a JSON document without line breaks, None when it is none."""
    content = content.strip()
    try:
        if content.startswith(b"["):
            items = [bytes(item) for item in _decode_items(content)]
        elif content.startswith(b"{"):
            items = [bytes(_decode_item(content))]
        else:
            return None
    except (msgspec.DecodeError, RecursionError):
        return None
    # Inside of strings there are none.
    return [item.strip().replace(b"\n", b" ") for item in items]


class _Hashed(io.RawIOBase):
    """A stream whose bytes are digested as they pass."""

    def __init__(self, stream: BinaryIO, digest: Any) -> None:
        self._stream = stream
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read(len(buffer))
        self._digest.update(block)
        buffer[: len(block)] = block
        return len(block)


def content_digest(file: NewFile) -> str:
    """Return the digest that `FileLines.etag` has of a file's content.

    Raises:
        UnavailableFileError: The store failed.
    """
    digest = hashlib.sha256()
    with _open(file) as stream:
        try:
            while block := stream.read(_BLOCK):
                digest.update(block)
        except Exception as error:
            raise UnavailableFileError(_said(error)) from error
    return digest.hexdigest()[:32]


def _open(file: NewFile) -> BinaryIO:
    try:
        if not isinstance(file.store, LocalFileSystem) and file.size_bytes <= _WHOLE:
            return io.BytesIO(file.store.cat_file(file.path_in_store))
        return cast(BinaryIO, file.store.open(file.path_in_store, "rb"))
    except Exception as error:
        raise UnavailableFileError(_said(error)) from error
