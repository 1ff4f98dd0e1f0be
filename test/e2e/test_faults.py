"""Errors from the system itself, put there by strace: nothing is lost, and a failed flush is never believed."""
import os
import re
import shutil
import subprocess

import pytest

from shunt import SANITIZED, wait_for

pytestmark = [pytest.mark.slow,
              pytest.mark.skipif(not shutil.which("strace") or SANITIZED, reason="strace is not installed, or a sanitizer is in its way")]


def strace(call, what, *paths):
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=%s:%s" % (call, what), "--seccomp-bpf"]
    for path in paths:
        command += ["-P", str(path)]
    return command


def stop(site):
    """The program below strace."""
    children = open("/proc/%d/task/%d/children" % (site.process.pid, site.process.pid)).read().split()
    for pid in children:
        os.kill(int(pid), 15)
    assert site.process.wait_exit(30) == 0, site.process.stderr()


def probe():
    result = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if result.returncode != 0:
        pytest.skip("strace: " + result.stdout.decode())


CASES = [
    ("fsync", "error=EIO:when=1..9"), ("fsync", "error=EIO:when=2+3"), ("fdatasync,fsync,syncfs", "error=EIO:when=3..12"), ("syncfs", "error=ENOSPC:when=1..3"),
    ("renameat2", "error=EIO:when=5..20"), ("renameat2", "error=ENOSPC:when=7+7"), ("renameat,rename", "error=EIO:when=1..5"),
    ("fchmod", "error=EPERM:when=3+9"), ("unlinkat", "error=EIO:when=2+4"), ("linkat", "error=EIO:when=1..5"), ("mkdirat", "error=ENOSPC:when=2..4"),
    ("openat", "error=EMFILE:when=60+7"), ("openat", "error=EINTR:when=50+5"), ("openat", "error=EIO:when=80+9"),
    ("pread64", "error=EIO:when=2+5"), ("pread64", "error=EINTR:when=1+2"), ("pread64", "retval=10:when=3+10"),
    ("close", "error=EIO:when=90+11"), ("getdents64", "error=EIO:when=2+3"), ("newfstatat", "error=EIO:when=30+7"), ("fcntl", "error=EINTR:when=10+3"),
    ("fsync,syncfs", "delay_enter=100000"), ("inotify_add_watch", "error=ENOSPC"), ("flock", "error=EINTR:when=1"),
]


@pytest.mark.parametrize("call,what", CASES, ids=lambda v: re.sub(r"\W+", "-", v))
def test_errors_of_one_call_lose_nothing(make_site, memory_base, call, what):
    probe()
    site = make_site({"retry.attempts": "1000", "intake.scan_interval": "500ms", "delivery.hang": "20s"}, at=memory_base)
    for i in range(40):
        site.drop("RANK" if i % 2 else "BAYER", "t%d.json" % i, "CELTRA")
    site.start(wait=False, prefix=strace(call, what))
    wait_for(lambda: site.events("started") or not site.process.alive(), "it starts", 20)
    if not site.process.alive():  # it may refuse to start: then nothing was touched
        site.process.ended = True
        site.process.expected_exit = site.process.popen.returncode
        assert site.process.popen.returncode == 2, site.process.stderr()
        site.start()
        site.wait_ended(40)
        site.stop()
        site.conserve()
        return
    site.drop_bad("RANK", "bad.json", b"{]")
    site.drop("RANK", "late.json", "CELTRA")
    left = lambda: [p for root in (site.hot, site.under) for p in root.rglob("*") if p.is_file()]  # noqa: E731
    wait_for(lambda: not left(), lambda: "%d are left\n%s" % (len(left()), site.tail()), 45)
    stop(site)
    site.process.expected_exit = 0
    site.conserve()


@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("place", ["SYNC/MAKE/Monday Rank", "JSON_STORE/RANK"])
def test_failing_writes_of_one_place(make_site, memory_base, place, error):
    """The first writes into temporaries of that folder fail, the others succeed."""
    probe()
    site = make_site({"retry.attempts": "1000"}, at=memory_base)
    (site.data / place).mkdir(parents=True)
    site.folder("RANK")
    site.start(prefix=strace("fsync", "error=%s:when=1..6" % error, site.data / place))
    for i in range(20):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    site.wait_ended(seconds=40)
    stop(site)
    site.conserve()


def test_a_failed_flush_is_not_believed_the_second_time(make_site, memory_base):
    """After a failed fsync the same file is never flushed again and taken for good: it is written anew."""
    probe()
    site = make_site({"retry.attempts": "1000"}, at=memory_base)
    site.folder("RANK")
    trace = site.base / "trace"
    site.start(prefix=["strace", "-f", "-qq", "-y", "-o", str(trace), "-e", "trace=fsync,syncfs,openat,renameat2", "-e", "inject=fsync:error=EIO:when=1"])
    site.drop("RANK", "x.json")
    site.wait_ended(seconds=20)
    stop(site)
    failed = re.search(r"fsync\(\d+<([^>]*)>\)\s+= -1 EIO", trace.read_text())
    assert failed
    name = failed.group(1)
    after = trace.read_text()[failed.end():]
    if "/.shunt-" in name:
        again = re.search(r"fsync\(\d+<%s>" % re.escape(name), after)
        assert not again or 'O_EXCL' in after[:again.start()] and os.path.basename(name) in after[:again.start()], after
    site.conserve()
