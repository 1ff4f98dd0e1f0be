"""Files and jobs are sent over HTTP, as a web developer does it."""
import json
import os
import random
import subprocess
import threading
import time

import pytest

from control import ask, locked
from shunt import SCALE, holds_for, ticket, wait_for


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

def job(id="J-1", client="RANK", ticket_=None, **more):
    return dict({"job_id": id, "username": "alice", "campaign": "Spring", "ticket": json.loads(ticket_ or ticket(client))}, **more)


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
    ({"run_at": "tomorrow"}, 422, "run_at"), ({"run_at": "2h"}, 422, "run_at"), ({"priority": "urgent"}, 422, "priority"), ({"priority": 1}, 422, "priority"), ({"colour": 1}, 422, "colour"),
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


# --- status ---

def status(sender, id):
    return sender.get("/job-status/" + id)


def test_the_status_of_a_job_tells_how_far_it_is(site, sender):
    ask(sender.path, "POST", "/api/v1/destinations/monday-rank/hold")
    id = send(sender, job())["task_id"]
    wait_for(lambda: status(sender, id)["state"] == "waiting", lambda: status(sender, id))
    now = status(sender, id)
    assert now["status"] == "pending" and now["progress"] == {"done": 1, "all": 2} and now["file"] == "J-1.json" and now["error"] is None
    assert [(j["task_id"], j["state"]) for j in sender.get("/jobs/active")["jobs"]] == [(id, "waiting")]
    ask(sender.path, "POST", "/api/v1/destinations/monday-rank/release")
    wait_for(lambda: status(sender, id)["status"] == "completed", lambda: status(sender, id))
    now = status(sender, id)
    assert now["progress"] == {"done": 2, "all": 2} and now["created_at"] <= now["started_at"] <= now["completed_at"]
    wait_for(lambda: sender.get("/jobs/active") == {"jobs": [], "count": 0, "more": False}, "nothing is in hand")
    assert ask(sender.path, "GET", "/job-status/00000000-0000-8000-8000-000000000000").status == 404


def test_a_job_that_fails_says_why(site, sender):
    id = send(sender, job(ticket_=b'{"JobSpecification": {"JobDetails": {"ClientCode": "RANK"}}}'))["task_id"]
    wait_for(lambda: status(sender, id)["status"] == "failed", lambda: status(sender, id))
    assert "JobCategory" in status(sender, id)["error"]


def test_a_batch_is_accepted_one_by_one(site, sender):
    answer = send(sender, [job("a"), job("b", client="NOBODY"), {"job_id": "c"}, job("d"), 7], target="/process-batch")
    assert len(answer["task_ids"]) == 2 and [r["index"] for r in answer["refused"]] == [1, 2, 4]
    assert "NOBODY" in answer["refused"][0]["why"]
    batch = "/batch-status/" + answer["batch_id"]
    assert [j["task_id"] for j in sender.get(batch)["jobs"]] == answer["task_ids"]
    wait_for(lambda: sender.get(batch)["status"] == "completed", lambda: sender.get(batch))
    assert sender.get(batch)["counts"] == {"pending": 0, "processing": 0, "completed": 2, "failed": 0, "cancelled": 0}
    assert status(sender, answer["task_ids"][0])["batch_id"] == answer["batch_id"]
    assert ask(sender.path, "GET", "/batch-status/x").status == 404
    send(sender, [], 400, target="/process-batch")
    send(sender, job(), 400, target="/process-batch")
    send(sender, [job("x")], 400)
    send(sender, [job("x%d" % n) for n in range(1001)], 400, target="/process-batch")


def test_a_batch_with_a_key_is_sent_once(site, sender):
    jobs = [job("a"), job("b")]
    first = send(sender, jobs, key="k", target="/process-batch")
    site.wait_ended(2)
    assert send(sender, jobs, 200, key="k", target="/process-batch") == first
    changed = send(sender, [job("a"), job("b", campaign="x")], key="k", target="/process-batch")
    assert changed["task_ids"] == first["task_ids"][:1] and changed["refused"][0]["index"] == 1
    assert site.count_ended() == 2


def test_a_batch_of_a_thousand(make_site, memory_base):
    site = make_site(at=memory_base)
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    for n in range(1000):
        site.expect("RANK", "n%d.json" % n, json.dumps(json.loads(ticket("RANK", title="t%d" % n))).encode())
    jobs = [job("n%d" % n, ticket_=ticket("RANK", title="t%d" % n)) for n in range(1000)]
    answer = send(sender, jobs, target="/process-batch")
    assert len(set(answer["task_ids"])) == 1000 and answer["refused"] == []
    site.wait_ended(1000, 60)
    batch = "/batch-status/" + answer["batch_id"]
    wait_for(lambda: sender.get(batch)["counts"]["completed"] == 1000, lambda: sender.get(batch)["counts"])
    site.finish(1000)


# --- later ---

def in_seconds(seconds):
    at = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + ".%03dZ" % (at % 1 * 1000)


def test_a_job_waits_for_its_time(site, sender):
    at = time.time() + 1.2
    answer = send(sender, job(run_at=in_seconds(1.2)))
    assert answer["run_at"]
    assert status(sender, answer["task_id"])["state"] == "scheduled" and status(sender, answer["task_id"])["run_at"] == answer["run_at"]
    assert sender.get("/worker-stats")["scheduled"] == 1
    wait_for(lambda: status(sender, answer["task_id"])["status"] == "completed", lambda: status(sender, answer["task_id"]))
    assert time.time() >= at - 0.01
    assert send(sender, job("past", run_at="2020-01-01T00:00:00Z"))["run_at"] is None
    site.wait_ended(2)


def test_a_job_that_waits_survives_restarts_and_kills(site, sender):
    soon, late = send(sender, job("soon", run_at=in_seconds(0.8)))["task_id"], send(sender, job("late", run_at=in_seconds(3600)), key="l")["task_id"]
    site.kill()
    time.sleep(1)
    site.start()
    wait_for(lambda: status(sender, soon)["status"] == "completed", lambda: status(sender, soon))
    site.stop()
    site.start()
    assert status(sender, late)["state"] == "scheduled" and status(sender, late)["run_at"]
    assert send(sender, job("late", run_at="x"), 422, key="l")
    assert site.count_ended() == 1


def test_a_job_that_waits_is_taken_back(site, sender):
    id = send(sender, job(run_at=in_seconds(3600)))["task_id"]
    assert ask(sender.path, "POST", "/api/v1/jobs/%s/cancel" % id).json["result"] == "cancelled"
    wait_for(lambda: status(sender, id)["status"] == "cancelled", lambda: status(sender, id))
    assert os.listdir(site.data / "scheduled") == []
    assert ask(sender.path, "POST", "/api/v1/jobs/%s/cancel" % id).status == 409
    site.kill()
    site.start()
    assert status(sender, id)["status"] == "cancelled"


# --- priority ---

ONE_BY_ONE = {"service.workers": "1", "intake.batch_size": "1", "intake.in_work_limit": "1", "delivery.concurrency": "1", "delivery.durability": "none"}


def finished(site):
    return [e["file"] for e in site.events("processed")]


def test_what_is_due_at_once_is_taken_up_by_priority(make_site):
    site = make_site(ONE_BY_ONE)
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    at = in_seconds(1.5)
    words = ["low", "normal", "high"] * 3
    send(sender, [job("%s-%d" % (word, n), run_at=at, priority=word) for n, word in enumerate(words)], target="/process-batch")
    site.wait_ended(9)
    order = [name.split("-")[0] for name in finished(site)]
    assert order == ["high"] * 3 + ["normal"] * 3 + ["low"] * 3, order
    assert send(sender, job("x", priority="low"))["priority"] == "low" and send(sender, job("y"))["priority"] == "normal"


def test_the_priority_survives_a_kill(make_site):
    site = make_site(ONE_BY_ONE)
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    due = time.time() + 2 * SCALE
    words = ["low", None, "high"] * 2
    send(sender, [job("%s-%d" % (word, n), run_at=in_seconds(2 * SCALE), priority=word) for n, word in enumerate(words)], target="/process-batch")
    site.kill()
    time.sleep(max(0, due + 0.5 - time.time()))
    site.start()
    wait_for(lambda: len(finished(site)) == 6, lambda: finished(site))
    assert [name.split("-")[0] for name in finished(site)] == ["high"] * 2 + ["None"] * 2 + ["low"] * 2


def test_a_high_one_overtakes_a_backlog_and_a_low_one_is_not_forgotten(make_site):
    site = make_site(ONE_BY_ONE)
    for n in range(3000):
        (site.folder("RANK") / ("b%d.json" % n)).write_bytes(ticket("RANK", title=str(n)))
    site.start()
    sender = Sender(site)
    wait_for(lambda: len(finished(site)) > 5, "the backlog is begun")
    send(sender, job("high", priority="high"))
    high = len(finished(site))
    send(sender, job("low", priority="low"))
    low = len(finished(site))
    assert low < 2500, "the backlog is over already"
    site.wait_ended(3002, 120)
    order = finished(site)
    assert order.index("high.json") < high + 100, (order.index("high.json"), high)
    assert order.index("low.json") < low + 200, (order.index("low.json"), low)


# --- files ---

@pytest.fixture
def filed(make_site):
    site = make_site({"http.files": "handed over", "http.max_upload": "64KiB"})
    (site.data / "handed over" / "a").mkdir(parents=True)
    site.start()
    site.folder("RANK")
    return site, Sender(site), site.data / "handed over"


def named(path, **more):
    body = job("J-1", **more)
    del body["ticket"]
    return dict(body, file=path)


def test_a_file_is_named_instead_of_the_ticket(filed):
    site, sender, folder = filed
    data = ticket("RANK", title="1.10")
    (folder / "a" / "b c.json").write_bytes(data)
    site.others.append("handed over/a/b c.json")
    site.expect("RANK", "J-1.json", data)
    answer = send(sender, named("a/b c.json"), key="k")
    assert answer["client"] == "RANK" and answer["file"] == "J-1.json"
    site.wait_ended(1)
    assert send(sender, named("a/b c.json"), 200, key="k")["task_id"] == answer["task_id"]
    (folder / "a" / "b c.json").write_bytes(ticket("RANK", title="2"))
    assert "another body" in send(sender, named("a/b c.json"), 422, key="k")["detail"]
    (folder / "a" / "b c.json").unlink()  # ours
    site.finish(1)


def test_a_file_is_safe_with_the_answer(filed):
    site, sender, folder = filed
    data = ticket("RANK")
    (folder / "x.json").write_bytes(data)
    site.expect("RANK", "J-1.json", data)
    send(sender, named("x.json", run_at=in_seconds(1)))
    (folder / "x.json").unlink()
    site.kill()
    site.start()
    site.wait_ended(1)
    site.finish(1)


def test_files_of_a_batch_are_accepted_one_by_one(filed):
    site, sender, folder = filed
    for n in range(2):
        (folder / ("%d.json" % n)).write_bytes(ticket("RANK", title=str(n)))
    (folder / "half.json").write_bytes(ticket("RANK", title="x" * 40000))
    batch = [dict(named(path), job_id="j%d" % n) for n, path in enumerate(["0.json", "none.json", "1.json", "half.json", "half.json"])]
    answer = send(sender, batch, target="/process-batch")
    assert len(answer["task_ids"]) == 3 and [r["index"] for r in answer["refused"]] == [1, 4], answer
    assert all(r["why"].startswith("file: ") for r in answer["refused"])
    site.wait_ended(3)


@pytest.mark.parametrize("path", [
    "../outside.json", "a/../../outside.json", "/etc/passwd", "a/../x.json", "./x.json", "a//x.json", "a/", "", "link.json", "away/outside.json", "a", "pipe",
    "none.json", "a/none/x.json", "x.json/y", "large.json", "broken.json", "list.json", "secret.json", "x\0.json", 3, ["x.json"]])
def test_paths_that_lead_elsewhere_are_refused(filed, path):
    site, sender, folder = filed
    outside = site.data / "outside.json"
    outside.write_bytes(ticket("RANK"))
    (folder / "x.json").write_bytes(ticket("RANK"))
    (folder / "link.json").symlink_to(outside)
    (folder / "away").symlink_to(site.data)
    os.mkfifo(folder / "pipe")
    (folder / "large.json").write_bytes(ticket("RANK", title="x" * 70000))
    (folder / "broken.json").write_bytes(b'{"a": ')
    (folder / "list.json").write_bytes(b"[]")
    (folder / "secret.json").symlink_to("/etc/hostname")
    reply = send(sender, named(path), 422)
    assert reply["detail"].startswith("file") and "passwd" not in reply["detail"] and str(site.data) not in reply["detail"], reply
    assert os.listdir(site.data / "scheduled") == []


def test_a_file_that_is_being_written_is_not_taken(filed):
    site, sender, folder = filed
    with open(folder / "x.json", "wb") as f:
        f.write(ticket("RANK"))
        f.flush()
        assert "writes it" in send(sender, named("x.json"), 409)["detail"]
    send(sender, named("x.json"))
    site.wait_ended(1)


def test_without_a_folder_for_them_files_are_refused(site, sender):
    assert "[http] files" in send(sender, named("x.json"), 422)["detail"]
    body = dict(job(), file="x.json")
    assert send(sender, body, 422)["detail"].startswith("file: ")


# --- load ---

@pytest.mark.parametrize("target", ["/process-job", "/process-batch", "/upload/RANK?name=a.json"])
def test_who_asks_before_he_sends_is_refused_at_once(make_site, target):
    site = make_site({"http.listen": "127.0.0.1:0", "http.max_memory_percent": "1"})
    site.start()
    site.folder("RANK")
    with site.http().raw() as raw:
        raw.settimeout(20)
        raw.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n" % target.encode())
        answer = raw.recv(65536)
    assert b" 503 " in answer.split(b"\r\n")[0] and b"retry-after: 30" in answer.lower() and b"memory" in answer, answer


def test_a_full_queue_refuses_jobs_for_a_while(make_site):
    site = make_site({"intake.queue_limit": "2"})
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    path = put_aside(site, "three", json.dumps([job("a"), job("b"), job("c")]).encode())
    code, headers, body = sender.curl("/process-batch", "--data-binary", "@%s" % path)
    assert code == 503 and headers["retry-after"] == "5" and body["detail"].startswith("queue"), body
    assert os.listdir(site.data / "scheduled") == []
    send(sender, [job("a"), job("b")], target="/process-batch")
    site.wait_ended(2)


@pytest.mark.parametrize("settings, word", [({"http.max_memory_percent": "1"}, "memory"), ({"http.min_free": "1000000GiB"}, "disk")])
def test_jobs_are_refused_beyond_a_limit_and_the_statistics_say_so(make_site, settings, word):
    site = make_site(settings)
    site.start()
    site.folder("RANK")
    sender = Sender(site)
    code, headers, body = sender.curl("/process-job", "--data-binary", "@%s" % put_aside(site, "j", json.dumps(job()).encode()))
    assert code == 503 and int(headers["retry-after"]) > 0 and body["detail"].startswith(word)
    said = sender.get("/memory-stats")
    assert said["accepting"] is False and said["limit"] == word and said["why"].startswith(word)


def test_the_load_is_told(site, sender):
    said = sender.get("/memory-stats")
    assert said["accepting"] is True and said["why"] == "" and said["process"]["rss_bytes"] > 1 << 20 and said["recommended_concurrency"] >= 1
    assert 0 < said["system"]["used_percent"] < 100 and said["system"]["total_bytes"] > said["system"]["available_bytes"]
    health = sender.get("/health")
    assert health["status"] == "healthy" and health["store"] == "connected" and health["timestamp"].endswith("Z")
    workers = sender.get("/worker-stats")
    assert workers["workers"]["intake"] == 4 and workers["active"] == 0 and "monday-rank" in workers["queues"]
    assert set(sender.get("/celery-stats")) == set(workers)


def test_what_waits_is_taken_over_by_the_other_instance(site, sender):
    first = site.process
    second = site.start()
    late = send(sender, job("late", run_at=in_seconds(3)))["task_id"]
    first.stop()
    other = Sender(site)
    other.path = site.data / "shunt.sock.1"
    wait_for(lambda: status(other, late)["status"] == "completed", lambda: status(other, late), 40)
    assert len(second.events("processed")) == 1 and not first.events("processed")
    assert os.listdir(site.data / "scheduled") == []


def test_two_instances_deliver_each_job_once(site, sender):
    second = site.start()
    other = Sender(site)
    other.path = site.data / "shunt.sock.1"
    ids = []
    for n in range(20):
        to = other if n % 2 else sender
        ids.append(send(to, job("n%d" % n, ticket_=ticket("RANK", title=str(n))), key=str(n))["task_id"])
    wait_for(lambda: all(status(other, id)["status"] == "completed" for id in ids), lambda: [status(other, id) for id in ids])
    assert sorted(e["job"] for e in site.all_events("processed")) == sorted(ids)
    assert len(second.events("processed")) == 10
    assert send(other, job("n0", ticket_=ticket("RANK", title="0")), 200, key="0")["task_id"] == ids[0]


def test_while_the_store_is_locked_jobs_are_accepted_and_their_keys_known(site, sender):
    with locked(site):
        first = send(sender, job(), key="k")
        site.wait_ended(1)
        assert send(sender, job(), 200, key="k")["task_id"] == first["task_id"]
        late = send(sender, job("late", run_at=in_seconds(3600)))["task_id"]
        assert status(sender, late)["state"] == "scheduled"
    site.wait_event("store_back", seconds=60)
    wait_for(lambda: status(sender, first["task_id"])["status"] == "completed", lambda: status(sender, first["task_id"]))
    assert send(sender, job(), 200, key="k")["task_id"] == first["task_id"]
    assert site.count_ended() == 1


def test_a_scan_while_tickets_are_being_moved_takes_none_of_them_for_another(site, sender):
    jobs = [job("b%d" % n, ticket_=ticket("RANK", title=str(n))) for n in range(300)]
    for n in range(300):
        site.expect("RANK", "b%d.json" % n, json.dumps(json.loads(ticket("RANK", title=str(n)))).encode())
    answer = send(sender, jobs, target="/process-batch")
    batch = "/batch-status/" + answer["batch_id"]

    def all_done():
        assert ask(sender.path, "POST", "/api/v1/scan").status == 202
        return sender.get(batch)["counts"]["completed"] == 300
    wait_for(all_done, lambda: sender.get(batch)["counts"], 30)
    told = sender.get("/api/v1/jobs?limit=1000")["jobs"]
    assert {j["id"] for j in told} == set(answer["task_ids"])
    assert [j for j in told if j["status"] != "completed" or j["started_at"] > j["completed_at"]] == []
    site.finish()


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_sent_again_after_kills_is_delivered_once(site, sender, seed):
    rng = random.Random(seed)
    jobs = [job("b%d" % n, ticket_=ticket("RANK", title=str(n))) for n in range(60)]
    for n in range(60):
        site.expect("RANK", "b%d.json" % n, json.dumps(json.loads(ticket("RANK", title=str(n)))).encode())
    path = put_aside(site, "batch", json.dumps(jobs).encode())
    for _ in range(5):
        process = subprocess.Popen(["curl", "--silent", "--unix-socket", str(sender.path), "--header", "Idempotency-Key: b", "--data-binary", "@%s" % path,
                                    "http://shunt/process-batch"], stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, 0.15))
        site.kill()
        process.wait()
        site.start()
    code, _, answer = sender.curl("/process-batch", "--data-binary", "@%s" % path, "--header", "Idempotency-Key: b")
    assert code in (200, 202) and len(set(answer["task_ids"])) == 60, answer
    batch = "/batch-status/" + answer["batch_id"]
    wait_for(lambda: sender.get(batch)["counts"]["completed"] == 60, lambda: sender.get(batch)["counts"], 30)
    assert {j["id"] for j in sender.get("/api/v1/jobs?limit=1000")["jobs"]} == set(answer["task_ids"])
    site.stop()
    site.conserve()
    assert os.listdir(site.data / "scheduled") == []
