"""What the service finds when it starts: the store, the folders and the statistics of the day agree afterwards, whatever happened."""
import collections
import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3

import pytest

from control import locked
from shunt import ticket, wait_for
from test_log_and_statistics import FAKETIME, needs_faketime
from test_retry import NO_BREAKER, TWO
from test_store import CANCELLED, COMPLETED, FAILED, PENDING, agree, rows

CLIENTS = ["RANK", "FINE", "NOBODY"]  # to sick and fine, to fine, nowhere
AWAY = TWO % "create = no"  # sick


@contextlib.contextmanager
def database(site):
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    try:
        with db:
            yield db
    finally:
        db.close()


def day(site):
    return json.loads(site.command("status", "--json").stdout)["snapshot"]["stats"]


def alerts(site, every=False):
    with database(site) as db:
        return db.execute("SELECT kind, subject, opened_at, closed_at FROM alerts WHERE closed_at IS NULL OR ? ORDER BY row", (every,)).fetchall()


def left(site):
    return sum(p.is_file() for root in (site.hot, site.under) for p in root.rglob("*.json"))


def kill(site):
    site.kill()
    site.process.expected_exit = -9


def delivered(counted):
    return {name: d["delivered"] for name, d in counted["destinations"].items() if d["delivered"]}


def expected(jobs):
    """The statistics that the manifest asks for, but for those that depend on when something happened."""
    clients, destinations = {}, collections.Counter()
    for client, category, outcome in jobs:
        of = clients.setdefault(client, collections.Counter())
        of["processed" if outcome == "good" else "errors"] += 1
        to = [] if outcome == "invalid" else {"RANK": ["fine"] if outcome == "sick" else ["sick", "fine"], "FINE": ["fine"], "NOBODY": []}[client]
        of["routed"] += to != []
        destinations.update(to)
    return clients, destinations


def assert_day(site, jobs):
    counted = day(site)
    clients, destinations = expected(jobs)
    assert counted["totals"]["processed"] == sum(c["processed"] for c in clients.values())
    assert counted["totals"]["errors"] == sum(c["errors"] for c in clients.values())
    assert {name: {key: c[key] for key in ("processed", "errors", "routed")} for name, c in counted["clients"].items() if any(c[key] for key in ("processed", "errors"))} == \
        {name: {key: c[key] for key in ("processed", "errors", "routed")} for name, c in clients.items()}
    assert delivered(counted) == destinations
    assert sum(counted["ways"].values()) == counted["totals"]["processed"] == sum(hour["processed"] for hour in counted["hours"])
    assert sum(hour["errors"] for hour in counted["hours"]) == counted["totals"]["errors"]
    with database(site) as db:
        assert db.execute("SELECT completed, failed FROM totals").fetchone() == (counted["totals"]["processed"], counted["totals"]["errors"])
        assert db.execute("SELECT count(*) FROM uncounted").fetchone() == (0,)


def test_every_kill_leaves_statistics_that_count_each_ticket_once(make_site, memory_base):
    seed = int(os.environ.get("SHUNT_E2E_SEED", random.SystemRandom().randrange(10 ** 6)))
    print("SHUNT_E2E_SEED=%d" % seed)
    rng = random.Random(seed)
    site = make_site({**NO_BREAKER, "retry.attempts": "2", "retry.first": "20ms"}, routes=AWAY, at=memory_base)
    sick = site.data / "OUT/sick"
    jobs = []
    for round_ in range(int(os.environ.get("SHUNT_E2E_ROUNDS", "12"))):
        away = round_ % 3 == 2  # of this round, whoever goes there fails
        for i in range(50):
            client, name = rng.choice(CLIENTS), "r%d-%d.json" % (round_, i)
            category = rng.choice(["CELTRA", "PRODUCTION"])
            if rng.random() < 0.15:
                site.put(client, name, b'{"number": %d]' % i)
                jobs.append((client, category, "invalid"))
            else:
                site.put(client, name, ticket(client, category, title=name))
                jobs.append((client, category, "sick" if away and client == "RANK" else "good"))
        if away:
            shutil.rmtree(sick, ignore_errors=True)
        else:
            sick.mkdir(parents=True, exist_ok=True)
        while left(site):
            process = site.start(wait=False)
            goal = rng.randrange(1, 150)
            wait_for(lambda: process.parse() is None or sum(process.counts[k] for k in ("stored", "routed", "processed", "failed")) >= goal
                     or left(site) == 0, "some are at work", 30)
            kill(site)
    found = sum(e["level"] == "warn" for e in site.all_events("reconciled"))
    assert found > 0, "no start had anything to mend: nothing was proved"
    site.start()
    site.stop()
    assert_day(site, jobs)
    agree(site, [r["name"] for r in rows(site, "status = 2")])
    site.start()
    site.stop()
    assert [e["level"] for e in site.events("reconciled")] == ["info"], "agreed once, it agrees again"
    assert_day(site, jobs)


@pytest.mark.parametrize("between", [True, False])
def test_what_a_failed_ticket_had_delivered_is_counted_once_also_after_its_retry(make_site, between):
    site = make_site({**NO_BREAKER, "retry.attempts": "1"}, routes=AWAY)
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    site.wait_event("failed")
    wait_for(lambda: rows(site, "status = 3"), "it is recorded")
    if between:
        kill(site)
        site.start()
    (site.data / "OUT/sick").mkdir(parents=True)
    assert site.command("retry", "x.json").returncode == 0
    site.wait_event("processed")
    kill(site)
    site.start()
    site.stop()
    counted = day(site)
    assert (counted["totals"]["processed"], counted["totals"]["errors"]) == (1, 1)
    assert delivered(counted) == {"sick": 1, "fine": 1}


@pytest.fixture
def waiting(make_site):
    """Three tickets wait for a destination; the service is down."""
    site = make_site({**NO_BREAKER, "retry.attempts": "1000"}, routes=AWAY)
    site.start()
    for name in "abc":
        site.put("RANK", name + ".json", ticket("RANK", title=name))
    wait_for(lambda: (site.data / "shunt.db").exists() and [r["status"] for r in rows(site)] == [PENDING] * 3, "they wait")
    site.stop()
    return site


def reconciled(site):
    site.start()
    entry, = site.events("reconciled")
    return entry["level"], entry["msg"]


def finish(site):
    (site.data / "OUT/sick").mkdir(parents=True, exist_ok=True)
    wait_for(lambda: left(site) == 0, "all end")
    site.stop()
    assert rows(site, "status < 2") == []
    assert reconciled(site)[0] == "info"
    site.stop()


def test_where_nothing_is_wrong_nothing_is_mended(waiting):
    assert reconciled(waiting) == ("info", "The store, the folders and the statistics of the day agree")
    finish(waiting)
    assert day(waiting)["totals"]["processed"] == 3


def test_a_row_that_was_removed_is_told_and_its_ticket_is_taken_up_as_new(waiting):
    old, = rows(waiting, "name = 'a.json'")
    with database(waiting) as db:
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("DELETE FROM processing_jobs WHERE name = 'a.json'")
        db.execute("UPDATE totals SET pending = pending - 1")
    assert reconciled(waiting) == ("warn", "1 ticket in underprocess was not in the store (taken up as new)")
    finish(waiting)
    new, = rows(waiting, "name = 'a.json'")
    assert new["status"] == COMPLETED and new["id"] != old["id"]
    assert day(waiting)["totals"]["processed"] == 3


@pytest.mark.parametrize("status", [COMPLETED, FAILED, CANCELLED])
def test_a_row_that_says_it_ended_goes_on_with_its_ticket(waiting, status):
    with database(waiting) as db:
        db.execute("UPDATE processing_jobs SET status = ?, completed_at = created_at WHERE name = 'b.json'", (status,))
        db.execute("UPDATE totals SET pending = pending - 1, %s = %s + 1" % ((["completed", "failed", "cancelled"][status - 2],) * 2))
    assert reconciled(waiting) == ("warn", "1 ticket in underprocess belongs to a job that had ended (not delivered twice)")
    finish(waiting)
    job, = rows(waiting, "name = 'b.json'")
    assert job["status"] == COMPLETED
    agree(waiting, ["a.json", "b.json", "c.json"])
    counted = day(waiting)
    assert counted["totals"]["processed"] == 3 and delivered(counted) == {"sick": 3, "fine": 3}


def test_tickets_that_somebody_moved_end_as_what_they_are(waiting):
    (waiting.under / "0/RANK/a.json").unlink()
    (waiting.failed / "RANK").mkdir(parents=True)
    os.rename(waiting.under / "0/RANK/b.json", waiting.failed / "RANK/20260206_153046_2_b.json")
    os.rename(waiting.under / "0/RANK/c.json", waiting.hot / "RANK/c.json")
    level, text = reconciled(waiting)
    assert level == "warn"
    for part in ("1 job that ended was not in the statistics of the day and is counted now", "1 job was in work without its ticket (cancelled)",
                 "1 job was in work with its ticket in the failed folder (failed)", "1 job was in work with its ticket in the hot folder (taken up again)"):
        assert part in text, text
    ids = {r["name"]: r["id"] for r in rows(waiting)}
    finish(waiting)
    after = {r["name"]: r for r in rows(waiting)}
    assert {n: r["id"] for n, r in after.items()} == ids
    assert {n: r["status"] for n, r in after.items()} == {"a.json": CANCELLED, "b.json": FAILED, "c.json": COMPLETED}
    assert after["b.json"]["path"] == str(waiting.failed / "RANK/20260206_153046_2_b.json")
    counted = day(waiting)
    assert (counted["totals"]["processed"], counted["totals"]["errors"]) == (1, 1)


def test_another_ticket_in_the_place_of_one_that_waited_is_another_job(waiting):
    (waiting.under / "0/RANK/a.json").write_bytes(ticket("RANK", title="quite another"))
    waiting.start()
    waiting.wait_event("ticket_gone", file="a.json")
    finish(waiting)
    assert sorted(r["status"] for r in rows(waiting, "name = 'a.json'")) == [COMPLETED, CANCELLED]


def set_clock(base, text):
    (base / "clock.new").write_text("@" + text + "\n")
    os.rename(base / "clock.new", base / "clock")


def kept(site):
    """The days that ended."""
    with database(site) as db:
        return {row[0]: json.loads(row[1])["totals"] for row in db.execute("SELECT date, document FROM daily_stats WHERE instance = 0")}


def site_of_march(make_site, base):
    clock = base / "clock"
    site = make_site()
    # NO_FAKE_STAT: else the times of a file that lies there would move with the clock, and it would be taken for another.
    site.env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}
    set_clock(base, "2026-03-01 23:59:00")
    return site


@needs_faketime
@pytest.mark.slow
@pytest.mark.parametrize("over_midnight", ["down", "locked"])
def test_a_day_goes_on_and_ends_where_the_store_is_locked_at_the_start(make_site, base, over_midnight):
    site = site_of_march(make_site, base)
    site.start()
    for i in range(3):
        site.drop("RANK", "t%d.json" % i)
    site.wait_ended(3)
    site.stop()
    if over_midnight == "down":
        set_clock(base, "2026-03-02 00:00:05")
    with locked(site):
        site.start()
        site.drop("RANK", "first.json")
        site.wait_ended(4)
        set_clock(base, "2026-03-02 00:00:10")
        wait_for(lambda: day(site)["date"] == 20260302, "the day has turned")
        site.drop("RANK", "second.json")
        site.wait_ended(5)
    site.wait_event("store_read", seconds=60)
    site.finish()
    of_first, of_second = (3, 2) if over_midnight == "down" else (4, 1)
    assert list(kept(site)) == [20260301] and kept(site)[20260301]["processed"] == of_first
    assert day(site)["date"] == 20260302 and day(site)["totals"]["processed"] == of_second


@needs_faketime
@pytest.mark.parametrize("how", ["running", "down", "killed"])
def test_a_day_that_ended_is_kept(make_site, base, how):
    site = site_of_march(make_site, base)
    site.start()
    for i in range(3):
        site.drop("RANK", "t%d.json" % i)
    site.drop_bad("RANK", "bad.json", b"{]")
    site.wait_ended(4)
    if how == "killed":
        kill(site)
    elif how == "down":
        site.stop()
    set_clock(base, "2026-03-02 00:00:05")
    if how != "running":
        site.start()
    wait_for(lambda: 20260301 in kept(site), "the day is kept", 20)
    assert (kept(site)[20260301]["processed"], kept(site)[20260301]["errors"]) == (3, 1)
    site.drop("RANK", "next.json")
    site.wait_ended(5)
    if how == "killed":  # before the new day is saved: both are counted from the rows
        kill(site)
        site.start()
    site.finish()
    assert list(kept(site)) == [20260301] and day(site)["date"] == 20260302 and day(site)["totals"]["processed"] == 1


def test_a_destination_that_is_down_is_an_alert_until_something_is_delivered_there(make_site):
    site = make_site({"retry.attempts": "1000", "delivery.breaker_failures": "2"}, routes=AWAY)
    site.start()
    for i in range(4):
        site.put("RANK", "%d.json" % i, ticket("RANK"))
    wait_for(lambda: [a[:2] for a in alerts(site)] == [("destination_down", "sick")], "it is an alert")
    told = json.loads(site.command("status", "--json").stdout)["alerts"]
    assert [(a["kind"], a["subject"], a["closed_at"]) for a in told] == [("destination_down", "sick", None)]
    assert "destination_down sick since " in site.command("status").stdout.decode()
    opened = alerts(site)[0][2]
    kill(site)
    site.start()
    wait_for(lambda: site.events("breaker_open") or site.events("delivery_failed"), "it is still down")
    assert [a[:3] for a in alerts(site)] == [("destination_down", "sick", opened)], "the same one goes on"
    (site.data / "OUT/sick").mkdir(parents=True)
    wait_for(lambda: left(site) == 0, "all are delivered")
    wait_for(lambda: alerts(site) == [], "it is closed")
    assert len(alerts(site, every=True)) == 1
    site.stop()
    assert json.loads(site.command("status", "--json").stdout)["alerts"] == []


def leave(site, instance):
    """Tickets that an earlier run of that instance had in work."""
    for i in range(4):
        name = "%d-%d.json" % (instance, i)
        data = ticket("RANK", title=name)
        (site.under / str(instance) / "RANK").mkdir(parents=True, exist_ok=True)
        (site.under / str(instance) / "RANK" / name).write_bytes(data)
        site.expect("RANK", name, data, to=["OUT/sick", "OUT/fine"])


def open_subjects(site):
    return sorted(a[1] for a in alerts(site) if a[0] == "destination_down")


def stopped_without_the_store(site, process):
    """Stopped while it wrote, it would keep the store from everybody."""
    process.send(signal.SIGSTOP)
    with contextlib.closing(sqlite3.connect(site.data / "shunt.db", timeout=1, isolation_level=None)) as store:
        try:
            store.execute("BEGIN IMMEDIATE")
            store.execute("ROLLBACK")
            return True
        except sqlite3.OperationalError:
            process.send(signal.SIGCONT)
            return False


def both_see_it(site):
    """Two instances to whom the same destination is down."""
    leave(site, 0)
    first = site.start()
    leave(site, 1)
    second = site.start()
    wait_for(lambda: open_subjects(site) == ["sick", "sick (instance 1)"], lambda: "both see it: %s" % open_subjects(site), 20)
    return first, second


def test_an_instance_closes_its_own_alert_not_the_other_ones(make_site):
    site = make_site({"retry.attempts": "1000", "delivery.breaker_failures": "2"}, routes=AWAY)
    first, second = both_see_it(site)
    wait_for(lambda: stopped_without_the_store(site, first), "it is stopped, and not in the middle of a write")
    try:
        (site.data / "OUT/sick").mkdir(parents=True)
        wait_for(lambda: open_subjects(site) != ["sick", "sick (instance 1)"], "the second one is through", 30)
        assert open_subjects(site) == ["sick"]
    finally:
        first.send(signal.SIGCONT)
    wait_for(lambda: open_subjects(site) == [], "so is the first one", 30)
    wait_for(lambda: left(site) == 0, "all are delivered")
    second.stop()
    first.stop()
    site.conserve()


def test_what_a_dead_instance_left_open_is_closed_by_the_next_start(make_site):
    site = make_site({"retry.attempts": "1000", "delivery.breaker_failures": "2"}, routes=AWAY)
    for process in both_see_it(site):
        process.kill()
        process.expected_exit = -9
    site.start()
    wait_for(lambda: open_subjects(site) == ["sick"], lambda: "it is closed: %s" % open_subjects(site), 20)
    (site.data / "OUT/sick").mkdir(parents=True)
    wait_for(lambda: open_subjects(site) == [], "and the other one when it is over", 30)
    site.finish()


def test_a_store_that_was_away_is_an_alert_when_it_is_back(site):
    site.drop("RANK", "first.json")
    site.wait_ended()
    other = sqlite3.connect(site.data / "shunt.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    site.drop("RANK", "second.json")
    site.wait_event("store_failed", seconds=30)
    other.execute("ROLLBACK")
    other.close()
    site.wait_event("store_back", seconds=40)
    wait_for(lambda: [(a[0], a[1], a[3] is not None) for a in alerts(site, every=True)] == [("store_degraded", "instance 0", True)], "it is told", 20)
    _, _, opened, closed = alerts(site, every=True)[0]
    assert opened < closed
    site.finish()
