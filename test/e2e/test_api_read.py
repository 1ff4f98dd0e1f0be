"""What a program or the page reads of the running service: days, deliveries, hot folders, routes, settings, explanations, and the
stream of events."""
import datetime
import fnmatch
import json
import selectors
import shutil
import socket
import sqlite3
import threading
import time

import pytest

from control import Connection, Control, ask
from shunt import CELTRA_FOLDER, CLIENTS, SANITIZED, SCALE, expected_places, ticket, wait_for

STREAMS = 60 if SANITIZED else 500
KEPT = 500
SHORT = {"http.max_streams": "3"}


@pytest.fixture
def control(site):
    return Control(site)


class Stream:
    """One reader of /api/v1/events."""

    def __init__(self, path, last=None):
        self.connection = Connection(path, 20 * SCALE)
        self.connection.request("GET", "/api/v1/events", headers={"Last-Event-ID": last} if last else {})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.last = last

    def next(self):
        """-> (event, data); None: the stream has ended as it should. Comments, and ids without an event, are passed over."""
        event = data = None
        while True:
            line = self.response.readline()
            if not line:
                return None
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                self.last = value
            elif field == "event":
                event = value
            elif field == "data":
                data = value
            elif not field and event:
                return event, json.loads(data)

    def until(self, wanted, condition=lambda data: True):
        while True:
            event, data = self.next()
            if event == wanted and condition(data):
                return data

    def jobs(self, count):
        """The next so many events of jobs, whatever statuses are between them; a reset is a fault."""
        found = []
        while len(found) < count:
            event, data = self.next()
            assert event in ("job", "status"), event
            if event == "job":
                found.append(data)
        return found

    def close(self):
        self.response.close()
        self.connection.close()


@pytest.fixture
def follow(control):
    made = []

    def follow(last=None):
        made.append(Stream(control.path, last))
        return made[-1]

    yield follow
    for stream in made:
        stream.close()


def explain(control, body, query=""):
    return control.post("/explain" + query, body)


# --- statistics ---

def test_the_day_is_told_with_its_last_hour(site, control):
    for n in range(3):
        site.drop("RANK", "%d.json" % n, "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]")
    site.wait_ended(4)
    day = control.get("/stats")
    assert day["totals"]["processed"] == 3 and day["totals"]["errors"] == 1
    assert day["clients"]["RANK"]["processed"] == 3 and day["destinations"]["Celtra"]["delivered"] == 3
    assert len(day["minutes"]) == 60 and sum(day["minutes"]) == 3 and sum(day["minutes"][-2:]) == 3
    today = "%d" % day["date"]
    assert control.get("/stats?date=%s-%s-%s" % (today[:4], today[4:6], today[6:]))["totals"] == day["totals"]


def test_a_day_that_is_over_is_told_from_the_store(site, control):
    before = datetime.date.today() - datetime.timedelta(days=3)
    assert control.problem("GET", "/stats?date=%s" % before)[0] == 404
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    with db:
        db.execute("INSERT INTO daily_stats VALUES (?, 0, ?)", (int(before.strftime("%Y%m%d")), json.dumps({"totals": {"processed": 7}})))
        db.execute("INSERT INTO daily_stats VALUES (?, 1, ?)", (int(before.strftime("%Y%m%d")), json.dumps({"totals": {"processed": 9}})))
    db.close()
    assert control.get("/stats?date=%s" % before) == {"totals": {"processed": 7}}


@pytest.mark.parametrize("date", ["", "today", "2026-1-1", "2026-13-01", "2026-02-32", "2026-02-06T00:00:00Z", "0000-01-01", "2026/02/06", "+026-02-06"])
def test_what_is_no_day_is_refused(control, date):
    assert control.problem("GET", "/stats?date=" + date.replace("+", "%2B"))[0] == 400


# --- what is in hand ---

def test_deliveries_in_hand_are_told_with_how_they_are(site, control):
    assert control.get("/deliveries") == {"deliveries": [], "more": False}
    control.post("/destinations/monday-rank/hold")
    for n in range(3):
        site.drop("RANK", "%d.json" % n)
        wait_for(lambda: control.get("/status")["snapshot"]["ledger"]["waiting"] == n + 1, "it waits")
    told = control.get("/deliveries")
    assert [d["file"] for d in told["deliveries"]] == ["0.json", "1.json", "2.json"] and not told["more"]
    first = told["deliveries"][0]
    assert set(first) == {"job", "file", "client", "destination", "label", "state", "attempts", "attempts_limit", "next_in_ms", "error"}
    assert first["client"] == "RANK" and first["destination"] == "monday-rank" and first["label"] == "Monday Rank"
    assert first["state"] == "waiting" and first["attempts"] == 0 and first["error"] is None
    assert control.get("/jobs/" + first["job"])["file"] == first["file"]
    assert control.get("/deliveries?limit=2") == {"deliveries": told["deliveries"][:2], "more": True}
    assert control.get("/deliveries?destination=celtra")["deliveries"] == []
    assert {d["destination"] for d in control.get("/deliveries?state=done")["deliveries"]} == {"archive"}
    assert len(control.get("/deliveries?state=done,waiting")["deliveries"]) == 6
    control.post("/destinations/monday-rank/release")
    site.wait_ended(3)
    assert control.get("/deliveries?state=queued,active,waiting,done,failed")["deliveries"] == []
    site.finish(3)


def test_hot_folders_are_told_with_what_waits_in_each(site, control):
    control.post("/destinations/monday-rank/hold")
    site.drop("RANK", "a.json")
    site.folder("LOREAL")
    with open(site.folder("BAYER") / "half.json", "wb") as writer:
        writer.write(b"{")
        writer.flush()
        wait_for(lambda: [(c["client"], c["queued"], c["waiting"], c["in_work"]) for c in control.get("/clients")["clients"]] ==
                 [("BAYER", 1, 0, 0), ("LOREAL", 0, 0, 0), ("RANK", 0, 1, 0)], lambda: control.get("/clients"))
    assert all(c["watched"] for c in control.get("/clients")["clients"])
    (site.hot / "BAYER" / "half.json").unlink()
    control.post("/destinations/monday-rank/release")
    site.finish(1)


# --- routes, settings ---

def test_the_table_is_told_whole(site, control):
    table = control.get("/routes")
    paths = {d["name"]: d["path"] for d in table["destinations"]}

    def places(client, category):
        fields = {"client": client, "category": category}
        names = {to for rule in table["rules"] for to in rule["destinations"]
                 if all(any(fnmatch.fnmatchcase(fields[key], value) for value in values) for key, values in rule["conditions"].items())}
        return sorted(paths[name] for name in names)

    for client in CLIENTS + ["OTHER"]:
        for category in ("CELTRA", "X"):
            assert places(client, category) == sorted(expected_places(client, category))
    assert all(isinstance(rule["line"], int) and rule["name"] for rule in table["rules"])


def test_the_table_has_every_key_and_who_is_held_and_follows_a_reload(site, control):
    site.routes.write_text("[destination a]\npath = out/a\nlabel = The A\nmode = 0640\nconflict = keep\nconcurrency = 3\ncreate = no\n"
                           "[destination b]\npath = out/b\n[route one]\n/JobSpecification/x = 1, 2*\nclient = *\nto = b, a\n")
    site.reload()
    control.post("/destinations/b/hold")
    table = control.get("/routes")
    a, b = table["destinations"]
    assert a == {"name": "a", "label": "The A", "driver": "dir", "path": "out/a", "conflict": "keep", "mode": "0640", "owner": "", "group": "",
                 "mount": "", "concurrency": 3, "create": False, "line": 1, "held": False}
    assert b["held"] and b["mode"] is None and b["create"] and b["label"] == "b"
    assert table["rules"] == [{"name": "one", "line": 10, "conditions": {"/JobSpecification/x": ["1", "2*"], "client": ["*"]}, "destinations": table["rules"][0]["destinations"]}]
    assert sorted(table["rules"][0]["destinations"]) == ["a", "b"]


def test_settings_are_told_as_check_prints_them(site, control):
    printed, section = {}, None
    for line in site.command("check", "--print-config").stdout.decode().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif " =" in line:
            key, _, value = line.partition(" =")
            printed[section + "." + key] = value.strip()
    told = {s["section"] + "." + s["key"]: s for s in control.get("/settings")}
    assert set(printed) <= set(told) and len(told) > 40
    assert all(told[key]["value"] == value for key, value in printed.items() if key != "service.data")
    assert {key for key, s in told.items() if s["set"]} == set(site.settings)
    assert told["retry.attempts"]["default"] == "3" and told["retry.attempts"]["reloadable"] is False and told["retry.attempts"]["help"]


def test_settings_that_are_reloaded_are_told_as_they_are_then_and_others_as_they_were(make_site):
    site = make_site({"intake.duplicate": "skip"})
    site.start()
    site.write_settings(intake__duplicate="fail", retry__attempts="7")
    site.reload()
    told = {s["section"] + "." + s["key"]: s for s in Control(site).get("/settings")}
    assert told["intake.duplicate"]["value"] == "fail" and told["intake.duplicate"]["reloadable"] and told["intake.duplicate"]["set"]
    assert told["retry.attempts"]["value"] == "3" and not told["retry.attempts"]["set"]


# --- explaining ---

def test_explain_says_where_a_ticket_would_go_and_changes_nothing(site, control):
    for client in CLIENTS:
        for category in ("CELTRA", "X"):
            told = explain(control, ticket(client, category, title="<b>Ü</b>"))
            assert told["valid"] and told["archive"] and told["client"] == client and told["category"] == category
            assert told["studio"] == client + "_STUDIO" and told["title"] == "<b>Ü</b>"
            assert sorted(d["path"] for d in told["destinations"]) == sorted(expected_places(client, category))
    assert {r["route"]: r["matched"] for r in explain(control, ticket("RANK"))["routes"]}["rank"] is True
    assert control.get("/status")["snapshot"]["ledger"]["taken"] == 0 and not list(site.hot.rglob("*.json"))


@pytest.mark.parametrize("body, query, why", [
    (ticket("RANK"), "?client=BAYER", 'ClientCode "RANK" does not match folder BAYER'),
    (b"{]", "", "invalid JSON at line 1"),
    (b"{", "", "ends too early"),
    (b"", "", "empty"),
    (b"{}", "", "ClientCode is missing"),
    (ticket("RANK", None), "", "JobCategory is missing"),
    (ticket("../x"), "", "ClientCode"),
    (ticket("RANK"), "?name=x.pdf", "not taken up"),
])
def test_explain_says_why_a_ticket_would_fail(control, body, query, why):
    told = explain(control, body, query)
    assert told["valid"] is False and why in told["error"]


def test_explain_and_the_command_say_the_same(site, control):
    path = site.base / "x.json"
    path.write_bytes(ticket("RANK", "CELTRA"))
    said = json.loads(site.command("explain", "--json", path).stdout)
    assert said.pop("file") and said == explain(control, path.read_bytes(), "?client=RANK&name=x.json")
    assert [d["path"] for d in said["destinations"]][-1] == CELTRA_FOLDER


def test_explain_takes_a_file_that_is_not_parsed_by_its_name(make_site):
    site = make_site({"intake.files": "*.pdf"})
    site.start()
    told = explain(Control(site), b"%PDF", "?client=RANK&name=x.pdf")
    assert told["valid"] and [d["name"] for d in told["destinations"]] == ["monday-rank"]


def test_a_large_ticket_is_explained_and_one_too_large_refused(control):
    assert explain(control, ticket("RANK", Notes="x" * 1000000))["valid"]
    assert control.problem("POST", "/explain", ticket("RANK", Notes="x" * 1100000))[0] == 413


# --- what is wrong to ask ---

@pytest.mark.parametrize("method, target, status, word", [
    ("POST", "/stats", 405, "method"), ("DELETE", "/deliveries", 405, "method"), ("POST", "/routes", 405, "method"), ("GET", "/explain", 405, "method"),
    ("PUT", "/settings", 405, "method"), ("POST", "/events", 405, "method"), ("POST", "/clients", 405, "method"),
    ("GET", "/stats?day=1", 400, "day"), ("GET", "/deliveries?x=1", 400, "x"), ("GET", "/routes?x=1", 400, "x"), ("POST", "/explain?x=1", 400, "x"),
    ("GET", "/settings?x=1", 400, "x"), ("GET", "/events?x=1", 400, "x"), ("GET", "/clients?x=1", 400, "x"),
    ("GET", "/deliveries?state=asleep", 400, "asleep"), ("GET", "/deliveries?limit=0", 400, "limit"), ("GET", "/deliveries?limit=1001", 400, "limit"),
    ("POST", "/explain?client=..", 400, "client"), ("POST", "/explain?client=a%2Fb", 400, "client"), ("POST", "/explain?name=.x", 400, "name"),
])
def test_what_is_asked_wrongly_is_refused_with_the_reason(control, method, target, status, word):
    got, detail = control.problem(method, target)
    assert got == status and word in detail


def test_a_body_that_is_not_asked_for_is_refused(control):
    assert control.problem("GET", "/stats", b"x")[0] == 413


# --- events ---

def test_what_becomes_of_jobs_is_told_as_it_happens(site, control, follow):
    stream = follow()
    assert stream.next()[0] == "status"
    site.drop("RANK", "good.json", "CELTRA")
    good, = stream.jobs(1)
    assert set(good) == {"id", "file", "client", "category", "status", "at", "ms", "error"}
    assert (good["file"], good["client"], good["category"], good["status"], good["error"]) == ("good.json", "RANK", "CELTRA", "completed", None)
    assert good["ms"] > 0 and abs(datetime.datetime.fromisoformat(good["at"]).timestamp() - time.time()) < 60
    assert wait_for(lambda: control.get("/jobs/good.json")["status"] == "completed", "the store knows")
    assert control.get("/jobs/good.json")["id"] == good["id"]
    site.drop_bad("RANK", "bad.json", b"{]")
    bad, = stream.jobs(1)
    assert bad["status"] == "failed" and "invalid JSON" in bad["error"] and bad["category"] is None
    control.post("/destinations/monday-rank/hold")
    site.drop_bad("RANK", "held.json", ticket("RANK"))
    held, = stream.jobs(1)
    assert held["status"] == "pending" and held["file"] == "held.json"
    control.post("/jobs/held.json/cancel")
    gone, = stream.jobs(1)
    assert gone["status"] == "cancelled" and gone["id"] == held["id"] and "uid" in gone["error"]


def test_the_status_is_told_at_once_and_soon_after_a_drop(site, follow):
    stream = follow()
    event, status = stream.next()
    assert event == "status" and set(status) == {"health", "queue", "ledger", "today", "last", "per_minute", "oldest_waiting_ms", "destinations", "degraded",
                                                 "memory_bytes", "loop_ms"}
    assert status["health"] == "running" and status["last"] is None and status["today"] == {"processed": 0, "failed": 0}
    for n in range(5):
        began = time.monotonic()
        site.drop("RANK", "%d.json" % n)
        status = stream.until("status", lambda s: s["today"]["processed"] == n + 1)
        assert time.monotonic() - began < 1.5 * SCALE
        assert status["last"]["file"] == "%d.json" % n and status["ledger"]["delivered"] == n + 1
    assert status["per_minute"] == 5 and status["memory_bytes"] > 0
    assert next(d for d in status["destinations"] if d["name"] == "monday-rank")["delivered"] == 5


def test_the_status_is_told_at_most_once_a_second_and_only_where_it_is_another(site, follow):
    stream, seen = follow(), []
    end = time.monotonic() + 4
    n = 0
    while time.monotonic() < end:
        site.drop("RANK", "%d.json" % n)
        n += 1
        while True:
            event, data = stream.next()
            if event == "status":
                seen.append(data)
            elif data["file"] == "%d.json" % (n - 1):
                break
    assert 3 <= len(seen) <= 6 and all(a != b for a, b in zip(seen, seen[1:]))


def test_how_long_the_oldest_waits_is_told_but_not_for_what_a_person_holds(make_site):
    site = make_site({"retry.attempts": "1000"})
    place = site.data / "SYNC/MAKE/Monday Rank"
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"in the way")
    site.start()
    control = Control(site)
    site.drop("RANK", "a.json")
    stream = Stream(control.path)
    status = stream.until("status", lambda s: s["oldest_waiting_ms"] >= 1000)
    assert status["ledger"]["waiting"] + status["ledger"]["in_work"] == 1
    control.post("/destinations/monday-rank/hold")
    stream.until("status", lambda s: s["oldest_waiting_ms"] == 0 and next(d for d in s["destinations"] if d["name"] == "monday-rank")["held"])
    place.unlink()
    control.post("/destinations/monday-rank/release")
    stream.close()
    site.finish(1)


def test_a_resumed_stream_gets_exactly_what_it_missed(site, follow):
    stream = follow()
    site.drop("RANK", "before.json")
    assert stream.jobs(1)[0]["file"] == "before.json"
    last = stream.last
    stream.close()
    for n in range(300):  # more than a stream is given at once
        site.drop("RANK", "missed-%03d.json" % n)
    site.wait_ended(301)
    resumed = follow(last)
    assert resumed.next()[0] == "status"
    assert sorted(job["file"] for job in resumed.jobs(300)) == ["missed-%03d.json" % n for n in range(300)]
    site.drop("RANK", "after.json")
    assert resumed.jobs(1)[0]["file"] == "after.json"
    assert [job["file"] for job in follow(resumed.last.rsplit("-", 1)[0] + "-301").jobs(1)] == ["after.json"]


def test_who_got_no_event_yet_has_a_place_to_resume_from(site, follow):
    stream = follow()
    stream.next()
    last = stream.last
    stream.close()
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    assert follow(last).jobs(1)[0]["file"] == "a.json"


def test_who_resumes_from_elsewhere_is_told_to_begin_anew(site, control, follow):
    first = follow()
    site.drop("RANK", "a.json")
    first.jobs(1)
    boot = first.last.split("-")[0]
    for last in ("x", "0-0", boot, boot + "-", boot + "-2", boot + "-1x", boot + "-99999999999999999999", "-1"):
        stream = follow(last)
        assert stream.next() == ("reset", {}) and stream.last == first.last
        assert stream.next()[0] == "status"
    site.stop()
    site.start()
    stream = follow(first.last)
    assert stream.next()[0] == "reset" and stream.last != first.last


def test_what_is_no_longer_kept_is_not_told_in_part(site, follow):
    stream = follow()
    site.drop("RANK", "first.json")
    stream.jobs(1)
    kept_from = stream.last
    stream.close()
    boot = kept_from.rsplit("-", 1)[0]
    for n in range(KEPT):
        site.drop("LOREAL", "%d.json" % n)
    site.wait_ended(KEPT + 1, 60)
    assert len({job["file"] for job in follow(kept_from).jobs(KEPT)}) == KEPT
    assert follow(boot + "-0").next()[0] == "reset"


def test_streams_end_well_when_the_service_stops(site, follow):
    streams = [follow() for _ in range(3)]
    site.stop()
    for stream in streams:
        while stream.next():
            pass


def test_more_streams_than_the_settings_say_are_refused_until_one_ends(make_site):
    site = make_site(SHORT)
    site.start()
    control = Control(site)
    streams = [Stream(control.path) for _ in range(3)]
    connection = Connection(control.path, 20)
    connection.request("GET", "/api/v1/events")
    response = connection.getresponse()
    assert response.status == 503 and int(response.headers["Retry-After"]) > 0 and "max_streams" in json.loads(response.read())["detail"]
    connection.close()
    streams.pop().close()
    wait_for(lambda: try_to_follow(control.path, streams), "there is room again", 40)
    for stream in streams:
        stream.close()


def try_to_follow(path, streams):
    try:
        streams.append(Stream(path))
        return True
    except AssertionError:
        return False


def test_head_is_answered_and_holds_no_stream(make_site):
    site = make_site(SHORT)
    site.start()
    control = Control(site)
    for _ in range(5):
        reply = ask(control.path, "HEAD", "/api/v1/events")
        assert reply.status in (200, 503) and not reply.body
    wait_for(lambda: try_to_follow(control.path, []), "there is room", 40)


class Crowd:
    """Many streams by raw sockets: those that read, read by one thread, and those that do not."""

    def __init__(self, path, count):
        self.path = str(path)
        self.reading = [self.open() for _ in range(count // 2)]
        self.stalled = [self.open() for _ in range(count - count // 2)]
        self.jobs = {sock: 0 for sock in self.reading}
        self.resets = 0
        self.ended = 0
        self.stop = False
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def open(self):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(self.path)
        sock.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        sock.recv(1, socket.MSG_PEEK)  # it is answered
        return sock

    def read(self):
        selector = selectors.DefaultSelector()
        rest = {}
        for sock in self.reading:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
            rest[sock] = b""
        while not self.stop:
            for key, _ in selector.select(0.1):
                sock = key.fileobj
                data = sock.recv(262144)
                if not data:
                    self.ended += 1
                    selector.unregister(sock)
                    continue
                text = rest[sock] + data
                self.jobs[sock] += text.count(b"event: job")
                self.resets += text.count(b"event: reset")
                rest[sock] = text[-len(b"event: job") + 1:]

    def close(self):
        self.stop = True
        self.thread.join()
        for sock in self.reading + self.stalled:
            sock.close()


def memory(site, key):
    with open("/proc/%d/status" % site.process.pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key + ":"))


def is_cut(sock):
    """Whatever was still on its way is read first."""
    sock.setblocking(False)
    try:
        while sock.recv(1 << 20):
            pass
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_who_does_not_read_is_cut_and_nobody_else_is_slowed(make_site):
    site = make_site({"log.level": "warn", "http.max_streams": str(STREAMS)})
    site.start(wait=False)
    control = Control(site)
    wait_for(control.path.exists, "it listens")
    before = memory(site, "VmRSS")
    crowd = Crowd(control.path, STREAMS)
    count, slowest = 3000, 0
    try:
        assert ask(control.path, "GET", "/api/v1/events").status == 503
        for n in range(0, count, 100):
            for i in range(n, n + 100):
                site.put("LOREAL", "%d.json" % i, ticket("LOREAL"))
            wait_for(lambda: min(crowd.jobs.values()) >= n + 100 or crowd.resets or crowd.ended, lambda: "all who read are told of %d" % (n + 100), 30)
            began = time.monotonic()
            control.get("/destinations")
            slowest = max(slowest, time.monotonic() - began)
        assert crowd.resets == 0 and crowd.ended == 0 and set(crowd.jobs.values()) == {count}
        wait_for(lambda: all(is_cut(sock) for sock in crowd.stalled), "all that do not read are cut")
        grown = memory(site, "VmHWM") - before
        print("%d streams: %.1f MB more at most, slowest answer %.0f ms" % (STREAMS, grown / 1e6, slowest * 1000))
        assert slowest < 1.0 * SCALE
        if not SANITIZED:
            assert grown < 64e6
        newcomer = Stream(control.path)
        assert newcomer.next()[0] == "status"
        newcomer.close()
    finally:
        crowd.close()
    site.stop()
