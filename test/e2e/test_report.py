"""The daily report: its numbers against the folders, once for each local date whatever the clock and crashes do, and how it looks. SHUNT_SCREENSHOTS=1 puts
pictures into var/screenshots."""
import collections
import contextlib
import html.parser
import json
import os
import pathlib
import quopri
import re
import sqlite3
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))

import browser as browsers  # noqa: E402
import clocks  # noqa: E402
from control import Control, Records  # noqa: E402
from mailserver import Mailbox  # noqa: E402
from shunt import CELTRA_FOLDER, SANITIZED, TOP, holds_for, wait_for  # noqa: E402
from test_log_and_statistics import FAKETIME  # noqa: E402

DATA = TOP / "test" / "data" / "report"
ZONE = {"report.timezone": "Europe/Berlin"}
HTTP = {"http.listen": "127.0.0.1:0"}
BIG = 100 * 1000
SCREENSHOTS = TOP / "var" / "screenshots"
needs_faketime = pytest.mark.skipif(not FAKETIME.exists() or SANITIZED, reason="libfaketime is not installed, or a sanitizer is in its way")
needs_browser = pytest.mark.skipif(not browsers.installed(), reason="Chromium and its driver are not installed")


def at(make_site, when, **settings):
    """A service whose clock begins there; -> site, clock"""
    site = make_site({**ZONE, **settings})
    clock = clocks.Clock(site)
    clock.set(when)
    site.start()
    return site, clock


def made(site):
    """Date -> how often its report was made, over all runs."""
    return collections.Counter(re.match(r"The report of (\S+) is made", e["msg"]).group(1) for e in site.all_events("report"))


def wait_made(site, *dates):
    wait_for(lambda: set(dates) <= set(made(site)), lambda: "reports of %s; made: %s\n%s" % (dates, made(site), site.tail()), 20)


def begun(site):
    """The first run has noted where reports begin: from here on a day is reported on whatever happens."""
    wait_for(lambda: stored(site), "the first date is noted", 10)


def stored(site):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % (site.data / "shunt.db"), uri=True, timeout=20)) as db:
        try:
            return dict(db.execute("SELECT date, document FROM reports"))
        except sqlite3.OperationalError:  # it is being made
            return {}


def report(site, *args):
    reply = site.command("report", *args)
    assert reply.returncode == 0, reply
    return reply.stdout.decode()


def document(site, date):
    return json.loads(report(site, "--date", date, "--format", "json"))


def copies(site):
    return sorted(p.name for p in site.logs.glob("report-*"))


# --- numbers ---

@needs_faketime
def test_its_numbers_are_those_of_the_folders(make_site):
    site, clock = at(make_site, "2026-02-06 21:30:00")
    begun(site)
    for n in range(12):
        site.drop(("RANK", "BISSELL", "CIBC")[n % 3], "t%d.json" % n, "CELTRA" if n % 2 else "PRODUCTION")
    for n in range(3):
        site.drop_bad("LOREAL", "bad%d.json" % n, b'{"n": %d]' % n, "invalid JSON")
    site.wait_ended()
    clock.set("2026-02-06 22:30:00")
    site.drop("RANK", "later.json")
    site.wait_ended()
    clock.set("2026-02-07 00:00:02")
    wait_made(site, "2026-02-06")
    wait_for(lambda: 20260206 in stored(site), "its row", 10)
    day = document(site, "2026-02-06")
    archived, failed = list(site.archive.glob("*/*.json")), [p for p in site.failed.glob("*/*.json")]
    assert (day["totals"]["processed"], day["totals"]["errors"]) == (len(archived), len(failed)) == (13, 3)
    assert day["totals"]["success_percent"] == 81.2 and day["complete"] and not day["late"] and day["counted"]
    assert {c["client"]: (c["processed"], c["errors"]) for c in day["clients"]} == {
        client: (len(list((site.archive / client).glob("*.json"))), len(list((site.failed / client).glob("*.json")))) for client in ("RANK", "BISSELL", "CIBC", "LOREAL")}
    assert {d["destination"]: d["delivered"] for d in day["destinations"]} == {
        "Monday Rank": len(site.files("SYNC/MAKE/Monday Rank")), "BISSELL-WRIKE": len(site.files("CLIENT-STORES/BISSELL-WRIKE/IN")), "Celtra": len(site.files(CELTRA_FOLDER))}
    assert [hour["processed"] + hour["errors"] for hour in day["hours"]] == [0] * 21 + [15, 1, 0]
    assert len(day["last_errors"]) == 3 and all(e["client"] == "LOREAL" for e in day["last_errors"])
    assert len(day["slowest"]) == 10 and day["slowest"][0]["ms"] >= day["slowest"][-1]["ms"] > 0
    assert day["now"]["ledger"]["taken"] == 16 and day["ledger_balances"] is True and day["now"]["totals"]["failed"] == 3
    assert day["day_before"] is None and day["alerts"] == []
    # What is kept is what was made, also when numbers go on; a copy of each lies with the logs.
    assert copies(site) == ["report-2026-02-06.html", "report-2026-02-06.txt"]
    site.drop("RANK", "next.json")
    site.wait_ended()
    text = report(site, "--date", "2026-02-06")
    assert (site.logs / "report-2026-02-06.txt").read_text() == text and "Processed 13 | Errors 3 | Success 81.2 %" in text
    assert (site.logs / "report-2026-02-06.html").read_text() == report(site, "--date", "2026-02-06", "--format", "html")
    today = document(site, "2026-02-07")
    assert today["totals"]["processed"] == 1 and not today["complete"] and today["day_before"]["processed"] == 13
    site.finish()
    assert document(site, "2026-02-06") == day  # from the store, where none runs


@needs_faketime
@pytest.mark.slow
def test_a_whole_days_numbers_are_the_folders_though_it_is_restarted_and_killed(make_site, box):
    clients = ("BISSELL", "LOREAL", "RECKITTBENCKISER", "RANK", "CELTRA", "CIBC", "OLIVER", "ADIDAS", "PAYPAL", "BAYER", "3M")
    site, clock = at(make_site, "2026-02-06 00:00:10", **by_mail(box))
    begun(site)
    hours, number = [], 0

    def counted():  # not of the log: a kill takes lines of it along
        totals = Control(site).get("/stats")["totals"]
        return totals["processed"] + totals["errors"]

    for hour in range(24):
        clock.set("2026-02-06 %02d:10:00" % hour)
        if hour in (6, 18):
            site.stop()
        good, bad = (hour * 7) % 23, int(hour % 5 == 2)
        for n in range(good):
            number += 1
            site.drop(clients[number % len(clients)], "t%d.json" % number, ("PRODUCTION", "CELTRA", "DESIGN")[n % 3])
        for n in range(bad):
            site.drop_bad("RANK", "bad%d.json" % hour, b'{"hour": %d]' % hour, "invalid JSON")
        if hour in (4, 13, 21):
            site.kill()
        if not site.process.alive():
            site.start()
        wait_for(lambda: counted() == len(site.manifest.entries), lambda: "all have ended: %d of %d" % (counted(), len(site.manifest.entries)), 40)
        hours.append((good, bad))
    clock.set("2026-02-07 00:00:01")
    wait_made(site, "2026-02-06")
    day = document(site, "2026-02-06")
    kept_tickets = [json.loads(p.read_text())["JobSpecification"]["JobDetails"] for p in site.archive.glob("*/*.json")]
    assert (day["totals"]["processed"], day["totals"]["errors"]) == (len(kept_tickets), len(list(site.failed.glob("*/*.json")))) == (number, sum(bad for _, bad in hours))
    assert [(hour["processed"], hour["errors"]) for hour in day["hours"]] == hours
    told = {c["client"]: c for c in day["clients"]}
    for client in clients:
        categories = collections.Counter(t["JobCategory"] for t in kept_tickets if t["ClientCode"] == client)
        assert (told[client]["processed"], told[client]["categories"]) == (sum(categories.values()), categories), client
    assert {d["destination"]: d["delivered"] for d in day["destinations"]} == {
        label: len(site.files(folder)) for label, folder in (("Monday Rank", "SYNC/MAKE/Monday Rank"), ("Monday RB", "SYNC/MAKE/Monday RB"), ("Celtra", CELTRA_FOLDER),
                                                             ("BISSELL-WRIKE", "CLIENT-STORES/BISSELL-WRIKE/IN"), ("LOREAL", "CLIENT-STORES/LOREAL/IN"))}
    mail, = wait_for(lambda: [m for m in box.mails if "report" in m.mail["Subject"]], "the mail", 30)
    assert mail.mail["Subject"] == "shunt report 2026-02-06: %d processed, %d errors" % (number, day["totals"]["errors"])
    assert "Processed %d | Errors %d" % (number, day["totals"]["errors"]) in mail.mail.get_body(("plain",)).get_content()
    site.stop()
    site.conserve()


def test_today_so_far_and_what_is_asked_wrongly(site):
    site.drop("RANK", "a.json")
    site.wait_ended()
    text = report(site)
    assert "The day is not over" in text and "Processed 1 | Errors 0 | Success 100.0 % | Batches 1" in text and "RANK" in text
    for args, words in ((("--date", "2026-02-30"), "is no day"), (("--date", "2020-01-01"), "nothing is kept of this day"), (("--format", "pdf"), "json, html or text"),
                        (("--send",), "nobody to mail it to")):
        reply = site.command("report", *args)
        assert reply.returncode != 0 and words in reply.stderr.decode(), reply
    control = Control(site)
    assert control.problem("GET", "/report?date=x")[0] == 400 and control.problem("GET", "/report?format=x")[0] == 400
    assert control.problem("GET", "/report?date=2020-01-01")[0] == 404 and control.problem("POST", "/report/send")[0] == 409
    assert control.get("/reports") == {"reports": []}


def kept(site, name="day.json", date=20260206, **changes):
    """A report as an earlier run made it."""
    day = json.loads((DATA / name).read_text())
    day.update(changes)
    if not (site.data / "shunt.db").exists():
        Records(site.data / "shunt.db").close()
    with contextlib.closing(sqlite3.connect(site.data / "shunt.db")) as db, db:
        db.execute("INSERT INTO reports VALUES (?, ?)", (date, json.dumps(day)))
    return day


def test_the_text_part_reads_well_by_itself(make_site):
    site = make_site(ZONE)
    kept(site)
    text = report(site, "--date", "2026-02-06")
    assert text == (DATA / "day.txt").read_text()
    assert max(len(line) for line in text.splitlines()) <= 72


# --- once ---

@needs_faketime
def test_once_though_it_is_restarted_and_killed(make_site):
    site, clock = at(make_site, "2026-02-06 23:59:00")
    begun(site)
    site.drop("RANK", "a.json")
    site.wait_ended()
    clock.set("2026-02-07 00:00:01")
    for turn in range(6):  # killed at moments around its making, until it is made
        if turn:
            site.start()
        with contextlib.suppress(AssertionError):
            wait_for(lambda: made(site) or turn < 4, "it is made", 3)
        site.kill()
    site.start()
    wait_for(lambda: 20260206 in stored(site), lambda: "its row\n" + site.tail(), 20)  # a kill may have taken the line of the log along
    told = made(site)["2026-02-06"]
    for _ in range(2):
        site.stop()
        site.start()
        holds_for(lambda: made(site)["2026-02-06"] == told, "it is made again", 2)
    assert set(stored(site)) == {20260205, 20260206} and told <= 2, told  # killed between the making and its row: the same again
    assert copies(site) == ["report-2026-02-06.html", "report-2026-02-06.txt"]


@needs_faketime
@pytest.mark.parametrize("steps, dates", [
    (["2026-03-28 23:59:58", "2026-03-29 01:59:59", "2026-03-29 00:30:00", "2026-03-29 23:59:58", "2026-03-29 12:00:00", "2026-03-30 00:00:01"], ["2026-03-28", "2026-03-29"]),
    (["2026-10-24 23:59:58", "2026-10-25 02:59:59", "2026-10-24 23:59:00", "2026-10-25 23:59:58", "2026-10-26 00:10:00"], ["2026-10-24", "2026-10-25"]),
], ids=["spring", "autumn"])
def test_once_over_summer_time_and_steps_of_the_clock(make_site, steps, dates):
    site, clock = at(make_site, steps[0].split()[0] + " 12:00:00")
    begun(site)
    for turn, when in enumerate(steps):
        site.drop("RANK", "s%d.json" % turn)
        site.wait_ended()
        clock.set(when)
        holds_for(site.process.alive, "it runs", 2.5)
    wait_made(site, *dates)
    holds_for(lambda: set(made(site).values()) == {1}, lambda: made(site), 2)
    assert sorted(made(site)) == dates


@needs_faketime
def test_a_clock_that_was_far_ahead_at_the_start_does_not_hold_up_yesterdays(make_site):
    site, clock = at(make_site, "2026-02-06 12:00:00")
    begun(site)
    site.drop("RANK", "a.json")
    site.wait_ended()
    site.stop()
    clock.set("2028-02-07 12:00:00")
    site.start()
    clock.set("2026-02-07 12:00:00")
    wait_made(site, "2026-02-06")
    assert document(site, "2026-02-06")["totals"]["processed"] == 1


@needs_faketime
def test_a_clock_that_was_far_ahead_at_the_very_first_start_does_not_hold_up_all(make_site):
    site, clock = at(make_site, "2028-02-06 12:00:00")
    begun(site)
    clock.set("2026-02-06 12:00:00")
    wait_for(lambda: 20260205 in stored(site), lambda: "reports begin anew: %s" % sorted(stored(site)), 20)
    site.drop("RANK", "a.json")
    site.wait_ended()
    clock.set("2026-02-07 00:00:01")
    wait_made(site, "2026-02-06")
    assert set(made(site)) == {"2026-02-06"} and document(site, "2026-02-06")["totals"]["processed"] == 1


@needs_faketime
def test_what_a_downtime_missed_is_made_late(make_site):
    site, clock = at(make_site, "2026-02-06 12:00:00")
    begun(site)
    site.drop("RANK", "a.json")
    site.wait_ended()
    site.stop()
    clock.set("2026-02-09 08:00:00")
    site.start()
    wait_made(site, "2026-02-06", "2026-02-07", "2026-02-08")
    days = {date: document(site, date) for date in made(site)}
    assert set(made(site).values()) == {1} and all(day["late"] for day in days.values())
    assert days["2026-02-06"]["totals"]["processed"] == 1 and "the service did not run" in report(site, "--date", "2026-02-07")
    assert "This report is late" in report(site, "--date", "2026-02-06")
    assert Control(site).get("/reports") == {"reports": ["2026-02-08", "2026-02-07", "2026-02-06"]}


@needs_faketime
def test_the_day_on_which_a_long_downtime_began_has_its_report(make_site, box):
    site, clock = at(make_site, "2026-02-06 12:00:00", **by_mail(box))
    begun(site)
    site.drop("RANK", "a.json")
    site.wait_ended()
    site.stop()
    clock.set("2026-03-06 08:00:00")
    site.start()
    dates = ["2026-02-06"]
    wait_made(site, *dates)
    wait_for(lambda: box.mails, "its mail", 20)
    holds_for(lambda: sorted(made(site)) == dates, lambda: made(site), 2)
    assert document(site, dates[0])["totals"]["processed"] == 1 and [m.mail["Subject"] for m in box.mails] == ["shunt report 2026-02-06: 1 processed, 0 errors (late)"]
    clock.set("2026-03-07 00:00:01")
    wait_made(site, "2026-03-06")


@needs_faketime
def test_at_another_time_of_the_day(make_site):
    site, clock = at(make_site, "2026-02-06 12:00:00", **{"report.at": "06:30"})
    begun(site)
    clock.set("2026-02-07 06:29:30")
    holds_for(lambda: not made(site), "it is too early", 3)
    clock.set("2026-02-07 06:30:00")
    wait_made(site, "2026-02-06")
    assert "No ticket came on this day" in report(site, "--date", "2026-02-06") and not document(site, "2026-02-06")["late"]
    task, = [task for task in Control(site).get("/schedule")["tasks"] if task["name"] == "report"]
    assert (task["runs"], task["last"][:16], task["next"][0]["at"][:16], task["next"][0]["why"]) == (1, "2026-02-07T06:30", "2026-02-08T06:30", "at 06:30")


@needs_faketime
def test_one_report_of_two_instances(make_site):
    site, clock = at(make_site, "2026-02-06 23:00:00")
    begun(site)
    site.start()
    for n in range(20):
        site.drop("RANK", "t%d.json" % n)
    site.wait_ended()
    clock.set("2026-02-07 00:00:01")
    wait_made(site, "2026-02-06")
    wait_for(lambda: 20260206 in stored(site), "its row", 10)
    assert document(site, "2026-02-06")["totals"]["processed"] == 20
    assert set(stored(site)) == {20260205, 20260206}


# --- by mail ---

@pytest.fixture
def box(tmp_path):
    with Mailbox(tmp_path, starttls=False, auth=False) as box:
        yield box


def by_mail(box, **more):
    return {"mail.server": "127.0.0.1:%d" % box.port, "mail.tls": "none", "mail.from": "shunt <shunt@example.com>", "mail.to": "ops@example.com", "mail.pause": "1s", "mail.timeout": "1s",
            "alerts.failed": "off", **more}


@needs_faketime
def test_one_mail_a_day_though_it_is_killed(make_site, box):
    site, clock = at(make_site, "2026-02-06 23:00:00", **by_mail(box))
    begun(site)
    site.drop("RANK", "a.json")
    site.drop_bad("RANK", "b.json", b"{]", "invalid JSON")
    site.wait_ended()
    box.answers["ops@example.com"] = ["451 later"] * 1000
    clock.set("2026-02-07 00:00:01")
    wait_made(site, "2026-02-06")
    wait_for(lambda: 20260206 in stored(site), "its row", 10)
    wait_for(lambda: box.tries, "a try", 10)
    site.kill()
    box.answers.clear()
    site.start()
    mail, = wait_for(lambda: box.mails, "the mail", 90)
    holds_for(lambda: len(box.mails) == 1, "a second mail", 2)
    assert mail.mail["Subject"] == "shunt report 2026-02-06: 1 processed, 1 error" and mail.to == ["ops@example.com"] and not mail.mail.defects
    assert mail.mail["List-Id"] and mail.mail.get_content_type() == "multipart/alternative"
    text, page = (mail.mail.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))
    assert text == (site.logs / "report-2026-02-06.txt").read_text() and page == (site.logs / "report-2026-02-06.html").read_text()
    assert report(site, "--date", "2026-02-06", "--send") == "the report of 2026-02-06 is handed to the mail\n"
    wait_for(lambda: len(box.mails) == 2, "it is mailed again", 20)


@needs_faketime
def test_it_goes_to_its_own_readers(make_site, box):
    site, clock = at(make_site, "2026-02-06 23:00:00", **by_mail(box, **{"report.to": "a@example.com, b@example.com"}))
    begun(site)
    clock.set("2026-02-07 00:00:01")
    mail, = wait_for(lambda: box.mails, "the mail", 30)
    assert sorted(mail.to) == ["a@example.com", "b@example.com"]


# --- templates ---

def test_own_templates_take_the_place_of_ours(make_site):
    site = make_site({**ZONE, "report.templates": "mine"})
    folder = site.data / "mine"
    reply = site.command("check")
    assert reply.returncode != 0 and "[report] templates: cannot open folder %s" % folder in reply.stderr.decode(), reply
    folder.mkdir()
    (folder / "report.txt").write_text("{{date}}: {{cards.processed}}{{#clients.rows}} {{{name}}}{{/clients.rows}}\n")
    kept(site, clients=[{"client": "R&B", "processed": 1, "routed": 0, "celtra": 0, "errors": 0, "categories": {}}])
    assert report(site, "--date", "2026-02-06") == "2026-02-06: 12,345 R&B\n"
    assert "<html" in report(site, "--date", "2026-02-06", "--format", "html")  # that one is still ours
    (folder / "report.html").write_text("<p>\n{{#clients}}\n")
    reply = site.command("check")
    assert reply.returncode != 0 and "[report] templates: report.html:2: a section is not closed: clients" in reply.stderr.decode(), reply


# --- looks ---

class Page(html.parser.HTMLParser):
    """Every tag is closed in its order, and what might ask or run something is not there."""
    VOID = {"meta", "br"}
    FORBIDDEN = {"script", "img", "link", "iframe", "object", "form", "a", "video", "base"}

    def __init__(self, text):
        super().__init__()
        self.open, self.seen = [], set()
        self.feed(text)
        self.close()
        assert not self.open, self.open
        assert not self.seen & self.FORBIDDEN, self.seen

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        assert not [name for name, _ in attributes if name.startswith("on") or name in ("src", "href")], attributes
        assert not [value for _, value in attributes if value and "url(" in value], attributes
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.open)


HOSTILE = ["<script>window.ran=1</script>", '"><img src=x onerror="window.ran=1">', "{{x}}{{{x}}}{{#x}}", "a\nb\r\n\tc\x1b[31m", "\u202enosj.evil", "x" * 10000, "\"'&<>" * 50, "ü" * 200]


def hostile(n=500):
    names = [HOSTILE[i % len(HOSTILE)] + str(i) for i in range(n)]
    numbers = {"processed": 123456, "routed": 99999, "celtra": 12345, "errors": 1234}
    return {"clients": [{"client": name, **numbers, "categories": {HOSTILE[k]: 1000 for k in range(len(HOSTILE))}} for name in names],
            "destinations": [{"destination": name, "delivered": 1234567, "failed_attempts": 12345} for name in names],
            "last_errors": [{"time": 1770388246123, "client": name, "file": name, "error": name} for name in names[:10]],
            "slowest": [{"client": name, "file": name, "destination": name, "ms": 12345678.9, "time": 1770388246123} for name in names[:10]],
            "alerts": [{"kind": "x", "subject": name, "opened_at": "2026-02-06T10:00:00Z", "closed_at": None, "text": name} for name in names[:30]]}


NOTHING = {"totals": {"processed": 0, "errors": 0, "success_percent": None, "batches": 0, "average_batch": None, "average_ms": None, "retries": 0, "failed_attempts": 0},
           "clients": [], "destinations": [], "last_errors": [], "slowest": [], "alerts": [], "hours": [{"processed": 0, "errors": 0}] * 24, "day_before": None,
           "week_before": None}
DAYS = {"busy": {}, "hostile": hostile(), "nothing": NOTHING, "late": {**NOTHING, "late": True, "counted": False}}


@pytest.mark.parametrize("name", DAYS)
def test_the_page_is_small_and_sound_whatever_a_name_holds(make_site, name):
    site = make_site(ZONE)
    kept(site, **DAYS[name])
    page = report(site, "--date", "2026-02-06", "--format", "html")
    assert len(page.encode()) < BIG
    Page(page)
    text = report(site, "--date", "2026-02-06")
    assert len(quopri.encodestring(page.encode())) + len(quopri.encodestring(text.encode())) < BIG - 1500, "as a mail, with its headers"
    assert len(text.encode()) < BIG and max(len(line) for line in text.splitlines()) <= 72
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", page + text)
    if name == "hostile":
        assert re.search(r"and \d+ more clients with [\d,]+ tickets", text) and "<script>" not in page and "{{x}}{{{x}}}{{#x}}" in text


@pytest.fixture(scope="module")
def chromium():
    browser = browsers.Browser()
    yield browser
    browser.quit()


@needs_browser
@pytest.mark.browser
@pytest.mark.xdist_group("report")
@pytest.mark.parametrize("name", DAYS)
def test_it_fits_at_both_widths_in_light_and_dark(make_site, chromium, name):
    site = make_site({**ZONE, **HTTP, "report.enabled": "no"})
    kept(site, **DAYS[name])
    site.start()
    http = site.http()
    reply = http.get("/api/v1/report?date=2026-02-06&format=html")
    assert "style-src 'unsafe-inline'" in reply.headers["Content-Security-Policy"] and "script" not in reply.headers["Content-Security-Policy"]
    chromium.start()
    backgrounds = set()
    for width in (375, 1200):
        for scheme in ("light", "dark"):
            chromium.size(width)
            chromium.scheme(scheme)
            chromium.open(http, "/api/v1/report?date=2026-02-06&format=html")
            page = chromium.js("return {wide: document.documentElement.scrollWidth, text: document.body.innerText, sheet: document.querySelector('.sheet').getBoundingClientRect().width,"
                               " back: getComputedStyle(document.querySelector('.sheet')).backgroundColor,"
                               " out: [...document.querySelectorAll('td, th, div')].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map((e) => e.outerHTML.slice(0, 200))}")
            assert page["wide"] <= width and page["sheet"] <= 720 and page["out"] == []
            assert "daily report" in page["text"] and "Friday, 6 February 2026" in page["text"]
            backgrounds.add(page["back"])
            if os.environ.get("SHUNT_SCREENSHOTS"):
                chromium.screenshot(SCREENSHOTS / ("report-%s-%d-%s.png" % (name, width, scheme)))
    assert len(backgrounds) == 2
    chromium.check()


@needs_browser
@pytest.mark.browser
@pytest.mark.xdist_group("report")
def test_the_dashboard_leads_to_them(make_site, chromium):
    site = make_site({**ZONE, **HTTP, "report.enabled": "no"})
    kept(site)
    kept(site, date=20260205)
    site.start()
    chromium.start()
    for width in (375, 1200):
        chromium.size(width)
        chromium.open(site.http(), "/#/reports")
        chromium.sees("Daily reports", "2026-02-06", "2026-02-05", "Today so far")
        assert chromium.js("return document.documentElement.scrollWidth") <= width
    links = {link.text: link.get_attribute("href") for link in chromium.all("main a")}
    chromium.open(site.http(), links["2026-02-06"].removeprefix(site.http().url))
    chromium.sees("daily report", "Friday, 6 February 2026", "Monday Rank")
    chromium.check()
