"""Points in time as microseconds since 1970 in UTC: exact, quick to compare and to subtract."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1)
DAY = 86_400_000_000
# Years 1 to 9999, what every engine's timestamp holds.
FIRST = -62_135_596_800_000_000
LAST = 253_402_300_799_999_999

_DATE_TIME = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
# A trait or property of this form makes a timestamp column: padded and with its zone, as every engine casts it.
_ZONED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})", re.ASCII)
_BEYOND_MICROSECONDS = re.compile(r"\.\d{6}0*[1-9]", re.ASCII)

# Archives are in time order, so days and seconds repeat.
_days: dict[str, int] = {}
_seconds: dict[str, int] = {}
_MILLIS = {f"{milli:03d}Z": milli * 1000 for milli in range(1000)}
_DAYS_KEPT = 100_000


def months_before(moment: datetime, months: int) -> datetime:
    """Return the same time of day so many months earlier; a day that the month does not have becomes its last one."""
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    if years < 1:
        return datetime(1, 1, 1)
    return moment.replace(year=years, month=month + 1, day=min(moment.day, monthrange(years, month + 1)[1]))


def parse(text: object) -> int | None:
    """Return the time that a text says, None when it says none.

    Accepted is `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm|±hhmm)`, month and day also with one digit; without a zone it is UTC.
    Digits beyond the microsecond are cut.
    """
    if type(text) is not str:
        return None
    # The form that Segment writes, of a day and second seen before: 2022-05-02T14:01:00.266Z
    try:
        if text[10] == "T" and text[19] == ".":
            return _days[text[:10]] + _seconds[text[11:19]] + _MILLIS[text[20:]]
    except (IndexError, KeyError):
        pass
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day_of_month, hour, minute, second, fraction, zone = match.groups()
    try:
        days = (date(int(year), int(month), int(day_of_month)) - EPOCH.date()).days * DAY
    except ValueError:
        return None
    if hour > "23" or minute > "59" or second > "59":
        return None
    clock = (int(hour) * 3600 + int(minute) * 60 + int(second)) * 1_000_000
    if len(month) == len(day_of_month) == 2 and len(_days) < _DAYS_KEPT:
        _days[text[:10]] = days
        _seconds[text[11:19]] = clock
    result = days + clock + (int(fraction[:6].ljust(6, "0")) if fraction else 0)
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 15 or minutes > 59:
            return None
        offset = (hours * 60 + minutes) * 60_000_000
        result += offset if zone[0] == "-" else -offset
    return result if FIRST <= result <= LAST else None


def is_timestamp(text: str) -> bool:
    """Whether a trait or property is a point in time: a full ISO-8601 date-time with zone, of a day that exists."""
    return _ZONED.fullmatch(text) is not None and parse(text) is not None


def is_fine(text: str) -> bool:
    """Whether a point in time has digits beyond the microsecond, which no column keeps."""
    return _BEYOND_MICROSECONDS.search(text) is not None


def corrected(received: int, sent: int | None, original: int) -> int:
    """Return the event time without the skew of the client's clock: received - (sent - original).

    Without `sent`, or where the result is no date, it is `original`.
    """
    if sent is None:
        return original
    result = received - (sent - original)
    return result if FIRST <= result <= LAST else original


def iso(micros: int) -> str:
    """Return a time as text, `2022-05-02T14:01:00.266Z`; with microseconds only where there are any."""
    text = (EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")
    return f"{text[:-3] if text.endswith('000') else text}Z"


def to_datetime(micros: int) -> datetime:
    """Return a time as a datetime in UTC without zone, what a warehouse's timestamp is."""
    return EPOCH + timedelta(microseconds=micros)


def from_datetime(moment: datetime) -> int:
    """Return a datetime's microseconds; one without zone is UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
    return (moment - EPOCH) // timedelta(microseconds=1)
