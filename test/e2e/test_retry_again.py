"""Putting back what is on its way already, or what a newer ticket has overtaken."""
import os
import subprocess

import pytest

from control import FAILED, rows
from shunt import ticket, wait_for
from test_commands import told
from test_operator import ran
from test_retry import NO_BREAKER, TWO

N = 150
ONE_BY_ONE = {"retry.attempts": "1", "service.workers": "1", "intake.in_work_limit": "1", **NO_BREAKER}


@pytest.mark.parametrize("second", [["--all"], ["--all", "--dry-run"]])
def test_asking_twice_delivers_nothing_twice(make_site, second):
    site = make_site(ONE_BY_ONE, routes=TWO % "")
    (site.data / "OUT").mkdir()
    (site.data / "OUT/sick").write_text("no folder")
    site.start()
    for i in range(N):
        site.put("RANK", "x%03d.json" % i, ticket("RANK", title=str(i)))
    site.wait_event("failed", 60, count=N)
    wait_for(lambda: len(rows(site, "status = %d" % FAILED)) == N, "the store knows")
    (site.data / "OUT/sick").unlink()
    fine = site.data / "OUT/fine"
    for path in fine.iterdir():
        path.unlink()  # its reader has taken them
    both = [subprocess.Popen([str(site.bin), "retry", "-c", str(site.config)] + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for args in (["--all"], second)]
    for process in both:
        process.communicate()
    site.wait_event("processed", 60, count=N)
    assert os.listdir(fine) == []
    assert len(os.listdir(site.data / "OUT/sick")) == N
    site.stop()
    assert not rows(site, "status = %d" % FAILED)


def test_an_older_version_is_put_over_a_newer_one_only_by_its_id(make_site):
    site = make_site({"retry.attempts": "1", **NO_BREAKER}, routes=TWO % "")
    (site.data / "OUT").mkdir()
    (site.data / "OUT/sick").write_text("no folder")
    site.start()
    for i in range(2):
        site.put("SICK", "x.json", ticket("SICK", title="v%d" % i))
        site.wait_event("failed", count=i + 1)
    wait_for(lambda: len(rows(site, "status = %d" % FAILED)) == 2, "the store knows")
    (site.data / "OUT/sick").unlink()
    older = rows(site)[0]["id"]
    result = told(site, "retry", "--all", code=1)
    assert len(result["retried"]) == 1 and [r["id"] for r in result["refused"]] == [older]
    assert "newer ticket of its name" in result["refused"][0]["why"]
    site.wait_event("processed")
    delivered = site.data / "OUT/sick/x.json"
    assert b"v1" in delivered.read_bytes()
    ran(site, "retry", older)
    site.wait_event("processed", count=2)
    assert b"v0" in delivered.read_bytes()
    site.stop()
    assert not rows(site, "status = %d" % FAILED)
