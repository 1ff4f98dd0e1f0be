"""The wall clock is stepped over midnights and changes of summer time. Longer: ./run.sh soak clock."""
import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))

import clocks  # noqa: E402
from suite import possible  # noqa: E402

pytestmark = pytest.mark.slow


def test_each_local_date_begins_once_though_the_clock_is_stepped_to_and_fro():
    with possible():
        clocks.one_round(["2026-03-28 23:59:59", "2026-03-29 01:59:59", "2026-03-28 23:59:58"], 2.2, ["2026-03-28"])
