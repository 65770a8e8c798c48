"""Write the shop's calls in the layout of Segment's archive."""

from __future__ import annotations

import gzip
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from profiles_sync.sample.shop import Shop

_HOURS_PER_FILE = 6


@dataclass(frozen=True)
class SampleFiles:
    """What was written.

    Attributes:
        files: The files, in byte order of their paths.
        lines: Lines in them; a few are no valid calls.
    """

    files: tuple[Path, ...]
    lines: int


def write_sample_archive(folder: Path, part: Literal["first", "later"] = "first") -> SampleFiles:
    """Write a part of the sample archive below `folder`; the same bytes every time.

    `first` has ten days of about 20,000 calls from three sources: `web`, `ios` and `backend`. `later` has an hour of
    the day after, with a new event, a new property and sign-ins that merge profiles, and a file of an earlier day that
    comes late.

    Raises:
        OSError: The folder cannot be written.
    """
    shop = Shop()
    shop.open_for_ten_days()
    if part == "later":
        shop.sent.clear()
        shop.open_for_another_hour()
    by_file: dict[tuple[str, datetime, str], list[tuple[datetime, int, bytes]]] = defaultdict(list)
    for order, line in enumerate(shop.sent):
        at = line.received
        slot = f"{at.hour // _HOURS_PER_FILE * _HOURS_PER_FILE:02d}"
        if part == "later":
            slot = f"{at.hour:02d}-late" if at.date() != shop.later_day else f"{at.hour:02d}"
        day = datetime(at.year, at.month, at.day, tzinfo=timezone.utc)
        by_file[(line.source, day, slot)].append((at, order, line.text))
    files = []
    for (source, day, slot), lines in by_file.items():
        path = folder / "segment-logs" / source / str(int(day.timestamp() * 1000)) / f"{day:%Y-%m-%d}T{slot}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = b"".join(text + b"\n" for _, _, text in sorted(lines))
        path.write_bytes(gzip.compress(content, compresslevel=6, mtime=0))
        files.append(path)
    return SampleFiles(tuple(sorted(files)), len(shop.sent))
