"""Small archives in Segment's layout."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_file(
    archive: Path, name: str, calls: Iterable[Mapping[str, Any]], *, source: str = "web", day: str = "2024-05-01"
) -> Path:
    """Write one file of a day's folder."""
    path = archive / "segment-logs" / source / day / f"{name}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(b"".join(json.dumps(call).encode() + b"\n" for call in calls)))
    return path
