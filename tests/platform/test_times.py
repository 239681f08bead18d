"""Times in every form that the platform writes, and in none."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.platform.times import parse_time

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-07-20T17:13:17.908Z", datetime(2016, 7, 20, 17, 13, 17, 908_000, tzinfo=UTC)),
        ("2019-08-28T13:34:16.42Z", datetime(2019, 8, 28, 13, 34, 16, 420_000, tzinfo=UTC)),
        ("2019-08-28T13:34:16.123456789Z", datetime(2019, 8, 28, 13, 34, 16, 123_456, tzinfo=UTC)),
        ("2022-10-10T13:53:13.749+01:00", datetime(2022, 10, 10, 12, 53, 13, 749_000, tzinfo=UTC)),
        ("2019-10-17T14:14:35-04:00", datetime(2019, 10, 17, 18, 14, 35, tzinfo=UTC)),
        ("2023-02-07T03:51:04+0530", datetime(2023, 2, 6, 22, 21, 4, tzinfo=UTC)),
        ("2015-04-12T18:30:19.456+5:30", datetime(2015, 4, 12, 13, 0, 19, 456_000, tzinfo=UTC)),
        ("2023-02-07T05:45:00+05:45", datetime(2023, 2, 7, tzinfo=UTC)),
        ("2023-02-07 03:51:04 +05:30", datetime(2023, 2, 6, 22, 21, 4, tzinfo=UTC)),
        ("2023-02-07 03:51:04 UTC", datetime(2023, 2, 7, 3, 51, 4, tzinfo=UTC)),
        ("Mon, 16 Aug 2010 03:45:01 UTC", datetime(2010, 8, 16, 3, 45, 1, tzinfo=UTC)),
        ("Mon, 16 Aug 2010 03:45:01 +0530", datetime(2010, 8, 15, 22, 15, 1, tzinfo=UTC)),
        ("1731705721", datetime(2024, 11, 15, 21, 22, 1, tzinfo=UTC)),
        ("1654247759591", datetime(2022, 6, 3, 9, 15, 59, 591_000, tzinfo=UTC)),
        ("  2016-07-20T17:13:17Z ", datetime(2016, 7, 20, 17, 13, 17, tzinfo=UTC)),
    ],
)
def test_time_with_a_zone(text: str, expected: datetime) -> None:
    assert parse_time(text, INDIA) == (expected, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-07-20T17:13:17.908", datetime(2016, 7, 20, 11, 43, 17, 908_000, tzinfo=UTC)),
        ("2015-04-12 13:00:19", datetime(2015, 4, 12, 7, 30, 19, tzinfo=UTC)),
        ("20150412130019", datetime(2015, 4, 12, 7, 30, 19, tzinfo=UTC)),
        ("Mon, 16 Aug 2010 03:45:01", datetime(2010, 8, 15, 22, 15, 1, tzinfo=UTC)),
    ],
)
def test_time_without_a_zone_is_read_in_the_given_one(text: str, expected: datetime) -> None:
    assert parse_time(text, INDIA) == (expected, True)


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "soon", "$(ts)", "2015", "0", "-1", "2015-13-01T00:00:00Z", "1" * 30),
        *("2015-02-30 00:00:00", "2015-04-12T25:00:00Z", "2015-04-12T13:00:19+99:99"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "Mon, 99 Foo 2010 99:99:99"),
        *(
            "\udc80" * 20,
            "2015-04-12\ud80013:00:19",
            "\u0662\u0660\u0661\u0665-04-12T13:00:19Z",
            "2" * 100_000,
        ),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text, UTC) == (None, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2024-03-31T01:30:00", datetime(2024, 3, 31, 1, 30, tzinfo=UTC), id="gap"),
        pytest.param("2024-10-27T01:30:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC), id="fold"),
    ],
)
def test_change_of_the_clock_raises_nothing(text: str, expected: datetime) -> None:
    assert parse_time(text, ZoneInfo("Europe/London")) == (expected, True)


def test_time_at_the_edge_of_the_calendar_is_none_in_a_zone_that_leaves_it() -> None:
    assert parse_time("9999-12-31T23:59:59", timezone(timedelta(hours=-5))) == (None, False)


@given(
    st.one_of(st.text(max_size=70), st.from_regex(r"[0-9TZ:+. -]{0,40}", fullmatch=True)),
    st.sampled_from([UTC, INDIA, ZoneInfo("Europe/London"), ZoneInfo("Pacific/Apia")]),
)
def test_any_text_is_a_moment_in_utc_or_none(text: str, zone: tzinfo) -> None:
    moment, assumed = parse_time(text, zone)

    assert moment is None or moment.utcoffset() == timedelta(0)
    assert moment is not None or not assumed
