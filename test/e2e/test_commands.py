"""The operator's commands against the service at work, and against its store when none runs."""
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import termios
import threading

import pytest

from control import COMPLETED, FAILED, Records, rows
from shunt import SCALE, holds_for, ticket, wait_for
from test_operator import ESC, on_terminal, ran, screens
from test_retry import NO_BREAKER, TWO

RANK_FOLDER = "SYNC/MAKE/Monday Rank"
FAST = {"retry.attempts": "1", **NO_BREAKER}


def told(site, *args, code=0):
    return json.loads(ran(site, *args, "--json", code=code)[0])


def names(site, *options):
    return [job["file"] for job in told(site, "list", "--limit", "all", *options)["jobs"]]


def ended(site, count):
    """So many jobs have ended, and the store knows."""
    wait_for(lambda: len(rows(site, "status >= 2")) >= count, lambda: "%d jobs have ended; %s" % (len(rows(site, "status >= 2")), site.tail()), 20)


@pytest.fixture
def mixed(make_site):
    """A service that has delivered a.json, archived b.json, failed c.json and holds back d.json."""
    site = make_site({"report.timezone": "UTC"})
    site.env = {"NO_COLOR": "", "TERM": "xterm"}
    site.start()
    ran(site, "hold", "loreal")
    for number, (client, name, data) in enumerate([("RANK", "a.json", ticket("RANK", "CELTRA", title="Spring")), ("NOBODY", "b.json", ticket("NOBODY")),
                                                   ("BAYER", "c.json", b"{]")]):
        site.put(client, name, data)
        ended(site, number + 1)
    site.put("LOREAL", "d.json", ticket("LOREAL", "OTHER"))
    wait_for(lambda: rows(site, "name = 'd.json' AND status = 0"), "it waits")
    return site


def by_filter(site):
    since = {job["file"]: job["created_at"] for job in told(site, "list")["jobs"]}
    return {
        "all": names(site),
        "status": names(site, "--status", "failed"),
        "statuses": names(site, "--status", "completed,pending"),
        "client": names(site, "--client", "rank"),
        "category": names(site, "--category", "celtra"),
        "destination": names(site, "--destination", "monday-rank"),
        "error": names(site, "--error", "INVALID json"),
        "title": names(site, "--text", "spring"),
        "name": names(site, "--text", "b.js"),
        "since": names(site, "--since", since["c.json"]),
        "until": names(site, "--until", since["b.json"]),
        "between": names(site, "--since", since["b.json"], "--until", since["d.json"]),
        "two at once": names(site, "--status", "failed", "--client", "RANK"),
    }


FOUND = {"all": "dcba", "status": "c", "statuses": "dba", "client": "a", "category": "a", "destination": "a", "error": "c", "title": "a", "name": "b",
         "since": "dc", "until": "a", "between": "cb", "two at once": ""}


def test_list_finds_the_same_whether_the_service_runs_or_not(mixed):
    expected = {what: ["%s.json" % letter for letter in letters] for what, letters in FOUND.items()}
    assert by_filter(mixed) == expected
    assert "not running" not in ran(mixed, "list")[1]
    mixed.stop()
    assert by_filter(mixed) == expected
    assert "shunt is not running" in ran(mixed, "list")[1]


def test_csv_says_what_json_says(mixed):
    jobs = told(mixed, "list")["jobs"]
    table = list(csv.DictReader(io.StringIO(ran(mixed, "list", "--csv")[0], newline="")))
    assert len(table) == len(jobs) == 4
    for row, job in zip(table, jobs):
        assert row.pop("destinations") == ";".join("%s=%s" % (d["name"], d["state"]) for d in job.pop("destinations"))
        assert row == {key: "" if value is None else str(value) for key, value in job.items()}


def test_pages_have_no_gap_and_no_job_twice_while_new_ones_come(make_site):
    site = make_site({"delivery.durability": "none"})
    site.start()
    records = Records(site.data / "shunt.db")
    for n in range(200):
        records.add("old%d.json" % n, at=1790000000000 + n)
    records.close()
    stopping = threading.Event()

    def producer():
        n = 0
        while not stopping.is_set():
            site.put("NOBODY", "new%d.json" % n, ticket("NOBODY"))
            n += 1
            stopping.wait(0.002)

    thread = threading.Thread(target=producer)
    thread.start()
    try:
        ended(site, 210)
        seen, more, first = [], [], len(rows(site))
        while more is not None:
            page = told(site, "list", "--limit", "23", *more)
            seen += [job["id"] for job in page["jobs"]]
            more = ["--before", page["next"]] if page["next"] else None
    finally:
        stopping.set()
        thread.join()
    all_ids = [row["id"] for row in reversed(rows(site))]
    assert len(all_ids) > first, "none came meanwhile"
    assert seen == all_ids[all_ids.index(seen[0]):] and len(seen) >= 210


def test_show_takes_an_id_its_beginning_or_a_name(mixed):
    job, = rows(mixed, "name = 'a.json'")
    for running in (True, False):
        for asked in (job["id"], job["id"][:30], "a.json"):
            assert told(mixed, "show", asked)["id"] == job["id"]
        _, err = ran(mixed, "show", job["id"][:2], code=1)
        assert "several" in err or "more than one" in err, err
        assert "e.json" in ran(mixed, "show", "e.json", code=1)[1]
        ran(mixed, "show", code=2)
        out, err = ran(mixed, "show", "d.json")
        assert ("Right now" in out) == running and ("not running" in err) == (not running)
        if running:
            mixed.stop()


# --- retry ---

@pytest.fixture
def broken(make_site):
    """RANK's x0 ... x2 and SICK's y.json have failed: the place of the destination sick was in the way."""
    site = make_site(FAST, routes=TWO % "")
    site.in_the_way("OUT/sick")
    site.start()
    site.bodies = {}
    for client, name in [("RANK", "x0.json"), ("RANK", "x1.json"), ("RANK", "x2.json"), ("SICK", "y.json")]:
        site.bodies[name] = ticket(client, title=name)
        site.put(client, name, site.bodies[name])
    ended(site, 4)
    assert {row["status"] for row in rows(site)} == {FAILED}
    assert site.files("OUT/fine") == ["x0.json", "x1.json", "x2.json"]
    return site


def mend(site):
    (site.data / "OUT/sick").unlink()


def delivered(site):
    return site.files("OUT/sick") if (site.data / "OUT/sick").is_dir() else []


def aside(site):
    return sorted(p.name[16:] for p in site.failed.rglob("*.json"))


@pytest.mark.parametrize("choice, expected", [
    (["x1.json"], ["x1.json"]), (["x2.json", "y.json"], ["x2.json", "y.json"]), (["--client", "sick"], ["y.json"]),
    (["--error", "not a directory", "--client", "RANK"], ["x0.json", "x1.json", "x2.json"]), (["--error", "no such words"], []),
    (["--text", "x0"], ["x0.json"]), (["--all"], ["x0.json", "x1.json", "x2.json", "y.json"]),
])
def test_retry_puts_back_those_that_are_chosen(broken, choice, expected):
    before = {row["name"]: row["id"] for row in rows(broken)}
    mend(broken)
    assert sorted(r["file"] for r in told(broken, "retry", *choice, "--dry-run")["retried"]) == expected
    assert len(aside(broken)) == 4 and not any(p.is_file() for p in broken.hot.rglob("*"))
    assert sorted(r["file"] for r in told(broken, "retry", *choice)["retried"]) == expected
    wait_for(lambda: len(rows(broken, "status = 2")) == len(expected), "they are delivered")
    assert delivered(broken) == expected and sorted(aside(broken) + expected) == sorted(before)
    for name in expected:
        assert (broken.data / "OUT/sick" / name).read_bytes() == broken.bodies[name]
    assert {row["name"]: row["id"] for row in rows(broken)} == before


def test_retry_goes_on_where_its_limit_was(broken):
    mend(broken)
    out, _ = ran(broken, "retry", "--all", "--limit", "3", code=3)
    assert "3 retried, 0 refused; there are more" in out
    broken.wait_event("processed", count=3)
    out, _ = ran(broken, "retry", "--all", "--limit", "3")
    assert "1 retried, 0 refused\n" in out
    wait_for(lambda: len(delivered(broken)) == 4, "the last is delivered")


def test_retry_tells_of_what_is_unknown_or_over(broken):
    mend(broken)
    assert "nothing.json" in json.dumps(told(broken, "retry", "nothing.json", code=1)["refused"])
    told(broken, "retry", "y.json")
    wait_for(lambda: rows(broken, "name = 'y.json' AND status = 2"), "it is delivered")
    assert told(broken, "retry", "y.json", code=1)["refused"][0]["why"] == "it was delivered"


def test_retry_delivers_only_where_it_was_not_by_the_table_of_today(broken):
    for name in broken.bodies:
        (broken.data / "OUT/fine" / name).unlink(missing_ok=True)  # its consumer took it
    broken.routes.write_text((TWO % "").replace("OUT/sick", "OUT/mended") + "[destination third]\npath = OUT/third\n[route third]\nclient = *\nto = third\n")
    broken.reload()
    told(broken, "retry", "--client", "RANK")
    wait_for(lambda: len(rows(broken, "status = 2")) == 3, "they are delivered")
    assert broken.files("OUT/mended") == broken.files("OUT/third") == ["x0.json", "x1.json", "x2.json"]
    assert broken.files("OUT/fine") == []
    job, = rows(broken, "name = 'x0.json'")
    assert set(job["deliveries"]) == {"archive", "sick", "fine", "third"} and "retried" in job["story"]


def test_retry_with_reroute_delivers_everywhere_again(broken):
    (broken.data / "OUT/fine/x0.json").unlink()
    mend(broken)
    before, = rows(broken, "name = 'x0.json'")
    told(broken, "retry", "x0.json", "--reroute")
    wait_for(lambda: len(rows(broken, "status = 2")) == 1, "it is delivered")
    assert "x0.json" in broken.files("OUT/fine") and delivered(broken) == ["x0.json"]
    after, = rows(broken, "status = 2")
    assert after["id"] == before["id"]
    assert broken.files("JSON_STORE/RANK") == ["x0.json", "x1.json", "x2.json"], "identical bytes are archived once"


# --- cancel, hold, release ---

def test_cancel_sets_a_waiting_ticket_aside_and_says_who(mixed):
    assert "cancelled" in ran(mixed, "cancel", "d.json")[0]
    wait_for(lambda: rows(mixed, "name = 'd.json' AND status = 4"), "it is over")
    job = told(mixed, "show", "d.json")
    assert os.path.dirname(job["path"]) == str(mixed.failed / "LOREAL") and os.path.exists(job["path"])
    assert "cancelled by uid %d" % os.geteuid() in job["error_message"]
    assert "cancelled by uid %d" % os.geteuid() in mixed.reason_text("LOREAL")
    for over in ("d.json", "a.json", "c.json"):
        assert ran(mixed, "cancel", over, code=1)[1]
    assert ran(mixed, "cancel", "nothing.json", code=1)[1]
    assert told(mixed, "show", "a.json")["status"] == "completed"
    mixed.stop()


def test_what_is_held_stays_so_across_a_restart_until_it_is_released(mixed):
    def held():
        return [d["name"] for d in told(mixed, "status")["snapshot"]["destinations"] if d["held"]]
    assert held() == ["loreal"]
    ran(mixed, "hold", "monday-rank", "celtra")
    mixed.stop()
    assert re.search(r"^LOREAL.* held$", ran(mixed, "status", code=1)[0], re.M | re.I)
    mixed.start()
    assert sorted(held()) == ["celtra", "loreal", "monday-rank"]
    mixed.put("RANK", "z.json", ticket("RANK"))
    wait_for(lambda: rows(mixed, "name = 'z.json' AND status = 0"), "it waits")
    holds_for(lambda: mixed.files(RANK_FOLDER) == ["a.json"], "nothing is delivered", 0.2)
    ran(mixed, "release", "monday-rank", "loreal")
    ended(mixed, 5)
    assert mixed.files(RANK_FOLDER) == ["a.json", "z.json"] and held() == ["celtra"]
    assert ran(mixed, "hold", "nowhere", code=1)[1]


# --- verify ---

@pytest.mark.parametrize("running", [True, False])
def test_verify_finds_what_was_changed_or_removed_by_hand(make_site, running):
    site = make_site()
    site.start()
    for name in ("a.json", "b.json", "c.json", "d.json"):
        site.drop("RANK", name)
    ended(site, 4)
    if not running:
        site.stop()
    whole = told(site, "verify")
    assert (whole["jobs"], whole["ok"], whole["findings"]) == (4, 8, [])
    for path in (site.archive / "RANK/a.json", site.data / RANK_FOLDER / "b.json"):
        path.write_bytes(path.read_bytes().replace(b"PRODUCTION", b"production"))
    (site.archive / "RANK/c.json").unlink()
    (site.data / RANK_FOLDER / "d.json").unlink()  # as its consumer does
    found = told(site, "verify", code=1)
    assert sorted((f["result"], f["file"], f["destination"]) for f in found["findings"]) == [
        ("differs", "a.json", "archive"), ("differs", "b.json", "monday-rank"), ("missing", "c.json", "archive")]
    assert (found["ok"], found["taken"], found["differs"], found["missing"]) == (4, 1, 2, 1)


# --- on a terminal, into a pipe, without a service ---

def reading(site):
    """The commands that only read, and how each ends when no service runs."""
    return [(["list"], 0), (["list", "--status", "failed"], 0), (["show", "a.json"], 0), (["show", "c.json"], 0), (["status"], 1), (["verify"], 0),
            (["store", "check"], 0), (["check"], 0), (["list", "--csv"], 0), (["list", "--json"], 0), (["status", "--json"], 1)]


def test_into_a_pipe_goes_no_escape_sequence_and_to_a_terminal_go_colours(mixed):
    coloured = {"list", "show", "status", "verify"}
    for args, _ in reading(mixed):
        out, err = ran(mixed, *args)
        assert ESC not in out + err, args
        shown, code = on_terminal(mixed, *args)
        assert code == 0 and (ESC in shown) == (args[0] in coloured and len({"--json", "--csv"} & set(args)) == 0), (args, shown)


def test_every_reading_command_reads_the_store_where_none_runs(mixed):
    mixed.stop()
    for args, code in reading(mixed):
        out, err = ran(mixed, *args, code=code)
        assert out
        if args[0] in ("list", "show"):
            assert "shunt is not running; from the store" in err, args
        if args == ["status"]:
            assert "not running" in out
    assert told(mixed, "status", code=1)["totals"]["completed"] == len(rows(mixed, "status = %d" % COMPLETED))


@pytest.mark.parametrize("how", ["q", "interrupt"])
def test_top_fits_the_terminal_and_leaves_it_as_it_was(mixed, how):
    """A terminal that outlives the program, so that it can be looked at afterwards."""
    def end(pid, master):
        os.write(master, b"q" if how == "q" else b"\x03")  # ^C, if the terminal still makes a signal of it

    out, code = on_terminal(mixed, "top", until=b"LAST ERRORS", then=end)
    assert code == 0
    assert all(len(line) <= 80 for screen in screens(out) for line in screen)
    assert "c.json" in out and "completed 2" in out
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    top = subprocess.Popen([str(mixed.bin), "top", "-c", str(mixed.config)], stdin=slave, stdout=slave, stderr=slave,
                           env=dict(mixed.environment(), TERM="xterm"))
    try:
        wait_for(lambda: termios.tcgetattr(slave)[3] != before[3], "it takes the terminal")
        top.send_signal(signal.SIGINT) if how == "interrupt" else os.write(master, b"q")
        assert top.wait(20 * SCALE) == 0
        assert termios.tcgetattr(slave) == before
    finally:
        top.kill()
        top.wait()
        os.close(slave)
        os.close(master)
