"""Times: what is read, and how the client's clock is corrected."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles_sync.landing import timestamps


def at(*parts: int) -> int:
    return timestamps.from_datetime(datetime(*parts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-05-02T14:01:00.266Z", at(2022, 5, 2, 14, 1, 0, 266000)),
        ("2022-05-02T14:01:00Z", at(2022, 5, 2, 14, 1)),
        ("2022-05-02T14:01:00.5Z", at(2022, 5, 2, 14, 1, 0, 500000)),
        ("2022-05-02T14:01:00.123456Z", at(2022, 5, 2, 14, 1, 0, 123456)),
        ("2022-05-02T14:01:00.123456789Z", at(2022, 5, 2, 14, 1, 0, 123456)),
        ("2022-05-02T14:01:00.266+02:00", at(2022, 5, 2, 12, 1, 0, 266000)),
        ("2022-05-02T14:01:00-0530", at(2022, 5, 2, 19, 31)),
        ("2022-05-02T14:01:00+00:00", at(2022, 5, 2, 14, 1)),
        ("2022-05-02T14:01:00", at(2022, 5, 2, 14, 1)),
        ("2015-2-02T00:30:08.276Z", at(2015, 2, 2, 0, 30, 8, 276000)),
        ("1969-12-31T23:59:59.999Z", -1000),
        ("9999-12-31T23:59:59.999999Z", timestamps.LAST),
    ],
)
def test_accepted(text: str, expected: int) -> None:
    assert timestamps.parse(text) == expected
    # A second time, when day and second are known.
    assert timestamps.parse(text) == expected


@pytest.mark.parametrize(
    "value",
    [
        "", "yesterday", "2022-05-02", "2022-05-02 14:01:00Z", "2022-05-02T14:01Z", "2022-13-02T14:01:00Z", "2022-02-30T14:01:00Z",
        "2022-05-02T24:00:00Z", "2022-05-02T14:60:00Z", "2022-05-02T14:01:60Z", "2022-05-02T14:01:00.Z", "2022-05-02T14:01:00+25:00",
        "2022-05-02T14:01:00.266X", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00Z", "٢022-05-02T14:01:00.266Z",
        1651500060000, 1651500060.5, None, True, {}, ["2022-05-02T14:01:00Z"],
    ],
)  # fmt: skip
def test_refused(value: object) -> None:
    assert timestamps.parse(value) is None


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.integers(min_value=-15 * 60, max_value=15 * 60),
)
def test_any_zone_and_back(moment: datetime, offset: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    micros = timestamps.from_datetime(zoned)
    assert timestamps.parse(zoned.isoformat(timespec="microseconds")) == micros
    assert timestamps.to_datetime(micros) == moment - timedelta(minutes=offset)
    assert timestamps.parse(timestamps.iso(micros)) == micros


def test_text_has_microseconds_only_where_there_are_any() -> None:
    assert timestamps.iso(at(2022, 5, 2, 14, 1)) == "2022-05-02T14:01:00.000Z"
    assert timestamps.iso(at(2022, 5, 2, 14, 1, 0, 1)) == "2022-05-02T14:01:00.000001Z"


def test_correction_of_the_clients_clock() -> None:
    received = timestamps.parse("2015-12-12T19:11:01.266Z")
    sent = timestamps.parse("2015-12-12T19:11:01.169Z")
    original = timestamps.parse("2015-12-12T19:11:01.152Z")
    assert received is not None
    assert original is not None
    assert timestamps.iso(timestamps.corrected(received, sent, original)) == "2015-12-12T19:11:01.249Z"
    assert timestamps.corrected(received, None, original) == original


def test_correction_that_is_no_date_is_left_out() -> None:
    original = timestamps.LAST
    assert timestamps.corrected(at(2022, 5, 2), at(1, 1, 1), original) == original


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-05-02T14:01:00.266Z", True),
        ("2022-05-02T14:01:00Z", True),
        ("2022-05-02T14:01:00+0200", True),
        ("2022-05-02T14:01:00", False),
        ("2022-5-02T14:01:00Z", False),
        ("2022-05-02", False),
        ("2022-02-30T14:01:00Z", False),
        ("2022-05-02T14:01:00Z and more", False),
    ],
)
def test_what_makes_a_timestamp_column(text: str, expected: bool) -> None:
    assert timestamps.is_timestamp(text) is expected
