"""What the store knows after everything that can happen to the service and to the store itself."""
import json
import os
import signal
import sqlite3

import pytest

from agreement import Agreement
from conftest import root_only
from control import CANCELLED, COMPLETED, DONE, FAILED, PENDING, PROCESSING, WAITING, locked, rows
from shunt import ticket, wait_for
from test_retry import NO_BREAKER, TWO, fill, freeze, frozen_disk


def agree(site, completed):
    """Each ticket that the folders say is processed is a completed job, once, and the totals count the same."""
    found = rows(site)
    assert [r["status"] for r in found if r["status"] in (PENDING, PROCESSING)] == []
    names = [r["name"] for r in found if r["status"] == COMPLETED]
    assert sorted(names) == sorted(completed)
    db = sqlite3.connect(site.data / "shunt.db")
    totals = db.execute("SELECT pending, processing, completed, failed, cancelled FROM totals").fetchone()
    assert list(totals) == [sum(r["status"] == status for r in found) for status in range(5)]
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_each_ticket_is_a_job_with_its_story(site):
    data = ticket("RANK", "CELTRA", title="Spring <sale>")
    site.drop("RANK", "x.json", "CELTRA", data=data)
    site.drop_bad("RANK", "y.json", b"{]", "invalid JSON")
    site.finish()
    good, = rows(site, "name = 'x.json'")
    assert (good["status"], good["client"], good["category"], good["studio"], good["title"]) == (COMPLETED, "RANK", "CELTRA", "RANK_STUDIO", "Spring <sale>")
    assert good["path"] == str(site.archive / "RANK/x.json") and good["size"] == len(data) and len(good["sha256"]) == 32
    assert good["story"] == ["claimed", "delivered", "delivered", "delivered", "completed"]
    assert {name: d["state"] for name, d in good["deliveries"].items()} == dict.fromkeys(["archive", "monday-rank", "celtra"], DONE)
    bad, = rows(site, "name = 'y.json'")
    assert bad["status"] == FAILED and "invalid JSON" in bad["error_message"] and os.path.exists(bad["path"])
    assert bad["story"] == ["claimed", "failed"]
    ids = {e["job"] for e in site.events("processing")}
    assert ids == {good["id"], bad["id"]}


@root_only
def test_what_was_delivered_before_a_crash_is_not_delivered_again(make_site, mounts):
    site = make_site({**NO_BREAKER, "retry.attempts": "1000"}, routes=TWO % "")
    sick = mounts(site.data / "OUT" / "sick", "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    ballast = fill(sick)
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: len(site.events("delivery_failed")) >= 2, "it fails")
    wait_for(lambda: rows(site) and rows(site)[0]["deliveries"]["fine"]["state"] == DONE and "attempt_failed" in rows(site)[0]["story"], "the store knows")
    job, = rows(site)
    assert job["status"] == PENDING and job["deliveries"]["sick"]["state"] == WAITING and "No space left" in job["deliveries"]["sick"]["error"]
    site.kill()
    delivered = site.data / "OUT/fine/x.json"
    content = delivered.read_bytes()
    delivered.unlink()  # its consumer took it
    ballast.unlink()
    site.start()
    site.wait_ended(1)
    assert not delivered.exists(), "delivered a second time"
    assert [e["job"] for e in site.events("processed")] == [job["id"]]
    delivered.write_bytes(content)
    site.finish()
    after, = rows(site)
    assert after["status"] == COMPLETED and after["id"] == job["id"] and after["created_at"] == job["created_at"]
    assert after["story"].count("delivered") == 3 and after["deliveries"]["sick"]["state"] == DONE


def test_a_job_whose_ticket_was_taken_away_meanwhile_is_cancelled(make_site):
    site = make_site({"retry.attempts": "1000"}, routes=TWO % "create = no")
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    wait_for(lambda: (site.data / "shunt.db").exists() and [r["status"] for r in rows(site)] == [PENDING], "it waits")
    site.stop()
    (site.under / "0/RANK/x.json").unlink()
    site.start()
    site.wait_event("ticket_gone", file="x.json")
    job, = rows(site)
    assert job["status"] == CANCELLED and job["story"][-1] == "gone"


def test_every_kill_leaves_what_the_folders_say(make_site):
    site = make_site({"retry.attempts": "1000"})
    site.start()
    names = []
    for round_ in range(4):
        for i in range(150):
            names.append("k%d-%d.json" % (round_, i))
            site.drop("RANK", names[-1], "CELTRA")
        wait_for(lambda: len(site.events("processed")) > 20, "some are through")
        site.kill()
        site.start()
    wait_for(lambda: len(rows(site, "status = 2")) == len(names), lambda: "%d of %d are completed" % (len(rows(site, "status = 2")), len(names)), 30)
    site.stop()
    site.conserve()
    agree(site, names)


def test_while_the_store_is_locked_tickets_go_on_and_are_recorded_later(site):
    site.drop("RANK", "first.json")
    site.wait_ended()
    with locked(site):
        names = ["t%d.json" % i for i in range(20)]
        for name in names:
            site.drop("RANK", name)
        site.wait_event("store_failed", seconds=30)
        site.wait_ended()
        site.drop("RANK", "late.json")
        site.wait_ended()
    site.wait_event("store_back", seconds=60)
    site.finish()
    agree(site, ["first.json", "late.json"] + names)


@root_only
def test_a_full_disk_below_the_store_holds_up_nobody(make_site, mounts, base):
    site = make_site()
    disk = mounts(base / "db", "-t", "tmpfs", "-o", "size=8m", "tmpfs")
    site.write_settings(**{"store.url": "sqlite:%s" % (disk / "shunt.db")})
    site.start()
    ballast = fill(disk)
    names = ["t%d.json" % i for i in range(300)]
    for name in names:
        site.drop("RANK", name)
    site.wait_event("store_failed", seconds=30)
    site.wait_ended()
    ballast.unlink()
    site.wait_event("store_back", seconds=60)
    site.finish()
    (site.data / "shunt.db").symlink_to(disk / "shunt.db")
    agree(site, names)
    (site.data / "shunt.db").unlink()


def test_a_damaged_store_is_set_aside_while_work_goes_on(site):
    site.drop("RANK", "before.json")
    site.wait_ended()
    site.stop()
    path = site.data / "shunt.db"
    data = bytearray(path.read_bytes())
    for at in range(8192, len(data)):
        data[at] = 0xA5
    path.write_bytes(data)
    for more in ("-wal", "-shm"):
        if os.path.exists(str(path) + more):
            os.unlink(str(path) + more)
    site.start()
    told, = site.wait_event("store_damaged")
    assert told["error"].startswith("set aside as %s.damaged-1: the store %s: " % (path, path)) and "knows nothing of what was before" in told["msg"]
    site.drop("RANK", "after.json")
    site.wait_ended()
    site.stop()
    assert (site.data / "shunt.db.damaged-1").read_bytes() == bytes(data), "what was there is kept"
    agree(site, ["after.json"])
    for path in site.data.glob("shunt.db.damaged-1*"):
        path.unlink()
    site.conserve()


def test_a_newer_database_is_refused_and_left_as_it_is(make_site):
    site = make_site()
    site.start()
    site.stop()
    db = sqlite3.connect(site.data / "shunt.db")
    db.execute("PRAGMA user_version = 999")
    db.close()
    done = site.command("run", timeout=20)
    assert done.returncode == 2 and b"999" in done.stdout, done
    assert sqlite3.connect(site.data / "shunt.db").execute("PRAGMA user_version").fetchone() == (999,)


def test_old_jobs_are_removed_and_new_ones_stay(make_site):
    site = make_site({"store.keep_rows": "5"})
    site.start()
    names = ["t%02d.json" % i for i in range(20)]
    for name in names:
        site.drop("RANK", name)
    site.wait_ended()
    site.stop()
    site.start()  # it is looked after at the start, then every minute
    wait_for(lambda: len(rows(site)) == 5, lambda: "%d rows" % len(rows(site)), 20)
    agree(site, [r["name"] for r in rows(site)])
    site.finish()


def test_two_instances_share_one_store(make_site):
    site = make_site()
    site.start()
    first = site.process
    names = ["t%d.json" % i for i in range(200)]
    site.start()
    for name in names:
        site.drop("RANK", name)
    wait_for(lambda: not any((site.hot / "RANK").iterdir()) and len(rows(site, "status = 2")) == 200, "both are through", 30)
    first.stop()
    site.stop()
    agree(site, names)
    site.conserve()


def test_what_an_instance_delivered_before_it_died_is_not_delivered_again_by_the_one_that_adopts_its_tickets(make_site):
    site = make_site({"retry.attempts": "1000", "intake.scan_interval": "1s"}, routes=TWO % "create = no")
    site.start()
    first = site.process
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: [r["status"] for r in rows(site)] == [PENDING] and rows(site)[0]["deliveries"]["fine"]["state"] == DONE, "it waits")
    was, = rows(site)
    site.start()
    delivered = site.data / "OUT/fine/x.json"
    content = delivered.read_bytes()
    delivered.unlink()  # its consumer took it
    first.kill()
    site.wait_event("adopted")
    (site.data / "OUT/sick").mkdir()
    site.wait_ended(1)
    assert not delivered.exists(), "delivered a second time"
    assert [e["job"] for e in site.events("processed")] == [was["id"]]
    delivered.write_bytes(content)
    site.finish(1)
    job, = rows(site)
    assert job["status"] == COMPLETED and job["created_at"] == was["created_at"]
    assert "taken_over" in job["story"] and job["story"].count("delivered") == 3
    agree(site, ["x.json"])


CRASH_ON = "poison.json"


def crash_while_reading(site, name):
    """Starts the service so that it dies the moment it reads that ticket in underprocess, as a fault of ours would do it."""
    site.start(wait=False, prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(site.under / "0/RANK" / name), "-e", "trace=pread64",
                                   "-e", "inject=pread64:signal=KILL"])
    site.process.popen.wait(60)
    site.process.ended = True


def test_a_ticket_that_crashes_us_twice_is_set_aside_and_the_others_go_on(make_site):
    site = make_site({"retry.attempts": "1000", "intake.poison": "fail"})
    folder = site.under / "0/RANK"
    folder.mkdir(parents=True)
    for i in range(20):  # a crash had left them in work
        data = ticket("RANK", title=str(i))
        (folder / ("t%02d.json" % i)).write_bytes(data)
        site.expect("RANK", "t%02d.json" % i, data)
    bad = ticket("RANK", title="it kills us")
    (folder / CRASH_ON).write_bytes(bad)
    site.expect_failed("RANK", CRASH_ON, bad, "crashed twice")
    crash_while_reading(site, CRASH_ON)
    assert (folder / CRASH_ON).exists(), "nothing is set aside for one crash"
    site.start()
    site.wait_event("crash_found")
    site.finish()


def test_a_later_ticket_of_the_same_name_is_not_blamed_for_the_crash(make_site):
    site = make_site({"retry.attempts": "1000", "intake.poison": "fail"})
    folder = site.under / "0/RANK"
    folder.mkdir(parents=True)
    (folder / CRASH_ON).write_bytes(ticket("RANK", title="it kills us"))
    crash_while_reading(site, CRASH_ON)
    assert CRASH_ON in (site.under / "0/.trial").read_text(), "it was on trial"
    (folder / CRASH_ON).rename(site.base / "taken away by a person")
    innocent = ticket("RANK", title="another one")
    (folder / CRASH_ON).write_bytes(innocent)
    site.expect("RANK", CRASH_ON, innocent)
    site.start()
    site.wait_event("processed")
    site.finish()
    assert not (site.under / "0/.trial").exists()


def test_a_ticket_whose_destination_hangs_over_two_stops_is_no_suspect(make_site, mounts, base):
    site = make_site({"intake.poison": "fail", "delivery.hang": "300ms"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        site.drop("SICK", "x.json", to=["OUT/sick"])
        for _ in range(2):
            site.wait_event("destination_hangs")
            site.process.send(signal.SIGTERM)
            site.wait_event("stopped")
            freeze(sick, thaw=True)  # a process cannot end while it waits for a disk
            assert site.process.wait_exit() == 3
            freeze(sick)
            site.start()
            if not list((site.under / "0").rglob("x.json")):
                break  # the thawed disk has taken it
    finally:
        freeze(sick, thaw=True)
    site.finish()
    assert not site.all_events("crash_found") and not site.all_events("failed")


def crashed_with(site, name, **more):
    """A ticket that an earlier run left in work when it crashed."""
    folder = site.under / "0/RANK"
    folder.mkdir(parents=True, exist_ok=True)
    data = ticket("RANK", **more)
    (folder / name).write_bytes(data)
    site.expect("RANK", name, data)
    return folder / name


def test_the_note_of_a_trial_goes_with_the_trial(make_site):
    site = make_site({"intake.poison": "fail"})
    crashed_with(site, "x.json")
    site.start()
    site.wait_event("processed")
    wait_for(lambda: not (site.under / "0/.trial").exists(), "the note is removed, though nothing follows")
    site.kill()
    site.start()
    site.finish(1)


def test_a_suspect_that_waits_is_not_blamed_for_what_others_do(make_site):
    site = make_site({"intake.poison": "fail"})
    path = crashed_with(site, "x.json")
    with open(path, "ab"):
        site.start()
        site.drop("LOREAL", "other.json")
        site.wait_event("processed", file="other.json")
        site.kill()
    site.start()
    site.finish()
    assert not site.events("failed")


def test_a_suspect_whose_destination_hangs_does_not_stop_the_others(make_site, mounts, base):
    site = make_site({"intake.poison": "fail", "delivery.hang": "120s"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    folder = site.under / "0/SICK"
    folder.mkdir(parents=True)
    data = ticket("SICK")
    (folder / "x.json").write_bytes(data)
    site.expect("SICK", "x.json", data, to=["OUT/sick"])
    freeze(sick)
    try:
        site.start(wait=False)
        site.wait_event("crash_found")
        site.drop("FINE", "f.json", to=["OUT/fine"])
        site.wait_event("processed", seconds=20, file="f.json")
    finally:
        freeze(sick, thaw=True)
    site.finish()


@pytest.mark.slow
def test_a_stop_ends_though_the_store_is_locked(site):
    site.drop("RANK", "x.json")
    site.wait_ended()
    wait_for(lambda: rows(site), "the store knows")
    with locked(site):
        site.stop(seconds=15)


@pytest.fixture
def stopped(make_site):
    """A site whose service was stopped while OUT/fine had the ticket and OUT/sick was not there yet, and the job's row."""
    site = make_site({"retry.attempts": "1000"}, routes=TWO % "create = no")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: [r["status"] for r in rows(site)] == [PENDING], "it waits")
    site.stop()
    (row,) = rows(site)
    return site, row


@pytest.mark.slow
def test_a_job_that_waited_while_the_store_was_locked_at_the_start_is_done_once_and_none_is_left_pending(stopped):
    site, was = stopped
    with locked(site):
        site.start()
        (site.data / "OUT/sick").mkdir()
        site.wait_ended(1)
    site.wait_event("store_back", seconds=60)
    site.finish(1)
    site.start()
    site.stop()
    job, = rows(site)
    assert job["status"] == COMPLETED and job["id"] == was["id"] and not site.all_events("ticket_gone")


@pytest.mark.slow
def test_what_was_delivered_is_not_delivered_again_by_a_start_while_the_store_is_locked_for_a_moment(stopped):
    site, was = stopped
    delivered = site.data / "OUT/fine/x.json"
    content = delivered.read_bytes()
    delivered.unlink()  # its consumer took it
    with locked(site):
        site.start()
        assert site.events("store_failed")
    (site.data / "OUT/sick").mkdir()
    site.wait_ended(1)
    assert not delivered.exists(), "delivered a second time"
    delivered.write_bytes(content)
    site.finish(1)
    job, = rows(site)
    assert job["status"] == COMPLETED and job["id"] == was["id"]


def counted(site):
    totals = json.loads(site.command("status", "--json").stdout)["snapshot"]["stats"]["totals"]
    return totals["processed"], totals["errors"]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_statistics_of_the_day_go_on_where_the_store_is_locked_at_the_start(site, end):
    for i in range(5):
        site.drop("RANK", "before%d.json" % i, "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]", "invalid JSON")
    site.wait_ended(6)
    wait_for(lambda: len(rows(site, "status > 1")) == 6, "the store knows")
    if end == "stop":
        site.stop()
        assert counted(site) == (5, 1)
    else:  # the last snapshot does not count them
        site.kill()
    with locked(site):
        site.start()
        for i in range(3):
            site.drop("RANK", "after%d.json" % i)
        site.drop_bad("RANK", "worse.json", b"{]", "invalid JSON")
        site.wait_ended(10)
    site.wait_event("store_read", seconds=60)
    wait_for(lambda: counted(site) == (8, 2), lambda: "%d processed, %d failed" % counted(site), 15)
    site.finish()
    agreed = Agreement(site).run()
    assert agreed.clean, agreed.text()
    site.start()
    site.drop("RANK", "last.json")
    site.wait_ended(11)
    site.finish()
    agreed = Agreement(site).run()
    assert agreed.clean and counted(site) == (9, 2), agreed.text()


@pytest.mark.slow
def test_a_stop_takes_up_the_day_that_could_not_be_read_before(site):
    site.drop("RANK", "before.json")
    site.wait_ended(1)
    site.stop()
    with locked(site):
        site.start()
        site.drop("RANK", "after.json")
        site.wait_ended(2)
        site.process.send(signal.SIGTERM)
        site.wait_event("stopping")
    assert site.process.wait_exit() == 0
    site.conserve()
    assert counted(site) == (2, 0)


@pytest.mark.slow
def test_tickets_that_failed_right_before_a_kill_are_failed_jobs(make_site):
    site = make_site({"intake.settle": "100ms", "intake.settle_complete": "50ms"})
    for i in range(300):
        site.drop_bad("RANK", "y%d.json" % i, b'{"number": %d]' % i, "invalid JSON")
    site.start(wait=False)
    wait_for(lambda: len(site.events("failed")) > 20, "some have failed", 20)
    site.kill()
    site.start()
    wait_for(lambda: not any(p.is_file() for root in (site.hot, site.under) for p in root.rglob("*.json")), "all are set aside", 20)
    site.stop()
    site.conserve()
    assert [r["status"] for r in rows(site)] == [FAILED] * 300


def test_a_store_that_is_taken_away_while_it_runs_is_missed(make_site):
    site = make_site()
    site.start()
    site.drop("RANK", "a.json")
    site.wait_event("processed")
    wait_for(lambda: rows(site), "the store knows")
    for path in site.data.glob("shunt.db*"):
        path.unlink()
    site.drop("RANK", "b.json")
    site.wait_event("store_gone")
    site.finish(2)
    assert [row["name"] for row in rows(site)] == ["b.json"]
