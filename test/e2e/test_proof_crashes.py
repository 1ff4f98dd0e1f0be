"""The soak's rounds of kill -9 and power cuts, a few of each. Longer: ./run.sh soak kill powercut."""
import os
import random
import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))

import kill  # noqa: E402
import powercut  # noqa: E402
from common import end, world  # noqa: E402
from shunt import CELTRA_FOLDER, ticket, wait_for  # noqa: E402
from suite import possible  # noqa: E402

pytestmark = pytest.mark.slow


def seed():
    """Printed where a test fails; SHUNT_E2E_SEED repeats it."""
    number = int(os.environ.get("SHUNT_E2E_SEED", random.SystemRandom().randrange(10 ** 6)))
    print("SHUNT_E2E_SEED=%d" % number)
    return number


def test_killed_again_and_again_while_producers_go_on():
    kill.one_round(seed(), 1000, kills=(4, 7))


def test_one_of_two_instances_killed_again_and_again():
    kill.two_instances(seed(), 300)


@pytest.mark.parametrize("kind,seconds,pause", [("ext4", 1.0, 0.004), ("xfs", 4.5, 0.02)])
def test_after_a_power_cut_what_was_promised_is_there(kind, seconds, pause):
    with possible():
        powercut.one_round(seed(), kind, seconds, pause=pause)


def test_a_newer_ticket_is_not_forgotten_while_the_queue_is_full():
    """Its elder lies in underprocess after a crash, and ends at a moment when the names that wait have no room for one more."""
    settings = {"intake.queue_limit": "10", "service.workers": "1", "delivery.breaker_pause": "20ms", "delivery.breaker_max": "20ms",
                "retry.attempts": "1000"}
    with world(settings) as site:
        place, under = site.data / CELTRA_FOLDER, site.under / "0" / "BAYER"
        place.parent.mkdir(parents=True)
        place.write_bytes(b"in the way")  # the elders wait for their destination
        under.mkdir(parents=True)
        for i in range(6000):
            site.drop("RANK", "t%d.json" % i)
        for i in range(20):
            elder = ticket("BAYER", "CELTRA", title="elder %d" % i)
            site.expect("BAYER", "x%d.json" % i, elder, "CELTRA")
            (under / ("x%d.json" % i)).write_bytes(elder)
            site.drop("BAYER", "x%d.json" % i, "CELTRA")
        site.start(wait=False)
        wait_for(lambda: len(site.events("processed")) > 200, "it is at work")
        place.unlink()
        end(site, 15)
