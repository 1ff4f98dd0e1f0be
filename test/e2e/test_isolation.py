"""What is sick holds up nobody else, also far beyond the limit of tickets in work; several instances in turn."""
import json
import os

import pytest

from shunt import ticket, wait_for
from test_retry import TWO, freeze, frozen_disk

SMALL = {"intake.in_work_limit": "8", "intake.batch_size": "2", "delivery.hang": "200ms"}


def test_many_tickets_of_a_hanging_destination_do_not_use_up_the_tickets_in_work(make_site, mounts, base):
    site = make_site(SMALL, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        for i in range(60):
            site.drop("SICK", "s%d.json" % i, to=["OUT/sick"])
        site.wait_event("destination_hangs", destination="sick")
        for i in range(30):
            site.drop("FINE", "f%d.json" % i, to=["OUT/fine"])
        wait_for(lambda: len(site.events("processed", client="FINE")) == 30, "the others go on")
        assert not site.events("processed", client="SICK")
    finally:
        freeze(sick, thaw=True)
    site.finish(90)


def test_bad_tickets_that_cannot_be_set_aside_hold_up_nobody(make_site, mounts):
    site = make_site(SMALL)
    site.failed.mkdir()
    mounts(site.failed, "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs")
    site.start()
    for i in range(40):
        site.drop_bad("RANK", "bad%d.json" % i, b'{"x": 1}', "ClientCode is missing")
    site.wait_event("settle_failed")
    for i in range(30):
        site.drop("LOREAL", "f%d.json" % i)
    wait_for(lambda: len(site.events("processed")) == 30, "the others go on")
    assert len(site.events("settle_failed")) == 1, "said once"
    os.system("mount -o remount,nr_inodes=1000 '%s'" % site.failed)
    site.wait_ended(seconds=30)
    assert len(site.events("settle_works")) == 1
    site.finish()


def test_once_ends_when_the_failed_folder_takes_nothing(make_site, mounts):
    site = make_site()
    site.failed.mkdir()
    mounts(site.failed, "-t", "tmpfs", "-o", "nr_inodes=1", "tmpfs")
    site.put("RANK", "bad.json", b"{}")
    result = site.command("once", site.hot / "RANK" / "bad.json")
    assert result.returncode == 1, result
    assert (site.under / "0" / "RANK" / "bad.json").read_bytes() == b"{}"


def test_folders_of_two_clients_with_one_client_code_lose_nothing(make_site):
    """client_mismatch = ticket: many tickets of the same name and ClientCode at the same time, from two folders."""
    site = make_site({"intake.client_mismatch": "ticket", "delivery.durability": "none"})
    contents = set()
    for i in range(150):
        for folder in ("A", "B"):
            data = ticket("RANK", title="%s %d" % (folder, i))
            contents.add(data)
            site.put(folder, "%d.json" % (i % 50), data)
            if i == 0:
                continue
        if i == 75:
            site.start()
    wait_for(lambda: not any(p.is_file() for p in site.hot.rglob("*")) and not any(p.is_file() for p in site.under.rglob("*")),
             "all are settled", 30)
    archived = {p.read_bytes() for p in (site.archive / "RANK").iterdir()}
    site.stop()
    # A producer's own newer file of the same name in the same folder replaces one that was not taken up yet.
    taken = len(site.events("processed"))
    assert len(archived) == taken, "%d processed, %d in the archive" % (taken, len(archived))
    assert archived <= contents
    assert not list(site.data.rglob(".shunt-*"))


def test_the_survivor_of_two_instances_is_healthy_and_keeps_its_numbers(make_site):
    site = make_site()
    old = site.start()
    new = site.start()
    assert site.command("status", "--json").returncode == 0
    old.stop()
    site.drop("RANK", "x.json")
    wait_for(lambda: new.events("processed"), "the survivor goes on")
    status = json.loads(site.command("status", "--json").stdout)
    assert status["health"] == "running" and status["instances"] == 1
    wait_for(lambda: json.loads(site.command("status", "--json").stdout)["snapshot"]["stats"]["totals"]["processed"] == 1,
             "its numbers are kept", 15)
    new.stop()
    site.conserve()


@pytest.mark.parametrize("path", ["JSON/RANK", "JSON", "underprocess/0", "JSON_FAILED/x", "JSON_STORE"])
def test_a_destination_inside_our_own_folders_is_refused(make_site, path):
    site = make_site(routes="[destination a]\npath = %s\n[route r]\nclient = RANK\nto = a\n" % path)
    result = site.command("check")
    assert result.returncode == 1
    assert b"routes.ini:1: [destination a] path lies inside" in result.stderr


def test_while_underprocess_is_away_all_tickets_wait_and_that_is_told_once(make_site):
    site = make_site({"intake.queue_limit": "64", "intake.batch_size": "16", "intake.scan_interval": "1s"})
    site.folder("RANK")
    site.start()
    away = site.data / "elsewhere"
    site.under.rename(away)
    for i in range(300):
        site.drop("RANK", "t%d.json" % i)
    site.wait_event("intake_barred")
    wait_for(lambda: b"no ticket can be moved into underprocess" in site.command("status").stdout, "the status says so")
    assert b"underprocess/0: No such file or directory" in site.command("status").stdout, "and why"
    known = lambda: json.loads(site.command("status", "--json").stdout)["snapshot"]["queue"]["known"]
    scans = len(site.events("scan_start")) + len(site.events("scan_skipped"))
    wait_for(lambda: len(site.events("scan_start")) + len(site.events("scan_skipped")) >= scans + 3, "it is tried again and again")
    assert known() < 200, "more names are taken in than find room"
    assert len(site.events("intake_barred")) == 1 and not site.events("not_taken"), "it is told of each ticket"
    assert len(list(site.hot.glob("RANK/*.json"))) == 300
    away.rename(site.under)
    site.wait_ended(seconds=30)
    assert len(site.events("intake_open")) == 1
    assert b"no ticket can be moved" not in site.command("status").stdout
    site.finish()


def test_that_underprocess_is_back_is_seen_also_where_nothing_is_taken_up(make_site):
    site = make_site({"intake.settle": "1h"})
    site.folder("RANK")
    site.start()
    away = site.data / "elsewhere"
    site.under.rename(away)
    withdrawn = site.folder("RANK") / "withdrawn.json"
    withdrawn.write_bytes(ticket("RANK"))
    site.wait_event("intake_barred")
    withdrawn.unlink()
    away.rename(site.under)
    site.wait_event("intake_open")
    (site.folder("RANK") / "half.json").write_bytes(b'{"JobSpecification"')
    wait_for(lambda: json.loads(site.command("status", "--json").stdout)["snapshot"]["queue"]["known"] == 1, "it is known, and waits")
    assert b"no ticket can be moved" not in site.command("status").stdout
    site.stop()
