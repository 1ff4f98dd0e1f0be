"""The wall clock is stepped back and forth, over midnights and changes of summer time, while tickets flow (libfaketime; timers run on the
monotonic clock, which is left alone). Tickets flow on, retries come, and each local date begins once."""
import datetime
import glob
import os
import random
import re
import time
import zoneinfo

from common import CannotHere, Report, agree, conserve, drain, shunt, wait_for, world

ZONE = "Europe/Berlin"
SPRING = ["2026-03-28 23:59:58", "2026-03-29 01:59:58", "2026-03-28 23:59:57", "2026-03-29 12:00:00", "2026-03-29 23:59:58", "2026-03-29 22:00:00",
          "2026-03-30 08:00:00"]
AUTUMN = ["2026-10-24 23:59:58", "2026-10-25 02:59:58", "2026-10-25 00:00:01", "2026-10-24 12:00:00", "2026-10-25 23:59:58", "2026-10-26 00:30:00"]
YEARS = ["1999-12-31 23:59:58", "2000-02-28 23:59:58", "1996-01-01 00:00:00", "2038-01-19 04:14:06", "2026-01-01 00:00:00"]


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + glob.glob("/usr/lib/faketime/libfaketime.so.1")
    if not found:
        raise CannotHere("faketime is not installed")
    if shunt.SANITIZED:
        raise CannotHere("a sanitizer is in its way")
    return found[0]


class Clock:
    def __init__(self, site):
        self.path = site.base / "clock"
        self.set(SPRING[0])
        site.env.update({"LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
                         "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1", "TZ": ZONE})

    def set(self, text):
        then = datetime.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(ZONE))
        self.shift(then.timestamp() - time.time())

    def shift(self, seconds):
        temp = self.path.with_suffix(".new")
        temp.write_text("%+d\n" % round(seconds))
        os.rename(temp, self.path)


def ended_days(site):
    texts = [e["msg"] for e in site.events("day_ended")]
    return [m.group(1) for m in (re.match(r"Statistics of (\d{4}-\d\d-\d\d)", text) for text in texts) if m]


def feed(site, turn, count=10):
    for i in range(count):
        client = ("RANK", "BAYER", "LOREAL")[i % 3]
        site.drop(client, "c%d-%d.json" % (turn, i), "CELTRA")
    site.drop_bad("RANK", "bad%d.json" % turn, b'{"turn": %d]' % turn, "invalid JSON")


def step(site, clock, turn, where, hold):
    """Some tickets before the step, some after it, one destination away meanwhile: all end soon by the clock that does not step."""
    place = site.data / shunt.CELTRA_FOLDER
    hurt = turn % 3 == 1 and place.is_dir()
    if hurt:
        os.rename(place, str(place) + " away")
        place.write_bytes(b"in the way")
    feed(site, 2 * turn)
    clock.set(where) if isinstance(where, str) else clock.shift(where)
    feed(site, 2 * turn + 1)
    if hurt:
        time.sleep(0.2)
        place.unlink()
        os.rename(str(place) + " away", place)
    site.wait_ended(seconds=10)
    shunt.holds_for(site.process.alive, lambda: site.process.stderr(), hold)


def one_round(steps, hold, expect=None, said=None):
    with world({"report.timezone": ZONE, "retry.attempts": "1000", "store.keep_jobs": "0"}) as site:
        clock = Clock(site)
        clock.set(steps[0]) if isinstance(steps[0], str) else clock.shift(steps[0])
        site.start()
        for turn, where in enumerate(steps):
            step(site, clock, turn, where, hold)
        wait_for(lambda: expect is None or len(ended_days(site)) >= len(expect), lambda: "days that ended: %s" % ended_days(site), 5)
        days = ended_days(site)
        # A clock that went back by a day turns nothing; further back it had been wrong, and the day turns back to it.
        pairs = [[datetime.date.fromisoformat(day) for day in pair] for pair in zip(days, days[1:])]
        assert all(b > a or a - b > datetime.timedelta(days=1) for a, b in pairs), "a date ended twice in a row: %s" % days
        assert expect is None or days == expect, "days that ended: %s, not %s" % (days, expect)
        drain(site)
        site.stop(seconds=60)
        conserve(site)
        agree(site)
        if said is not None:
            said += ["%d steps" % len(steps), "%d tickets" % len(site.manifest.entries), "%d days ended" % len(days)]


def soak(args):
    library()
    report = Report("clock")
    hold = 4.2  # over the midnight that is two seconds away
    with report.round("spring, to and fro") as said:
        one_round(SPRING, hold, ["2026-03-28", "2026-03-29"], said)
    with report.round("autumn, to and fro") as said:
        one_round(AUTUMN, hold, ["2026-10-24", "2026-10-25"], said)
    with report.round("decades, to and fro") as said:
        one_round(YEARS, hold, None, said)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for i in range(args.rounds or 5):
        rng = random.Random("clock-%d" % (seed + i))
        steps = [rng.choice([-1, 1]) * 10 ** rng.uniform(0, 6.5) for _ in range(20)]
        with report.round("steps from a second to a month, --seed %d" % (seed + i)) as said:
            one_round(steps, 0.5, None, said)
    return report
