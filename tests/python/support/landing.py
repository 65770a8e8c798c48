"""A space without dbt models, and an archive that is landed in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from profiles_sync.landing import LandingOptions, LoadReport, Source, land
from profiles_sync.project import Workplace
from profiles_sync.warehouse import open_warehouse

NOW = datetime(2024, 5, 10, 12, 0, 0)
"""Time of a test's first load."""


@dataclass
class LandingSpace:
    """A home, its warehouse with empty contract tables, and an archive folder."""

    workplace: Workplace
    archive: Path

    def write(self, name: str, lines: Iterable[Mapping[str, Any] | bytes], *, folder: str = "web/2024-05-01") -> Path:
        """Write a file of the archive; gzip when its name says so."""
        content = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
        return self.write_bytes(name, gzip.compress(content) if name.endswith(".gz") else content, folder=folder)

    def write_bytes(self, name: str, content: bytes, *, folder: str = "web/2024-05-01") -> Path:
        """Write a file of the archive as it is."""
        path = self.archive / "segment-logs" / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def land(
        self,
        *,
        options: LandingOptions | None = None,
        sources: Sequence[Source] | None = None,
        settings: str | None = None,
        now: datetime = NOW,
    ) -> LoadReport:
        """Land what is new."""
        self.archive.mkdir(exist_ok=True)
        return land(self.workplace, sources or [Source(str(self.archive))], options, settings=settings, now=now)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with open_warehouse(self.workplace.target) as warehouse:
            return warehouse.query(sql)

    def rows(self, table: str, *columns: str, order_by: str = "1") -> list[tuple[Any, ...]]:
        """Columns of a table of the space, such as `ops.loads`."""
        named = ", ".join(f'"{column}"' for column in columns)
        return self.query(f"select {named} from profiles_{table} order by {order_by}")

    def events(self, *columns: str) -> list[tuple[Any, ...]]:
        """Columns of the raw events in processing order."""
        return self.rows("staging.raw_events", *columns, order_by="event_no")

    def payloads(self) -> list[Any]:
        """Payloads in processing order, parsed."""
        return [
            json.loads(text)
            for (text,) in self.query(
                "select cast(payload as varchar) from profiles_staging.raw_events order by event_no"
            )
        ]


def call(kind: str, message_id: str, *, at: str = "2024-05-01T10:00:00.000Z", **fields: Any) -> dict[str, Any]:
    """An archived call of user `u1` whose four times are equal."""
    times = {"receivedAt": at, "sentAt": at, "originalTimestamp": at, "timestamp": at}
    return {"type": kind, "messageId": message_id, "userId": "u1", **times, **fields}


def track(message_id: str, event: str = "Order Completed", **fields: Any) -> dict[str, Any]:
    """An archived Track."""
    return call("track", message_id, **{"event": event, "properties": {}, **fields})
