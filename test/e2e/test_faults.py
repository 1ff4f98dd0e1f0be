"""Errors from the system itself, put there by strace while it runs and taken away again: nothing is lost, it goes on by itself, and a failed
flush is never believed."""
import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import disk_image, root_only
from shunt import SANITIZED, holds_for, ticket, wait_for

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("strace") or SANITIZED, reason="strace is not installed, or a sanitizer is in its way")]


class Faults:
    """strace on a running process: while this holds, the named calls fail."""

    def __init__(self, site, call, what, *paths, trace=None):
        self.trace = trace or site.base / "trace"
        command = ["strace", "-f", "-y", "-o", str(self.trace), "-e", "trace=%s%s" % (call, ",openat" if trace else "")]
        command += ["-e", "inject=%s:%s" % (call, what)]
        for path in paths:
            command += ["-P", str(path)]
        self.err = site.base / "strace.err"
        self.command = command + ["-p", str(site.process.pid)]
        self.site = site

    def __enter__(self):
        with open(self.err, "wb") as err:
            self.popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        wait_for(lambda: "attached" in self.err.read_text() or self.popen.poll() is not None, "strace attaches")
        if self.popen.poll() is not None:
            pytest.skip("strace: " + self.err.read_text())
        return self

    def __exit__(self, kind, *_):
        self.popen.send_signal(signal.SIGINT)  # it lets go of the process
        self.popen.wait(30)
        if kind is None:
            assert re.search(r"INJECTED|DELAYED", self.trace.read_text(errors="replace")), "nothing was hit: this test shows nothing"


def left(site):
    return [p for root in (site.hot, site.under) for p in root.rglob("*") if p.is_file()]


def finish(site, seconds=45):
    wait_for(lambda: not left(site), lambda: "%d are left: %s\n%s" % (len(left(site)), left(site)[:3], site.tail()), seconds)
    site.stop()
    site.conserve()


CASES = [
    ("fsync", "error=EIO"), ("fsync", "error=EIO:when=2+2"), ("syncfs", "error=EIO"), ("fsync,syncfs", "error=ENOSPC:when=1+3"),
    ("renameat2", "error=EIO"), ("renameat2", "error=ENOSPC:when=1+2"), ("renameat2", "error=EINTR:when=1+2"), ("renameat", "error=EIO"),
    ("fchmod", "error=EPERM:when=1+2"), ("unlinkat", "error=EIO:when=1+2"), ("linkat", "error=EIO"), ("mkdirat", "error=ENOSPC:when=1+2"),
    ("openat", "error=EMFILE:when=3+4"), ("openat", "error=EINTR:when=1+2"), ("openat", "error=EIO:when=2+5"), ("openat", "error=ENFILE:when=1+3"),
    ("pread64", "error=EIO"), ("pread64", "error=EINTR:when=1+2"), ("getdents64", "error=EIO:when=1+2"), ("newfstatat", "error=EIO:when=2+3"),
    ("fcntl", "error=EINTR:when=1+2"), ("fcntl", "error=EAGAIN:when=1+2"), ("fcntl", "error=EACCES"),
    ("inotify_add_watch", "error=ENOSPC"), ("fsync,syncfs", "delay_enter=200000"),
]


@pytest.mark.parametrize("call,what", CASES, ids=lambda v: re.sub(r"\W+", "-", v))
def test_errors_of_one_call_lose_nothing(make_site, memory_base, call, what):
    site = make_site({"retry.attempts": "1000", "intake.scan_interval": "300ms"}, at=memory_base)
    site.start()
    with Faults(site, call, what):
        for i in range(30):
            site.drop(("RANK", "BAYER", "NEW%d" % (i % 3))[i % 3], "t%d.json" % i, "CELTRA")
        site.drop_bad("RANK", "bad.json", b"{]")
        holds_for(lambda: site.process.alive(), lambda: site.process.stderr(), 0.7)
        if not (site.hot / "RANK" / "t0.json").exists():  # an older one of that name is there, or in work
            site.drop("RANK", "t0.json", "CELTRA")
            holds_for(lambda: site.process.alive(), lambda: site.process.stderr(), 0.3)
    site.drop("RANK", "late.json", "CELTRA")
    finish(site)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("place", ["SYNC/MAKE/Monday Rank", "JSON_STORE/RANK"])
def test_failing_flushes_of_one_place_hold_up_only_it(make_site, memory_base, place, error):
    site = make_site({"retry.attempts": "1000"}, at=memory_base)
    (site.data / place).mkdir(parents=True)
    site.folder("RANK")
    site.start()
    with Faults(site, "fsync", "error=" + error, site.data / place, str(site.data / "." / place)):
        for i in range(20):
            site.drop("RANK", "t%d.json" % i, "CELTRA")
        site.wait_event("destination_down", seconds=20)
        other = "SYNC/MAKE/Celtra - Create_Rename - Project_Design File"
        wait_for(lambda: len(site.files(other)) == 20, "the other destination is served")
        assert not site.events("processed")
    finish(site)


def test_a_ticket_whose_log_line_says_processed_was_flushed(make_site, memory_base):
    """While every flush fails nothing is said to be processed, and its original stays."""
    site = make_site({"retry.attempts": "1000"}, at=memory_base)
    site.drop("RANK", "first.json")
    site.start()
    site.wait_ended(1)
    with Faults(site, "fsync,syncfs,fdatasync", "error=EIO"):
        for i in range(10):
            site.drop("RANK", "t%d.json" % i)
        site.wait_event("destination_down", seconds=20)
        holds_for(lambda: len(site.events("processed")) == 1, "processed without a flush", 0.5)
        assert len(left(site)) == 10
    finish(site)


def test_a_failed_flush_is_not_believed_the_second_time(make_site, memory_base):
    """After a failed fsync the same file is never flushed again and taken for good: it is made and written anew."""
    site = make_site({"retry.attempts": "1000"}, at=memory_base)
    site.drop("RANK", "first.json")
    site.start()
    site.wait_ended(1)
    trace = site.base / "trace"
    with Faults(site, "fsync", "error=EIO:when=1", trace=trace):
        site.drop("RANK", "x.json")
        site.wait_ended(2, seconds=20)
    text = trace.read_text()
    for failed in re.finditer(r"fsync\(\d+<([^>]*/\.shunt-[^>]*)>\)\s+= -1 EIO", text):
        name, after = failed.group(1), text[failed.end():]
        again = re.search(r"fsync\(\d+<%s>\)\s+= 0" % re.escape(name), after)
        assert again, "it was delivered without a flush"
        assert re.search(r"openat\([^)]*%s[^)]*O_CREAT[^)]*O_EXCL" % re.escape(os.path.basename(name)), after[:again.start()]), text
    assert re.search(r"fsync\(.*= -1 EIO", text), "no flush failed: " + text
    finish(site)


def churn(site, client, rounds, pause):
    """The folder is filled at once, moved away or removed while its watch is being added, and made again."""
    for i in range(rounds):
        (site.hot / client).mkdir()
        site.drop(client, "t%d.json" % i)
        time.sleep(pause)
        away = site.base / ("%s-%d" % (client, i))
        os.rename(site.hot / client, away)
        (site.hot / client).mkdir()
        for path in away.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # it was being taken
                os.rename(path, site.hot / client / path.name)
        os.rmdir(away)
        wait_for(lambda: not list((site.hot / client).iterdir()), "%s/t%d.json is taken" % (client, i))
        os.rmdir(site.hot / client)


def test_folders_made_anew_while_they_are_being_watched_are_watched(site):
    """No ticket waits for a scan."""
    with Faults(site, "inotify_add_watch", "delay_exit=50000"), concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda i: churn(site, "COMER%d" % i, 8, 0.01 * (i + 1)), range(6)))
    site.drop("COMER0", "last.json")
    site.finish(49)
    assert {e["phase"] for e in site.events("processing")} == {"REALTIME"}


def test_a_folder_of_a_root_made_anew_while_it_is_being_watched_is_watched(site):
    with Faults(site, "inotify_add_watch", "delay_exit=60000"):
        for i in range(12):
            site.drop("NEW%d" % i, "a%d.json" % i)
            time.sleep(0.01 * i)
            away = site.base / "away"
            os.rename(site.hot, away)
            site.folder("NEW%d" % i)
            for path in away.glob("*/*.json"):
                with contextlib.suppress(FileNotFoundError):  # it was being taken
                    os.rename(path, site.hot / path.parent.name / path.name)
            shutil.rmtree(away)
            wait_for(lambda: not any(site.hot.rglob("*.json")), "a%d.json is taken" % i)
            time.sleep(0.3)  # whatever is to be watched is
            site.drop("NEW%d" % i, "b%d.json" % i)
            wait_for(lambda: not any(site.hot.rglob("*.json")), "b%d.json is taken" % i)
    site.finish(24)


def test_folders_that_go_do_not_hold_up_those_that_come(site):
    """Watches are added together: one that is dropped meanwhile is not those others'."""
    for i in range(40):
        site.drop("OLD%d" % i, "t.json")
    site.wait_ended()
    with Faults(site, "inotify_add_watch", "delay_exit=20000"):
        for i in range(15):
            site.drop("NEW%d" % i, "t.json")
        for i in range(40):
            os.rmdir(site.hot / ("OLD%d" % i))
            time.sleep(0.1)
        assert not any(site.hot.rglob("*.json")), "they wait until no folder goes any more"
    site.finish()


def names(folder):
    return [p.name for p in folder.iterdir() if not p.name.startswith(".")]


@root_only
@pytest.mark.skipif(not shutil.which("xfs_io"), reason="xfs_io is not installed")
def test_a_folder_whose_disk_died_is_not_believed_to_be_flushed(make_site, mounts, base):
    """XFS answers an fsync of a folder with success though it was shut down before, and the new name is gone."""
    site = make_site({"retry.attempts": "1000"})
    image = disk_image(base / "disk.img", "xfs", 320)
    place = mounts(site.data / "SYNC/MAKE/Monday Rank", "-o", "loop", image)
    site.start()
    site.drop("RANK", "first.json", "CELTRA")
    site.wait_ended(1)
    with Faults(site, "renameat2", "delay_exit=2000000", place):
        site.drop("RANK", "t.json", "CELTRA")
        wait_for(lambda: "t.json" in names(place), "it gets its name")
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(place)], check=True)
        site.wait_event("destination_down", seconds=20)
    assert "t.json" not in [e["file"] for e in site.events("processed")]
    assert site.command("hold", "monday-rank").returncode == 0  # or a try finds the bare folder below the disk
    wait_for(lambda: subprocess.run(["umount", str(place)]).returncode == 0, "no try is there any more")
    mounts(place, "-o", "loop", image)
    assert names(place) == ["first.json"], "the disk kept what was not flushed: this test shows nothing"
    assert site.command("release", "monday-rank").returncode == 0
    finish(site)
    assert sorted(names(place)) == ["first.json", "t.json"]
