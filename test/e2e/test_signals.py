"""Stopping and asking."""
import os
import signal
import subprocess
import sys

import pytest

from conftest import root_only
from shunt import BIN, expected_places, ticket, wait_for


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_drains_and_leaves_nothing_half_done(make_site, number):
    site = make_site()
    for i in range(400):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    site.start(wait=False)
    wait_for(lambda: site.count_ended() > 5, "it is at work", 20)
    site.stop(number=number)
    assert site.events("stopping") and site.events("stopped")
    begun = len(site.events("processing"))
    assert begun == site.count_ended(), "something was taken up and not finished"
    assert not [p for p in site.under.rglob("*") if p.is_file()]
    assert not [p for p in site.data.rglob(".shunt-*")]
    site.conserve(unfinished_ok=True)
    site.start()
    site.finish()


def test_an_idle_stop_is_immediate(site):
    site.stop(seconds=2)


def test_usr1_logs_the_state(site):
    site.drop("RANK", "a.json", "CELTRA")
    site.drop_bad("RANK", "b.json", b"{]")
    site.wait_ended()
    site.process.send(signal.SIGUSR1)
    wait_for(lambda: any("Ledger" in e["msg"] for e in site.events("state")), "the ledger")
    text = "\n".join(e["msg"] for e in site.events("state"))
    for wanted in ("Today: 1 processed", "Client RANK: 1 processed", "Destination Monday Rank: 1 delivered", "2 taken = 1 delivered", "1 failed", "Monday Rank: closed",
                   "invalid JSON", "Loop: longest turn "):
        assert wanted in text, (wanted, text)
    site.finish()


def test_signals_while_it_works_disturb_nothing(site):
    for i in range(100):
        site.drop("RANK", "t%d.json" % i)
        site.process.send((signal.SIGUSR1, signal.SIGPIPE, signal.SIGIO, signal.SIGCHLD, signal.SIGCONT)[i % 5])
    site.finish()


@root_only
@pytest.mark.parametrize("orphan", ["0.1", "1"])  # it ends before the program begins, and while it runs
def test_as_process_1_it_reaps_and_stops_cleanly(make_site, orphan):
    site = make_site()
    for i in range(20):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    probe = subprocess.run(["unshare", "-pf", "--mount-proc", "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if probe.returncode != 0:
        pytest.skip("unshare: " + probe.stdout.decode())
    script = '(sh -c "sleep %s &") ; exec "$@"' % orphan
    later = "import os, sys, time; time.sleep(0.5); os.execv(sys.argv[1], sys.argv[1:])"
    site.start(prefix=["unshare", "-pf", "--mount-proc", "sh", "-c", script, "sh", sys.executable, "-c", later])
    children = "/proc/%d/task/%d/children" % (site.process.pid, site.process.pid)
    (inner,) = open(children).read().split()
    assert os.readlink("/proc/%s/exe" % inner) == str(BIN)
    site.wait_ended()
    below = "/proc/%s/task/%s/children" % (inner, inner)
    wait_for(lambda: open(below).read().split() == [], "the orphan is reaped")
    os.kill(int(inner), signal.SIGTERM)
    assert site.process.wait_exit() == 0
    site.conserve()


def test_a_terminal_that_goes_away_is_no_reason_to_die(make_site):
    """Standard output is closed by its reader."""
    site = make_site({"log.stdout": "yes"})
    site.start()
    site.process.send(signal.SIGTERM)
    assert site.process.wait_exit() == 0
    reader, writer = os.pipe()
    process = subprocess.Popen([str(BIN), "run", "-c", str(site.config)], stdout=writer, stderr=subprocess.DEVNULL, env=site.environment())
    os.close(writer)
    os.close(reader)
    site.drop("RANK", "x.json")
    wait_for(lambda: (site.data / "SYNC/MAKE/Monday Rank/x.json").exists() and not list((site.hot / "RANK").iterdir()), "it goes on")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    site.conserve()
