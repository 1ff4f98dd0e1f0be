"""Incidents as they come: a disk that hangs, a store that is away, scans without end. Told while they last, once, and when they are over."""
import json
import os
import re
import shutil
import sqlite3

import pytest

from conftest import root_only
from control import locked
from mailserver import Mailbox
from shunt import SANITIZED, holds_for, ticket, wait_for
from test_alerts import QUICK, alerting, box, commands, mend, rows_of_outbox, settled, subjects, text_of, typed  # noqa: F401
from test_commands import ended
from test_mail import hook  # noqa: F401
from test_operator import ran
from test_retry import NO_BREAKER, freeze, frozen_disk
from test_schedule import FAKETIME, Clock


needs_faketime = pytest.mark.skipif(SANITIZED or not os.path.exists(FAKETIME), reason="faketime is not installed, or the sanitizer's library must be the first")


def told(box, words):
    """The mails whose subject begins so, behind the brand."""
    return [m for m in box.mails if m.mail["Subject"].startswith("[shunt] " + words)]


def wait_told(box, words, seconds=20):
    return wait_for(lambda: told(box, words), lambda: "%s is mailed; there are %s" % (words, subjects(box)), seconds)[0]


def outbox(site):
    db = sqlite3.connect(site.data / "shunt.db")
    found = db.execute("SELECT key, state FROM outbox ORDER BY rowid").fetchall()
    db.close()
    return found


@root_only
def test_a_destination_that_hangs_is_mailed_and_again_when_it_answers(alerting, box, mounts, base):
    site = alerting({"delivery.hang": "300ms"}, sick=False)
    sick = frozen_disk(base, site.data / "OUT/sick", mounts)
    (sick / "lost+found").rmdir()
    freeze(sick)
    try:
        site.put("RANK", "x.json", ticket("RANK"))
        hangs = wait_told(box, "The Sick hangs")
        text = text_of(hangs)
        assert "has not come back for more than 300ms. Is its share mounted?" in text
        assert "What happens next: Nothing else is sent there until it answers" in text
        typed(site, commands(hangs)[0])
    finally:
        freeze(sick, thaw=True)
    wait_told(box, "The Sick answers again, after ")
    assert site.files("OUT/sick") == ["x.json"]
    settled(site)
    assert len(box.mails) == 2, subjects(box)
    site.stop()


def test_that_the_store_is_away_is_told_without_it_and_so_is_all_else(alerting, box, hook):
    site = alerting({**NO_BREAKER, "alerts.failed": "each", "webhook.url": "http://127.0.0.1:%d/" % hook.server_port})
    box.data += ["451 later"]
    with locked(site):
        site.put("RANK", "x.json", b"{]")
        away = wait_told(box, "The store cannot be written", 40)
        assert site.events("mail_delayed"), "its first try was refused for now"
        assert commands(away)[0].endswith(" status") and "Tickets are delivered as before" in text_of(away)
        assert wait_told(box, "Failed: x.json (RANK)"), "what comes meanwhile"
        wait_for(lambda: len(hook.got) == 2, "both are posted")
        assert not site.events("store_back")
    site.wait_event("store_back", 60)
    wait_told(box, "The store is written again, after ")
    settled(site)
    wait_for(lambda: len(hook.got) == 3, "it is posted")
    assert len(box.mails) == 3 and len({m.mail["Message-ID"] for m in box.mails}) == 3, subjects(box)
    assert sorted({event["items"][0]["what"] for event in (json.loads(body) for _, body in hook.got)}) == ["failed", "opened", "recovered"]
    assert len(outbox(site)) == 6 and {state for _, state in outbox(site)} == {1}, "each is in the store, as sent: %s" % outbox(site)
    assert "The store cannot be written" in ran(site, "mail", "list")[0]
    site.stop()
    assert not site.all_events("outbox_lost")


@root_only
def test_what_was_to_be_told_when_the_store_hung_is_told_without_it_once(alerting, box, mounts, base):
    site = alerting({**NO_BREAKER, "alerts.digest": "3s", "store.url": "sqlite:disk/shunt.db"}, sick=False, start=False)
    disk = frozen_disk(base, site.data / "disk", mounts)
    site.start()
    site.put("RANK", "x.json", b"{]")
    site.wait_event("failed")
    freeze(disk)
    try:
        wait_told(box, "Failed: x.json (RANK)", 30)
        wait_told(box, "The store cannot be written", 30)
        assert not site.events("store_back")
    finally:
        freeze(disk, thaw=True)
    site.wait_event("store_back", 60)
    wait_told(box, "The store is written again, after ")
    site.stop()
    assert len(box.mails) == 3 and not site.all_events("outbox_lost"), subjects(box)


def test_while_store_and_mail_server_are_both_away_mails_wait_and_none_is_lost(alerting, box, tmp_path):
    site = alerting({**NO_BREAKER, "alerts.failed": "each"})
    box.controller.stop()
    with locked(site):
        site.put("RANK", "x.json", b"{]")
        site.wait_event("store_failed", 40)
        site.wait_event("mail_delayed", 20)
    site.wait_event("store_back", 60)
    with Mailbox(tmp_path, starttls=False, auth=False, port=box.port) as back:
        wait_told(back, "Failed: x.json (RANK)", 30)
        wait_told(back, "The store is written again")
        settled(site)
        assert len(back.mails) == len(set(subjects(back))), subjects(back)
        site.stop()


def test_who_starts_without_the_store_tells_that_and_repeats_nothing(alerting, box):
    site = alerting({"delivery.breaker_failures": "1"})
    site.put("RANK", "x.json", ticket("RANK"))
    wait_told(box, "The Sick is down")
    settled(site)
    site.kill()
    with locked(site):
        site.start()
        wait_told(box, "The store cannot be written", 40)
        site.wait_event("destination_down", 30)
        holds_for(lambda: len(told(box, "The Sick is down")) == 1, "it was told before", 2)
    site.wait_event("store_back", 60)
    wait_told(box, "The store is written again")
    settled(site)
    assert len(box.mails) == 3, subjects(box)
    site.stop()


def test_who_starts_without_the_store_tells_that_though_more_is_wrong_than_there_may_be_mails(alerting, box):
    site = alerting({"alerts.min_free": "1000000GiB", "alerts.mails_per_hour": "4", "alerts.remind": "4s"}, sick=False)
    wait_told(box, "The disk of hot is almost full")
    settled(site)
    site.stop()
    with locked(site):
        site.start()
        wait_told(box, "The store cannot be written", 40)
        again = wait_told(box, "Still: The store cannot be written")
        assert "almost full" not in text_of(again), "that may have been told before"
    site.stop()


def test_scans_that_take_too_long_are_mailed_and_when_they_end_in_time_again(make_site, box, memory_base):
    site = make_site({**box.settings(tls="none", user=""), **QUICK, "intake.scan_interval": "300ms", "intake.scan_timeout": "100ms", "intake.settle": "1h", "alerts.calm": "4s"}, at=memory_base)
    for n in range(300):
        for k in range(100):
            (site.folder("C%d" % n) / ("half%d.json" % k)).write_bytes(b'{"JobSpecification"')
    site.start(wait=False)
    slow = wait_told(box, "A scan of the hot folders takes too long", 60)
    assert re.search(r"It was stopped after 100ms \(\[intake\] scan_timeout\)\. \d+ folders are scanned\.", text_of(slow)), text_of(slow)
    typed(site, commands(slow)[0])
    for n in range(1, 300):
        shutil.rmtree(site.folder("C%d" % n))
    wait_told(box, "Scans of the hot folders end in time again, after ", 60)
    assert len(told(box, "A scan ")) == 1, subjects(box)
    site.stop()


@pytest.mark.parametrize("gone, why", [("hot", "The hot folder cannot be listed"), ("under", "None can be moved into underprocess")])
def test_that_no_ticket_is_taken_up_is_mailed_and_when_they_are_again(alerting, box, gone, why):
    site = alerting(sick=False)
    site.folder("RANK")
    folder, away = getattr(site, gone), site.data / "away"
    folder.rename(away)
    if gone == "under":
        site.put("RANK", "waits.json", ticket("RANK"))
    mail = wait_told(box, "No ticket is taken up")
    assert why in text_of(mail) and "No such file or directory" in text_of(mail), text_of(mail)
    typed(site, commands(mail)[0])
    assert "ls -ld %s" % folder in text_of(mail)
    away.rename(folder)
    site.put("RANK", "comes.json", ticket("RANK"))
    wait_told(box, "Tickets can be taken up again, after ")
    assert len(told(box, "No ticket is taken up")) == 1, subjects(box)
    wait_for(lambda: len(site.files("OUT/sick")) == (2 if gone == "under" else 1), "they are delivered")
    site.stop()


@root_only
def test_a_disk_that_fills_up_is_mailed_and_when_it_has_room_again(alerting, box, mounts):
    site = alerting({"alerts.min_free": "4MiB"}, sick=False, start=False)
    mounts(site.archive, "-t", "tmpfs", "-o", "size=8m", "tmpfs")
    site.start()
    holds_for(lambda: not box.mails, "there is room", 1.5)
    (site.archive / "ballast").write_bytes(bytes(6 << 20))
    low = wait_told(box, "The disk of archive is almost full", 30)
    assert "less than [alerts] min_free = 4MiB. There lie: archive (" in text_of(low)
    assert "df -h " in text_of(low)
    (site.archive / "ballast").unlink()
    wait_told(box, "The disk of archive has room again, after ", 30)
    settled(site)
    assert len(box.mails) == 2, subjects(box)
    site.stop()


@needs_faketime
def test_what_the_budget_does_not_let_through_comes_together_in_one_mail(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "each", "alerts.mails_per_hour": "6", "retry.attempts": "2", "retry.first": "1h", "retry.max": "1h"}, "alerts = yes", start=False)
    clock = Clock(site, "UTC")
    clock.set("2026-02-05 12:00:00")
    site.start()
    for n in range(2):
        site.put("RANK", "first%d.json" % n, b"{]")
        box.wait(n + 1)
    for n in range(5):
        site.put("3M", "bad%d.json" % n, b"{]")
        site.put("RANK", "x%d.json" % n, ticket("RANK"))
    site.wait_event("delivery_failed", count=5)
    ended(site, 7)
    holds_for(lambda: len(box.mails) == 2, "no mail is left", 2.5)
    clock.set("2026-02-05 12:41:00")
    box.wait(3)
    assert re.match(r"\[shunt\] 6 alerts: 5 tickets failed; Attempt 1/2 failed: x\d\.json \(RANK\) to The Sick; ", subjects(box)[2]), subjects(box)
    assert len(re.findall(r"^Attempt 1/2 failed: x\d\.json", text_of(box.mails[2]), re.M)) == 5
    holds_for(lambda: len(box.mails) == 3, "that was all", 1.5)
    site.stop()


@needs_faketime
def test_the_weekly_mail_of_what_is_stuck_comes_on_its_day_once(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "off", "task weekly.at": "08:00", "task weekly.on": "mon", "task weekly.run": "stuck"}, start=False)
    clock = Clock(site, "UTC")
    clock.set("2026-02-05 12:00:00")  # a Thursday
    site.start()
    site.put("RANK", "x.json", b"{]")
    ended(site, 1)
    for day in (6, 7, 8):
        clock.set("2026-02-%02d 07:59:58" % day)
        holds_for(lambda: not told(box, "Stuck"), "it is not Monday", 3)
    clock.set("2026-02-09 07:59:58")
    assert wait_told(box, "Stuck: 1 failed, 0 waiting")
    clock.set("2026-02-10 07:59:58")
    holds_for(lambda: len(told(box, "Stuck")) == 1, "once a week", 3)
    clock.set("2026-02-16 07:59:58")
    wait_for(lambda: len(told(box, "Stuck: 1 failed")) == 2, "a week later", 20)
    site.stop()


def test_each_of_two_instances_tells_what_it_sees_and_who_it_is(make_site, box):
    site = make_site({**box.settings(tls="none", user=""), **QUICK, "delivery.breaker_failures": "1", "intake.in_work_limit": "1"}, routes="[destination sick]\npath = OUT/sick\nlabel = The Sick\n[route sick]\nclient = *\nto = sick\n")
    (site.data / "OUT").mkdir()
    (site.data / "OUT/sick").write_text("in the way")
    for n in range(2):
        folder = site.under / str(n) / "RANK"
        folder.mkdir(parents=True)
        (folder / ("x%d.json" % n)).write_bytes(ticket("RANK"))
        site.start()
        wait_for(lambda: len(box.mails) == n + 1, "it tells", 20)
    assert sorted(subjects(box)) == ["[shunt (instance 1)] The Sick is down", "[shunt] The Sick is down"]
    holds_for(lambda: len(box.mails) == 2, "each once", 2)
    for process in site.processes:
        process.stop()
