"""Errors from the system and full disks, a few of the soak's cases. Longer: ./run.sh soak faults disks."""
import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))

import disks  # noqa: E402
import faults  # noqa: E402
from common import needs, world  # noqa: E402
from shunt import SANITIZED  # noqa: E402
from suite import possible  # noqa: E402

pytestmark = pytest.mark.slow

CASES = ["write ENOSPC, archive, 2 to 20", "write EINTR, together, 2 to 20", "fsync EIO, together, every 3rd", "fsync delay, everywhere, 2 to 20",
         "renameat2 ENOSPC, hot, 2 to 20", "openat EMFILE, everywhere, 2 to 20", "write ENOSPC, log, all the while",
         "all errors at once, together, 2 to 20"]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer is in strace's way")
def test_errors_of_every_kind_in_every_place_end_clean():
    known = {name: (injections, place) for name, injections, place in faults.cases()}
    with possible():
        needs("strace", root=False)
        with world(faults.SETTINGS) as site:
            aim, hit, failed = faults.Aim(site), 0, 0
            for name in CASES:
                print(name)
                counted = aim.case(*known[name])
                assert counted[0] > 0, "no call was hit by " + name
                hit, failed = hit + counted[0], failed + counted[1]
            assert failed > 0, "no flush failed"


def trace(*lines):
    return [(float(i), ".%s" % line[:1], line[2:]) for i, line in enumerate(lines)]


MADE = '1 openat(7</a>, ".shunt-1.tmp", O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = 9</a/.shunt-1.tmp>'
FAILED = "1 fsync(9</a/.shunt-1.tmp>) = -1 EIO (Input/output error) (INJECTED)"
FAILED_ALL = "1 syncfs(7</a>) = -1 EIO (Input/output error) (INJECTED)"
FLUSHED = "2 fsync(9</a/.shunt-1.tmp>) = 0"
USED = '2 renameat2(7</a>, ".shunt-1.tmp", 7</a>, "x.json", RENAME_NOREPLACE) = 0'


def test_the_judge_of_flushes_sees_one_that_is_believed():
    assert faults.believed_flushes(trace(MADE, FAILED, MADE, FLUSHED, USED)) == (1, [])
    assert faults.believed_flushes(trace(MADE, FAILED_ALL, MADE, USED)) == (1, [])
    assert len(faults.believed_flushes(trace(MADE, FAILED, FLUSHED))[1]) == 1
    assert len(faults.believed_flushes(trace(MADE, FAILED, USED))[1]) == 1
    assert len(faults.believed_flushes(trace(MADE, FAILED_ALL, FLUSHED, USED))[1]) == 2


@pytest.mark.parametrize("name,resource,tight", [("hot", "inodes", True), ("archive", "space", False), ("destination", "inodes", False),
                                                 ("failed", "space", True), ("logs", "space", True)])
def test_a_full_disk_holds_work_up_until_there_is_space(name, resource, tight):
    with possible():
        disks.one_round(1, name, resource, tight)
