"""Alerts: what is wrong is told in few mails, once, also over a restart, with commands that work when they are typed."""
import hashlib
import hmac
import json
import re
import shlex
import sqlite3

import pytest

from mailserver import Mailbox
from shunt import holds_for, ticket, wait_for
from test_commands import ended, told
from test_mail import hook  # noqa: F401
from test_operator import ran
from test_retry import NO_BREAKER

QUICK = {"alerts.wait": "0", "alerts.calm": "1s", "alerts.digest": "2s", "alerts.remind": "", "alerts.min_free": "0", "alerts.mails_per_hour": "100"}
ROUTES = """
[destination sick]
path = OUT/sick
label = The Sick
%s
[route sick]
client = *
to = sick
"""


@pytest.fixture
def box(tmp_path):
    with Mailbox(tmp_path, starttls=False, auth=False) as box:
        yield box


@pytest.fixture
def alerting(make_site, box):
    """alerting(settings, of_destination) -> a service that mails its alerts, whose one destination has a file in its place."""

    def make(settings=None, of_destination="", sick=True, start=True):
        site = make_site({**box.settings(tls="none", user=""), **QUICK, **(settings or {})}, routes=ROUTES % of_destination)
        if sick:
            site.in_the_way("OUT/sick")
        if start:
            site.start()
        return site

    return make


def mend(site):
    (site.data / "OUT/sick").unlink()


def subjects(box):
    return [m.mail["Subject"] for m in box.mails]


def text_of(envelope):
    return envelope.mail.get_body(["plain"]).get_content().replace("\r\n", "\n")


def commands(envelope):
    """What the mail advises to type."""
    return re.findall(r"^    (shunt .*)$", text_of(envelope), re.M)


def typed(site, line):
    """The line, with the program that is tested for `shunt`."""
    words = shlex.split(line)
    assert words[0] == "shunt", words
    result = site.cli(*words[1:])
    assert result.returncode == 0, (line, result.stdout, result.stderr)
    return result.stdout.decode()


def settled(site):
    """Nothing is to be sent any more."""
    wait_for(lambda: not rows_of_outbox(site), "the outbox is empty")


def rows_of_outbox(site):
    db = sqlite3.connect(site.data / "shunt.db")
    found = db.execute("SELECT key FROM outbox WHERE state = 0").fetchall()
    db.close()
    return found


def test_a_destination_that_is_down_is_mailed_once_and_again_when_it_is_up(alerting, box):
    site = alerting({"delivery.breaker_failures": "1"})
    site.put("RANK", "x.json", ticket("RANK"))
    down, = box.wait(1)
    assert down.mail["Subject"] == "[shunt] The Sick is down" and down.mail.defects == [] and down.to == ["ops@example.com"]
    text = text_of(down)
    assert re.search(r"^Since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, for \d+ s\.$", text, re.M), text
    assert re.search(r"What happens next: One delivery is tried again at \d{4}-", text) and "OUT/sick" in text
    assert "The Sick is down" in down.mail.get_body(["html"]).get_content()
    for line in commands(down):
        typed(site, line)
    assert [c.split()[-1] for c in commands(down)] == ["status", "sick"]
    typed(site, commands(down)[-1].replace(" hold ", " release "))
    mend(site)
    box.wait(2)
    wait_for(lambda: any("is up again" in s for s in subjects(box)), "it is told")
    (up,) = [m for m in box.mails if "is up again" in m.mail["Subject"]]
    assert re.match(r"\[shunt\] The Sick is up again, after \d+ s$", up.mail["Subject"])
    settled(site)
    assert [s for s in subjects(box) if "is down" in s] == ["[shunt] The Sick is down"]
    site.stop()


def test_a_restart_in_between_neither_repeats_nor_forgets(alerting, box):
    site = alerting({"delivery.breaker_failures": "1"})
    site.put("RANK", "x.json", ticket("RANK"))
    box.wait(1)
    settled(site)
    for end in (site.stop, site.kill, site.stop):
        end()
        site.start()
        site.wait_event("destination_down", 20)
    holds_for(lambda: subjects(box) == ["[shunt] The Sick is down"], "it was told before", 2.5)
    site.stop()
    mend(site)
    site.start()
    box.wait(2)
    assert subjects(box)[1].startswith("[shunt] The Sick is up again, after ")
    site.stop()


def test_what_comes_and_goes_is_told_once(alerting, box):
    site = alerting({"delivery.breaker_failures": "1", "alerts.calm": "1h"})
    site.put("RANK", "x.json", ticket("RANK"))
    box.wait(1)
    for n in range(3):
        mend(site)
        site.wait_event("destination_up", count=n + 1)
        (site.data / "OUT/sick").rename(site.data / ("taken%d" % n))
        (site.data / "OUT/sick").write_text("again in the way")
        site.put("RANK", "y%d.json" % n, ticket("RANK"))
        site.wait_event("destination_down", count=n + 2)
    holds_for(lambda: len(box.mails) == 1, "only the first is told", 1.5)
    site.stop()


def test_five_hundred_failed_tickets_are_one_mail(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.digest": "8s", "retry.attempts": "1"})
    for n in range(500):
        site.put("RANK" if n % 2 else "3M", "f%03d.json" % n, ticket("RANK" if n % 2 else "3M"))
    ended(site, 500)
    got, = box.wait(1, 30)
    assert got.mail["Subject"] == "[shunt] 500 tickets failed"
    text = text_of(got)
    assert len(re.findall(r"^ +250  (RANK|3M) -> The Sick: .*\(as f\d+\.json\)$", text, re.M)) == 2, text
    shown = re.findall(r"^        (shunt .* show .*)$", text, re.M)
    assert len(shown) == 2
    for line in shown + commands(got):
        assert re.search(r"f\d{3}\.json", typed(site, line))
    settled(site)
    assert len(box.mails) == 1
    site.stop()


def test_a_ticket_that_failed_right_before_a_crash_is_mailed_once(alerting, box):
    site = alerting({**NO_BREAKER, "retry.attempts": "1", "alerts.digest": "3s"})
    site.put("RANK", "x.json", ticket("RANK"))
    ended(site, 1)
    site.kill()
    site.start()
    got, = box.wait(1)
    assert got.mail["Subject"] == "[shunt] Failed: x.json (RANK)"
    settled(site)
    site.kill()
    site.start()
    holds_for(lambda: len(box.mails) == 1, "it was told", 4)
    site.stop()


def test_failed_tickets_are_mailed_each_or_not_at_all(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "each", "retry.attempts": "1"})
    site.put("RANK", "x.json", b"{]")
    got, = box.wait(1)
    assert got.mail["Subject"] == "[shunt] Failed: x.json (RANK)"
    (site.failed / "RANK").joinpath(told(site, "show", "x.json")["path"]).write_bytes(ticket("RANK"))
    mend(site)
    typed(site, commands(got)[0])
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "the command puts it back")
    site.stop()
    site.write_settings(alerts__failed="off")
    site.start()
    site.put("RANK", "y.json", b"{]")
    ended(site, 2)
    holds_for(lambda: len(box.mails) == 1, "nothing is mailed", 2.5)
    site.stop()


def test_never_more_mails_than_the_budget(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "each", "alerts.mails_per_hour": "6", "retry.attempts": "1"})
    for n in range(5):
        site.put("RANK", "x%d.json" % n, b"{]")
        ended(site, n + 1)
        wait_for(lambda: len(box.mails) >= min(n + 1, 2), lambda: "each has a mail of its own: %s" % subjects(box))
        holds_for(lambda: len(box.mails) <= 2, "more than the budget", 1.1)
    settled(site)
    assert len(box.mails) == 2, subjects(box)  # half of them may come at once; the last is kept for an incident
    site.stop()


def test_attempts_are_mailed_where_the_destination_says_so(alerting, box):
    site = alerting({**NO_BREAKER}, "attempts = 3\nfirst = 1500ms\nfactor = 1\nalerts = yes")
    site.put("RANK", "x.json", ticket("RANK", title="Spring\n    rm -rf x"))
    box.wait(3, 20)
    settled(site)
    assert subjects(box) == ["[shunt] Attempt 1/3 failed: x.json (RANK) to The Sick", "[shunt] Attempt 2/3 failed: x.json (RANK) to The Sick",
                             "[shunt] PERMANENTLY FAILED: x.json (RANK) to The Sick, after 3 attempts"]
    first, second, last = box.mails
    assert all("\nTitle: Spring\\n    rm -rf x\n" in text_of(mail) for mail in box.mails), text_of(first)
    assert re.search(r"tried again at \d{4}-.*; 2 attempts are left", text_of(first)) and "1 attempt is left" in text_of(second)
    holds_for(lambda: len(box.mails) == 3, "that was the last one", 3)
    mend(site)
    (again,) = commands(last)
    typed(site, again)
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "the command puts it back")
    site.stop()


def test_a_mail_of_the_last_attempt_says_that_the_ticket_will_be_put_back_by_itself(alerting, box):
    site = alerting({**NO_BREAKER, "retry.again_after": "7d"}, "attempts = 1\nalerts = yes")
    site.put("RANK", "x.json", ticket("RANK"))
    box.wait(1)
    settled(site)
    text = text_of(box.mails[0])
    assert "until somebody puts it back, or [retry] again_after = 7d does, once." in text and "by itself" not in text, text
    site.stop()


def test_by_itself_no_attempt_is_mailed(alerting, box):
    site = alerting({**NO_BREAKER}, "attempts = 3")
    site.put("RANK", "x.json", ticket("RANK"))
    box.wait(1)
    settled(site)
    assert subjects(box) == ["[shunt] Failed: x.json (RANK)"]
    site.stop()


def test_alerts_have_their_own_recipients(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "each", "alerts.to": "night@example.com, Day <day@example.com>"})
    site.put("RANK", "x.json", b"{]")
    got, = box.wait(1)
    assert got.to == ["night@example.com", "day@example.com"]
    site.stop()


def test_a_webhook_gets_the_same_events_signed(alerting, box, hook):
    site = alerting({"delivery.breaker_failures": "1", "webhook.url": "http://127.0.0.1:%d/in" % hook.server_port}, start=False)
    site.env = {"SHUNT_WEBHOOK_SECRET": "shared secret"}
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    box.wait(1)
    wait_for(lambda: hook.got, "it is posted")
    (headers, body), = hook.got
    stamp, mac = [part.strip().split("=", 1)[1] for part in headers["Shunt-Signature"].split(",")]
    assert hmac.new(b"shared secret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest() == mac
    event = json.loads(body)
    assert (event["event"], event["instance"], event["subject"]) == ("alert", 0, box.mails[0].mail["Subject"])
    (item,) = event["items"]
    assert (item["what"], item["kind"], item["subject"], item["over_ms"]) == ("opened", "destination_down", "sick", 0)
    site.stop()


def test_a_webhook_alone_is_enough(make_site, hook):
    site = make_site({**QUICK, **NO_BREAKER, "alerts.failed": "each", "webhook.url": "http://127.0.0.1:%d/" % hook.server_port}, routes=ROUTES % "")
    site.start()
    site.put("RANK", "x.json", b"{]")
    wait_for(lambda: hook.got, "it is posted")
    assert json.loads(hook.got[0][1])["items"][0]["groups"][0]["name"] == "x.json"
    holds_for(lambda: len(hook.got) == 1, "it is told once", 1.5)
    site.stop()


def test_without_mail_nothing_piles_up_and_the_store_knows(make_site):
    site = make_site({**QUICK, "delivery.breaker_failures": "1"}, routes=ROUTES % "")
    site.in_the_way("OUT/sick")
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    assert "Sick is down: 1 deliveries wait, next try in " in site.wait_event("destination_down")[0]["msg"]
    holds_for(lambda: not site.events("alert"), "nobody is told", 1.5)
    assert not rows_of_outbox(site)
    site.stop()


def test_expected_tickets_that_are_missing_are_told_once_a_day_and_when_they_have_come(alerting, box):
    site = alerting({"expect morning.client": "RANK", "expect morning.by": "00:00", "expect morning.min": "2", "expect evening.client": "3M",
                     "expect evening.by": "23:59", "report.timezone": "UTC"}, sick=False)
    missing, = box.wait(1)
    assert missing.mail["Subject"] == "[shunt] Expected tickets are missing: morning"
    assert re.search(r"^At \d\d:\d\d 0 tickets of RANK had come today; at least 2 are expected by 00:00\.", text_of(missing), re.M), text_of(missing)
    site.put("RANK", "a.json", ticket("RANK"))
    ended(site, 1)
    assert "a.json" in typed(site, commands(missing)[0])
    settled(site)
    site.kill()
    site.start()
    site.put("3M", "other.json", ticket("3M"))
    ended(site, 2)
    holds_for(lambda: len(box.mails) == 1, "it was told", 1.5)
    site.put("RANK", "b.json", ticket("RANK"))
    came = box.wait(2)[1]
    assert came.mail["Subject"].startswith("[shunt] The expected tickets have come: morning, after ") and "2 tickets of RANK" in text_of(came)
    site.stop()


def test_a_held_destination_is_told_with_the_command_that_releases_it(alerting, box):
    site = alerting(sick=False)
    ran(site, "hold", "sick")
    holds_for(lambda: not box.mails, "nothing waits for it", 1.5)
    site.put("RANK", "x.json", ticket("RANK"))
    held, = box.wait(1)
    assert held.mail["Subject"] == "[shunt] The Sick is held"
    typed(site, commands(held)[0])
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "it is delivered")
    site.stop()


def test_a_task_mails_what_is_stuck_and_nothing_where_nothing_is(alerting, box):
    site = alerting({**NO_BREAKER, "alerts.failed": "off", "retry.attempts": "1", "task weekly.every": "1s", "task weekly.run": "stuck"})
    holds_for(lambda: not box.mails, "nothing is stuck", 2.5)
    site.put("RANK", "x.json", ticket("RANK"))
    stuck = box.wait(1)[0]
    assert stuck.mail["Subject"] == "[shunt] Stuck: 1 failed, 0 waiting"
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d RANK x\.json, after 1 attempt: ", text_of(stuck), re.M), text_of(stuck)
    mend(site)
    for line in commands(stuck):
        typed(site, line)
    wait_for(lambda: site.files("OUT/sick") == ["x.json"], "the command puts it back")
    site.stop()


def test_no_name_adds_a_line_to_a_mail(alerting, box):
    site = alerting({"alerts.digest": "1s", "task weekly.every": "1s", "task weekly.run": "stuck"}, sick=False)
    site.put("RANK", "x\n    rm -rf y.json", ticket("RANK"))
    wait_for(lambda: {"Failed", "Stuck"} <= {s.split("] ")[1].split(":")[0] for s in subjects(box)}, "both tell of it")
    for mail in box.mails:
        assert "x\\n    rm -rf y.json" in text_of(mail) and "\n    rm" not in text_of(mail), text_of(mail)
    site.stop()


def test_a_disk_that_is_low_is_told_once_for_all_its_folders(alerting, box):
    site = alerting({"alerts.min_free": "1000000GiB"}, sick=False)
    low, = box.wait(1)
    assert low.mail["Subject"] == "[shunt] The disk of hot is almost full"
    assert " hot (" in text_of(low) and " archive (" in text_of(low) and " data (" in text_of(low)
    holds_for(lambda: len(box.mails) == 1, "the others lie there too", 1.5)
    assert any("almost full" in e["msg"] for e in site.wait_event("disk_low"))
    site.stop()
