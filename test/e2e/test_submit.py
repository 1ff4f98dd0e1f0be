"""Files and jobs are sent over HTTP, as a web developer does it."""
import json
import os
import random
import subprocess
import threading
import time

import pytest

from control import ask
from shunt import holds_for, ticket, wait_for


class Sender:
    """The calls, over the control socket."""

    def __init__(self, site):
        self.site, self.path = site, site.data / "shunt.sock"

    def curl(self, target, *args):
        """-> (status, headers in small letters, body as JSON)"""
        said = subprocess.run(["curl", "--silent", "--include", "--unix-socket", str(self.path), "--header", "Expect:", *map(str, args),
                               "http://shunt" + target], stdout=subprocess.PIPE, timeout=120)
        assert said.returncode == 0, said
        head, _, body = said.stdout.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {key.lower(): value.strip() for key, value in (line.split(":", 1) for line in lines[1:])}
        return int(lines[0].split()[1]), headers, json.loads(body) if body else None

    def get(self, target):
        reply = ask(self.path, "GET", target)
        assert reply.status == 200, reply
        return reply.json

    def upload(self, client, name, data, status=201):
        reply = ask(self.path, "POST", "/upload/%s%s" % (client, "" if name is None else "?name=" + name), data)
        assert reply.status == status, reply
        return reply.json


@pytest.fixture
def sender(site):
    site.folder("RANK")
    return Sender(site)


def put_aside(site, name, data):
    path = site.staging / name
    path.write_bytes(data)
    return path


# --- files ---

def test_a_file_that_is_sent_is_delivered(site, sender):
    data = ticket("RANK")
    site.expect("RANK", "a.json", data)
    assert sender.upload("RANK", "a.json", data) == {"file": "a.json", "client": "RANK"}
    site.finish()


def test_curl_sends_a_form(site, sender):
    data = ticket("RANK")
    site.expect("RANK", "b c.json", data)
    path = put_aside(site, "b c.json", data)
    status, _, body = sender.curl("/upload/RANK", "-F", "file=@%s" % path)
    assert status == 201 and body["file"] == "b c.json", body
    site.wait_ended()
    site.expect("RANK", "other.json", data)
    status, _, body = sender.curl("/upload/RANK?name=other.json", "-F", "file=@%s" % path)
    assert status == 201 and body["file"] == "other.json", body
    status, headers, body = sender.curl("/upload/RANK", "-F", "file=@%s" % path, "-F", "more=1")
    assert status == 400 and headers["content-type"] == "application/problem+json", body
    site.finish()


def test_a_name_that_is_taken_is_not_replaced(make_site):
    site = make_site({"intake.tickets": "*.json"})
    site.start()
    sender = Sender(site)
    (site.folder("RANK") / "a.json").mkdir()
    assert "taken" in sender.upload("RANK", "a.json", b"{}", 409)["detail"]
    assert os.listdir(site.folder("RANK")) == ["a.json"]


@pytest.mark.parametrize("client, name, status", [
    ("NOBODY", "a.json", 404), ("..", "a.json", 400), ("%2e%2e", "a.json", 400), ("RANK%2Fx", "a.json", 422), (".hidden", "a.json", 422),
    ("RANK", "..%2Fa.json", 422), ("RANK", ".a.json", 422), ("RANK", "a.txt", 422), ("RANK", "a.json.tmp", 422), ("RANK", "a%0A.json", 422),
    ("RANK", "a" * 252 + ".json", 422), ("RANK", None, 400), ("LINK", "a.json", 404)])
def test_hostile_names_are_refused_and_nothing_is_written(site, sender, client, name, status):
    (site.hot / "LINK").symlink_to(site.staging)
    before = sorted(p for p in site.data.rglob("*") if "LOGS" not in str(p) and "shunt.db" not in str(p))
    reply = ask(sender.path, "POST", "/upload/%s%s" % (client, "" if name is None else "?name=" + name), ticket("RANK"))
    assert 400 <= reply.status < 500, reply
    if client not in ("..", "%2e%2e"):
        assert reply.status == status, reply
    assert sorted(p for p in site.data.rglob("*") if "LOGS" not in str(p) and "shunt.db" not in str(p)) == before


def test_a_body_above_the_limit_is_refused(make_site):
    site = make_site({"http.max_upload": "4KiB"})
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    data = ticket("RANK", title="x" * 3000)
    site.expect("RANK", "a.json", data)
    sender.upload("RANK", "a.json", data)
    status, _, _ = sender.curl("/upload/RANK?name=b.json", "--data-binary", "@%s" % put_aside(site, "b", b"x" * 4097))
    assert status == 413
    assert sender.upload("RANK", "c.json", b"", 400)["detail"] == "the file is empty"
    site.finish()


# --- limits ---

@pytest.mark.parametrize("settings, word", [({"http.max_memory_percent": "1"}, "memory"), ({"http.min_free": "1000000GiB"}, "disk")])
def test_what_is_beyond_a_limit_is_refused_for_a_while(make_site, settings, word):
    site = make_site(settings)
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    status, headers, body = sender.curl("/upload/RANK?name=a.json", "--data-binary", "@%s" % put_aside(site, "a", ticket("RANK")))
    assert status == 503 and int(headers["retry-after"]) > 0 and body["detail"].startswith(word), (headers, body)
    assert os.listdir(site.folder("RANK")) == []
