"""An object storage on a port of this machine: as much of S3's and of Azure Blob Storage's HTTP as puts, gets and deletes an object."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from support.engines import free_port


@dataclass(frozen=True)
class ObjectStorage:
    """Objects as files of a folder.

    Attributes:
        folder: Where they are, by the paths of their addresses.
        port: Where they are asked for.
        requests: Method and address of each request.
    """

    folder: Path
    port: int
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """What addresses of objects begin with."""
        return f"http://127.0.0.1:{self.port}"

    def objects(self) -> list[str]:
        """Paths of the objects that are there."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def methods(self) -> list[str]:
        """Methods of the requests, one after the other."""
        return [method for method, _ in self.requests]


@contextmanager
def running_storage() -> Iterator[ObjectStorage]:
    """Serve an empty storage."""
    with tempfile.TemporaryDirectory(prefix="profiles_sync_objects_") as folder:
        Path(folder).chmod(0o755)
        storage = ObjectStorage(Path(folder), free_port())
        server = ThreadingHTTPServer(("127.0.0.1", storage.port), _handler(storage))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield storage
        finally:
            server.shutdown()
            server.server_close()
            thread.join(timeout=10)


def _handler(storage: ObjectStorage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _file(self) -> Path:
            storage.requests.append((self.command, self.path))
            path = storage.folder / unquote(urlsplit(self.path).path).lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            return path

        def _done(self, status: int, content: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.send_header("etag", '"any"')
            self.send_header("last-modified", "Wed, 01 May 2024 10:00:00 GMT")
            self.end_headers()
            self.wfile.write(content)

        def _is_azure(self) -> bool:
            return "x-ms-version" in self.headers

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if "aws-chunked" in self.headers.get("content-encoding", ""):
                body = _unchunked(body)
            self._file().write_bytes(body)
            self._done(201 if self._is_azure() else 200)

        def do_GET(self) -> None:
            file = self._file()
            self._done(200, file.read_bytes()) if file.exists() else self._done(404)

        def do_DELETE(self) -> None:
            self._file().unlink(missing_ok=True)
            self._done(202 if self._is_azure() else 204)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _unchunked(body: bytes) -> bytes:
    out, place = b"", 0
    while place < len(body):
        line = body.index(b"\r\n", place)
        size = int(body[place:line].split(b";")[0], 16)
        if size == 0:
            break
        out += body[line + 2 : line + 2 + size]
        place = line + 2 + size + 2
    return out
