"""Dates of cyclers and diffractometers as seconds in UTC; expected numbers are those of Python's own datetime."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerox.electrochemistry.time_stamps import (
    read_stamps,
    seconds_of,
    seconds_of_one,
    utc_text,
    written_stamps,
    zone_of,
)
from layerox.errors import InputError

MOMENT = datetime(2024, 3, 22, 21, 30, 13, 250000)


def seconds(texts, zone=None, **options):
    return seconds_of(read_stamps(texts, "log.csv", **options), None if zone is None else zone_of(zone), "log.csv")


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-22 21:30:13.250",
        "2024-03-22T21:30:13.25",
        "2024/3/22 21:30:13.25",
        "\t03/22/2024 21:30:13.250",
        "22/03/2024 21:30:13.25",
        "22.03.2024 21:30:13,25",
        "3/22/2024 9:30:13.25 PM",
        "45373.896 ",  # days since 1899-12-30: 45373 is 2024-03-22, and 0.896 of a day 21:30:14.4
    ],
)
def test_every_way_to_write_a_local_moment(text):
    assert seconds([text], "UTC")[0] == pytest.approx(MOMENT.replace(tzinfo=UTC).timestamp(), abs=1.5)
    with pytest.raises(InputError, match="are local times without a time zone"):
        seconds([text])


@pytest.mark.parametrize(
    "text", ["2024-03-22T21:30:13.25+00:00", "2024-03-22T21:30:13.25Z", "2024-03-22 14:30:13.25-07:00", "1711143013.25"]
)
def test_moments_that_state_their_zone_need_none(text):
    assert seconds([text])[0] == pytest.approx(MOMENT.replace(tzinfo=UTC).timestamp(), abs=1e-6)


def test_a_day_that_may_be_a_month_is_read_only_if_the_program_is_known():
    with pytest.raises(InputError, match="may have the month first or the day"):
        seconds(["03/04/2024 10:00:00"], "UTC")
    march = seconds(["03/04/2024 10:00:00"], "UTC", month_first=True)[0]
    assert utc_text(march) == "2024-03-04 10:00:00 UTC"
    april = seconds(["03/04/2024 10:00:00", "13/04/2024 10:00:00"], "UTC")
    assert utc_text(april[0]) == "2024-04-03 10:00:00 UTC"


def test_empty_cells_are_not_known():
    found = seconds(["", "2024-03-22 21:30:13", ""], "UTC")
    assert np.isnan(found).tolist() == [True, False, True]


@pytest.mark.parametrize("texts", [["3.5"], ["abc"], [""], ["1e99"], []])
def test_what_is_no_moment_is_distinguished_from_one(texts):
    assert read_stamps(texts, "log.csv") is None


def test_numbers_of_a_table_are_no_dates_where_only_dates_are_meant():
    assert written_stamps(["45373.896"], "log.csv") is None


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["2024-03-22 21:30:13", "late"], "'late' is not a date and time"),
        (["2024-02-30 21:30:13"], "'2024-02-30 21:30:13' is not a date"),
        (["2024-03-22 21:30:13", "2024-03-22 21:30:13Z"], "some of its times state a zone"),
    ],
)
def test_odd_moments_are_refused(texts, said):
    with pytest.raises(InputError, match=said):
        read_stamps(texts, "log.csv")


def test_zones_by_name_and_by_number():
    summer = datetime(2024, 7, 1, 12)
    assert [zone_of(name).utcoffset(summer) for name in ("Europe/Berlin", "UTC", "+02:00", "UTC-7", "-0330")] == [
        timedelta(hours=2), timedelta(0), timedelta(hours=2), timedelta(hours=-7), timedelta(hours=-3, minutes=-30),
    ]  # fmt: skip
    for name in ("Europe/Atlantis", "", "../../etc/passwd", "+99:00"):
        with pytest.raises(InputError, match="unknown time zone"):
            zone_of(name)


def test_the_hour_that_a_clock_shows_twice_goes_where_the_order_puts_it():
    """Berlin, 2024-10-27: at 03:00 summer time clocks go back to 02:00, so that 02:30 comes at 00:30 and 01:30 UTC."""
    found = seconds([f"2024-10-27 {clock}:00" for clock in ("01:30", "02:30", "02:55", "02:10", "02:30", "03:10")],
                    "Europe/Berlin")  # fmt: skip
    expected = ["23:30", "00:30", "00:55", "01:10", "01:30", "02:10"]
    assert [utc_text(value)[11:16] for value in found] == expected


def test_an_hour_that_a_clock_skips_is_refused():
    with pytest.raises(InputError, match=r"2024-03-31T02:30:00 does not exist in Europe/Berlin"):
        seconds(["2024-03-31 02:30:00"], "Europe/Berlin")


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    change=st.sampled_from(["2024-03-31", "2024-10-27", "2024-11-03", "2024-04-07", "2024-10-06", "2024-07-01"]),
    hours=st.floats(-30.0, -2.0),
    steps=st.lists(st.integers(1, 25 * 60), min_size=1, max_size=300),
)
def test_a_log_in_local_time_across_any_change_of_the_clocks_is_read_back(zone, change, hours, steps):
    """Records at most 25 minutes apart, written by zoneinfo as a clock on the wall shows them."""
    start = datetime.fromisoformat(change).replace(tzinfo=UTC) + timedelta(hours=24) + timedelta(hours=hours)
    start = start.replace(microsecond=0)
    moments = [start + timedelta(seconds=int(s)) for s in np.cumsum([0, *steps])]
    if moments[0].astimezone(ZoneInfo(zone)).fold:
        return  # a log that begins within the second showing cannot be told from one of the first
    local = [f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for moment in moments]
    np.testing.assert_allclose(seconds(local, zone), [moment.timestamp() for moment in moments])


def test_one_moment():
    aware = datetime(2024, 3, 22, 12, tzinfo=UTC)
    assert seconds_of_one(aware, None, "x") == aware.timestamp()
    assert seconds_of_one(datetime(2024, 3, 22, 13), zone_of("Europe/Berlin"), "x") == aware.timestamp()
    with pytest.raises(InputError, match="are local times without a time zone"):
        seconds_of_one(datetime(2024, 3, 22, 13), None, "x")
