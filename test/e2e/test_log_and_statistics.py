"""What operators read."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from shunt import SANITIZED, expected_places, ticket, wait_for

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
needs_faketime = pytest.mark.skipif(not FAKETIME.exists() or SANITIZED, reason="libfaketime is not installed, or a sanitizer is in its way")


def test_the_stats_line(site):
    for i in range(49):
        site.drop("RANK", "t%d.json" % i)
    site.drop_bad("RANK", "bad.json", b"{]")
    site.wait_ended()
    site.stop()
    (line,) = site.events("stats")
    assert line["msg"] == "Stats: Today: 49 processed (startup: 0) (periodic: 0), 1 errors, 98.0% success"
    site.conserve()


def test_nothing_happened_no_stats_line(site):
    site.stop()
    assert not site.events("stats")


def test_statistics_survive_a_restart(make_site):
    site = make_site()
    site.drop("RANK", "a.json", "CELTRA")
    site.drop_bad("RANK", "b.json", b"{]")
    site.start()
    site.wait_ended(2)
    site.stop()
    site.start()
    site.drop("BAYER", "c.json")
    site.wait_ended(3)
    site.stop()
    assert site.events("stats")[-1]["msg"] == "Stats: Today: 2 processed (startup: 1) (periodic: 0), 1 errors, 66.6% success"
    text = "\n".join(e["msg"] for e in site.events("state"))
    for wanted in ("Client RANK: 1 processed, 1 routed, 1 Celtra, 1 errors; categories: CELTRA 1", "Client BAYER: 1 processed", "Destination Celtra: 1 delivered"):
        assert wanted in text, (wanted, text)
    site.conserve()


def saved(site):
    """What the first instance left in the store."""
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (site.data / "shunt.db"), uri=True)) as db:
        return json.loads(db.execute("SELECT document FROM snapshots WHERE instance = 0").fetchone()[0])


def test_statistics_survive_a_crash(make_site):
    """They are saved every few seconds: after that, kill -9 loses none."""
    site = make_site()
    site.start()
    for i in range(5):
        site.drop("RANK", "t%d.json" % i)
    site.wait_ended()
    wait_for(lambda: saved(site)["ledger"]["taken"] == 5, "it is saved", 20)
    site.kill()
    site.process.expected_exit = -9
    site.start()
    site.stop()
    assert "Today: 5 processed" in "\n".join(e["msg"] for e in site.events("state"))


def test_a_damaged_store_is_no_reason_not_to_start(make_site):
    site = make_site()
    (site.data / "shunt.db").write_text("half a database")
    site.start()
    assert site.events("store_damaged")
    site.others = [p.name for p in site.data.iterdir() if p.name.startswith("shunt.db")]
    site.drop("RANK", "x.json")
    site.wait_ended()
    site.stop()
    site.others = [p.name for p in site.data.iterdir() if p.name.startswith("shunt.db")]
    site.conserve()


STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - "


def test_the_plain_log_reads_as_operators_know_it(make_site):
    site = make_site({"log.format": "text"})
    site.drop("RANK", "5903771.json", "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]")
    site.start(wait=False)
    wait_for(lambda: not any(site.folder("RANK").iterdir()) and not [p for p in site.under.rglob("*") if p.is_file()] and list(site.failed.rglob("*.txt")), "both are done")
    site.stop()
    text = "\n".join(line.decode() for line in site.process.read())
    for wanted in (r"INFO - \[Worker-\d+\] \[STARTUP\] Processing: RANK/5903771\.json", r"INFO - \[Worker-\d+\] \[STARTUP\] Stored: RANK/5903771\.json",
                   r"INFO - \[Worker-\d+\] \[STARTUP\] Routed to: Monday Rank", r"INFO - \[Worker-\d+\] \[STARTUP\] Routed to: Celtra",
                   r"INFO - \[Worker-\d+\] \[STARTUP\] Successfully processed RANK/5903771\.json \(\d+\.\d\ds\)",
                   r"ERROR - \[Worker-\d+\] \[STARTUP\] .*RANK/bad\.json.*invalid JSON", r"INFO - (\[STARTUP\] )?Scan #1 started", r"INFO - (\[STARTUP\] )?Scan #1 ended: .*\d\.\d\d s",
                   r"INFO - Stats: Today: 1 processed \(startup: 1\) \(periodic: 0\), 1 errors, 50\.0% success"):
        assert re.search("^" + STAMP + wanted, text, re.M), (wanted, text)
    for line in text.split("\n"):
        assert re.match(STAMP + r"(DEBUG|INFO|WARN|ERROR) - ", line), line
    site.conserve()


def test_every_json_line_has_time_level_event_and_what_it_is_about(site):
    site.drop("RANK", "x.json", "CELTRA")
    site.finish()
    ids = set()
    for e in site.events():
        when = datetime.datetime.fromisoformat(e["ts"].replace("Z", "+00:00"))
        assert abs(when.timestamp() - time.time()) < 3600 and re.search(r"\.\d{3}", e["ts"]) and e["level"] in ("debug", "info", "warn", "error")
        if e["event"] in ("processing", "stored", "routed", "processed"):
            assert e["client"] == "RANK" and e["file"] == "x.json" and e["phase"] == "REALTIME" and e["worker"].startswith("Worker-")
            ids.add(e["job"])
    assert len(ids) == 1
    assert (site.logs / "shunt.log").read_bytes() == site.process.out_path.read_bytes()


@needs_faketime
def test_the_day_turns_exactly_once_also_when_the_clock_steps_back(make_site, base):
    clock = base / "clock"
    site = make_site({"report.timezone": "Europe/Berlin"})
    site.env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "Europe/Berlin"}

    def set_clock(text):
        temp = base / "clock.new"
        temp.write_text("@" + text + "\n")
        os.rename(temp, clock)

    set_clock("2026-10-24 23:59:30")  # the night in which the clocks go back
    site.start()
    for i in range(3):
        site.drop("RANK", "t%d.json" % i)
    site.wait_ended(3)
    set_clock("2026-10-25 00:00:05")
    wait_for(lambda: site.events("day_ended"), "the day ends", 40)
    ended = "\n".join(e["msg"] for e in site.events("day_ended"))
    assert "Statistics of 2026-10-24" in ended and "Today: 3 processed" in ended and "Client RANK: 3 processed" in ended
    count = len(site.events("day_ended"))
    site.drop("RANK", "next.json")
    site.wait_ended(4)
    set_clock("2026-10-24 23:59:50")  # a step back over midnight
    site.drop("RANK", "again.json")
    site.wait_ended(5)
    set_clock("2026-10-25 00:00:20")
    site.drop("RANK", "on.json")
    site.wait_ended(6)
    site.process.send(signal.SIGUSR1)
    wait_for(lambda: [e for e in site.events("state") if "Ledger" in e["msg"]], "the state")
    assert len(site.events("day_ended")) == count, "the day ended twice"
    assert "Statistics of 2026-10-25" in "\n".join(e["msg"] for e in site.events("state"))
    assert "Today: 3 processed" in "\n".join(e["msg"] for e in site.events("state"))
    site.finish()


@needs_faketime
def test_the_day_that_ended_while_it_was_down_is_logged_at_the_start(make_site):
    site = make_site()
    site.env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "@2026-03-01 12:00:00", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    site.start()
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    site.stop()
    site.env["FAKETIME"] = "@2026-03-02 08:00:00"
    site.start()
    ended = "\n".join(e["msg"] for e in site.events("day_ended"))
    assert "Statistics of 2026-03-01" in ended and "Today: 1 processed" in ended
    site.stop()
    site.start()
    assert not site.events("day_ended")
    site.stop()
    site.conserve()


def test_a_full_log_disk_stops_nothing_and_what_was_lost_is_counted(make_site, memory_base, mounts):
    """The program keeps a mebibyte of lines for a log that takes none at the moment; beyond that it counts."""
    site = make_site({"delivery.durability": "none"}, at=memory_base)
    logs = mounts(site.logs, "-t", "tmpfs", "-o", "size=4m", "tmpfs")
    ballast = logs / "ballast"
    site.start()
    ballast.write_bytes(b"\0" * ((4 << 20) - 16384))
    for i in range(1600):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    site.wait_ended(seconds=40)
    assert (logs / "shunt.log").stat().st_size < 20000
    ballast.unlink()
    site.drop("RANK", "after.json")
    site.wait_ended()
    wait_for(lambda: re.search(r'"event":"log_dropped".*\d+ log lines were lost', (logs / "shunt.log").read_text()), "it says how many were lost")
    site.drop("RANK", "more.json")
    site.wait_ended()
    wait_for(lambda: "more.json" in (logs / "shunt.log").read_text(), "it goes on logging")
    for line in (logs / "shunt.log").read_bytes().split(b"\n")[:-1]:
        json.loads(line)
    site.finish()


def test_a_reader_that_stalls_does_not_stop_it(make_site):
    """Standard output is a full pipe that nobody reads."""
    site = make_site()
    site.start().stop()
    reader, writer = os.pipe()
    process = subprocess.Popen([str(site.bin), "run", "-c", str(site.config)], stdout=writer, stderr=subprocess.DEVNULL, env=site.environment())
    os.close(writer)
    for i in range(600):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    wait_for(lambda: len(site.files("SYNC/MAKE/Monday Rank")) == 600 and not any((site.hot / "RANK").iterdir()), "all are delivered", 30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    os.close(reader)
    site.conserve()


def test_a_reader_of_the_log_sees_no_secret_in_any_place(make_site):
    """Not one that it knows, and not one of a variable that it does not know."""
    site = make_site({"mail.server": "127.0.0.1:9", "mail.tls": "none", "mail.from": "shunt@example.com", "mail.to": "ops@example.com", "mail.user": "u"})
    site.env = {"SHUNT_MAIL_PASSWORD": "hunter2-very-secret", "SHUNT_MALE_PASSWORD": "hunter2-very-secret"}
    site.start()
    site.process.send(signal.SIGUSR1)
    site.wait_event("state")
    site.stop()
    assert b"hunter2-very-secret" not in site.process.out_path.read_bytes() + site.process.err_path.read_bytes()
    assert site.events("unknown_environment")
