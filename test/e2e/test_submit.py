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


# --- jobs ---

def job(name="J-1", client="RANK", ticket_=None, **more):
    return dict({"job_id": name, "username": "alice", "campaign": "Spring", "ticket": json.loads(ticket_ or ticket(client))}, **more)


def send(sender, body, status=202, key=None, target="/process-job"):
    path = put_aside(sender.site, "body-%d" % random.getrandbits(64), body if isinstance(body, bytes) else json.dumps(body).encode())
    args = ["--data-binary", "@%s" % path] + (["--header", "Idempotency-Key: " + key] if key else [])
    got, headers, answer = sender.curl(target, *args)
    assert got == status, (got, headers, answer)
    return answer


def test_a_job_that_is_sent_is_delivered_as_it_was_written(site, sender):
    raw = b'{"JobSpecification": {"JobDetails": {"ClientCode":"RANK","JobCategory":"X", "n": 1.10, "e": "\\u00e9"}}}'
    body = b' {"job_id": "J-1", "username": "alice", "campaign": "Spring", "row_id": 7,\n "ticket": ' + raw + b' , "name": "x.json"}\n'
    site.expect("RANK", "x.json", raw, "X")
    answer = send(sender, body)
    assert answer["status"] == "pending" and answer["client"] == "RANK" and answer["file"] == "x.json"
    site.wait_ended()
    assert site.events("processed", file="x.json")[0]["job"] == answer["task_id"]
    site.finish()
    assert os.listdir(site.data / "scheduled") == []


def test_the_same_key_is_the_same_job(site, sender):
    data = job()
    first = send(sender, data, key="k1")
    again = send(sender, data, 200, key="k1")
    assert again["task_id"] == first["task_id"]
    assert "another body" in send(sender, job(campaign="Autumn"), 422, key="k1")["detail"]
    other = send(sender, job("J-2"), key="k2")
    assert other["task_id"] != first["task_id"]
    site.wait_ended(2)
    answer = send(sender, data, 200, key="k1")
    assert answer["task_id"] == first["task_id"] and answer["status"] == "completed"
    assert site.count_ended() == 2
    site.stop()
    site.start()
    assert send(sender, data, 200, key="k1")["task_id"] == first["task_id"]
    assert send(sender, job(campaign="Autumn"), 422, key="k1")
    assert site.count_ended() == 2


def test_many_at_once_with_one_key_are_one_job(site, sender):
    answers = []

    def one():
        reply = ask_with(sender, job(), "same")
        answers.append(reply)
    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a[0] for a in answers} <= {200, 202, 409}, answers
    assert len([a for a in answers if a[0] == 202]) == 1, answers
    assert len({a[2]["task_id"] for a in answers if a[0] < 300}) == 1
    site.wait_ended(1)
    assert site.count_ended() == 1


def ask_with(sender, body, key):
    path = put_aside(sender.site, "body-%d" % random.getrandbits(64), json.dumps(body).encode())
    return sender.curl("/process-job", "--data-binary", "@%s" % path, "--header", "Idempotency-Key: " + key)


@pytest.mark.parametrize("change, status, word", [
    ({"ticket": None}, 422, "ticket"), ({"job_id": None}, 422, "job_id"), ({"username": 3}, 422, "username"), ({"campaign": ""}, 422, "campaign"),
    ({"client": "NOBODY"}, 404, "NOBODY"), ({"client": ".."}, 422, "client"), ({"client": "RANK/../RANK"}, 422, "client"), ({"name": "../x.json"}, 422, "name"),
    ({"name": ".x.json"}, 422, "name"), ({"name": "x.txt"}, 422, "name"), ({"job_id": "a/b"}, 422, "name"), ({"job_id": "a\nb"}, 422, "job_id"),
    ({"run_at": "tomorrow"}, 422, "run_at"), ({"run_at": "2h"}, 422, "run_at"), ({"priority": "high"}, 422, "priority"), ({"colour": 1}, 422, "colour"),
    ({"ticket": {"a": 1}}, 422, "ClientCode"), ({"job_id": "x" * 300}, 422, "job_id"), ({"job_id": "x" * 252}, 422, "name")])
def test_what_is_no_job_is_refused(site, sender, change, status, word):
    body = job()
    for key, value in change.items():
        body[key] = value
        if value is None:
            del body[key]
    assert word in send(sender, body, status)["detail"]
    assert os.listdir(site.data / "scheduled") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b"\xff", b'{"job_id":"a","job_id":"b"}', b"[" * 100000, b'"' + b"x" * 1000])
def test_what_is_no_json_is_refused(site, sender, body):
    send(sender, body, 400)


def test_a_job_waits_while_one_of_its_name_is_in_hand(site, sender):
    ask(sender.path, "POST", "/api/v1/destinations/monday-rank/hold")
    first = send(sender, job(ticket_=ticket("RANK", title="1")))
    wait_for(lambda: sender.get("/api/v1/jobs/" + first["task_id"])["status"] == "pending", "it waits")
    second = send(sender, job(ticket_=ticket("RANK", title="2")))
    ask(sender.path, "POST", "/api/v1/destinations/monday-rank/release")
    site.wait_ended(2)
    assert {e["job"] for e in site.events("processed")} == {first["task_id"], second["task_id"]}


@pytest.mark.parametrize("seed", range(6))
def test_a_job_survives_a_kill_right_after_the_answer(site, sender, seed):
    rng = random.Random(seed)
    ids = {}
    for n in range(5):
        name = "k%d-%d.json" % (seed, n)
        data = json.dumps(json.loads(ticket("RANK", title=name))).encode()
        site.expect("RANK", name, data)
        ids[name] = send(sender, job(name, ticket_=data, name=name), key=name)["task_id"]
        time.sleep(rng.choice([0, 0, 0.001, 0.003, 0.01, 0.03]))
        site.kill()
        site.start()
    wait_for(lambda: all(sender.get("/api/v1/jobs/" + id)["status"] == "completed" for id in ids.values()), lambda: [sender.get("/api/v1/jobs/" + i) for i in ids.values()], 20)
    assert len(sender.get("/api/v1/jobs?limit=100")["jobs"]) == 5
    for name, id in ids.items():
        assert send(sender, job(name, ticket_=json.dumps(json.loads(ticket("RANK", title=name))).encode(), name=name), 200, key=name)["task_id"] == id
    site.stop()
    site.conserve()
