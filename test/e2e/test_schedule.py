"""Tasks: programs and our own work at their times, and what an operator sees of them."""
import datetime
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from conftest import root_only
from shunt import SANITIZED, holds_for, wait_for

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Tasks:
    """A site that may run the programs of its own folder."""

    def __init__(self, make_site, **settings):
        self.site = make_site()
        self.folder = self.site.base / "programs"
        self.folder.mkdir()
        self.mark = self.site.base / "mark"
        self.site.write_settings(**{"schedule__programs": str(self.folder)}, **settings)

    def program(self, name, script):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        return str(path)

    def marks(self):
        return self.mark.read_text().split("\n")[:-1] if self.mark.exists() else []

    def schedule(self, *args):
        result = self.site.command("schedule", "--json", *args)
        assert result.returncode == 0, result.stderr
        return {task["name"]: task for task in json.loads(result.stdout)["tasks"]}


@pytest.fixture
def tasks(make_site):
    return Tasks(make_site)


def refused(tasks, **settings):
    tasks.site.write_settings(**settings)
    result = tasks.site.command("check")
    assert result.returncode == 1
    return result.stderr.decode()


# --- programs ---

def test_a_program_runs_again_and_again_and_what_it_prints_is_in_the_log(tasks):
    path = tasks.program("note", 'echo "$1,$#" >> %s\necho "out  of it"\necho error >&2\nprintf "no line break"\n' % tasks.mark)
    tasks.site.write_settings(**{"task tick__every": "300ms", "task tick__program": path + ' "two words"  last'})
    site = tasks.site
    site.start()
    wait_for(lambda: len(tasks.marks()) >= 3, "three runs")
    assert set(tasks.marks()) == {"two words,2"}
    site.wait_event("task_ended", count=3)
    assert [e["msg"] for e in site.events("task_output")[:3]] == ["tick: out  of it", "tick: error", "tick: no line break"]
    assert "exit status 0" in site.events("task_ended")[0]["msg"]
    task = tasks.schedule()["tick"]
    assert task["runs"] >= 3 and task["failures"] == 0 and task["result"] == "exit status 0"
    site.stop()


def test_a_program_has_a_small_environment_and_a_group_of_its_own(tasks):
    path = tasks.program("look", 'env > %s.new; umask >> %s.new; ps -o pgid= -p $$ >> %s.new; echo $$ >> %s.new; mv %s.new %s\n' % ((tasks.mark,) * 6))
    tasks.site.write_settings(**{"task look__every": "200ms", "task look__program": path})
    tasks.site.env["SECRET"] = "very"
    tasks.site.start()
    wait_for(tasks.mark.exists, "a run")
    lines = tasks.marks()
    assert not any("SECRET" in line for line in lines)
    assert any(line.startswith("PATH=/") for line in lines) and "PWD=/" in lines
    assert lines[-3] == "0022" and lines[-2].strip() == lines[-1]
    tasks.site.stop()


def test_a_program_that_takes_too_long_is_ended_with_all_that_it_began(tasks):
    path = tasks.program("slow", "trap '' TERM\nsleep 1000 &\necho $! >> %s\nwait\nsleep 1000\n" % tasks.mark)
    tasks.site.write_settings(**{"task slow__every": "200ms", "task slow__program": path, "task slow__timeout": "300ms"})
    site = tasks.site
    site.start()
    failed = site.wait_event("task_failed", seconds=20)[0]
    assert "stopped at its time-out" in failed["msg"]
    pid = int(tasks.marks()[0])
    wait_for(lambda: not os.path.exists("/proc/%d" % pid), "what it began is gone")
    assert site.events("task_skipped")
    assert tasks.schedule()["slow"]["skipped"] > 0
    site.stop()


def test_what_a_stopped_program_leaves_in_its_group_gets_its_time_and_is_ended_before_the_next_run(tasks):
    path = tasks.program("leaves", """echo begin >> %s
(trap 'sleep 0.5; echo tidy >> %s; exit' TERM; sleep 1000 & wait) &
(trap '' TERM; exec sleep 1000) &
echo $! >> %s.stubborn
sleep 1000
""" % ((tasks.mark,) * 3))
    tasks.site.write_settings(**{"task leaves__every": "200ms", "task leaves__program": path, "task leaves__timeout": "500ms"})
    tasks.site.start()
    tasks.site.wait_event("task_failed", seconds=20)
    stubborn = pathlib.Path(str(tasks.mark) + ".stubborn").read_text().split()[0]
    wait_for(lambda: not os.path.exists("/proc/" + stubborn), "who ignores TERM is killed")
    wait_for(lambda: tasks.marks().count("begin") == 2, "the next run")
    assert tasks.marks()[:3] == ["begin", "tidy", "begin"]
    tasks.site.stop()


def test_one_task_never_runs_twice_at_once(tasks):
    path = tasks.program("lock", "mkdir %s.lock || echo twice >> %s\nsleep 0.3\nrmdir %s.lock\necho done >> %s\n" % ((tasks.mark,) * 4))
    tasks.site.write_settings(**{"task lock__every": "100ms", "task lock__program": path})
    tasks.site.start()
    wait_for(lambda: len(tasks.marks()) >= 3, "three runs")
    assert set(tasks.marks()) == {"done"}
    tasks.site.stop()


def test_much_output_is_cut_and_a_failure_told(tasks):
    path = tasks.program("loud", 'test -e %s && exit 0\ntouch %s\nseq 1 3000\nhead -c 5000 /dev/zero | tr "\\0" x\nexit 3\n' % (tasks.mark, tasks.mark))
    tasks.site.write_settings(**{"task loud__every": "200ms", "task loud__program": path})
    site = tasks.site
    site.start()
    failed = site.wait_event("task_failed")[0]
    assert "exit status 3" in failed["msg"] and failed["level"] == "warn"
    assert len(site.events("task_output")) == 1000
    assert "2003 more lines" in site.wait_event("task_output_left_out")[0]["msg"]
    site.stop()


def test_a_program_that_is_not_there_is_a_failure_and_nothing_more(tasks):
    tasks.site.write_settings(**{"task gone__every": "200ms", "task gone__program": str(tasks.folder / "gone")})
    site = tasks.site
    site.start()
    assert "exit status 127" in site.wait_event("task_failed")[0]["msg"]
    assert "No such file" in site.events("task_output")[0]["msg"]
    site.drop("RANK", "a.json")
    site.finish(1)


def test_a_stop_ends_programs_and_is_not_held_up(tasks):
    path = tasks.program("slow", "echo $$ >> %s\nexec sleep 1000\n" % tasks.mark)
    tasks.site.write_settings(**{"task slow__every": "200ms", "task slow__program": path})
    tasks.site.start()
    wait_for(lambda: tasks.marks(), "a run")
    tasks.site.stop()
    assert not os.path.exists("/proc/" + tasks.marks()[0])


def test_a_program_does_not_outlive_a_service_that_is_killed(tasks):
    path = tasks.program("slow", "echo $$ >> %s\nexec sleep 1000\n" % tasks.mark)
    tasks.site.write_settings(**{"task slow__every": "200ms", "task slow__program": path})
    tasks.site.start()
    wait_for(lambda: tasks.marks(), "a run")
    tasks.site.kill()
    wait_for(lambda: not os.path.exists("/proc/" + tasks.marks()[0]) or "Z" in open("/proc/%s/stat" % tasks.marks()[0]).read(), "it is gone")


@root_only
def test_as_process_1_it_hears_of_its_programs_and_leaves_no_dead(tasks):
    probe = subprocess.run(["unshare", "-pf", "--mount-proc", "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if probe.returncode != 0:
        pytest.skip("unshare: " + probe.stdout.decode())
    path = tasks.program("orphan", "(sleep 0.1 &)\nps -eo stat= | grep -c Z >> %s\ntrue\n" % tasks.mark)
    tasks.site.write_settings(**{"task a__every": "150ms", "task a__program": path, "task b__every": "170ms", "task b__program": path})
    site = tasks.site
    process = site.start(prefix=["unshare", "-pf", "--mount-proc", "--kill-child"])
    site.wait_event("task_ended", count=12)
    assert not site.events("task_failed")
    assert max(map(int, tasks.marks())) <= 3, tasks.marks()
    child = int(open("/proc/%d/task/%d/children" % (process.pid, process.pid)).read())
    os.kill(child, signal.SIGTERM)
    process.wait_exit()


# --- settings ---

def test_what_is_wrong_is_told_with_its_line(tasks):
    allowed = tasks.program("ok", "")
    assert "/bin/true is not among [schedule] programs" in refused(tasks, **{"task a__every": "3m", "task a__program": "/bin/true"})
    line = tasks.site.config.read_text().split("\n").index("program = /bin/true") + 1
    assert refused(tasks) == "%s:%d: program: /bin/true is not among [schedule] programs\n" % (tasks.site.config, line)
    assert "without `.`, `..` and `//`" in refused(tasks, **{"task a__program": "%s/../x" % tasks.folder})
    assert "absolute path" in refused(tasks, **{"task a__program": "true"})
    assert "quote is not closed" in refused(tasks, **{"task a__program": allowed + ' "x'})
    assert "says several of every, at and cron" in refused(tasks, **{"task a__program": allowed, "task a__at": "19:00"})
    assert "says none of every, at and cron" in refused(tasks, **{"task a__every": "0", "task a__at": ""})
    assert 'at: "24:00" is no time' in refused(tasks, **{"task a__at": "24:00"})
    assert "there is no such day" in refused(tasks, **{"task a__at": "", "task a__cron": "0 0 31 2 *"})
    assert "task of our own" in refused(tasks, **{"task a__cron": "0 0 * * *", "task scan__every": "1m", "task scan__run": "scan"})


def test_a_reload_takes_tasks_over_and_a_bad_one_leaves_them(tasks):
    path = tasks.program("note", 'echo "$1" >> %s\n' % tasks.mark)
    tasks.site.write_settings(**{"task a__every": "200ms", "task a__program": path + " first"})
    site = tasks.site
    site.start()
    wait_for(lambda: "first" in tasks.marks(), "a run")
    site.write_settings(**{"task a__program": path + " second", "task b__every": "200ms", "task b__program": path + " other"})
    site.reload()
    wait_for(lambda: {"second", "other"} <= set(tasks.marks()), "what is new runs")
    site.write_settings(**{"task a__program": "/bin/true"})
    site.reload("reload_refused")
    site.settings = {key: value for key, value in site.settings.items() if not key.startswith("task ")}
    count = len(tasks.marks())
    wait_for(lambda: len(tasks.marks()) > count + 2, "what was there before goes on")
    site.write_settings()
    site.reload()
    assert any("[task a] is gone" in e["msg"] for e in site.events("reload_change"))
    site.wait_event("task_ended", count=len(site.events("task_started")))
    count = len(tasks.marks())
    holds_for(lambda: len(tasks.marks()) == count, "nothing runs any more", 0.6)
    assert set(tasks.schedule()) == {"scan", "retention", "report"}
    site.stop()


def test_a_running_program_of_a_task_that_is_changed_goes_on_alone(tasks):
    path = tasks.program("slow", "echo $1 >> %s\nsleep 1\necho $1 >> %s\n" % (tasks.mark, tasks.mark))
    tasks.site.write_settings(**{"task a__every": "200ms", "task a__program": path + " old"})
    site = tasks.site
    site.start()
    wait_for(lambda: tasks.marks(), "a run")
    site.write_settings(**{"task a__program": path + " new"})
    site.reload()
    wait_for(lambda: len(tasks.marks()) >= 3, "the next")
    assert tasks.marks()[:3] == ["old", "old", "new"]
    site.stop()


# --- our own work ---

def test_the_scan_keeps_its_interval_and_a_task_may_ask_for_one(make_site):
    site = make_site({"intake.scan_interval": "200ms"})
    site.start()
    site.wait_event("scan_end", phase="PERIODIC", count=3)
    site.stop()
    site.write_settings(intake__scan_interval="1h", **{"task often__every": "200ms", "task often__run": "scan"})
    site.start()
    site.wait_event("scan_end", phase="PERIODIC", count=3)
    site.stop()


# --- over a restart ---

def test_an_interval_goes_on_over_a_restart_and_does_not_begin_with_a_run(tasks):
    path = tasks.program("note", "date +%%s.%%N >> %s\n" % tasks.mark)
    tasks.site.write_settings(**{"task a__every": "1500ms", "task a__program": path})
    site = tasks.site
    site.start()
    wait_for(lambda: tasks.marks(), "a run")
    for _ in range(3):
        site.stop()
        site.start()
    wait_for(lambda: len(tasks.marks()) >= 4, "further runs")
    times = [float(mark) for mark in tasks.marks()]
    assert all(later - earlier > 1.3 for earlier, later in zip(times, times[1:])), times
    site.stop()


# --- by the clock ---

class Clock:
    """A wall clock that is set by a file; the monotonic one is real."""

    def __init__(self, site, zone):
        self.file = site.base / "now"
        self.site = site
        site.write_settings(report__timezone=zone)
        site.env.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=str(self.file), FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="UTC")

    def set(self, utc):
        moment = datetime.datetime.strptime(utc, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc)
        fresh = self.file.with_suffix(".new")
        fresh.write_text("%+.3f\n" % (moment.timestamp() - time.time()))
        fresh.rename(self.file)


@pytest.fixture
def clock(tasks):
    if not os.path.exists(FAKETIME):
        pytest.skip("faketime is not installed")
    if SANITIZED:
        pytest.skip("faketime must be the first library, and so must the sanitizer's")
    return Clock(tasks.site, "Europe/Berlin")


def test_a_time_of_the_day_comes_once_a_day_also_over_midnight_and_a_clock_that_is_set(tasks, clock):
    path = tasks.program("note", "echo run >> %s\n" % tasks.mark)
    tasks.site.write_settings(**{"task daily__at": "00:00", "task daily__program": path})
    clock.set("2026-02-05 22:30:00")
    tasks.site.start()
    assert not tasks.marks()
    clock.set("2026-02-05 22:59:57")
    wait_for(lambda: len(tasks.marks()) == 1, "midnight in Berlin", 15)
    clock.set("2026-02-05 22:59:58")  # back by some seconds: not again
    holds_for(lambda: len(tasks.marks()) == 1, "it ran for that day", 8)
    clock.set("2026-02-06 22:59:58")
    wait_for(lambda: len(tasks.marks()) == 2, "the next midnight", 15)
    tasks.site.stop()


def test_a_time_that_summer_time_leaves_out_is_made_up_for_and_one_that_comes_twice_counts_once(tasks, clock):
    path = tasks.program("note", "echo run >> %s\n" % tasks.mark)
    tasks.site.write_settings(**{"task night__at": "02:30", "task night__program": path})
    clock.set("2026-03-29 00:30:00")
    tasks.site.start()
    clock.set("2026-03-29 00:59:57")  # 02:00 becomes 03:00 in three seconds
    wait_for(lambda: len(tasks.marks()) == 1, "a run after the gap", 15)
    tasks.site.stop()
    clock.set("2026-10-25 00:15:00")
    tasks.site.start()
    clock.set("2026-10-25 00:29:57")  # 02:30 for the first time in three seconds
    wait_for(lambda: len(tasks.marks()) == 2, "the first 02:30", 15)
    clock.set("2026-10-25 01:29:57")
    holds_for(lambda: len(tasks.marks()) == 2, "not the second", 8)
    tasks.site.stop()


@pytest.mark.parametrize("catch_up", [True, False])
def test_what_was_missed_while_it_was_down_is_made_up_for_where_that_is_wanted(tasks, clock, catch_up):
    path = tasks.program("note", "echo run >> %s\n" % tasks.mark)
    tasks.site.write_settings(**{"task daily__at": "19:00", "task daily__program": path, "task daily__catch_up": "yes" if catch_up else "no"})
    clock.set("2026-02-05 12:00:00")
    tasks.site.start()
    tasks.site.stop()
    clock.set("2026-02-09 12:00:00")
    tasks.site.start()
    if catch_up:
        wait_for(lambda: tasks.marks(), "it is made up for")
    holds_for(lambda: len(tasks.marks()) == catch_up, "once, and else not", 2)
    tasks.site.stop()
    tasks.site.start()
    holds_for(lambda: len(tasks.marks()) == catch_up, "it is done", 1)
    tasks.site.stop()


def test_in_off_hours_a_task_waits_for_the_named_minutes(tasks, clock):
    path = tasks.program("note", "date +%%H:%%M >> %s.$1\n" % tasks.mark)
    tasks.site.write_settings(**{"schedule__off_cadence": "yes", "schedule__off_add": "0", "task a__every": "300ms", "task a__program": path + " a",
                                 "task b__every": "300ms", "task b__program": path + " b", "task b__exempt": "yes"})
    clock.set("2026-02-05 22:29:50")  # 23:29:50 in Berlin
    site = tasks.site
    site.start()
    a, b = site.base / "mark.a", site.base / "mark.b"
    wait_for(lambda: b.exists() and len(b.read_text().split()) >= 3, "who is exempt runs")
    assert not a.exists()
    wait_for(lambda: a.exists() and len(a.read_text().split()) >= 3, "minute 30", 20)
    assert len([e for e in site.events("task_started") if e["msg"].startswith("Task a") and ":29:" in e["ts"]]) == 0
    clock.set("2026-02-05 22:30:58")
    wait_for(lambda: any(":31:1" in e["ts"] for e in site.events("task_started")), "minute 31 is over by ten seconds", 30)
    assert all(":30:" in e["ts"] for e in site.events("task_started") if e["msg"].startswith("Task a"))
    site.stop()


# --- shunt schedule ---

def test_the_next_runs_are_told_with_their_reason_with_and_without_a_service(tasks, clock):
    path = tasks.program("note", "")
    off = {"schedule__off_cadence": "yes", "task often__every": "3m", "task often__program": path, "task daily__at": "19:00",
           "task daily__on": "mon-fri", "task daily__program": path, "task daily__exempt": "yes", "report__at": "06:30"}
    tasks.site.write_settings(**off)
    clock.set("2026-02-06 20:50:30")  # a Friday, 21:50:30 in Berlin
    without = tasks.site.command("schedule", "--json", "-n", "5")
    assert b"by the settings" in without.stderr
    tasks.site.start()
    clock.set("2026-02-06 20:50:30")
    for found in ({task["name"]: task for task in json.loads(without.stdout)["tasks"]}, tasks.schedule("-n", "5")):
        assert list(found) == ["scan", "retention", "report", "often", "daily"]
        assert [(found["report"]["run"], run["at"][:16], run["why"]) for run in found["report"]["next"][:2]] == [
            ("report", "2026-02-07T06:30", "at 06:30"), ("report", "2026-02-08T06:30", "at 06:30")]
        assert found["scan"]["next"][0]["why"] == "every 1 h"
        often = found["often"]["next"]
        assert [run["why"] for run in often] == ["every 3 min"] * 3 + ["every 3 min; off hours: +30 min, starts only at minutes 0 and 30"] * 2
        assert [run["at"] for run in often[3:]] == ["2026-02-06T23:00:00.000+01:00", "2026-02-07T00:00:00.000+01:00"]
        assert [run["at"][:16] for run in found["daily"]["next"][:2]] == ["2026-02-09T19:00", "2026-02-10T19:00"]
        assert found["daily"]["next"][0]["why"] == "at 19:00 on Mon, Tue, Wed, Thu, Fri"
    text = tasks.site.command("schedule").stdout.decode()
    assert "WHY" in text and "2026-02-09 19:00:00" in text
    assert tasks.site.command("schedule", "-n", "0").returncode == 2
    tasks.site.stop()
