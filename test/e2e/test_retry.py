"""Destinations that are full, away, forbidden or hanging: they are waited for, and nobody else notices."""
import os
import re
import subprocess
import time

import pytest

from conftest import disk_image, root_only
from shunt import SCALE, expected_places, holds_for, ticket, wait_for
from test_readiness import run_as_stranger

TWO = """
[destination sick]
path = OUT/sick
%s
[destination fine]
path = OUT/fine
[route sick]
client = RANK, SICK
to = sick
[route fine]
client = RANK, FINE
to = fine
"""
NO_BREAKER = {"delivery.breaker_failures": "1000"}


@root_only
def test_out_of_attempts_the_ticket_fails_with_the_whole_story(make_site, base):
    site = make_site(NO_BREAKER, routes=TWO % "")
    for name in ("RANK", "FINE"):
        site.folder(name)
    (site.data / "OUT" / "sick").mkdir(parents=True)
    run_as_stranger(site, base)
    (site.data / "OUT" / "sick").chmod(0o555)
    site.start()
    data = ticket("RANK")
    site.put("RANK", "x.json", data)
    site.drop("FINE", "f.json", to=["OUT/fine"])
    site.wait_ended(2)
    attempts = site.events("delivery_failed", destination="sick")
    assert [re.search(r"attempt (\d+) of 3", e["msg"]).group(1) for e in attempts] == ["1", "2", "3"]
    assert "Permission denied" in attempts[0]["error"]
    text = site.reason_text("RANK")
    assert re.search(r"Why .*sick.*after 3 attempts.*Permission denied", text), text
    assert "archive: delivered" in text and "fine: delivered" in text and re.search(r"sick: failed after 3 attempts", text)
    assert (site.data / "OUT/fine/x.json").read_bytes() == data
    (site.data / "OUT" / "sick").chmod(0o777)
    (failed,) = site.failed.glob("RANK/*.json")
    mended = ticket("RANK", title="mended")
    failed.write_bytes(mended)  # in place, as an editor may do
    assert (site.archive / "RANK/x.json").read_bytes() == data, "the archive keeps what was archived"
    command = re.search(r"^  (mv .*)$", text, re.M).group(1)
    subprocess.run(["sh", "-c", command], check=True)
    site.expect("RANK", "x.json", data, to=[])  # the older version
    site.expect("RANK", "x.json", mended, to=["OUT/sick", "OUT/fine"])
    site.wait_ended(3)
    for path in site.failed.rglob("*.reason.txt"):
        path.unlink()
    site.finish(3)


def test_what_fails_at_its_only_try_is_not_taken_for_changed(make_site):
    site = make_site({**NO_BREAKER, "retry.attempts": "1"}, routes=TWO % "create = no")
    site.folder("SICK")
    site.start()
    site.drop_bad("SICK", "x.json", ticket("SICK"), "after 1 attempt")
    site.wait_ended(1)
    assert not site.events("returned")


def fill(folder):
    with open(folder / "ballast", "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"\0" * 4096)
        except OSError:
            pass
    return folder / "ballast"


@root_only
def test_a_full_destination_is_waited_for_and_goes_on_by_itself(make_site, mounts):
    site = make_site({"delivery.breaker_failures": "3"}, routes=TWO % "")
    sick = mounts(site.data / "OUT" / "sick", "-t", "tmpfs", "-o", "size=256k", "tmpfs")
    ballast = fill(sick)
    site.start()
    for i in range(30):
        site.drop("SICK", "s%d.json" % i, data=ticket("SICK", title="s%d" % i, Description="x" * 3000), to=["OUT/sick"])
    site.wait_event("destination_down", destination="sick")
    for i in range(20):
        site.drop("FINE", "f%d.json" % i, to=["OUT/fine"])
    wait_for(lambda: len(site.events("processed", client="FINE")) == 20, "the others go on")
    wait_for(lambda: len(site.events("destination_still_down", destination="sick")) >= 2, "probes go on")
    assert len(site.events("destination_down")) == 1
    ballast.unlink()
    site.wait_event("destination_up", destination="sick")
    failed = {e["file"] for e in site.events("failed")}
    assert len(failed) <= 3, "more failed than it took to open the breaker"
    site.wait_ended()
    assert len(site.events("destination_up")) == 1
    for entry in list(site.manifest.entries):
        if entry["name"] in failed:
            site.manifest.entries.remove(entry)
            entry = {key: value for key, value in entry.items() if key != "to"}
            site.manifest.entries.append({**entry, "failed": "No space left"})
            (site.archive / "SICK" / entry["name"]).unlink()
    site.finish()


@root_only
def test_a_destination_without_inodes(make_site, mounts):
    site = make_site({**NO_BREAKER, "retry.attempts": "100"}, routes=TWO % "")
    sick = mounts(site.data / "OUT" / "sick", "-t", "tmpfs", "-o", "nr_inodes=3", "tmpfs")
    (sick / "a").touch(), (sick / "b").touch()
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: site.events("delivery_failed"), "it fails")
    wait_for(lambda: (site.data / "OUT/fine/x.json").exists(), "the other one is served")
    (sick / "a").unlink(), (sick / "b").unlink()
    site.finish()
    assert not site.events("returned"), "what was archived meanwhile is no change"


@root_only
def test_a_full_archive_is_waited_for_and_never_fails_a_ticket(make_site, mounts):
    site = make_site({"retry.attempts": "2"})
    archive = mounts(site.archive, "-t", "tmpfs", "-o", "size=128k", "tmpfs")
    ballast = fill(archive)
    site.start()
    for i in range(20):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    site.wait_event("destination_down", destination="archive")
    wait_for(lambda: len(site.events("destination_still_down")) >= 3, "it goes on trying")
    assert not site.events("processed") and not site.events("failed")
    ballast.unlink()
    site.finish()
    assert not site.events("failed")


@root_only
def test_a_destination_that_must_be_a_mount_point_waits_for_its_mount(make_site, mounts):
    site = make_site({"delivery.breaker_failures": "2", "retry.attempts": "100"}, routes=TWO % "mount = OUT/sick")
    (site.data / "OUT" / "sick").mkdir(parents=True)
    site.start()
    for i in range(5):
        site.drop("RANK", "x%d.json" % i, to=["OUT/sick", "OUT/fine"])
    site.wait_event("destination_down", destination="sick")
    assert not list((site.data / "OUT" / "sick").iterdir())
    mounts(site.data / "OUT" / "sick", "-t", "tmpfs", "tmpfs")
    site.finish()


def test_a_missing_folder_that_must_not_be_made_is_waited_for(make_site):
    site = make_site({"retry.attempts": "100"}, routes=TWO % "create = no")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: site.events("delivery_failed"), "it fails")
    assert not (site.data / "OUT" / "sick").exists()
    (site.data / "OUT" / "sick").mkdir()
    site.finish()


def test_what_waits_survives_a_restart_and_what_is_done_is_not_sent_again(make_site):
    site = make_site({"retry.attempts": "1000"}, routes=TWO % "create = no")
    site.start()
    for i in range(10):
        site.drop("RANK", "x%d.json" % i, to=["OUT/sick", "OUT/fine"])
    site.wait_event("destination_down", destination="sick")
    wait_for(lambda: len(site.files("OUT/fine")) == 10, "the others are delivered")
    inodes = {name: (site.data / "OUT/fine" / name).stat().st_ino for name in site.files("OUT/fine")}
    for n in range(2):
        site.stop()
        assert site.events("waiting_left"), site.tail()
        assert len([p for p in site.under.rglob("*") if p.is_file()]) == 10
        site.start(wait=False)
        site.wait_event("destination_down", destination="sick")
    (site.data / "OUT" / "sick").mkdir()
    site.wait_ended(10)
    assert inodes == {name: (site.data / "OUT/fine" / name).stat().st_ino for name in site.files("OUT/fine")}, "consumers saw it twice"
    site.finish(10)


def frozen_disk(base, at, mounts):
    return mounts(at, "-o", "loop", disk_image(base / "disk.img", "ext4", 64))


def freeze(at, thaw=False):
    subprocess.run(["fsfreeze", "-u" if thaw else "-f", str(at)], check=True)


@root_only
def test_a_hanging_destination_slows_nobody_and_goes_on_when_it_answers(make_site, mounts, base):
    site = make_site({"delivery.hang": "300ms"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        for i in range(20):
            site.drop("SICK", "s%d.json" % i, to=["OUT/sick"])
        site.wait_event("destination_hangs", destination="sick")
        began = time.monotonic()
        for i in range(50):
            site.drop("FINE", "f%d.json" % i, to=["OUT/fine"])
        wait_for(lambda: len(site.events("processed", client="FINE")) == 50, "the others go on")
        assert time.monotonic() - began < 5 * SCALE
        assert not site.events("processed", client="SICK")
        status = site.command("status", "--json")
        assert status.returncode in (0, 1)
    finally:
        freeze(sick, thaw=True)
    site.wait_event("destination_answers", destination="sick")
    site.finish(70)


@root_only
def test_a_stop_while_a_destination_hangs_ends_in_time_and_the_next_start_goes_on(make_site, mounts, base):
    site = make_site({"delivery.hang": "300ms", "service.drain_timeout": "1s"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        site.drop("SICK", "s.json", to=["OUT/sick"])
        site.wait_event("destination_hangs", destination="sick")
        site.process.send(15)
        wait_for(lambda: site.events("stopped"), "it says that it stops", 10)
    finally:
        freeze(sick, thaw=True)  # a process in such a call ends when it returns, not before
    code = site.process.wait_exit()
    assert code == 3  # it was in hand, and is not finished
    site.process.expected_exit = code
    site.start()
    site.wait_ended(1)
    site.finish(1)


@root_only
def test_a_second_stop_ends_at_once(make_site, mounts, base):
    site = make_site({"delivery.hang": "1h", "service.drain_timeout": "1h"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        site.drop("SICK", "s.json", to=["OUT/sick"])
        wait_for(lambda: site.events("processing"), "it is taken")
        site.process.send(15)
        site.wait_event("stopping")
        holds_for(lambda: site.process.alive(), "it ended with a ticket in hand", 0.3)
        site.process.send(15)
        site.wait_event("stop_now")
        wait_for(lambda: site.events("stopped"), "it ends")
    finally:
        freeze(sick, thaw=True)
    assert site.process.wait_exit() == 3
    site.process.expected_exit = 3
    site.start()
    site.finish(1)


def test_a_ticket_that_fails_at_its_first_attempt_goes_elsewhere_once(make_site):
    site = make_site({**NO_BREAKER, "retry.attempts": "1"}, routes=TWO % "")
    site.in_the_way("OUT/sick")
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    site.wait_event("failed")
    assert len(site.events("routed", destination="fine")) == len(site.events("processing")) == 1
    assert not site.events("returned"), "our own link in the archive was taken for a change"
    site.stop()
