"""A ticket that fails, or is taken back, does so once: its own archived copy is no change of it."""
import pytest

from control import Control
from shunt import ticket, wait_for
from test_retry import TWO, freeze, frozen_disk

CONFLICT = "[destination sick]\npath = OUT/sick\nconflict = fail\n\n[route sick]\nclient = SICK\nto = sick\n"


def ended_once(site, names):
    site.wait_event("failed", count=len(names))
    site.stop()
    assert not site.events("returned"), "nobody changed them"
    assert sorted(e["file"] for e in site.events("processing")) == sorted(names)
    assert sorted(e["file"] for e in site.events("failed")) == sorted(names)


def test_a_ticket_whose_only_attempt_fails_is_taken_up_once(make_site):
    site = make_site({"retry.attempts": "1", "delivery.breaker_failures": "1000"}, routes=TWO % "")
    (site.data / "OUT").mkdir()
    (site.data / "OUT/sick").write_text("no folder")
    site.start()
    names = ["x%d.json" % i for i in range(20)]
    for name in names:
        site.put("SICK", name, ticket("SICK", title=name))
    ended_once(site, names)
    assert len(site.events("delivery_failed")) == len(names)


def test_a_ticket_whose_name_is_taken_where_that_fails_it_is_taken_up_once(make_site):
    site = make_site(routes=CONFLICT)
    (site.data / "OUT/sick").mkdir(parents=True)
    (site.data / "OUT/sick/x.json").write_text("another's")
    site.start()
    site.put("SICK", "x.json", ticket("SICK"))
    ended_once(site, ["x.json"])


def test_a_ticket_that_is_taken_back_before_its_turn_is_not_delivered(make_site, mounts, base):
    site = make_site({"delivery.concurrency": "1", "delivery.hang": "60s"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    control = Control(site)
    freeze(sick)
    try:
        site.drop("SICK", "a.json", to=["OUT/sick"])
        wait_for(lambda: [d for d in control.get("/destinations")["destinations"] if d["name"] == "sick" and d["in_hand"] == 1], "the first one hangs")
        site.put("SICK", "b.json", ticket("SICK", title="b"))
        site.wait_event("stored", file="b.json")
        answer = site.command("cancel", "b.json")
        assert answer.returncode == 0, answer
    finally:
        freeze(sick, thaw=True)
    site.wait_event("processed", file="a.json")
    site.wait_event("failed", file="b.json")
    site.stop()
    assert not (sick / "b.json").exists()
    assert [p.name[16:] for p in site.failed.glob("SICK/*.json")] == ["b.json"]
    assert not site.events("returned")
