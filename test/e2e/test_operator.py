"""What an operator asks for and does: list, show, status, retry, cancel, hold, release, verify, store, top."""
import csv
import fcntl
import hashlib
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from control import Records, Service, problem
from shunt import SCALE

ESC = "\x1b"
HOSTILE = "x\x1b[31m\n\u202egnp\x9b\u200b\t.json"
NOON = 1790000000000  # 2026-09-21T14:13:20Z


@pytest.fixture
def place(make_site):
    """A data root without a service; times are UTC."""
    site = make_site({"report.timezone": "UTC"})
    site.env = {"NO_COLOR": "", "TERM": "xterm"}
    return site


@pytest.fixture
def records(place):
    records = Records(place.data / "shunt.db")
    yield records
    records.close()


@pytest.fixture
def service(place):
    """service(answers) -> it, listening on the control socket."""
    started = []

    def start(answers, suffix=""):
        started.append(Service(str(place.data / "shunt.sock") + suffix, answers))
        return started[-1]

    yield start
    for one in started:
        one.close()


def ran(site, *args, code=0, **more):
    result = site.command(*args, **more)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result.stdout.decode(), result.stderr.decode()


def on_terminal(site, *args, env=None, columns=80, rows=24, keys=b"", until=b"", then=None):
    """Runs it on a terminal of its own: all that was written there, and how it ended. Where `until` was seen, keys are typed or `then` is called."""
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = site.environment()
        environment.update({"TERM": "xterm"}, **(env or {}))
        os.execve(str(site.bin), [str(site.bin), args[0], "-c", str(site.config), *map(str, args[1:])], environment)
    out, deadline, done = b"", time.monotonic() + 20 * SCALE, not (keys or then)
    while True:
        assert time.monotonic() < deadline, out
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
        if not done and until in out:
            done = True
            if keys:
                os.write(master, keys)
            if then:
                then(pid, master)
    _, status = os.waitpid(pid, 0)
    os.close(master)
    return out.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def page(*jobs, following=None):
    return 200, {"jobs": list(jobs), "next": following}


def job(n, **more):
    return dict({"id": "01990000-0000-7000-8000-%012d" % n, "status": "failed", "created_at": "2026-02-06T14:30:46.123Z", "client": "RANK",
                 "file": "t%d.json" % n, "destinations": [], "error_message": "why %d" % n, "size": 3, "folder": "RANK"}, **more)


# --- list ---

def test_list_reads_the_store_where_none_runs_and_says_so(place, records):
    records.add("a.json", deliveries=[("archive", "Archive", "done", "a.json", None), ("monday-rank", "Monday Rank", "done", "a.json", None)])
    records.add("b.json", status="failed", error="no such place", at=NOON + 1000)
    out, err = ran(place, "list")
    assert "shunt is not running; from the store:" in err
    lines = out.splitlines()
    assert lines[0].split() == "CREATED STATUS CLIENT FILE ID ERROR OR DESTINATIONS".split()
    assert re.match(r"2026-09-2\d \d\d:\d\d:\d\d  failed +RANK +b\.json +01990000-0000-7002  no such place$", lines[1])
    assert re.search(r"completed +RANK +a\.json .* Monday Rank$", lines[2])
    assert ESC not in out


@pytest.mark.parametrize("options, expected", [
    (["--status", "failed"], "b"), (["--status", "failed,cancelled"], "d b"), (["--client", "loreal"], "c"), (["--category", "other"], "d"),
    (["--destination", "monday-rank"], "a"), (["--error", "NO SUCH"], "b"), (["--text", "c.js"], "c"), (["--since", "2026-09-22"], "d c"),
    (["--until", "2026-09-21"], "b a"), (["--since", "2026-09-21T14:13:21Z", "--until", "2026-09-21T16:13:22+01:00"], "b"),
    (["--status", "failed", "--client", "LOREAL"], ""),
])
def test_list_filters(place, records, options, expected):
    records.add("a.json", deliveries=[("archive", "Archive", "done", "a.json", None), ("monday-rank", "Monday Rank", "done", "a.json", None)])
    records.add("b.json", status="failed", error="no such place", at=NOON + 1000)
    records.add("c.json", client="LOREAL", at=NOON + 86400000)
    records.add("d.json", status="cancelled", category="OTHER", at=NOON + 2 * 86400000)
    out, _ = ran(place, "list", "--json", *options)
    assert " ".join(j["file"][0] for j in json.loads(out)["jobs"]) == expected


def test_list_pages_with_limit_and_before(place, records):
    for n in range(25):
        records.add("t%d.json" % n, at=NOON + n)
    seen, more = [], []
    for _ in range(3):
        out, _ = ran(place, "list", "--json", "--limit", "10", *more)
        told = json.loads(out)
        seen += [j["file"] for j in told["jobs"]]
        more = ["--before", told["next"]] if told["next"] else None
    assert more is None and seen == ["t%d.json" % n for n in reversed(range(25))]
    _, err = ran(place, "list", "--limit", "10")
    assert re.search(r"10 jobs; older ones: the same with --before \d+", err)
    out, err = ran(place, "list", "--limit", "all")
    assert len(out.splitlines()) == 26 and "--before" not in err


def test_list_asks_the_service_and_follows_empty_pages(place, service):
    pages = {None: page(job(1), following="40"), "40": page(following="30"), "30": page(job(2, client="3M/ü&x"))}

    def answers(method, target, body):
        before = re.search(r"before=(\d+)", target)
        return pages[before and before.group(1)]

    s = service(answers)
    out, err = ran(place, "list", "--client", "3M/ü&x", "--text", "100% of=it?", "--status", "failed,pending", "--limit", "7")
    assert "t1.json" in out and "t2.json" in out and not err
    assert [target for _, target, _ in s.asked] == [
        "/api/v1/jobs?status=pending,failed&client=3M%2F%C3%BC%26x&text=100%25%20of%3Dit%3F&limit=7".replace(",", "%2C"),
        "/api/v1/jobs?status=pending%2Cfailed&client=3M%2F%C3%BC%26x&text=100%25%20of%3Dit%3F&before=40&limit=6",
        "/api/v1/jobs?status=pending%2Cfailed&client=3M%2F%C3%BC%26x&text=100%25%20of%3Dit%3F&before=30&limit=6"]


def test_csv_is_of_rfc_4180(place, records):
    title = 'He said "a, b",\r\nthen left'
    records.add("a.json", title=title, client="Ü, Ltd", deliveries=[("archive", "Archive", "done", "a.json", None), ("celtra", "C", "failed", None, "x")])
    result = place.command("list", "--csv")
    text = result.stdout.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert text.split("\r\n")[0].startswith("id,status,created_at,") and text.endswith("\r\n")
    assert len(rows) == 1 and rows[0]["title"] == title and rows[0]["client"] == "Ü, Ltd"
    assert rows[0]["destinations"] == "archive=done;celtra=failed" and rows[0]["created_at"] == "2026-09-21T14:13:20.000Z"


def test_json_has_stable_keys(place, records):
    records.add("a.json", sha256=b"\1" * 32)
    out, _ = ran(place, "list", "--json")
    told = json.loads(out)
    assert set(told) == {"jobs", "next"} and told["next"] is None
    assert set(told["jobs"][0]) == {"id", "source", "phase", "status", "folder", "file", "client", "category", "studio", "title", "path", "size", "sha256",
                                    "retry_count", "crashes", "created_at", "started_at", "completed_at", "error_message", "batch_id", "destinations"}
    out, _ = ran(place, "show", "a.json", "--json")
    assert {"deliveries", "events"} < set(json.loads(out))
    out, _ = ran(place, "status", "--json", code=1)
    assert set(json.loads(out)) == {"health", "instances", "source", "snapshot", "totals", "alerts", "degraded"}
    assert json.loads(out)["source"] == "store" and json.loads(out)["totals"]["completed"] == 1


def test_an_empty_list_is_json_too(place, records):
    out, _ = ran(place, "list", "--json")
    assert json.loads(out) == {"jobs": [], "next": None}


@pytest.mark.parametrize("wrong, told", [
    (["--status", "faild"], "did you mean failed?"), (["--since", "yesterday"], "--since: yesterday is no moment"), (["--limit", "0"], "--limit is a number"),
    (["--limit", "-1"], "--limit is a number"), (["--json", "--csv"], "JSON or CSV"), (["--before", "x"], "is no place in a list"),
])
def test_a_list_that_cannot_be_is_a_mistake_of_usage(place, records, wrong, told):
    out, err = ran(place, "list", *wrong, code=2)
    assert told in err


# --- hostile texts, colours, widths ---

def clean(text):
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)


def test_hostile_names_are_shown_escaped(place, records):
    hostile = [NOON, "failed", HOSTILE, HOSTILE]
    ident = records.add(HOSTILE, client=HOSTILE, category=HOSTILE, title=HOSTILE, status="failed", error=HOSTILE, path="/nowhere/" + HOSTILE,
                        deliveries=[(HOSTILE, HOSTILE, "failed", HOSTILE, HOSTILE)], events=[hostile])
    for args in (["list"], ["show", ident], ["list", "--before", "99"]):
        out, err = ran(place, *args)
        assert clean(out) and clean(err) and "\\x1b[31m\\n\\u202egnp\\u009b\\u200b\\t" in out, out
    assert len(ran(place, "list")[0].splitlines()) == 2
    assert json.loads(ran(place, "show", ident, "--json")[0])["file"] == HOSTILE
    for args in (["list", "--csv"], ["list", "--json"], ["show", ident, "--json"]):
        out, _ = on_terminal(place, *args, env={"NO_COLOR": "1"})
        assert clean(re.sub("\r+\n", "\n", out)), out


def test_what_the_service_says_is_escaped_too(place, service):
    service(lambda *_: problem(409, HOSTILE))
    for args in (["list"], ["show", "x"], ["cancel", "x"], ["hold", "x"], ["retry", "x"]):
        out, err = ran(place, *args, code=1)
        assert clean(out + err) and "\\x1b[31m" in err


def test_columns_align_whatever_is_in_them(place, records):
    for name in ("a.json", "ünïcödé.json", "日本語.json", "e\u0301.json", "👍.json"):
        records.add(name, client="漢字" if name < "b" else "X")
    out, _ = ran(place, "list")
    width = {"日": 2, "本": 2, "語": 2, "漢": 2, "字": 2, "👍": 2, "\u0301": 0}
    at = {sum(width.get(c, 1) for c in line[:re.search("01990000|ID  ", line).start()]) for line in out.splitlines()}
    assert len(at) == 1, out


def test_colours_only_on_a_terminal_and_not_with_no_color(place, records):
    records.add("a.json", status="failed", error="x")
    assert ESC not in ran(place, "list")[0]
    assert ESC + "[31mfailed" in on_terminal(place, "list")[0]
    assert ESC not in on_terminal(place, "list", env={"NO_COLOR": "1"})[0]
    assert ESC not in on_terminal(place, "list", env={"TERM": "dumb"})[0]


def test_lines_are_cut_at_the_terminals_width_and_nowhere_else(place, records):
    records.add("n" * 200 + ".json", status="failed", error="e" * 300)
    out, _ = on_terminal(place, "list", env={"NO_COLOR": "1"}, columns=120)
    lines = [line for line in out.split("\r\n") if "failed" in line]
    assert len(lines) == 1 and len(lines[0]) <= 120 and "…" in lines[0]
    out, _ = ran(place, "list")
    assert "n" * 200 in out and "e" * 300 in out


# --- show ---

def test_show_tells_the_story_and_where_the_files_are(place, records):
    archive = place.archive / "RANK" / "a.json"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"x")
    records.add("a.json", path=str(place.archive / "RANK" / "a.json"), retries=1, deliveries=[
        ("archive", "Archive", "done", "a.json", None), ("monday-rank", "Monday Rank", "done", "a (RANK).json", "was full")],
        events=[[NOON, "claimed", None, "REALTIME"], [NOON + 30, "delivered", "monday-rank", None]])
    out, err = ran(place, "show", "a.json")
    assert re.search(r"^File +RANK/a.json$", out, re.M) and re.search(r"^Status +completed; 1 failed try$", out, re.M)
    assert re.search(r"^the ticket +there +%s$" % re.escape(str(archive)), out, re.M)
    assert re.search(r"^Monday Rank +taken +%s$" % re.escape(str(place.data / "SYNC/MAKE/Monday Rank/a (RANK).json")), out, re.M)
    assert re.search(r"^Monday Rank +done +1 +2026-09-21 14:13:20 +was full$", out, re.M)
    assert re.search(r"^2026-09-21 14:13:20\.000 +claimed +- +REALTIME$", out, re.M)


def test_show_takes_the_beginning_of_an_id_and_tells_when_several_fit(place, records):
    ident = records.add("a.json")
    records.add("b.json")
    assert "a.json" in ran(place, "show", ident)[0]
    assert "a.json" in ran(place, "show", ident[:18])[0]
    ran(place, "show", "0199000", code=1)
    _, err = ran(place, "show", "nothing.json", code=1)
    assert "nothing.json" in err


def test_show_tells_what_the_service_does_right_now(place, service):
    live = {"state": "waiting", "deliveries": [{"name": "celtra", "state": "waiting", "attempts": 2, "next_in_ms": 65000, "error": "full"}]}
    s = service(lambda *_: (200, job(1, live=live, deliveries=[], events=[])))
    out, err = ran(place, "show", "a b/c.json")
    assert re.search(r"Right now +waiting\n +celtra: waiting, next try in 1 min: full", out) and not err
    assert s.asked[0][1] == "/api/v1/jobs/a%20b%2Fc.json"


# --- status ---

def test_status_asks_the_service(place, service):
    destinations = [{"name": "celtra", "label": "Celtra", "breaker": "open", "hanging": False, "held": True, "in_hand": 3, "queued": 2, "delivered": 7, "failures": 5}]
    ledger = {"taken": 3, "delivered": 1, "archived_only": 0, "failed": 1, "returned": 0, "waiting": 1, "in_work": 0}
    status = {"health": "running", "totals": {"pending": 1, "processing": 0, "completed": 5, "failed": 2, "cancelled": 0, "oldest_pending_at": "2026-02-06T14:30:46Z"},
              "snapshot": {"started": "2026-02-06T14:30:46Z", "pid": 7, "ledger": ledger, "destinations": destinations}, "degraded": ["store: disk full"]}
    service(lambda *_: (200, status))
    out, err = ran(place, "status")
    assert not err and out.startswith("shunt is running; started 2026-02-06 14:30:46, process 7\n")
    assert "pending 1   processing 0   completed 5   failed 2   cancelled 0" in out
    assert re.search(r"Oldest +waiting for \d+ d .* since 2026-02-06 14:30:46", out)
    assert "3 taken = 1 delivered" in out and re.search(r"Degraded +store: disk full", out)
    assert re.search(r"^Celtra +open +3 +2 +7 +5 +held$", out, re.M)
    told = json.loads(ran(place, "status", "--json")[0])
    assert told["source"] == "service" and told["degraded"] == ["store: disk full"]


def test_status_of_one_that_lives_and_does_not_tell_is_what_it_wrote_last(place, records, service):
    under = place.under / "0"
    under.mkdir(parents=True)
    lock = os.open(under, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    s = service(lambda *_: problem(503, "too much is asked"))
    for age_ms, health in ((0, "running"), (120000, "stuck")):
        records.db.execute("INSERT OR REPLACE INTO snapshots VALUES (0, ?)", (json.dumps({"saved_ms": int(time.time() * 1000) - age_ms}),))
        out, _ = ran(place, "status", "--json", code=0 if health == "running" else 1)
        told = json.loads(out)
        assert (told["health"], told["source"], told["instances"]) == (health, "store", 1) and s.asked
    os.close(lock)
    assert json.loads(ran(place, "status", "--json", code=1)[0])["health"] == "not running"


def test_a_socket_that_a_dead_service_left_is_none(place, records, service):
    service(lambda *_: page()).close()
    records.add("a.json")
    assert os.path.exists(place.data / "shunt.sock")
    out, err = ran(place, "list")
    assert "a.json" in out and "not running" in err
    assert "not running" in ran(place, "hold", "celtra", code=1)[1]


def test_without_a_control_socket_reading_works(place, records):
    place.write_settings(service__control="no")
    records.add("a.json")
    out, err = ran(place, "list")
    assert "a.json" in out and "no control socket" in err
    assert "no control socket" in ran(place, "retry", "--all", code=1)[1]


# --- what changes something ---

@pytest.mark.parametrize("args", [["retry", "--all"], ["retry", "x"], ["cancel", "x"], ["hold", "x"], ["release", "x"]])
def test_what_changes_something_needs_the_service(place, records, args):
    records.add("x")
    out, err = ran(place, *args, code=1)
    assert "shunt is not running" in err and "store" not in err and not out


def test_retry_sends_what_is_chosen(place, service):
    answer = {"retried": [{"id": "i", "file": "a.json", "client": "RANK", "to": "hot/RANK/a.json"}], "refused": [], "more": False}
    s = service(lambda method, target, body: (200, answer) if method == "POST" else (200, job(1)) if "t1" in target else problem(404, "no such job"))
    out, _ = ran(place, "retry", "--client", "RANK", "--error", "No space", "--since", "2026-02-06", "--limit", "5", "--reroute")
    assert re.search(r"retried +RANK +a\.json +hot/RANK/a\.json\n1 retried, 0 refused", out)
    assert s.asked[-1] == ("POST", "/api/v1/retry", {"filter": {"client": "RANK", "error": "No space", "since": "2026-02-06T00:00:00.000Z"}, "dry_run": False,
                                                     "limit": 5, "reroute": True})
    out, _ = ran(place, "retry", "--all", "--dry-run")
    assert "would be" in out and s.asked[-1][2] == {"all": True, "dry_run": True, "limit": 100, "reroute": False}
    ran(place, "retry", "t1.json", "unknown")
    assert s.asked[-1][2]["ids"] == [job(1)["id"], "unknown"]


def test_retry_says_what_was_refused_and_what_is_left(place, service):
    answers = [{"retried": [], "refused": [{"id": "i", "file": "b.json", "why": "its ticket is gone"}], "more": True},
               {"retried": [], "refused": [], "more": True}]
    service(lambda *_: (200, answers.pop(0)))
    out, _ = ran(place, "retry", "--all", code=1)
    assert re.search(r"refused .* b\.json +its ticket is gone", out) and "there are more" in out
    ran(place, "retry", "--all", code=3)


def in_pages(total, last=None):
    """Answers as a service does that has so many to retry."""
    def answer(method, target, body):
        if method == "GET":
            return problem(404, "no such job")
        at = int(body.get("before", 0))
        n = min(body["limit"], total - at) if "ids" not in body else min(body["limit"], len(body["ids"]))
        if last is not None:
            last(at)
        more = "ids" not in body and at + n < total
        return 200, {"retried": [{"id": "i%d" % i, "file": "%d.json" % i, "client": "RANK", "to": "hot"} for i in range(at, at + n)], "refused": [],
                     "more": more, "next": str(at + n) if more else None}
    return answer


def test_many_are_retried_a_page_at_a_time(place, service):
    s = service(in_pages(1234))
    out, _ = ran(place, "retry", "--all", "--limit", "550", code=3)
    assert "550 retried, 0 refused; there are more" in out and len(set(re.findall(r"(\d+)\.json", out))) == 550
    assert [(body.get("before"), body["limit"]) for _, _, body in s.asked] == [(None, 100), ("100", 100), ("200", 100), ("300", 100), ("400", 100), ("500", 50)]
    out, _ = ran(place, "retry", "--all", "--limit", "9000")
    assert "1234 retried, 0 refused\n" in out
    del s.asked[:]
    out, _ = ran(place, "retry", *["id%d" % i for i in range(250)])
    assert [len(body["ids"]) for method, _, body in s.asked if method == "POST"] == [100, 100, 50] and "250 retried" in out


def test_retry_tells_what_it_did_when_it_is_interrupted(place, service):
    def interrupt(at):
        if at == 200:
            os.killpg(pids[0], signal.SIGINT)
            time.sleep(0.2)  # it has come before the answer does
    pids = []
    service(in_pages(1000, interrupt))
    process = subprocess.Popen([str(place.bin), "retry", "-c", str(place.config), "--all"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=place.environment(), start_new_session=True)
    pids.append(process.pid)
    out, err = process.communicate(timeout=20 * SCALE)
    assert process.returncode == 3 and not err, (out, err)
    assert b"300 retried, 0 refused; interrupted; there are more: the same again goes on" in out


def test_retry_tells_its_progress_on_a_terminal(place, service):
    service(in_pages(300))
    out, code = on_terminal(place, "retry", "--all")
    assert code == 0 and "\r100 so far, 0 refused\r200 so far, 0 refused\r\x1b[K" in out, out


def test_retry_tells_what_it_did_before_the_service_failed(place, service):
    def answer(method, target, body):
        return in_pages(1000)(method, target, body) if "before" not in body else problem(503, "the service is stopping")
    service(answer)
    out, err = ran(place, "retry", "--all", code=1)
    assert "100 retried, 0 refused; there are more" in out and "the service is stopping" in err


@pytest.mark.parametrize("wrong", [[], ["x", "--all"], ["--all", "--client", "RANK"], ["x", "--error", "y"], ["--all", "--limit", "all"]])
def test_retry_wants_to_know_which_exactly(place, service, wrong):
    s = service(lambda *_: (200, {}))
    ran(place, "retry", *wrong, code=2)
    assert not s.asked


def test_cancel_finds_the_instance_that_has_the_job(place, service):
    first = service(lambda method, target, body: problem(404, "no such job"))
    second = service(lambda method, target, body: (200, {"id": "x", "result": "cancelled"}), ".1")
    out, _ = ran(place, "cancel", "x y")
    assert "x y: cancelled" in out
    assert first.asked[-1][:2] == second.asked[-1][:2] == ("POST", "/api/v1/jobs/x%20y/cancel")


def test_cancel_tells_why_not(place, service):
    service(lambda method, target, body: (200, job(1)) if method == "GET" else problem(409, "it is being delivered"))
    service(lambda method, target, body: problem(404, "no such job"), ".1")
    assert "it is being delivered" in ran(place, "cancel", "x", code=1)[1]


def test_hold_and_release_reach_every_instance(place, service):
    services = [service(lambda *_: (200, {"held": True}), suffix) for suffix in ("", ".2")]
    for word in ("hold", "release"):
        ran(place, word, "monday-rank")
        assert [s.asked[-1][:2] for s in services] == [("POST", "/api/v1/destinations/monday-rank/" + word)] * 2


def test_hold_fails_where_one_instance_does_not(place, service):
    service(lambda *_: (200, {"held": True}))
    service(lambda *_: problem(404, "there is no destination x"), ".1")
    out, err = ran(place, "hold", "x", code=1)
    assert "there is no destination x" in err and not out


# --- verify ---

def published(site, records, name, data=b"content", archive=True, final=None, **more):
    def put(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path
    final = final or name
    places = [put(site.archive / "RANK" / final)] if archive else []
    places.append(put(site.data / "SYNC/MAKE/Monday Rank" / final))
    records.add(name, sha256=hashlib.sha256(data).digest(), deliveries=[
        ("archive", "Archive", "done", final, None), ("monday-rank", "Monday Rank", "done", final, None)], **more)
    return places


def counts(site, *args, code=0):
    return json.loads(ran(site, "verify", "--json", *args, code=code)[0])


def test_verify_is_content_when_all_is_whole(place, records):
    for n in range(120):
        published(place, records, "t%d.json" % n, b"%d" % n)
    told = counts(place)
    assert told["jobs"] == 120 and told["ok"] == 240 and told["findings"] == []
    out, err = ran(place, "verify")
    assert out.startswith("120 jobs: 240 files ok, 0 taken") and not err


def test_verify_knows_taken_differing_and_missing(place, records):
    archived, _ = published(place, records, "a.json")
    _, taken = published(place, records, "b.json", b"b")
    _, changed = published(place, records, "c.json", b"c")
    taken.unlink()
    assert counts(place)["taken"] == 1
    changed.write_bytes(b"C")
    told = counts(place, code=1)
    assert told["differs"] == 1 and [(f["result"], f["file"], f["destination"]) for f in told["findings"]] == [("differs", "c.json", "monday-rank")]
    archived.unlink()
    told = counts(place, code=1)
    assert told["missing"] == 1 and told["ok"] == 3
    out, _ = ran(place, "verify", code=1)
    assert "missing archive %s" % archived in out and "differs monday-rank %s" % changed in out


def test_verify_follows_versions_and_replacements(place, records):
    archived, _ = published(place, records, "a.json", b"old")
    archived.rename(archived.with_name("a.v-%s.json" % hashlib.sha256(b"old").hexdigest()[:12]))
    published(place, records, "a.json", b"new", at=NOON + 1)
    told = counts(place)
    assert told["replaced"] == 1 and told["ok"] == 3
    archived.write_bytes(b"neither")
    assert counts(place, code=1)["differs"] == 1


def test_verify_reads_links_as_no_copies_and_changes_nothing(place, records):
    archived, _ = published(place, records, "a.json")
    target = place.base / "elsewhere"
    archived.rename(target)
    archived.symlink_to(target)
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in place.data.rglob("*") if "shunt.db" not in p.name and "DB" not in p.name and p.is_file())
    assert counts(place, code=1)["differs"] == 1
    assert before == sorted((str(p), p.lstat().st_mtime_ns) for p in place.data.rglob("*") if "shunt.db" not in p.name and p.is_file())


def test_verify_since_looks_at_newer_jobs_only(place, records):
    published(place, records, "a.json", archive=False)
    published(place, records, "b.json", at=NOON + 86400000)
    assert counts(place, "--since", "2026-09-22")["jobs"] == 1
    assert counts(place, code=1)["jobs"] == 2


def test_verify_shows_progress_on_a_terminal_only(place, records):
    published(place, records, "a.json")
    out, code = on_terminal(place, "verify", env={"NO_COLOR": "1"})
    assert code == 0 and "\r" in out and "2 files ok" in out


# --- store ---

def test_store_check_backup_and_vacuum(place, records):
    records.add("a.json")
    assert "sound" in ran(place, "store", "check")[0]
    ran(place, "store", "backup", place.base / "copy.db")
    assert (place.base / "copy.db").stat().st_size > 0
    _, err = ran(place, "store", "backup", place.base / "copy.db", code=1)
    assert "there already" in err
    ran(place, "store", "vacuum")
    assert "a.json" in ran(place, "list")[0]
    ran(place, "store", "backup", code=2)
    ran(place, "store", "check", "x", code=2)
    ran(place, "store", "chekc", code=2)


def test_a_damaged_store_is_told_and_left_where_it_is(place, records):
    for n in range(300):
        records.add("t%d.json" % n)
    records.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    records.close()
    path = place.data / "shunt.db"
    data = bytearray(path.read_bytes())
    for at in range(5 * 4096, len(data), 4096):
        data[at:at + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    assert place.command("store", "check").returncode == 1
    assert place.command("store", "vacuum").returncode == 1
    assert path.read_bytes() == data and not list(place.data.glob("*damaged*"))


def test_there_is_no_store_where_there_was_none(place):
    for what in ("check", "vacuum"):
        assert "there is no store" in ran(place, "store", what, code=1)[1]
    assert not (place.data / "shunt.db").exists()


# --- top ---

STATUS = {"health": "running", "totals": {"pending": 1, "processing": 2, "completed": 3, "failed": 4, "cancelled": 5, "oldest_pending_at": None}, "degraded": [HOSTILE],
          "snapshot": {"ledger": {}, "destinations": [{"name": "d", "label": "D" + HOSTILE, "breaker": "closed", "in_hand": 1}],
                       "stats": {"last_errors": [{"client": "RANK", "file": HOSTILE, "error": HOSTILE * 5}]}}}


def screens(out):
    return [re.sub(ESC + r"\[[0-9;?]*[a-zA-Z]", "", part).replace("\r", "").split("\n") for part in out.split(ESC + "[H")[1:]]


def test_top_needs_a_terminal(place):
    out, err = ran(place, "top", code=2)
    assert "needs a terminal" in err and not out


def test_top_shows_the_state_and_leaves_the_terminal_as_it_was(place, service):
    service(lambda *_: (200, STATUS))
    out, code = on_terminal(place, "top", keys=b"q", until=b"LAST ERRORS")
    assert code == 0 and out.index(ESC + "[?1049h") < out.index("shunt top") < out.index(ESC + "[?1049l")
    assert out.rstrip().endswith(ESC + "[?1049l") and ESC + "[?25h" in out
    shown = screens(out)[0]
    assert len(shown) <= 24 and all(len(line) <= 80 for line in shown) and "completed 3" in shown[1]
    assert clean(re.sub("\r+\n", "\n", re.sub(ESC + r"\[[0-9;?]*[a-zA-Z]", "", out)))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_top_restores_the_terminal_on_signals(place, service, number):
    service(lambda *_: (200, STATUS))
    modes = {}

    def end(pid, master):
        modes["in"] = termios.tcgetattr(master)[3]
        os.kill(pid, number)

    out, code = on_terminal(place, "top", until=b"LAST ERRORS", then=end)
    assert out.rstrip().endswith(ESC + "[?1049l") and code == (0 if number == signal.SIGINT else 3)
    assert not modes["in"] & termios.ICANON


def read_until(master, condition):
    """What the terminal shows from now on, until it is what is waited for."""
    seen, end = b"", time.monotonic() + 15 * SCALE
    while not condition(seen):
        assert time.monotonic() < end, seen
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    return seen


def test_top_follows_the_size_of_the_terminal(place, service):
    service(lambda *_: (200, STATUS))
    shown = {}

    def shrink(pid, master):
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 40, 0, 0))
        seen = read_until(master, lambda seen: len(seen.split(b"\x1b[J")) > 2)
        shown["small"] = screens(seen.decode(errors="replace"))[-1]
        os.write(master, b"xq")

    out, code = on_terminal(place, "top", until=b"LAST ERRORS", then=shrink)
    assert code == 0 and len(screens(out)[0]) > 5
    assert len(shown["small"]) == 5 and all(len(line) <= 40 for line in shown["small"])


def test_top_waits_for_a_service_that_is_not_there(place, service):
    def begin(pid, master):
        service(lambda *_: (200, STATUS))
        read_until(master, lambda seen: b"LAST ERRORS" in seen)
        os.write(master, b"q")

    out, code = on_terminal(place, "top", until=b"not running", then=begin)
    assert code == 0 and out.rstrip().endswith(ESC + "[?1049l")
