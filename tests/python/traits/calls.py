"""Short forms of the calls that trait tests are made of."""

from __future__ import annotations

from typing import Any


def call(
    kind: str,
    message_id: str,
    received: str,
    *,
    at: str | None = None,
    traits: dict[str, Any] | None = None,
    **ids: str,
) -> dict[str, Any]:
    """A call; `received` and `at` are days and times such as `2024-01-10` or `2024-01-11T12:00:00`."""
    result: dict[str, Any] = {
        "type": kind,
        "messageId": message_id,
        "receivedAt": _moment(received),
        "timestamp": _moment(at or received),
        "originalTimestamp": _moment(at or received),
        **ids,
    }
    if kind == "track":
        result["event"] = "Thing Done"
    if traits is not None:
        result["traits"] = traits
    return result


def identify(message_id: str, received: str, traits: dict[str, Any] | None = None, **ids: Any) -> dict[str, Any]:
    """An identify."""
    return call("identify", message_id, received, traits=traits, **ids)


def _moment(text: str) -> str:
    return f"{text}{'' if 'T' in text else 'T00:00:00'}Z"
