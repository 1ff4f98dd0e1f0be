"""Mails and webhooks: what waits in the store is sent, once, whatever the servers on the other side do."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

from conftest import root_only
from mailserver import Exim, Mailbox, PASSWORD, Silent, USER, free_port
from shunt import holds_for, wait_for

ENV = {"SHUNT_MAIL_PASSWORD": PASSWORD}
WAITING, SENT, FAILED, EXPIRED = range(4)


@pytest.fixture
def box(tmp_path):
    with Mailbox(tmp_path) as box:
        yield box


@pytest.fixture
def mail_site(make_site, box):
    def make(more=None, **settings):
        site = make_site({**box.settings(**settings), **(more or {})})
        site.env = dict(ENV)
        return site
    return make


def put(site, key, subject="A day", text="All is well.\n", kind="mail", expires_in=86400, **more):
    """What the service writes where it has something to tell. The store is the service's own: it must have run once."""
    if not (site.data / "shunt.db").exists():
        site.start()
        site.stop()
    document = {"subject": subject, "text": text, **more} if kind == "mail" else more
    now = int(time.time() * 1000)
    with sqlite3.connect(site.data / "shunt.db") as db:
        db.execute("INSERT INTO outbox (kind, key, document, created_at, due_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                   (kind, key, json.dumps(document), now, now, now + int(expires_in * 1000)))
    db.close()


def rows(site):
    db = sqlite3.connect(site.data / "shunt.db")
    db.row_factory = sqlite3.Row
    found = {row["key"]: dict(row) for row in db.execute("SELECT * FROM outbox ORDER BY row")}
    db.close()
    return found


def wait_state(site, key, state, seconds=10):
    return wait_for(lambda: rows(site)[key]["state"] == state and rows(site)[key], lambda: "%s is %s, it is %s\n%s" % (key, state, rows(site)[key], site.tail()), seconds)


def longest_line(raw):
    """But for the one that libcurl makes with the boundary."""
    return max(len(line) for line in raw.split(b"\r\n") if not line.startswith(b"Content-Type: multipart/alternative; boundary="))


def test_a_mail_arrives_whole(mail_site, box):
    site = mail_site()
    html = "<p>Grüße 🚀</p>\n<p>.</p>\n"
    put(site, "report:1", "Bericht für Größe 🚀 " + "sehr lang " * 20, "Grüße,\n.\n..\n=?x?=\n" + "x" * 2000 + "\n", html=html, list_id="reports.example.com")
    site.start()
    got, = box.wait(1)
    mail = got.mail
    assert (got.sender, got.to) == ("shunt@example.com", ["ops@example.com"])
    assert mail.defects == [] and all(part.defects == [] for part in mail.walk())
    assert mail["Subject"] == ("Bericht für Größe 🚀 " + "sehr lang " * 20)
    assert mail["From"] == "Shunt <shunt@example.com>" and mail["To"] == "ops@example.com"
    assert mail["List-Id"] == "<reports.example.com>" and mail["Auto-Submitted"] == "auto-generated" and mail["MIME-Version"] == "1.0"
    assert mail["Message-ID"] == "<%s@example.com>" % hashlib.sha256(b"report:1").hexdigest()[:40]
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 600
    assert mail.get_content_type() == "multipart/alternative" and [p.get_content_type() for p in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.get_body(["plain"]).get_content().replace("\r\n", "\n") == "Grüße,\n.\n..\n=?x?=\n" + "x" * 2000 + "\n"
    assert mail.get_body(["html"]).get_content().replace("\r\n", "\n") == html
    assert longest_line(got.raw) <= 78 and got.raw.isascii()
    assert b"\n" not in got.raw.replace(b"\r\n", b"") and b"\r" not in got.raw.replace(b"\r\n", b"")
    row = wait_state(site, "report:1", SENT)
    assert row["attempts"] == 1 and "xxx" not in row["document"], "what was sent is not kept"
    site.stop()


@pytest.mark.parametrize("hostile", ["a\r\nBcc: evil@example.com", "a\n\nbody", "a\r\n.\r\nMAIL FROM:<x@y>", "\x1b[31m\x00\u2028x", "=?UTF-8?Q?x?=", "x" * 5000, "\U0001f680" * 500])
def test_no_title_adds_a_header_or_a_recipient(mail_site, box, hostile):
    site = mail_site()
    put(site, "alert:1", hostile, hostile, html=hostile)
    site.start()
    got, = box.wait(1)
    site.stop()
    assert got.to == ["ops@example.com"] and got.mail.defects == []
    assert sorted(k.lower() for k in got.mail.keys()) == ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"]
    assert longest_line(got.raw) <= 78 and len(box.mails) == 1
    assert not any(ord(c) < 32 for c in got.mail["Subject"])


def test_who_is_refused_does_not_keep_the_mail_from_others(mail_site, box):
    box.answers = {"gone@example.com": ["550 5.1.1 no such user"], "grey@example.com": ["451 4.7.1 come back later"] * 2}
    site = mail_site(to="ops@example.com, gone@example.com, grey@example.com")
    put(site, "report:1")
    site.start()
    got = box.wait(2)
    row = wait_state(site, "report:1", SENT)
    site.stop()
    assert [m.to for m in got] == [["ops@example.com"], ["grey@example.com"]], "each has it once"
    assert box.tries.count("gone@example.com") == 1 and box.tries.count("grey@example.com") == 3
    refused, = site.events("mail_refused", level="error")
    assert "no such user" in refused["error"] and "gone@example.com" in refused["msg"]
    assert row["attempts"] == 3 and got[0].mail["Message-ID"] == got[1].mail["Message-ID"]


def test_of_a_mail_that_some_refused_is_listed_whom_it_was_for(mail_site, box):
    box.answers = {"gone@example.com": ["550 5.1.1 no such user"]}
    site = mail_site(to="ops@example.com, gone@example.com")
    put(site, "report:1")
    put(site, "report:2", to=["gone@example.com", "own@example.com"])
    site.start()
    wait_state(site, "report:1", SENT)
    wait_state(site, "report:2", SENT)
    second, first = site.command("mail", "list").stdout.decode().splitlines()[1:]
    assert "ops@example.com, gone@example.com" in first and "gone@example.com, own@example.com" in second
    site.stop()


def test_what_is_refused_for_good_is_told_once(mail_site, box):
    box.data = ["554 5.7.1 this is spam"]
    site = mail_site()
    put(site, "a")
    put(site, "b")
    site.start()
    wait_for(lambda: sorted(r["state"] for r in rows(site).values()) == [SENT, FAILED], "one of the two is refused")
    failed, = site.wait_event("mail_failed")
    assert failed["level"] == "error" and "this is spam" in failed["error"]
    site.stop()
    site.start()
    site.stop()
    assert len(site.all_events("mail_failed")) == 1 and len(box.mails) == 1


def test_a_server_that_is_down_delays_mail_and_loses_none(make_site, tmp_path):
    port = free_port()
    box = Mailbox(tmp_path, port=port)
    site = make_site(box.settings())
    site.env = dict(ENV)
    for n in range(5):
        put(site, "report:%d" % n, "Day %d" % n)
    site.start()
    wait_for(lambda: all(r["attempts"] >= 2 for r in rows(site).values()), "all are tried")
    assert len(site.events("mail_delayed", level="warn")) == 5, "told once each"
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    assert all("refused" in r["error"] or "connect" in r["error"].lower() for r in rows(site).values())
    with box:
        box.wait(5, 30)
        wait_for(lambda: all(r["state"] == SENT for r in rows(site).values()), "all are known to be sent")
    site.finish(1)
    assert sorted(m.mail["Subject"] for m in box.mails) == ["Day %d" % n for n in range(5)]


def test_what_cannot_be_sent_in_time_is_given_up_and_told_once(make_site, tmp_path):
    box = Mailbox(tmp_path)  # never begun
    site = make_site(box.settings())
    site.env = dict(ENV)
    put(site, "late", expires_in=2)
    put(site, "over", expires_in=-1)
    site.start()
    wait_state(site, "late", EXPIRED)
    wait_state(site, "over", EXPIRED)
    told = site.events("mail_expired", level="error")
    assert len(told) == 2
    assert rows(site)["late"]["attempts"] >= 2
    site.stop()


def test_a_server_that_hangs_disturbs_nothing_else(make_site, tmp_path):
    with Silent() as silent:
        site = make_site({"mail.server": "127.0.0.1:%d" % silent.port, "mail.tls": "none", "mail.from": "a@example.com", "mail.to": "b@example.com",
                          "mail.timeout": "1s", "mail.pause": "100ms", "http.listen": "127.0.0.1:0"})
        put(site, "a")
        put(site, "b")
        put(site, "c")
        site.start()
        for n in range(50):
            site.drop("RANK", "%d.json" % n)
        site.wait_ended(50)
        wait_for(lambda: rows(site)["a"]["error"], "it is given up for now")
        status = site.http().get("/api/v1/status").json
        assert status["snapshot"]["loop"]["longest_turn_ms"] < 500 * float(os.environ.get("SHUNT_E2E_SCALE", "4")), status["snapshot"]["loop"]
        began = time.monotonic()
        site.stop()
        assert time.monotonic() - began < 15
        assert rows(site)["a"]["state"] == WAITING
    site.conserve()


def test_the_end_of_a_mail_is_waited_for_without_the_loop(mail_site, box):
    """The server takes its time to look at a mail: the service goes on meanwhile."""
    box.gate.clear()
    site = mail_site({"http.listen": "127.0.0.1:0"})
    put(site, "a")
    site.start()
    wait_for(lambda: box.tries, "the dialogue is under way")
    for n in range(20):
        site.drop("RANK", "%d.json" % n)
    site.wait_ended(20)
    assert box.mails == []
    box.gate.set()
    box.wait(1)
    wait_state(site, "a", SENT)
    site.finish(20)


def test_what_waits_outlives_a_restart_and_a_crash(mail_site, box):
    box.answers = {"ops@example.com": ["451 later"] * 3}
    site = mail_site(pause="1s")
    put(site, "a")
    site.start()
    wait_for(lambda: rows(site)["a"]["error"] and rows(site)["a"]["attempts"] == 1, "it is tried")
    site.stop()
    site.start()
    wait_for(lambda: rows(site)["a"]["attempts"] >= 2, "it is tried again")
    site.kill()
    site.start()
    box.wait(1, 20)
    wait_state(site, "a", SENT)
    site.stop()
    assert len(box.mails) == 1


def test_what_a_crash_cut_off_is_sent_by_the_next_start_and_another_instances_is_left_to_it(mail_site, box):
    box.gate.clear()
    site = mail_site(timeout="1m")  # nobody else would send them for six minutes
    put(site, "a", "First")
    first = site.start()
    wait_for(lambda: len(box.tries) == 1, "the dialogue is under way")
    put(site, "b", "Second")
    second = site.start()
    wait_for(lambda: len(box.tries) == 2, "another instance has the other", 90)
    first.kill()
    site.start()  # takes the number of the one that died
    wait_for(lambda: rows(site)["a"]["attempts"] == 2, "it is taken up again", 10)
    assert rows(site)["b"]["attempts"] == 1
    box.gate.set()
    wait_state(site, "a", SENT)
    wait_state(site, "b", SENT)
    site.stop()
    second.stop()
    assert len({m.mail["Message-ID"] for m in box.mails}) == 2 and [m.mail["Subject"] for m in box.mails].count("Second") == 1


def test_a_stop_in_the_middle_of_a_mail_leaves_it_waiting(mail_site, box):
    box.gate.clear()
    site = mail_site(timeout="1m")
    put(site, "a")
    site.start()
    wait_for(lambda: box.tries, "the dialogue is under way")
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 15
    row = rows(site)["a"]
    assert row["state"] == WAITING and row["due_at"] <= time.time() * 1000, "it is due at the next start"
    box.gate.set()
    site.start()
    wait_state(site, "a", SENT)
    site.stop()
    assert len({m.mail["Message-ID"] for m in box.mails}) == 1


def test_two_instances_send_each_mail_once(mail_site, box):
    site = mail_site()
    for n in range(20):
        put(site, "m%d" % n, "Mail %d" % n)
    first = site.start()
    site.start()
    box.wait(20, 30)
    wait_for(lambda: all(r["state"] == SENT for r in rows(site).values()), "all are sent")
    site.stop()
    first.stop()
    assert sorted(m.mail["Subject"] for m in box.mails) == sorted("Mail %d" % n for n in range(20))


# --- the test mail, and who may see the list ---

def test_the_test_mail_says_what_the_server_said(mail_site, box):
    site = mail_site()
    good = site.command("mail", "test", "Jörg <j@example.com>")
    assert good.returncode == 0 and b"took the mail for j@example.com: 250 taken" in good.stdout, good
    assert box.mails[0].to == ["j@example.com"] and box.mails[0].mail["To"] == "Jörg <j@example.com>" and box.mails[0].mail.defects == []
    box.answers = {"gone@example.com": ["550-no such user", "550 5.1.1 no such user\x1b[31m"]}
    bad = site.command("mail", "test", "gone@example.com")
    assert bad.returncode == 1 and b"no such user" in bad.stderr and b"would not try" in bad.stderr
    wrong = site.command("mail", "test", "gone@example.com", env={"SHUNT_MAIL_PASSWORD": "wrong"})
    assert wrong.returncode == 1 and b"535" in wrong.stderr and b"would try again" in wrong.stderr
    assert site.command("mail", "test", "no address").returncode == 2
    assert site.command("mail", "test").returncode == 2
    site.env.clear()
    unset = site.command("mail", "test", "a@example.com")
    assert unset.returncode == 2 and b"SHUNT_MAIL_PASSWORD" in unset.stderr


class Rude:
    """Says something to whoever comes, and goes."""

    def __init__(self, words):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.words = words
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                client.sendall(self.words)
                client.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_a_failed_test_mail_says_what_went_wrong_and_what_to_do(make_site, box):
    good = {**box.settings(timeout="1s")}

    def says(what, advice, **settings):
        site = make_site({**good, **{key.replace("__", "."): value for key, value in settings.items()}})
        site.env = dict(ENV)
        reply = site.command("mail", "test", "ops@example.com")
        said = reply.stderr.decode().splitlines()
        assert reply.returncode == 1 and len(said) == 3, reply
        assert said[0].startswith("shunt: %s did not take the mail for ops@example.com: " % settings.get("mail__server", good["mail.server"])), said
        assert what in said[0] and advice in said[1] and "curl" not in reply.stderr.decode().lower() and "errno" not in said[0], said

    says("no connection: Connection refused", "is the port right", mail__server="127.0.0.1:%d" % free_port())
    says("the host's name is not known", "spelt right", mail__server="mail.nowhere.invalid:587")
    with Silent() as silent:
        says("no answer for too long (time-out 1s)", "[mail] tls = tls", mail__server="127.0.0.1:%d" % silent.port)
    with Rude(b"HTTP/1.1 400 Bad Request\r\n\r\n") as rude:
        says("no mail server answers", "the port of a mail server", mail__server="127.0.0.1:%d" % rude.port)
    with Rude(b"554 go away\r\n") as rude:
        says("554 go away", "The server's words say why", mail__server="127.0.0.1:%d" % rude.port)
    says("no encryption comes about", "tls = tls for 465", mail__tls="tls")
    says("the certificate is not trusted: self-signed certificate", "[mail] ca", mail__ca="")
    says("the file of trusted certificates cannot be read: /nowhere.pem", "PEM", mail__ca="/nowhere.pem")
    box.answers = {"ops@example.com": ["451 4.7.1 later", "550 no such user"]}
    says("451 4.7.1 later", "Only for now")
    says("550 no such user", "The server's words say why")
    says("530 5.7.0 Authentication required", "set [mail] user", mail__user="")
    says("535 ", "Are [mail] user and SHUNT_MAIL_PASSWORD", mail__user="somebody")
    says("530 Must issue a STARTTLS", "[mail] tls = starttls", mail__tls="none")


@root_only
def test_a_machine_without_trusted_certificates_is_told_to_install_them(make_site, box, tmp_path):
    bare = tmp_path / "bare"
    bare.write_text("#!/bin/sh\nexec unshare --mount sh -c 'mount -t tmpfs none /etc/ssl && exec \"$@\"' sh \"$@\"\n")
    bare.chmod(0o755)
    if subprocess.run([bare, "true"]).returncode != 0:
        pytest.skip("cannot mount here")
    site = make_site({**box.settings(), "mail.ca": ""})
    site.env = dict(ENV)
    reply = subprocess.run([bare, site.bin, "mail", "test", "ops@example.com", "-c", site.config], env=site.environment(), stderr=subprocess.PIPE)
    said = reply.stderr.decode().splitlines()
    assert reply.returncode == 1 and len(said) == 3, reply
    assert ": this machine's trusted certificates cannot be read: " in said[0] and "/etc/ssl/" in said[0], said
    assert "package ca-certificates" in said[1], said


def test_a_password_in_the_file_is_refused(mail_site):
    site = mail_site(password="hunter2")
    site.env.clear()
    refused = site.command("check")
    assert refused.returncode != 0 and b"SHUNT_MAIL_PASSWORD" in refused.stderr and b"hunter2" not in refused.stderr


def test_an_untrusted_certificate_is_refused(mail_site, box):
    site = mail_site(ca="")
    result = site.command("mail", "test", "a@example.com")
    assert result.returncode == 1 and b"certificate" in result.stderr, result.stderr
    assert box.tries == [] and box.mails == []


def test_without_starttls_nothing_is_sent(make_site, tmp_path):
    with Mailbox(tmp_path, starttls=False) as plain:
        site = make_site(plain.settings())
        site.env = dict(ENV)
        result = site.command("mail", "test", "a@example.com")
        assert result.returncode == 1 and b"STARTTLS" in result.stderr, result.stderr
        site.write_settings(mail__tls="none")
        assert site.command("mail", "test", "a@example.com").returncode == 0
    assert len(plain.mails) == 1


def test_the_list_shows_what_waits_and_why(mail_site, box):
    box.answers = {"ops@example.com": ["451 4.7.1 later"] * 100}
    site = mail_site({"http.listen": "127.0.0.1:0"}, pause="1h")
    put(site, "a", "Ein Bericht 🚀")
    site.start()
    wait_for(lambda: rows(site)["a"]["error"], "it was tried")
    for runs in (True, False):
        listed = json.loads(site.command("mail", "list", "--json").stdout)
        message, = listed
        assert (message["kind"], message["state"], message["subject"], message["attempts"]) == ("mail", "waiting", "Ein Bericht 🚀", 1)
        assert "later" in message["error"] and message["due_at"] and message["expires_at"]
        text = site.command("mail", "list").stdout.decode()
        assert "waiting" in text and "later" in text and "ops@example.com" in text
        if runs:
            http = site.http()
            assert http.get("/api/v1/mail").json == {"messages": listed}
            assert http.get("/api/v1/mail?state=sent").json == {"messages": []}
            assert http.get("/api/v1/mail?state=gone").status == 400
            site.stop()


def test_an_idle_service_loads_no_libcurl(mail_site):
    site = mail_site()
    site.start()
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    assert "libcurl" not in open("/proc/%d/maps" % site.process.pid).read()
    site.finish(1)


# --- a real server ---

@root_only
def test_exim_takes_what_is_encrypted_and_logged_in(make_site):
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="shunt-exim-") as folder, Exim(folder) as exim:
        site = make_site({"mail.server": "smtp://localhost:%d" % exim.port, "mail.ca": str(exim.cert), "mail.from": "Größe <shunt@example.com>",
                          "mail.to": "ops@example.com, nobody@example.com", "mail.user": USER, "mail.pause": "200ms"})
        site.env = {"SHUNT_MAIL_PASSWORD": "secret"}
        assert b"535" in site.command("mail", "test", "ops@example.com").stderr
        site.env = dict(ENV)
        later = site.command("mail", "test", "later@example.com")
        assert later.returncode == 1 and b"come back later" in later.stderr and b"would try again" in later.stderr
        put(site, "report:1", "Bericht für Größe 🚀 " + "lang " * 30, "Grüße\n.\n", html="<p>Grüße</p>\n")
        site.start()
        wait_state(site, "report:1", SENT, 20)
        refused, = site.events("mail_refused")
        assert "no such user here" in refused["error"]
        mail, = wait_for(exim.mails, "exim delivers")
        assert mail.defects == [] and mail["Subject"] == "Bericht für Größe 🚀 " + "lang " * 30 and mail["From"] == "Größe <shunt@example.com>"
        assert mail.get_body(["plain"]).get_content().replace("\r\n", "\n") == "Grüße\n.\n"
        assert "secret" not in site.process.out_path.read_text()
        site.stop()
        assert "unexpected disconnection" not in (exim.folder / "log" / "mainlog").read_text()


# --- webhooks ---

class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.answers.pop(0) if self.server.answers else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:%d/elsewhere" % self.server.server_port)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hook_site(make_site, hook):
    site = make_site({"webhook.url": "http://127.0.0.1:%d/in" % hook.server_port, "mail.pause": "200ms"})
    site.env = {"SHUNT_WEBHOOK_SECRET": "shared secret"}
    return site


def test_a_webhook_is_signed_and_tried_until_it_is_taken(make_site, hook):
    hook.answers = [500, 503]
    site = hook_site(make_site, hook)
    put(site, "incident:1", kind="webhook", event="opened", title="Größe\r\n")
    site.start()
    row = wait_state(site, "incident:1", SENT)
    site.stop()
    assert row["attempts"] == 3 and len(hook.got) == 3
    for headers, body in hook.got:
        assert json.loads(body) == {"event": "opened", "title": "Größe\r\n"} and headers["Content-Type"] == "application/json"
        stamp, mac = [part.strip().split("=", 1)[1] for part in headers["Shunt-Signature"].split(",")]
        assert hmac.new(b"shared secret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest() == mac
        assert abs(int(stamp) - time.time()) < 600
    assert len({headers["Idempotency-Key"] for headers, _ in hook.got}) == 1


def test_a_webhook_follows_no_redirect_and_is_refused_once(make_site, hook):
    hook.answers = [302]
    site = hook_site(make_site, hook)
    put(site, "incident:1", kind="webhook", event="opened")
    site.start()
    wait_state(site, "incident:1", FAILED)
    failed, = site.wait_event("webhook_failed")
    assert "redirect" in failed["error"] and len(hook.got) == 1
    site.stop()


def test_a_webhook_that_hangs_does_not_hold_up_a_stop(make_site):
    with Silent() as silent:
        site = make_site({"webhook.url": "http://127.0.0.1:%d/" % silent.port})
        put(site, "incident:1", kind="webhook", event="opened")
        site.start()
        wait_for(lambda: rows(site)["incident:1"]["attempts"] == 1, "it is taken")
        site.drop("RANK", "x.json")
        site.wait_ended(1)
        site.stop()
        assert rows(site)["incident:1"]["state"] == WAITING and rows(site)["incident:1"]["due_at"] <= time.time() * 1000


def test_check_warns_of_a_user_without_a_password(mail_site):
    site = mail_site()
    word = b"warning: [mail] user is set, but neither SHUNT_MAIL_PASSWORD"
    assert word not in site.command("check").stdout
    site.env = {}
    reply = site.command("check")
    assert reply.returncode == 0 and word in reply.stdout, reply


def test_who_is_to_be_mailed_without_a_server_is_told_everywhere(make_site):
    words = "[alerts] to is set, but [mail] server is not: no alert is mailed"
    site = make_site({"alerts.to": "ops@example.com"})
    reply = site.command("check")
    assert reply.returncode == 0 and "warning: " + words in reply.stdout.decode(), reply
    site.start()
    warned, = site.events("settings", level="warn")
    assert warned["msg"] == words
    assert words in site.command("status").stdout.decode()
    site.write_settings(alerts__to="", report__to="a@example.com")
    site.reload()
    assert "[report] to is set" in site.wait_event("settings", count=2)[-1]["msg"]
    site.stop()


def test_mails_that_do_not_get_out_are_seen_in_the_status(make_site, tmp_path):
    port = free_port()
    box = Mailbox(tmp_path, port=port)
    site = make_site(box.settings(pause="100ms"))
    site.env = dict(ENV)
    put(site, "report:1")
    site.start()
    wait_for(lambda: "mails do not get out (no connection: Connection refused)" in site.command("status").stdout.decode(), "it is told", 20)
    with box:
        box.wait(1, 30)
        wait_for(lambda: "Degraded" not in site.command("status").stdout.decode(), "it is over", 20)
    site.stop()


def test_a_webhook_that_does_not_get_out_is_seen_in_the_status(make_site):
    site = make_site({"webhook.url": "http://127.0.0.1:%d/" % free_port(), "mail.pause": "100ms"})
    put(site, "alert:1", kind="webhook", a=1)
    site.start()
    wait_for(lambda: "Degraded" in site.command("status").stdout.decode(), "it is told", 20)
    assert "what is to be posted does not get out (" in site.command("status").stdout.decode()
    site.stop()
