"""Which files are found, whose calls they hold, and the lines in them."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import fsspec
import pytest
from fsspec.spec import AbstractFileSystem

from profiles_sync.landing import LandingError, NewFile, Source, files
from profiles_sync.landing.files import (
    LINE_BYTES,
    FileLines,
    Ledger,
    RecentDays,
    UnavailableFileError,
    UnreadableFileError,
    content_digest,
    list_files,
    public_path,
)

TODAY = date(2024, 5, 10)


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}\n")


def listed(source: Source | Path, ledger: Ledger | None = None, recent: RecentDays | None = None) -> list[NewFile]:
    source = source if isinstance(source, Source) else Source(str(source))
    return list_files([source], ledger or Ledger(()), recent=recent)


def names(root: Path, files: list[NewFile]) -> dict[str, str]:
    return {str(Path(file.path).relative_to(root)): file.source_id for file in files}


# -- listing ---------------------------------------------------------------------------------------------------------


def test_the_archive_layout(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "prefix/segment-logs/web/1651449600000/a.gz",
        "prefix/segment-logs/web/1651449600000/a.json",
        "prefix/segment-logs/web/2022-05-02/b.gz",
        "prefix/segment-logs/ios/1651449600000/c.gz",
        "prefix/segment-logs/dummy-object.txt",
        "prefix/segment-logs/web/1651449600000/_SUCCESS.gz",
        "prefix/segment-logs/web/1651449600000/.hidden.gz",
    )
    expected = {
        "prefix/segment-logs/ios/1651449600000/c.gz": "ios",
        "prefix/segment-logs/web/1651449600000/a.gz": "web",
        "prefix/segment-logs/web/2022-05-02/b.gz": "web",
    }
    assert names(tmp_path, listed(tmp_path)) == expected
    # The same from any folder further down, and a source id of the settings does not outrank the path.
    assert names(tmp_path, listed(Source(str(tmp_path / "prefix/segment-logs"), source_id="x"))) == expected
    below = listed(tmp_path / "prefix/segment-logs/web/2022-05-02")
    assert names(tmp_path, below) == {"prefix/segment-logs/web/2022-05-02/b.gz": "web"}


def test_other_layouts(tmp_path: Path) -> None:
    root = tmp_path / "calls"
    touch(
        root, "a.json", "b.jsonl", "c.ndjson", "d.gz", "e.json.gz", "f.csv", "g.txt", "web/2024/05/01/h.jsonl",
        "web/i.jsonl", "2024-05-01/j.jsonl", "1651449600000/mobile/k.jsonl", "day=2024-05-01/l.jsonl",
    )  # fmt: skip
    assert names(root, listed(root)) == {
        "a.json": "calls", "b.jsonl": "calls", "c.ndjson": "calls", "d.gz": "calls", "e.json.gz": "calls",
        "web/2024/05/01/h.jsonl": "web", "web/i.jsonl": "web", "2024-05-01/j.jsonl": "calls",
        "1651449600000/mobile/k.jsonl": "mobile", "day=2024-05-01/l.jsonl": "calls",
    }  # fmt: skip
    assert set(names(root, listed(Source(str(root), source_id="crm"))).values()) == {"crm"}


def test_a_single_file_of_any_name(tmp_path: Path) -> None:
    touch(tmp_path, "exports/calls.txt")
    (file,) = listed(tmp_path / "exports/calls.txt")
    assert (Path(file.path).name, file.source_id, file.size_bytes) == ("calls.txt", "exports", 3)


def test_byte_order_and_no_file_twice(tmp_path: Path) -> None:
    touch(tmp_path, "é.jsonl", "z.jsonl", "A.jsonl", "a/b.jsonl", "a-b.jsonl")
    sources = [Source(str(tmp_path)), Source(str(tmp_path / "a")), Source(str(tmp_path / "z.jsonl"))]
    files = list_files(sources, Ledger(()))
    found = [str(Path(file.path).relative_to(tmp_path)) for file in files]
    assert found == ["A.jsonl", "a-b.jsonl", "a/b.jsonl", "z.jsonl", "é.jsonl"]


def test_a_relative_path_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "calls/a.jsonl")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in listed(Source("calls"))] == [file.path for file in listed(tmp_path / "calls")]


def test_recent_days_of_a_source_that_is_known(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "segment-logs/web/2024-05-03/old.gz",
        "segment-logs/web/1714780800000/new.gz",  # 2024-05-04 in milliseconds
        "segment-logs/web/1714780799/old.gz",  # the second before, in seconds
        "segment-logs/web/2024-05-10/new.gz",
        "segment-logs/web/odd-folder/new.gz",
        "segment-logs/web2/2024-05-03/of-another-source.gz",
    )
    known = Ledger([(str(tmp_path / "segment-logs/web/2024-05-01/x.gz"), "e", 1)])
    recent = RecentDays(TODAY, 7)
    found = [Path(file.path).name for file in listed(tmp_path, known, recent)]
    assert sorted(found) == ["new.gz", "new.gz", "new.gz", "of-another-source.gz"]
    assert recent.passed_over == 2
    # The same where the source is named itself; unknown, or without a limit, it is looked through.
    recent = RecentDays(TODAY, 7)
    assert len(listed(tmp_path / "segment-logs/web", known, recent)) == 3
    assert recent.passed_over == 2
    recent = RecentDays(TODAY, 7)
    assert len(listed(tmp_path, Ledger(()), recent)) == len(listed(tmp_path, known)) == 6
    assert recent.passed_over == 0


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        # An archive that ended long ago goes on being read at its end.
        (["2023-01-01", "2023-01-09", "2023-01-14", "2023-01-15"], ["2023-01-09", "2023-01-14", "2023-01-15"]),
        # A folder of the future makes no other one old.
        (["2024-05-03", "2024-05-04", "2024-05-10", "2099-01-01"], ["2024-05-04", "2024-05-10", "2099-01-01"]),
        (["odd", "2024"], ["2024", "odd"]),
    ],
)
def test_recent_days_count_back_from_the_newest(tmp_path: Path, days: list[str], expected: list[str]) -> None:
    touch(tmp_path, *(f"segment-logs/web/{day}/x.gz" for day in days))
    known = Ledger([(str(tmp_path / "segment-logs/web/2023-01-01/known.gz"), "e", 1)])
    found = listed(tmp_path, known, RecentDays(TODAY, 7))
    assert sorted(Path(file.path).parent.name for file in found) == expected


def test_what_the_ledger_has_is_left_out_until_it_changes(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl")
    (file,) = listed(tmp_path)
    lines = FileLines(file)
    assert list(lines) == [(1, b"{}", True)]
    ledger = Ledger([(file.path, lines.etag, file.size_bytes)])
    assert listed(tmp_path, ledger) == []
    os.utime(file.path, (1_700_000_000, 1_700_000_000))
    (touched,) = listed(tmp_path, ledger)
    assert ledger.may_have_content(touched)
    assert ledger.has_content(touched, content_digest(touched))
    Path(file.path).write_bytes(b"[]\n")
    (changed,) = listed(tmp_path, ledger)
    assert not ledger.has_content(changed, content_digest(changed))
    Path(file.path).write_bytes(b"{}\n{}\n")
    (longer,) = listed(tmp_path, ledger)
    assert not ledger.may_have_content(longer)


def test_a_file_is_read_again_where_its_time_stayed(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl")
    (file,) = listed(tmp_path)
    before = Path(file.path).stat()
    ledger = Ledger([(file.path, f"{file.version}/digest", file.size_bytes)])
    Path(file.path).write_bytes(b"{}\n{}\n")
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [found.size_bytes for found in listed(tmp_path, ledger)] == [6]


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/calls.txt", "elsewhere/more/b.jsonl", "root/web/c.jsonl")
    root = tmp_path / "root"
    (root / "a.jsonl").symlink_to(tmp_path / "elsewhere/calls.txt")
    (root / "ios").symlink_to(tmp_path / "elsewhere")
    # Folders that are read under their own names, or hold this one.
    (root / "latest").symlink_to("web")
    (root / "web/self").symlink_to(".")
    (tmp_path / "elsewhere/up").symlink_to(tmp_path)
    (root / "gone.jsonl").symlink_to("nowhere")
    first = {file.path.removeprefix(f"{root}/"): file for file in listed(root)}
    within_up = {name for name in first if name.startswith("ios/up/")}
    assert set(first) - within_up == {"a.jsonl", "ios/more/b.jsonl", "web/c.jsonl", "gone.jsonl"}
    assert within_up == {
        "ios/up/elsewhere/more/b.jsonl",
        "ios/up/root/web/c.jsonl",
        "ios/up/root/a.jsonl",
        "ios/up/root/gone.jsonl",
    }
    with pytest.raises(UnavailableFileError, match="FileNotFoundError"):
        list(FileLines(first["gone.jsonl"]))
    # The file that a link leads to has changed, not the link.
    os.utime(tmp_path / "elsewhere/calls.txt", (1_700_000_000, 1_700_000_000))
    again = {file.path.removeprefix(f"{root}/"): file for file in listed(root)}
    assert {name for name, file in again.items() if file.version != first[name].version} == {
        "a.jsonl",
        "ios/up/root/a.jsonl",
    }


def test_only_files_are_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "linked.jsonl").symlink_to("pipe.jsonl")
    assert names(tmp_path, listed(tmp_path)).keys() == {"a.jsonl"}
    with pytest.raises(LandingError, match="neither a file nor a folder"):
        listed(tmp_path / "pipe.jsonl")


def test_a_missing_source_says_so(tmp_path: Path) -> None:
    with pytest.raises(LandingError, match="does not exist") as failure:
        listed(tmp_path / "nowhere")
    assert failure.value.hint


@pytest.mark.parametrize("closed", ["", "segment-logs/web"])
def test_a_folder_that_may_not_be_read_is_no_empty_one(
    tmp_path: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "segment-logs/ios/1/a.gz", "segment-logs/web/1/b.gz")
    scandir = os.scandir

    def guarded(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(LandingError, match="cannot be listed: PermissionError") as failure:
        listed(tmp_path)
    assert failure.value.code == "E_SOURCE_READ"


def test_a_store_that_is_not_installed_says_what_to_do() -> None:
    with pytest.raises(LandingError, match=r"not installed|cannot be listed"):
        listed(Source("abfs://container/path"))


def test_credentials_of_a_url_are_not_shown() -> None:
    assert public_path("https://user:secret@host/a?sig=secret") == "https://host/a"
    assert public_path("s3://user:p@ss@host/a") == "s3://host/a"
    assert public_path("/calls/a?b") == "/calls/a?b"
    with pytest.raises(LandingError) as failure:
        listed(Source("nosuch://user:secret@host/a?sig=secret"))
    assert "secret" not in str(failure.value)


class Web(AbstractFileSystem):
    """One file of three bytes at each address."""

    protocol = ("http", "https")

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path

    def info(self, path: str, **options: object) -> dict[str, object]:
        return {"name": path, "size": 3, "type": "file", "ETag": "e1"}

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: object) -> bytes:
        return f"{path}\n".encode()


@pytest.fixture
def web() -> Iterator[None]:
    known = dict(fsspec.registry)
    for name in Web.protocol:
        fsspec.register_implementation(name, Web, clobber=True)
    yield
    for name in Web.protocol:
        fsspec.register_implementation(name, known.get(name, Web), clobber=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:p@ss@host/shop/a.jsonl",
        "https://host/shop/a.jsonl?X-Amz-Credential=c&X-Amz-Signature=s",
        "https://host/shop/a.jsonl?sv=2024&se=2025&sig=s",
    ],
)
def test_what_is_recorded_of_a_url_has_no_credentials(web: None, url: str) -> None:
    (file,) = listed(Source(url))
    assert (file.path, file.source_id) == ("https://host/shop/a.jsonl", "shop")
    assert list(FileLines(file)) == [(1, url.encode(), True)]
    # Landed before, under any of its addresses.
    assert listed(Source(url), Ledger([(url.replace("=s", "=t"), "e1", 3)])) == []
    assert listed(Source(url), Ledger([(file.path, "e1", 3)])) == []


def test_what_a_query_asks_for_tells_files_apart(web: None) -> None:
    sources = [Source(f"https://u:secret@host/export?day={day}") for day in (1, 2)]
    first, second = list_files(sources, Ledger(()))
    assert first.path != second.path
    assert {file.path.partition("#")[0] for file in (first, second)} == {"https://host/export"}
    assert list_files(sources, Ledger([(first.path, "e1", 3)])) == [second]
    assert list_files(sources[:1], Ledger([("https://u:secret@host/export?day=1", "e1", 3)])) == []


# -- object stores ---------------------------------------------------------------------------------------------------


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    store = fsspec.filesystem("memory")
    store.rm("/", recursive=True) if store.exists("/bucket") else None
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


def test_any_url_that_fsspec_knows(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/bucket/segment-logs/web/2024-05-01/a.gz", gzip.compress(b'{"a":1}\n'))
    (file,) = listed(Source("memory://bucket"))
    assert file.source_id == "web"
    assert file.path == "memory:///bucket/segment-logs/web/2024-05-01/a.gz"
    assert list(FileLines(file)) == [(1, b'{"a":1}', True)]


def test_a_store_with_etags_is_trusted(memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/bucket/a.jsonl", b"{}\n")
    plain = type(memory).info

    def info(self: fsspec.AbstractFileSystem, path: str, **options: object) -> dict[str, object]:
        return {**plain(self, path, **options), "ETag": '"abc"'}

    monkeypatch.setattr(type(memory), "info", info)
    (file,) = listed(Source("memory://bucket/a.jsonl"))
    assert (file.version, file.content_version) == ("abc", True)
    lines = FileLines(file)
    assert list(lines) == [(1, b"{}", True)]
    assert lines.etag == "abc"
    assert listed(Source("memory://bucket/a.jsonl"), Ledger([(file.path, "abc", 3)])) == []
    assert len(listed(Source("memory://bucket/a.jsonl"), Ledger([(file.path, "abd", 3)]))) == 1


# -- lines -----------------------------------------------------------------------------------------------------------


def lines_of(path: Path, content: bytes) -> list[tuple[int, bytes, bool]]:
    path.write_bytes(content)
    (file,) = listed(path)
    return list(FileLines(file))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a":1}\n{"b":2}\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        (b'{"a":1}\n{"b":2}', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        (b'{"a":1}\r\n\r\n  {"b":2}\t\r\n', [(1, b'{"a":1}'), (3, b'{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}\n', [(1, b'{"a":1}')]),
        (b"", []),
        (b"\n \n\n", []),
    ],
)
def test_lines(tmp_path: Path, content: bytes, expected: list[tuple[int, bytes]], compress: bool) -> None:
    name = "a.gz" if compress else "a.jsonl"
    found = lines_of(tmp_path / name, gzip.compress(content) if compress else content)
    assert found == [(number, line, True) for number, line in expected]


def test_gzip_is_recognised_by_content_and_may_have_several_members(tmp_path: Path) -> None:
    content = gzip.compress(b'{"a":1}\n{"b"') + gzip.compress(b":2}\n")
    assert lines_of(tmp_path / "a.json", content) == [(1, b'{"a":1}', True), (2, b'{"b":2}', True)]


def test_lines_across_blocks(tmp_path: Path) -> None:
    lines = [b'{"n":%d,"x":"%s"}' % (number, b"y" * 700_000) for number in range(4)]
    assert lines_of(tmp_path / "a.jsonl", b"\n".join(lines)) == [
        (number, line, True) for number, line in enumerate(lines, 1)
    ]


def test_a_line_without_end_comes_once_and_cut(tmp_path: Path) -> None:
    content = b'{"a":1}\n' + b"x" * (LINE_BYTES + (3 << 20)) + b'\n{"b":2}\n'
    first, long, last = lines_of(tmp_path / "a.jsonl", content)
    assert (first, last) == ((1, b'{"a":1}', True), (3, b'{"b":2}', True))
    assert (long[0], long[2]) == (2, False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-9],
        lambda content: content[:40],
        lambda content: content[:30] + b"\x00\xff\x00\xff" + content[34:],
        lambda content: content + b"trailing garbage",
        lambda content: b"not gzip at all",
    ],
)
def test_damaged_gzip(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(damage(gzip.compress(os.urandom(5000) + b"\n")))  # type: ignore[operator]
    (file,) = listed(path)
    with pytest.raises(UnreadableFileError):
        list(FileLines(file))


def test_a_file_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    touch(tmp_path, "a.jsonl")
    (file,) = listed(tmp_path)
    Path(file.path).unlink()
    with pytest.raises(UnavailableFileError):
        list(FileLines(file))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        # One object, or an array of them, over several lines.
        (b'{\n  "a": [1,\n 2],\n  "b": "x\\ny"\n}\n', [(1, b'{   "a": [1,  2],   "b": "x\\ny" }')]),
        (b'\n[\n {"a": 1.50},\r\n {"b":\n 2}\n]', [(1, b'{"a": 1.50}'), (2, b'{"b":  2}')]),
        (b'[{"a":1},{"b":2},3]', [(1, b'{"a":1}'), (2, b'{"b":2}'), (3, b"3")]),
        (b"[]", []),
        # One a line.
        (b'{"a":1}\n{"b":2}\n', [(1, b'{"a":1}'), (2, b'{"b":2}')]),
        (b'{"a":1}', [(1, b'{"a":1}')]),
        # No document: whatever its lines are.
        (b'[{"a":1},\n{"b":2}\n', [(1, b'[{"a":1},'), (2, b'{"b":2}')]),
        (b'{"a":\n1}\n{"b":\n2}', [(1, b'{"a":'), (2, b"1}"), (3, b'{"b":'), (4, b"2}")]),
        (b"not json", [(1, b"not json")]),
    ],
)
def test_a_json_file_may_be_one_document(
    tmp_path: Path, content: bytes, expected: list[tuple[int, bytes]], compress: bool
) -> None:
    path = tmp_path / f"calls.json{'.gz' if compress else ''}"
    path.write_bytes(gzip.compress(content) if compress else content)
    (file,) = list_files([Source(str(path))], Ledger(()))
    lines = FileLines(file)
    assert [(number, line) for number, line, whole in lines if whole] == expected
    assert lines.empty == (expected == [])
    # Its version is that of the whole content.
    assert lines.etag.endswith(hashlib.sha256(path.read_bytes()).hexdigest()[:32])


def test_a_long_document_is_read_by_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "DOCUMENT_BYTES", 1 << 20)
    path = tmp_path / "calls.json"
    path.write_bytes(b"[\n" + b",\n".join([b'{"a":"%b"}' % (b"x" * 1000)] * 3000) + b"\n]")
    (file,) = list_files([Source(str(path))], Ledger(()))
    assert [number for number, _, _ in FileLines(file)] == list(range(1, 3003))
