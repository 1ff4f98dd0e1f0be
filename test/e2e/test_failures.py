"""A bad ticket is set aside whole, with words a person can act on, and the others go on."""
import hashlib
import os
import re
import subprocess

import pytest

from shunt import expected_places, ticket, wait_for

INVALID = [
    ("place", b'[\n' * 11 + b'      !', r"invalid JSON at line 12, column 7"),
    ("no client", b'{"JobSpecification": {"JobDetails": {"JobCategory": "X"}}}', r"JobSpecification\.JobDetails\.ClientCode is missing"),
    ("no category", b'{"JobSpecification": {"JobDetails": {"ClientCode": "RANK"}}}', r"JobSpecification\.JobDetails\.JobCategory is missing"),
    ("no details", b'{"JobSpecification": {}}', r"is missing"),
    ("empty object", b"{}", r"is missing"),
    ("an array", b"[]", r"is missing|not an object"),
    ("client is a number", b'{"JobSpecification": {"JobDetails": {"ClientCode": 3, "JobCategory": "X"}}}', r"ClientCode"),
    ("client is null", b'{"JobSpecification": {"JobDetails": {"ClientCode": null, "JobCategory": "X"}}}', r"ClientCode"),
    ("details is a list", b'{"JobSpecification": {"JobDetails": [{"ClientCode": "RANK", "JobCategory": "X"}]}}', r"is missing"),
    ("nan", ticket("RANK")[:-1] + b', "x": NaN}', r"invalid JSON"),
    ("infinity", ticket("RANK")[:-1] + b', "x": -Infinity}', r"invalid JSON"),
    ("trailing garbage", ticket("RANK") + b"x", r"invalid JSON"),
    ("two documents", ticket("RANK") + ticket("RANK"), r"invalid JSON"),
    ("trailing comma", ticket("RANK")[:-1] + b",}", r"invalid JSON"),
    ("comment", b"// hello\n" + ticket("RANK"), r"invalid JSON"),
    ("single quotes", ticket("RANK").replace(b'"', b"'"), r"invalid JSON"),
    ("leading zero", ticket("RANK")[:-1] + b', "x": 01}', r"invalid JSON"),
    ("bad utf-8", ticket("RANK", title="T").replace(b'"T"', b'"\xff\xfe"'), r"UTF-?8"),
    ("overlong utf-8", ticket("RANK", title="T").replace(b'"T"', b'"\xc0\xaf"'), r"UTF-?8"),
    ("surrogate in utf-8", ticket("RANK", title="T").replace(b'"T"', b'"\xed\xa0\x80"'), r"UTF-?8"),
    ("control character", ticket("RANK", title="T").replace(b'"T"', b'"a\nb"'), r"invalid JSON"),
    ("utf-16", ticket("RANK").decode().encode("utf-16"), r"invalid JSON|UTF-8"),
    ("binary", bytes(range(1, 256)) * 10, r"invalid JSON"),
    ("too deep", ticket("RANK")[:-1] + b', "x": ' + b"[" * 600 + b"]" * 600 + b"}", r"512|deep"),
    ("very deep", b"[" * 1000000, r"512|deep"),
    ("only spaces", b"  \n ", r"Why"),
]


def test_each_kind_of_invalid_ticket_has_its_reason(site):
    for name, data, reason in INVALID:
        site.drop_bad("RANK", name + ".json", data, reason)
    site.drop("RANK", "good.json")
    site.finish(seconds=30)


def test_the_name_of_a_failed_ticket_and_its_reason_file(site):
    data = b'{"JobSpecification": {"JobDetails": {"JobCategory": "X", "Title": "Spring"}}}'
    site.drop_bad("RANK", "5903771.json", data)
    site.wait_ended()
    (path,) = site.failed.glob("RANK/*.json")
    assert re.fullmatch(r"\d{8}_\d{6}_5903771\.json", path.name)
    text = site.reason_text("RANK").replace("/./", "/")
    for wanted in ("5903771.json", "RANK", "JobSpecification.JobDetails.ClientCode is missing", "REALTIME", str(site.hot / "RANK" / "5903771.json"), str(path),
                   hashlib.sha256(data).hexdigest(), "%d bytes" % len(data)):
        assert wanted in text, (wanted, text)
    failed = site.events("failed")[0]
    assert failed["level"] == "error" and failed["error"].endswith("ClientCode is missing") and str(path) in failed["msg"].replace("/./", "/")
    site.finish()


def put_back_by_hand(site, text):
    subprocess.run(["sh", "-c", re.search(r"^  (mv .*)$", text, re.M).group(1)], check=True)


def put_back_by_shunt(site, text):
    wait_for((site.data / "shunt.sock").exists, "the control socket")
    out = site.command(*re.search(r"^  shunt (retry \S+)$", text, re.M).group(1).split())
    assert out.returncode == 0, out


@pytest.mark.parametrize("put_back", [put_back_by_hand, put_back_by_shunt])
@pytest.mark.parametrize("name", ["plain.json", "it's a \"test\" $HOME `id` %s.json"])
def test_the_commands_in_the_reason_file_work(site, name, put_back):
    site.put("RANK", name, ticket("RB"))
    site.wait_ended(1)
    (path,) = site.failed.glob("RANK/*.json")
    good = ticket("RANK")
    path.write_bytes(good)  # the cause is mended
    text = site.reason_text("RANK")
    put_back(site, text)
    site.expect("RANK", name, good)
    site.wait_ended(2)
    if os.path.exists(str(path) + ".reason.txt"):
        os.unlink(str(path) + ".reason.txt")
    site.finish(2)


def test_two_failures_of_one_name_in_one_second_keep_both(site):
    for i in range(5):
        site.drop_bad("RANK", "x.json", b"{%d" % i, "invalid JSON")
        site.wait_ended(i + 1)
    assert len(list(site.failed.glob("RANK/*_x.json"))) == 5
    site.finish()


def test_reason_files_can_be_turned_off(make_site):
    site = make_site({"folders.reason_files": "no"})
    site.reasons = False
    site.start()
    site.drop_bad("RANK", "x.json", b"{]")
    site.wait_ended()
    assert not list(site.failed.rglob("*.reason.txt"))
    site.finish()


def test_of_duplicate_keys_the_last_wins(site):
    data = b'{"JobSpecification": {"JobDetails": {"ClientCode": "BAYER", "ClientCode": "RANK", "JobCategory": "X", "JobCategory": "CELTRA"}}}'
    site.drop("RANK", "x.json", data=data, to=expected_places("RANK", "CELTRA"))
    twice = b'{"JobSpecification": {"JobDetails": {"ClientCode": "BAYER", "JobCategory": "X"}}, "JobSpecification": {"JobDetails": {"ClientCode": "RANK", "JobCategory": "CELTRA"}}}'
    site.drop("RANK", "y.json", data=twice, to=expected_places("RANK", "CELTRA"))
    site.finish()


def test_a_ticket_larger_than_the_limit_fails(make_site):
    site = make_site({"intake.max_ticket_size": "64KiB"})
    site.start()
    site.drop_bad("RANK", "large.json", ticket("RANK", Description="x" * 70000), "larger than 65536 bytes")
    exact = ticket("RANK", Description="x")
    site.drop("RANK", "exact.json", data=exact + b" " * (65536 - len(exact)), to=expected_places("RANK", ""))
    site.drop_bad("RANK", "over.json", exact + b" " * (65537 - len(exact)), "larger than 65536 bytes")
    site.finish()


def test_a_depth_limit_that_is_set_is_the_limit(make_site):
    site = make_site({"intake.max_depth": "10"})
    site.start()
    site.drop("RANK", "nine.json", data=ticket("RANK")[:-1] + b', "x": ' + b"[" * 9 + b"]" * 9 + b"}", to=expected_places("RANK", ""))
    site.drop_bad("RANK", "eleven.json", ticket("RANK")[:-1] + b', "x": ' + b"[" * 10 + b"]" * 10 + b"}", "10")
    site.finish()


def peak_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))


@pytest.mark.slow
def test_a_large_ticket_does_not_grow_the_process(make_site, memory_base):
    site = make_site({"delivery.durability": "none"}, at=memory_base)
    site.start()
    for i in range(50):
        site.drop("RANK", "s%d.json" % i, "CELTRA")
    site.wait_ended()
    before = peak_kb(site.process.pid)
    data = ticket("RANK", "CELTRA")[:-1] + b', "filler": "' + b"x" * 1000 + b'", "list": [' + b"12345678, " * 10_000_000 + b"1]}"
    site.expect("RANK", "large.json", data, "CELTRA")
    site.put("RANK", "large.json", data)
    site.wait_ended(seconds=60)
    from shunt import SANITIZED
    assert SANITIZED or peak_kb(site.process.pid) - before < 20 * 1024
    site.finish()


def test_the_failed_folder_that_cannot_be_written_is_waited_for(make_site, base):
    from test_readiness import run_as_stranger
    if os.geteuid() != 0:
        pytest.skip("needs root to run the program as another user")
    site = make_site()
    site.folder("RANK")
    site.failed.mkdir()
    run_as_stranger(site, base)
    site.failed.chmod(0o555)
    site.start()
    site.drop_bad("RANK", "x.json", b"{]", "invalid JSON")
    site.wait_event("settle_failed")
    site.drop("RANK", "good.json")
    wait_for(lambda: site.events("processed"), "the others go on")
    site.failed.chmod(0o777)
    site.finish()
