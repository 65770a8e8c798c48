"""A real client: what segment-analytics-python sends to a server is landed and compared."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from segment.analytics.client import Client

from profiles_sync.landing import Source
from support.landing import NOW, LandingSpace


class Receiver:
    """A tracking API on this machine that keeps the bodies of the requests it gets."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"success": true}')

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.mark.parametrize("compress", [False, True])
def test_what_the_python_client_sends(space: LandingSpace, receiver: Receiver, compress: bool) -> None:
    failures: list[object] = []
    client = Client(
        "write-key", host=receiver.url, gzip=compress, max_retries=0, on_error=lambda *error: failures.append(error)
    )
    signed_up = datetime(2024, 5, 9, 8, 0, tzinfo=timezone(timedelta(hours=2)))
    client.page(anonymous_id="anon-1", category="Docs", name="Start", properties={"url": "https://x.example/docs"})
    client.identify("user-1", {"email": "ada@example.com", "createdAt": signed_up, "plan": None, "tags": ["a", "b"]})
    client.track("user-1", "Order Completed", {"total": 19.95, "products": [{"sku": "a"}]}, timestamp=signed_up)
    client.track("user-1", "Order Completed", {"total": 20}, message_id="own-id", context={"ip": "192.0.2.1"})
    client.group("user-1", "acme", {"employees": 12})
    client.screen(user_id=42, anonymous_id="anon-2", name="Home")
    client.alias("anon-1", "user-1")
    client.flush()
    client.join()
    assert failures == []

    sent = [item for body in receiver.bodies for item in json.loads(body)["batch"]]
    assert [item["type"] for item in sent] == ["page", "identify", "track", "track", "group", "screen", "alias"]
    path = space.archive / "http" / "requests.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\n".join(receiver.bodies) + b"\n")
    report = space.land(sources=[Source(str(space.archive), source_id="python")])
    assert (report.landed, report.rejected) == (7, {})

    by_id = {item["messageId"]: item for item in sent}
    sent_at = {
        item["messageId"]: json.loads(body)["sentAt"] for body in receiver.bodies for item in json.loads(body)["batch"]
    }
    columns = [
        "message_id", "type", "user_id", "anonymous_id", "source_id", "received_at", "sent_at", "original_timestamp", "timestamp",
        "event_name", "event_slug", "item_no",
    ]  # fmt: skip
    rows = {row[0]: dict(zip(columns, row, strict=True)) for row in space.events(*columns)}
    assert set(rows) == set(by_id)
    for message_id, row in rows.items():
        item = by_id[message_id]
        original, sent_time = _utc(item["timestamp"]), _utc(sent_at[message_id])
        assert (row["type"], row["source_id"]) == (item["type"], "python")
        assert row["user_id"] == (None if item.get("userId") is None else str(item["userId"]))
        assert row["anonymous_id"] == item.get("anonymousId")
        assert (row["received_at"], row["sent_at"], row["original_timestamp"]) == (NOW, sent_time, original)
        assert row["timestamp"] == NOW - (sent_time - original)
        assert row["event_name"] == (item.get("event") or item.get("name"))
        assert row["event_slug"] == ("order_completed" if item["type"] == "track" else None)
        assert sent[row["item_no"] - 1]["messageId"] == message_id
    for payload in space.payloads():
        item = by_id[payload["messageId"]]
        changed = {"receivedAt", "timestamp", "originalTimestamp", "sentAt"}
        assert {key: value for key, value in payload.items() if key not in changed} == {
            key: value for key, value in item.items() if key not in changed
        }
        assert payload["originalTimestamp"] == item["timestamp"]
    registered = {
        (table, column): kind
        for table, column, kind in space.rows("ops.column_registry", "table_name", "column_name", "data_type")
    }
    assert registered[("profile_traits", "created_at")] == "timestamp"
    assert registered[("identifies", "tags")] == "varchar"
    assert registered[("order_completed", "total")] == "float"
    assert registered[("order_completed", "products")] == "varchar"
    assert registered[("tracks", "context_ip")] == "varchar"
    assert registered[("groups", "employees")] == "integer"
    assert registered[("pages", "context_library_name")] == "varchar"
    assert not any(column == "plan" for _, column in registered)


def _utc(text: Any) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
