"""Attempts: their limits by route and destination, what is one attempt from failing, what failed, and a new start for it."""
import json
import re

import pytest

from control import rows
from shunt import holds_for, ticket, wait_for
from test_commands import ended, told
from test_operator import ran
from test_retry import NO_BREAKER

ROUTES = """
[destination sick]
path = OUT/sick
%s
[route sick]
client = *
to = sick
%s
"""


@pytest.fixture
def sick(make_site):
    """sick(of_destination, of_route) -> a service whose one destination cannot be written: a file lies in its place."""

    def make(of_destination="", of_route="", settings=None):
        site = make_site({**NO_BREAKER, **(settings or {})}, routes=ROUTES % (of_destination, of_route))
        site.in_the_way("OUT/sick")
        site.start()
        return site

    return make


def mend(site):
    (site.data / "OUT/sick").unlink()


def attempts(site):
    return [re.search(r"attempt (\d+ of \d+)", e["msg"]).group(1) for e in site.events("delivery_failed", destination="sick")]


@pytest.mark.parametrize("of_destination,of_route,limit", [
    ("", "", 3), ("attempts = 2\nfirst = 10ms", "", 2), ("attempts = 2", "attempts = 4", 4), ("", "attempts = 1", 1)])
def test_a_destination_and_a_route_have_their_own_limit(sick, of_destination, of_route, limit):
    site = sick(of_destination, of_route)
    site.put("RANK", "x.json", ticket("RANK"))
    ended(site, 1)
    assert attempts(site) == ["%d of %d" % (n, limit) for n in range(1, limit + 1)]
    assert told(site, "show", "x.json")["status"] == "failed"


def test_pauses_are_the_destinations_own(sick):
    site = sick("first = 1h\nmax = 2h\nfactor = 2")
    site.put("RANK", "x.json", ticket("RANK"))
    said = site.wait_event("delivery_failed")[0]["msg"]
    assert 2700 <= float(re.search(r"again in ([\d.]+) s", said).group(1)) <= 4500, said


def test_a_routes_pauses_go_before_the_destinations(sick):
    site = sick("first = 10ms\nmax = 20ms", "first = 1h\nmax = 2h")
    site.put("RANK", "x.json", ticket("RANK"))
    said = site.wait_event("delivery_failed")[0]["msg"]
    assert 2700 <= float(re.search(r"again in ([\d.]+) s", said).group(1)) <= 4500, said
    assert len(site.events("delivery_failed")) == 1


def test_success_sets_the_count_back(sick):
    site = sick("attempts = 3\nfirst = 500ms\nfactor = 1")
    site.put("RANK", "x.json", ticket("RANK"))
    wait_for(lambda: attempts(site) == ["1 of 3", "2 of 3"], "it fails twice")
    mend(site)
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "it is delivered")
    ended(site, 1)
    (site.data / "OUT/sick").rename(site.data / "OUT/taken")
    (site.data / "OUT/sick").write_text("again in the way")
    site.put("RANK", "x.json", ticket("RANK", title="of the next day"))
    ended(site, 2)
    assert attempts(site) == ["1 of 3", "2 of 3", "1 of 3", "2 of 3", "3 of 3"]
    site.stop()


def test_what_cannot_be_put_back_is_named_and_keeps_no_other(make_site):
    site = make_site()
    site.start()
    count = 1002  # more than are asked for at once
    for n in range(count):
        site.put("RANK", "x%d.json" % n, b"{]")
    site.wait_event("failed", 60, count)
    site.put("RANK", "y\n.json", ticket("RANK"))  # the newest, so among the first that are asked for
    site.wait_event("failed", count=count + 1)
    wait_for(lambda: told(site, "failed")["attempts"]["failed"] == {"0": count + 1}, "all are recorded")
    out, err = ran(site, "reset", "--all", code=1)
    assert out == "%d failed tickets are put back, 1 refused\n" % count
    assert re.search(r"y\\n\.json \([0-9a-f-]{36}\): .*control character", err) and err.count("\n") == 1, err
    site.wait_event("failed", 60, 2 * count + 1)
    site.stop()


def test_failed_tells_how_often_it_was_tried_and_reset_puts_it_back(sick):
    site = sick("attempts = 2")
    for name in ("a.json", "b.json"):
        site.put("RANK", name, ticket("RANK", title=name))
    ended(site, 2)
    site.put("3M", "bad.json", b"{]")
    ended(site, 3)
    text = ran(site, "failed")[0]
    assert re.search(r"^Failed: 1 after 0 attempts, 2 after 2 attempts$", text, re.M), text
    lines = [line for line in text.splitlines() if ".json" in line]
    assert len(lines) == 3 and "bad.json" in lines[0], "the newest first"
    assert [job["file"] for job in told(site, "failed", "--client", "3m")["failed"]] == ["bad.json"]
    assert told(site, "failed")["attempts"]["failed"] == {"0": 1, "2": 2}
    mend(site)
    ran(site, "reset", "a.json")
    wait_for(lambda: told(site, "show", "a.json")["status"] == "completed", "it is delivered")
    assert site.files("OUT/sick") == ["a.json"]
    assert "2 failed tickets are put back" in ran(site, "reset", "--all")[0]
    wait_for(lambda: site.files("OUT/sick") == ["a.json", "b.json"], "the others are tried again")
    assert ran(site, "reset", "a.json", code=1)[1], "it was delivered"
    assert ran(site, "reset", "nothing.json", code=1)[1]
    assert ran(site, "reset", code=2)[1] and ran(site, "reset", "--all", "a.json", code=2)[1]


def test_what_failed_last_comes_first_however_long_ago_it_came(sick):
    site = sick("attempts = 2\nfirst = 5s\nfactor = 1")
    site.put("RANK", "slow.json", ticket("RANK"))
    site.wait_event("delivery_failed")
    for n in range(3):
        site.put("3M", "bad%d.json" % n, b"{]")
        site.wait_event("failed", count=n + 1)
    ended(site, 4)
    order = ["slow.json", "bad2.json", "bad1.json", "bad0.json"]
    assert [job["file"] for job in told(site, "failed")["failed"]] == order
    assert [job["file"] for job in told(site, "failed", "--limit", "2")["failed"]] == order[:2]
    assert [line.split()[4] for line in ran(site, "failed")[0].splitlines() if ".json" in line] == order
    site.stop()
    assert [job["file"] for job in told(site, "failed")["failed"]] == order


def test_of_many_in_hand_all_are_counted_and_the_one_that_is_about_to_fail_is_found(sick):
    site = sick("attempts = 2\nfirst = 1h\nmax = 2h", settings={"delivery.durability": "none"})
    site.stop()
    site.routes.write_text(ROUTES.replace("client = *", "client = RANK") % ("attempts = 2\nfirst = 1h\nmax = 2h", "") + "[destination held]\npath = OUT/held\n[route held]\nclient = 3M\nto = held\n")
    site.start()
    ran(site, "hold", "held")
    count = 1050  # more than the service tells of at once
    for n in range(count):
        site.put("3M", "x%d.json" % n, ticket("3M"))
    wait_for(lambda: told(site, "failed")["attempts"]["in_hand"] == {"0": count}, "all wait", 60)
    assert told(site, "failed")["one_left"] == []
    site.put("RANK", "near.json", ticket("RANK"))
    site.wait_event("delivery_failed")
    found = told(site, "failed")
    assert found["attempts"]["in_hand"] == {"0": count, "1": 1}
    assert [d["file"] for d in found["one_left"]] == ["near.json"]
    text = ran(site, "failed")[0]
    assert "\nDeliveries in hand: %d after 0 attempts, 1 after 1 attempt\nOne attempt from failing: 1; --one-left lists them\n" % count in text, text
    assert len(re.findall(r"\.json", ran(site, "failed", "--one-left")[0])) == 1
    site.stop()


def test_what_is_one_attempt_from_failing_is_told_and_gets_all_its_attempts_again(sick):
    site = sick("attempts = 2\nfirst = 1h\nmax = 2h")
    assert "nothing is one attempt" in ran(site, "failed", "--one-left")[0]
    site.put("RANK", "x.json", ticket("RANK"))
    wait_for(lambda: rows(site, "name = 'x.json' AND status = 0"), "it waits")
    (one,) = told(site, "failed", "--one-left")["one_left"]
    assert (one["file"], one["attempts"], one["attempts_limit"]) == ("x.json", 1, 2)
    assert re.search(r"1 of 2 .*x\.json", ran(site, "failed", "--one-left")[0])
    assert told(site, "failed")["attempts"] == {"failed": {}, "in_hand": {"1": 1}}
    ran(site, "reset", one["job"])  # tried again at once, as a first attempt
    wait_for(lambda: attempts(site) == ["1 of 2", "1 of 2"], "it is tried again")
    mend(site)
    ran(site, "reset", "x.json")
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "it is delivered")
    ended(site, 1)
    assert "reset" in [e["event"] for e in told(site, "show", "x.json")["events"]]


def test_without_a_service_failed_reads_the_store(sick):
    site = sick("attempts = 1")
    site.put("RANK", "x.json", ticket("RANK"))
    ended(site, 1)
    site.stop()
    assert [job["file"] for job in json.loads(ran(site, "failed", "--json")[0])["failed"]] == ["x.json"]
    assert ran(site, "failed", "--one-left", code=1)[1] and ran(site, "reset", "x.json", code=1)[1]


def test_what_failed_some_time_ago_is_put_back_by_itself_once(sick):
    site = sick("attempts = 2", settings={"retry.again_after": "3s"})
    site.put("RANK", "x.json", ticket("RANK"))
    site.put("RANK", "by-hand.json", ticket("RANK"))
    site.put("3M", "bad.json", b"{]")
    ended(site, 3)
    ran(site, "reset", "by-hand.json")
    site.wait_event("failed", count=4)
    site.wait_event("retried", 20, 2, client="RANK")
    site.wait_event("failed", count=5)
    retried = [e["msg"] for e in site.events("retried")]
    assert len([m for m in retried if m == "Put back into the hot folder by [retry] again_after = 3s: RANK/x.json"]) == 1, retried
    ended(site, 3)
    site.kill()
    site.start()
    holds_for(lambda: not site.events("retried"), "once, and neither what a person put back nor what was refused", 6)
    assert [e["text"] for e in told(site, "show", "x.json")["events"] if e["event"] == "retried"] == ["put back by [retry] again_after = 3s"]
    site.stop()


def test_what_failed_while_the_service_was_down_for_long_is_put_back_at_the_next_start(sick):
    site = sick("attempts = 1", settings={"retry.again_after": "1h"})
    site.put("RANK", "x.json", ticket("RANK"))
    ended(site, 1)
    site.stop()
    mend(site)
    site.write_settings(retry__again_after="10ms")  # which is long over
    site.start()
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "it is delivered")
    wait_for(lambda: told(site, "show", "x.json")["status"] == "completed", "it is told")
    site.stop()
