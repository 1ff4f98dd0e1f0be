"""What `shunt schedule` tells of two years, in off hours and not, against an oracle in Python: minute by minute it asks zoneinfo what the
local clock shows, and shares neither code nor calendar with the program."""
import datetime
import json
import os
from zoneinfo import ZoneInfo

import pytest

from shunt import SANITIZED
from test_schedule import FAKETIME, Tasks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(SANITIZED or not os.path.exists(FAKETIME), reason="faketime is not installed, or the sanitizer's library must be the first")]

UTC, MINUTE, HOUR = datetime.timezone.utc, datetime.timedelta(minutes=1), datetime.timedelta(hours=1)
BEGIN, DAYS, MANY = datetime.datetime(2025, 11, 24, 12, tzinfo=UTC), 731, 100
AT = {"dawn": "02:30", "evening": "19:00", "late": "23:10", "midnight": "00:00"}
EVERY = {"often": 3, "odd": 47, "long": 420}
ZONES = {"Europe/Berlin": 4, "America/New_York": 4, "Australia/Lord_Howe": 4, "Asia/Beirut": 4, "Asia/Kolkata": 0}  # how often the clock is set in that time


@pytest.fixture
def tasks(make_site):
    return Tasks(make_site)


def minutes(zone, begin):
    """What the local clock shows, from the next minute on."""
    while True:
        begin += MINUTE
        yield begin, begin.astimezone(zone).replace(tzinfo=None)


def is_off(wall):
    return wall.weekday() >= 5 or wall.hour >= 22 or wall.hour < 5


def may_start(wall, off):
    return not off or not is_off(wall) or wall.minute % 30 == 0


def runs_at(zone):
    """All of them, in off hours and without any: a time is due when the clock shows it, or has passed over it, for the first time."""
    found, due, most = {off: {task: [] for task in AT} for off in (True, False)}, {True: set(), False: set()}, BEGIN.astimezone(zone).replace(tzinfo=None)
    times = {(int(time[:2]), int(time[3:])): task for task, time in AT.items()}
    for now, wall in minutes(zone, BEGIN):
        if now > BEGIN + DAYS * 24 * HOUR:
            return found
        while most < wall:
            most += MINUTE
            task = times.get((most.hour, most.minute))
            if task:
                due[True].add(task)
                due[False].add(task)
        for off, tasks in due.items():
            if tasks and may_start(wall, off):
                for task in tasks:
                    found[off][task].append(now)
                tasks.clear()


def runs_every(zone, begin, interval, count):
    found, last = [], begin
    for now, wall in minutes(zone, begin):
        if now - last >= MINUTE * (interval + (30 if is_off(wall) else 0)) and may_start(wall, True):
            found.append(now)
            last = now
            if len(found) == count:
                return found


def told(tasks, zone, now, off):
    """{task: runs}, with a clock that stands still."""
    path = tasks.program("nothing", "")
    times = {"task %s__at" % name: time for name, time in AT.items()}
    times.update({"task %s__every" % name: "%dm" % interval for name, interval in EVERY.items()})
    times.update({"task %s__program" % name: path for name in [*AT, *EVERY]})
    tasks.site.write_settings(report__timezone=zone, schedule__off_cadence="yes" if off else "no", **times)
    result = tasks.site.command("schedule", "--json", "-n", MANY, env={"LD_PRELOAD": FAKETIME, "FAKETIME": now.strftime("%Y-%m-%d %H:%M:%S"), "TZ": "UTC"})
    assert result.returncode == 0, result.stderr
    return {task["name"]: [datetime.datetime.fromisoformat(run["at"]) for run in task["next"]] for task in json.loads(result.stdout)["tasks"]}


@pytest.mark.parametrize("zone", ZONES)
def test_times_of_the_day_over_two_years(tasks, zone):
    for off, expected in runs_at(ZoneInfo(zone)).items():
        assert all(DAYS - 1 <= len(runs) <= DAYS for runs in expected.values())
        for day in range(0, DAYS - MANY, MANY - 10):
            now = BEGIN + day * 24 * HOUR
            found = told(tasks, zone, now, off)
            for task, runs in expected.items():
                assert found[task] == [run for run in runs if run > now][:MANY], (task, now)


@pytest.mark.parametrize("zone", ZONES)
def test_intervals_in_off_hours_over_each_change_of_the_clock_and_all_days_of_the_week(tasks, zone):
    local = ZoneInfo(zone)
    days = [BEGIN + n * 24 * HOUR for n in range(DAYS)]
    changes = [day for day in days if day.astimezone(local).utcoffset() != (day + 24 * HOUR).astimezone(local).utcoffset()]
    assert len(changes) == ZONES[zone]
    for now in [change + hours * HOUR for change in changes for hours in (0, 9)] + [BEGIN + 11 * n * HOUR for n in range(16)]:
        found = told(tasks, zone, now, True)
        for task, interval in EVERY.items():
            assert found[task] == runs_every(local, now, interval, MANY), (task, now)
