"""The running service is asked and told over its control socket."""
import contextlib
import json
import os
import re
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import pytest

from control import Control, add_job, ask, locked, set_aside
from shunt import SCALE, holds_for, ticket, wait_for

ALL_KEYS = {"name", "label", "path", "breaker", "hanging", "held", "held_by", "held_since", "down_since", "next_try", "in_hand", "queued", "delivered", "failures"}
RANK_FOLDER = "SYNC/MAKE/Monday Rank"


@pytest.fixture
def control(site):
    return Control(site)


def utc(seconds, form="%Y-%m-%dT%H:%M:%SZ"):
    return time.strftime(form, time.gmtime(seconds))


def job_of(site, name):
    return site.wait_event("processing", file=name)[-1]["job"]


def held_ticket(site, control, name="x.json"):
    """A ticket that is archived and waits for a destination that is held; -> its id."""
    control.post("/destinations/monday-rank/hold")
    site.put("RANK", name, ticket("RANK"))
    id = job_of(site, name)
    wait_for(lambda: control.get("/jobs/" + id)["live"]["state"] == "waiting", "it waits")
    return id


# --- the socket ---

def test_only_the_services_own_user_may_use_the_socket(site, control):
    mode = os.lstat(control.path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    site.stop()
    assert not control.path.exists()


def test_curl_can_ask(site, control):
    said = subprocess.run(["curl", "--silent", "--unix-socket", str(control.path), "http://shunt/api/v1/status"], stdout=subprocess.PIPE, timeout=20)
    assert said.returncode == 0 and json.loads(said.stdout)["health"] == "running"


def test_without_libcurl_a_command_says_what_is_missing_and_the_service_works(make_site, tmp_path):
    (tmp_path / "libcurl.so.4").write_text("not a library")
    site = make_site()
    site.env["LD_LIBRARY_PATH"] = str(tmp_path)
    site.start()
    said = site.command("hold", "celtra")
    assert said.returncode == 2 and b"libcurl4" in said.stderr
    assert site.command("status").returncode == 0, "the store tells"
    site.drop("RANK", "x.json")
    site.finish(1)


def test_what_a_killed_service_left_is_replaced(site, control):
    site.kill()
    assert control.path.exists()
    site.start()
    assert control.get("/status")["health"] == "running"
    site.stop()


def test_where_no_socket_can_be_made_routing_goes_on_with_a_warning(make_site):
    site = make_site({"service.control": "no-such-folder/x.sock"})
    site.start()
    assert site.events("control_failed")[0]["level"] == "warn"
    site.drop("RANK", "a.json")
    site.finish()


def test_another_file_in_its_place_stays(make_site):
    site = make_site({"service.control": "mine"})
    (site.data / "mine").write_text("mine")
    site.start()
    assert site.events("control_failed")
    site.stop()
    assert (site.data / "mine").read_text() == "mine"


def test_no_means_no_socket(make_site):
    site = make_site({"service.control": "no"})
    site.start()
    assert not site.events("control") and not site.events("control_failed")
    assert not [p for p in site.data.iterdir() if p.is_socket()]
    site.stop()


def test_a_second_instance_has_a_socket_of_its_own(site, control):
    second = site.start(wait=False)
    wait_for(lambda: second.events("control"), "the second listens")
    assert Control(site, "shunt.sock.1").get("/status")["snapshot"]["instance"] == 1
    assert control.get("/status")["snapshot"]["instance"] == 0


# --- asking ---

def test_the_status_tells_of_the_service_and_the_store(site, control):
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    status = control.get("/status")
    assert set(status) == {"health", "snapshot", "totals", "alerts", "degraded"}
    assert status["health"] == "running" and status["degraded"] == []
    assert status["snapshot"]["ledger"]["delivered"] == 1
    assert status["snapshot"]["pid"] == site.process.popen.pid
    assert set(status["totals"]) == {"pending", "processing", "completed", "failed", "cancelled", "oldest_pending_at"}


def test_jobs_are_listed_newest_first_by_filter_and_page(site, control):
    week_ago = int(time.time()) - 7 * 86400  # within [store] keep_jobs
    old = add_job(site, "failed", "RANK", "old.json", error="disk full", destinations=["monday-rank"], created_ms=week_ago * 1000)
    done = add_job(site, "completed", "LOREAL", "done.json", destinations=["loreal"])
    bad = add_job(site, "failed", "RANK", "bad.json", error="bad ClientCode")

    def ids(query):
        return [job["id"] for job in control.get("/jobs" + query)["jobs"]]

    assert ids("") == [bad, done, old]
    assert ids("?status=failed") == [bad, old]
    assert ids("?status=failed,completed&client=rank") == [bad, old]
    assert ids("?error=DISK") == [old]
    assert ids("?text=done") == [done]
    assert ids("?destination=loreal") == [done]
    assert ids("?since=2h") == [bad, done]
    assert ids("?until=" + utc(week_ago + 2 * 86400, "%Y-%m-%d")) == [old]
    assert ids("?since=%s&until=%s" % (utc(week_ago), utc(week_ago + 1))) == [old]
    assert ids("?since=%s&until=%s" % (utc(week_ago + 1), utc(week_ago + 2))) == []
    page = control.get("/jobs?limit=2")
    assert [job["id"] for job in page["jobs"]] == [bad, done]
    assert ids("?limit=2&before=" + page["next"]) == [old]


@pytest.mark.parametrize("target, named", [
    ("/jobs?status=broken", "status"), ("/jobs?since=yesterday", "since"), ("/jobs?until=2026-13-01", "until"), ("/jobs?limit=0", "limit"),
    ("/jobs?limit=1001", "limit"), ("/jobs?limit=many", "limit"), ("/jobs?before=%20x", "before"), ("/jobs?clinet=RANK", "clinet"), ("/status?x=1", "x"),
])
def test_a_bad_query_is_refused_by_the_name_of_its_parameter(site, control, target, named):
    status, detail = control.problem("GET", target)
    assert status == 400 and named in detail


@pytest.mark.parametrize("body, named", [
    (b"{", "JSON"), (b"[]", "object"), ({}, "exactly one"), ({"all": True, "ids": []}, "exactly one"), ({"ids": "x"}, "ids"), ({"ids": [7]}, "ids"),
    ({"all": "yes"}, "all"), ({"all": True, "limit": 0}, "limit"), ({"all": True, "limit": "5"}, "limit"), ({"all": True, "dry": True}, "dry"),
    ({"all": True, "dry_run": 1}, "dry_run"), ({"filter": {}}, "filter"), ({"filter": {"status": "failed"}}, "filter.status"),
    ({"filter": {"client": 7}}, "filter.client"), ({"filter": {"since": "soon"}}, "since"), (b'{"all": true, "all": true}', "JSON"),
])
def test_a_bad_order_to_retry_is_refused_by_the_name_of_its_parameter(site, control, body, named):
    path = set_aside(site, "RANK", "x.json", ticket("RANK"))
    add_job(site, "failed", "RANK", "x.json", path)
    status, detail = control.problem("POST", "/retry", body)
    assert status == 400 and named in detail
    assert path.exists()


def test_a_job_is_found_by_id_by_its_beginning_and_by_name(site, control):
    id = add_job(site, "failed", "RANK", "x.json", error="why")
    for asked in (id, id[:13], "x.json"):
        job = control.get("/jobs/" + asked)
        assert job["id"] == id and job["error_message"] == "why" and "live" not in job
    assert control.problem("GET", "/jobs/nothing")[0] == 404
    assert control.problem("GET", "/jobs/a/b")[0] == 404


def test_two_jobs_that_begin_alike_are_a_conflict(site, control):
    ids = [add_job(site, "failed", "RANK", "x%d.json" % i) for i in range(17)]
    first = next(c for c in "0123456789abcdef" if sum(id[0] == c for id in ids) > 1)
    assert control.problem("GET", "/jobs/" + first)[0] == 409


def test_a_job_in_hand_shows_its_live_state(site, control):
    id = held_ticket(site, control)
    for asked in (id, "x.json"):
        job = control.get("/jobs/" + asked)
        assert job["id"] == id and job["client"] == "RANK"
        deliveries = {d["name"]: d for d in job["live"]["deliveries"]}
        assert deliveries["archive"]["state"] == "done"
        assert deliveries["monday-rank"]["state"] == "waiting" and deliveries["monday-rank"]["attempts"] == 0
        assert deliveries["monday-rank"]["next_in_ms"] is None


def test_a_delivery_that_will_be_tried_again_says_when_and_why(make_site):
    site = make_site({"retry.first": "1h", "retry.max": "1h"})
    place = site.data / RANK_FOLDER
    place.parent.mkdir(parents=True)
    place.write_text("no folder")
    site.start()
    control = Control(site)
    site.put("RANK", "x.json", ticket("RANK"))
    site.wait_event("delivery_failed")
    live = control.get("/jobs/x.json")["live"]
    delivery = next(d for d in live["deliveries"] if d["name"] == "monday-rank")
    assert delivery["attempts"] == 1 and 0 < delivery["next_in_ms"] <= 7200_000 and delivery["error"]


def test_destinations_are_told(site, control):
    told = control.get("/destinations")["destinations"]
    assert told[0]["name"] == "archive" and all(set(d) == ALL_KEYS and d["held"] is False for d in told)


def test_a_scan_finds_what_no_event_told_of(make_site):
    site = make_site()
    site.start()
    control = Control(site)
    before = len(site.events("scan_start"))
    assert control.post("/scan", status=202) == {"scan": "due"}
    wait_for(lambda: len(site.events("scan_start")) > before, "a scan begins")
    assert "uid %d" % os.geteuid() in site.events("scan_asked")[0]["msg"]


@pytest.mark.parametrize("method, target, status", [
    ("GET", "/nothing", 404), ("DELETE", "/jobs/x", 405), ("GET", "/scan", 405), ("POST", "/destinations/nowhere/hold", 404),
    ("POST", "/destinations/nowhere/release", 404), ("POST", "/jobs/nothing/cancel", 404), ("GET", "/api/v2/status", 404),
])
def test_what_does_not_exist_is_a_problem(site, control, method, target, status):
    assert control.problem(method, target)[0] == status


# --- hold and release ---

def test_a_held_destination_gets_nothing_until_it_is_released_and_uses_up_no_attempts(site, control):
    assert control.post("/destinations/monday-rank/hold") == {"name": "monday-rank", "held": True}
    event = site.wait_event("held", destination="monday-rank")[0]
    assert "uid %d, pid %d" % (os.geteuid(), os.getpid()) in event["msg"]
    for i in range(20):
        site.drop("RANK", "t%d.json" % i)
    site.drop("LOREAL", "other.json")
    wait_for(lambda: control.destination("monday-rank")["in_hand"] == 20, "all are in hand")
    site.wait_ended(1)  # others go on
    wait_for(lambda: control.destination("archive")["delivered"] == 21, "all are archived")
    assert control.destination("monday-rank")["held"] is True
    holds_for(lambda: not site.files(RANK_FOLDER), "nothing is delivered", 0.3)
    assert control.post("/destinations/monday-rank/release") == {"name": "monday-rank", "held": False}
    site.wait_ended(21)
    assert not site.events("delivery_failed")
    site.finish()


def test_a_hold_outlives_a_reload_that_makes_the_destination_anew(site, control):
    control.post("/destinations/monday-rank/hold")
    routes = site.routes.read_text()
    site.routes.write_text(routes.replace("path = SYNC/MAKE/Monday Rank", "path = SYNC/MAKE/Monday Rank\nmode = 0600"))
    site.reload()
    site.routes.write_text(routes.replace("Monday Rank", "Another"))
    site.reload()
    site.routes.write_text(routes)
    site.reload()
    assert control.destination("monday-rank")["held"] is True
    site.drop("RANK", "x.json")
    wait_for(lambda: control.destination("monday-rank")["in_hand"] == 1, "it is in hand")
    assert not site.files(RANK_FOLDER)
    control.post("/destinations/monday-rank/release")
    site.finish()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_hold_outlives_a_restart(site, control, how):
    control.post("/destinations/monday-rank/hold")
    site.drop("RANK", "x.json")
    wait_for(lambda: control.destination("monday-rank")["in_hand"] == 1, "it is in hand")
    if how == "kill":  # once the store has it
        def kept():
            with contextlib.closing(sqlite3.connect(site.data / "shunt.db", timeout=10)) as db:
                documents = [json.loads(row[0]) for row in db.execute("SELECT document FROM snapshots")]
            return any(d["held"] for document in documents for d in document["destinations"])
        wait_for(kept, "it is saved", 5)
        site.kill()
    else:
        site.stop()
    site.start()
    assert site.events("held", destination="monday-rank")
    assert re.search(rb"Monday Rank .* held\n", site.command("status").stdout)
    site.process.send(10)
    wait_for(lambda: any("(held)" in e["msg"] for e in site.events("state", destination="monday-rank")), "USR1 says so")
    wait_for(lambda: control.destination("monday-rank")["in_hand"] == 1, "it is taken up again")
    assert not site.files(RANK_FOLDER)
    control.post("/destinations/monday-rank/release")
    site.wait_ended(1)
    site.stop()
    site.start()
    assert control.destination("monday-rank")["held"] is False
    site.finish(1)


def test_a_hold_holds_for_all_instances_also_for_those_that_come_later(site, control):
    site.start()
    other = Control(site, "shunt.sock.1")
    control.post("/destinations/monday-rank/hold")  # of the first one only
    wait_for(lambda: other.destination("monday-rank")["held"], "the other obeys", 5)
    assert "is held by uid %d, pid %d:" % (os.geteuid(), os.getpid()) in site.events("held", destination="monday-rank")[0]["msg"]
    site.start()
    assert Control(site, "shunt.sock.2").destination("monday-rank")["held"] is True
    for process in site.processes[:2]:
        process.stop()
    site.drop("RANK", "x.json")
    wait_for(lambda: Control(site, "shunt.sock.2").destination("monday-rank")["in_hand"] == 1, "it is in hand")
    holds_for(lambda: not site.files(RANK_FOLDER), "nothing is delivered", 0.3)
    site.start()  # as the first again
    assert control.destination("monday-rank")["held"] is True
    control.post("/destinations/monday-rank/release")
    wait_for(lambda: site.files(RANK_FOLDER) == ["x.json"], "the one that has it delivers", 5)
    site.processes[2].stop()
    site.finish()


def test_a_hold_outlives_a_kill_though_the_store_was_locked(site, control):
    wait_for(lambda: (site.data / "shunt.db").exists(), "there is a store")
    with locked(site):
        control.post("/destinations/monday-rank/hold")
        site.kill()
        site.process.expected_exit = -9
    site.start()
    assert control.destination("monday-rank")["held"] is True
    site.stop()


def test_the_archive_can_be_held(site, control):
    control.post("/destinations/archive/hold")
    site.drop("RANK", "x.json")
    wait_for(lambda: site.files(RANK_FOLDER), "it is delivered")
    holds_for(lambda: not list(site.archive.rglob("*.json")), "it is not archived", 0.2)
    control.post("/destinations/archive/release")
    site.finish()


def test_a_stop_does_not_wait_for_what_is_held(site, control):
    held_ticket(site, control)
    site.stop(seconds=5)
    assert [p.name for p in site.under.rglob("*.json")] == ["x.json"]


# --- cancel ---

def test_a_job_that_waits_is_cancelled_with_who_did_it_in_its_reason(site, control):
    id = held_ticket(site, control)
    assert control.post("/jobs/%s/cancel" % id) == {"id": id, "result": "cancelled"}
    site.wait_event("failed")
    assert "cancelled by uid %d" % os.geteuid() in site.reason_text("RANK")
    assert site.events("cancelled")[0]["job"] == id
    assert control.destination("monday-rank")["in_hand"] == 0
    control.post("/destinations/monday-rank/release")
    assert control.problem("POST", "/jobs/%s/cancel" % id)[0] == 409  # it is over
    site.drop("RANK", "next.json")
    site.wait_ended(2)
    assert site.files(RANK_FOLDER) == ["next.json"]
    assert control.get("/status")["snapshot"]["ledger"]["failed"] == 1
    assert not site.events("ledger")


def test_a_job_that_is_not_in_hand_is_not_cancelled(site, control):
    id = add_job(site, "completed", "RANK", "x.json")
    status, detail = control.problem("POST", "/jobs/%s/cancel" % id)
    assert status == 409 and "completed" in detail


def test_of_two_waiting_jobs_of_one_name_none_is_cancelled_by_name(site, control):
    held_ticket(site, control)
    control.post("/destinations/loreal-in/hold" if any(d["name"] == "loreal-in" for d in control.get("/destinations")["destinations"])
                 else "/destinations/%s/hold" % next(d["name"] for d in control.get("/destinations")["destinations"] if "LOREAL" in d["path"]))
    site.put("LOREAL", "x.json", ticket("LOREAL"))
    wait_for(lambda: len(site.events("processing")) == 2, "the second is in hand")
    wait_for(lambda: control.get("/status")["snapshot"]["ledger"]["waiting"] == 2, "both wait")
    assert control.problem("POST", "/jobs/x.json/cancel")[0] == 409


# --- retry ---

def test_a_failed_ticket_goes_back_and_is_delivered(site, control):
    path = set_aside(site, "RANK", "x.json", ticket("RANK"))
    id = add_job(site, "failed", "RANK", "x.json", path, error="why")
    told = control.post("/retry", {"ids": [id]})
    assert told == {"retried": [{"id": id, "file": "x.json", "client": "RANK", "to": "JSON/RANK/x.json"}], "refused": [], "more": False, "next": None}
    site.wait_ended(1)
    assert site.files(RANK_FOLDER) == ["x.json"]
    assert not [p for p in site.failed.rglob("*") if p.is_file()]
    assert site.events("retried")[0]["job"] == id
    told = control.post("/retry", {"ids": [id]})
    assert told["retried"] == [] and "no longer there" in told["refused"][0]["why"]


def test_a_ticket_that_failed_by_the_service_itself_goes_back_to_where_its_client_was_removed(site, control):
    site.put("RANK", "x.json", b"{]")
    failed = site.wait_event("failed")[0]
    path = next((site.failed / "RANK").glob("*_x.json"))
    id = add_job(site, "failed", "RANK", "x.json", path)
    (site.hot / "RANK").rmdir()
    path.write_bytes(ticket("RANK"))
    assert failed and len(control.post("/retry", {"filter": {"client": "rank"}})["retried"]) == 1
    site.wait_ended(2)
    assert site.files(RANK_FOLDER) == ["x.json"] and id


def test_a_dry_run_tells_the_same_and_moves_nothing(site, control):
    path = set_aside(site, "NEW", "x.json", ticket("NEW"))
    id = add_job(site, "failed", "NEW", "x.json", path)
    told = control.post("/retry", {"all": True, "dry_run": True})
    assert [r["id"] for r in told["retried"]] == [id]
    assert path.exists() and not (site.hot / "NEW").exists() and not site.events("retried")


def test_a_filter_takes_only_what_fits_and_passes_over_what_was_put_back(make_site):
    site = make_site({"intake.tickets": "*.nothing"})  # what goes back stays there
    site.start()
    control = Control(site)
    paths = {}
    for i in range(30):
        name = "t%d.json" % i
        path = set_aside(site, "RANK", name, ticket("RANK"))
        error = "disk full" if i % 2 else "other"
        paths[add_job(site, "failed", "RANK", name, path, error=error)] = path
    add_job(site, "completed", "RANK", "done.json", site.data / "nowhere")
    told = control.post("/retry", {"filter": {"error": "Disk", "client": "RANK"}, "limit": 10})
    assert len(told["retried"]) == 10 and told["more"] is True and told["refused"] == []
    told = control.post("/retry", {"filter": {"error": "Disk"}, "limit": 10})
    assert len(told["retried"]) == 5 and told["more"] is False and told["refused"] == []
    told = control.post("/retry", {"all": True})
    assert len(told["retried"]) == 15
    assert len(list((site.hot / "RANK").iterdir())) == 30 and not any(p.exists() for p in paths.values())


def test_many_thousand_go_back_a_page_at_a_time(make_site):
    site = make_site({"intake.tickets": "*.nothing", "delivery.durability": "none"})
    site.start()
    control = Control(site)
    ids = [add_job(site, "failed", "RANK", "t%d.json" % i, set_aside(site, "RANK", "t%d.json" % i, b"{}")) for i in range(250)]
    told = control.post("/retry", {"ids": ids, "limit": 240})
    assert len(told["retried"]) == 240 and told["more"] is True
    assert len(control.post("/retry", {"ids": ids[200:]})["retried"]) == 10
    assert len(list((site.hot / "RANK").iterdir())) == 250


def test_an_order_to_retry_goes_on_where_the_answer_before_ended(make_site):
    site = make_site({"intake.tickets": "*.nothing", "delivery.durability": "none"})
    site.start()
    control = Control(site)
    ids = {add_job(site, "failed", "RANK", "t%d.json" % i, set_aside(site, "RANK", "t%d.json" % i, b"{}")) for i in range(25)}
    (site.hot / "RANK").mkdir(exist_ok=True)
    for i in range(5):
        (site.hot / "RANK" / ("t%d.json" % (24 - i))).write_bytes(b"in the way")  # the newest are refused, however often it is asked
    told, next = [], None
    for _ in range(3):
        answer = control.post("/retry", {"all": True, "limit": 10, **({"before": next} if next else {})})
        told += answer["retried"] + answer["refused"]
        next = answer["next"]
        assert (next is not None) == answer["more"]
    assert next is None and {j["id"] for j in told} == ids and len(told) == 25
    for wrong in ({"all": True, "before": 3}, {"ids": ["x"], "before": "3"}, {"all": True, "before": "x"}):
        assert control.problem("POST", "/retry", wrong)[0] == 400


def test_what_cannot_go_back_says_why(make_site):
    site = make_site({"intake.tickets": "*.nothing"})
    site.start()
    control = Control(site)
    outside = site.data / "outside.json"
    outside.write_text("{}")
    secret = site.data / "secret"
    secret.mkdir()
    (secret / "a.json").write_text("{}")
    taken = set_aside(site, "RANK", "taken.json", b"new")
    (site.folder("RANK") / "taken.json").write_text("old")
    (site.failed / "link").symlink_to(secret)
    (site.failed / "RANK" / "s.json").symlink_to(outside)
    (site.failed / "RANK" / "d.json").mkdir()
    (site.hot / "LINKED").symlink_to(secret)
    there = set_aside(site, "OTHER", "o.json", b"{}")
    cases = {
        "taken": add_job(site, "failed", "RANK", "taken.json", taken),
        "no longer there": add_job(site, "failed", "RANK", "gone.json", site.failed / "RANK" / "gone.json"),
        "outside": add_job(site, "failed", "RANK", "o1.json", outside),
        "does not lie where": add_job(site, "failed", "RANK", "o2.json", str(site.failed) + "/../outside.json"),
        "symbolic link": add_job(site, "failed", "RANK", "o3.json", site.failed / "link" / "a.json"),
        "no regular file": add_job(site, "failed", "RANK", "o4.json", site.failed / "RANK" / "s.json"),
        "is no regular": add_job(site, "failed", "RANK", "o5.json", site.failed / "RANK" / "d.json"),
        "cannot be used again": add_job(site, "failed", "RANK", "../../o6.json", there),
        "cannot be used": add_job(site, "failed", "..", "o7.json", there),
        "LINKED": add_job(site, "failed", "LINKED", "o8.json", there),
        "running": add_job(site, "processing", "RANK", "o9.json", there),
        "delivered": add_job(site, "completed", "RANK", "o10.json", there),
        "not known": add_job(site, "failed", "RANK", "o11.json", None),
    }
    told = control.post("/retry", {"ids": list(cases.values()) + ["no-such-id"]})
    assert told["retried"] == []
    why = {r["id"]: r["why"] for r in told["refused"]}
    for words, id in cases.items():
        assert words in why[id], (words, why[id])
    assert "no-such-id" in why and len(why) == 14
    assert outside.read_text() == "{}" and taken.read_bytes() == b"new" and there.read_bytes() == b"{}"
    assert (site.hot / "RANK" / "taken.json").read_text() == "old" and [p.name for p in secret.iterdir()] == ["a.json"]
    told = control.post("/retry", {"all": True, "dry_run": True})
    assert told["retried"] == [] and len(told["refused"]) == 10


def test_one_that_is_in_hand_is_still_running(site, control):
    id = held_ticket(site, control)
    told = control.post("/retry", {"ids": [id]})
    assert told["retried"] == [] and len(told["refused"]) == 1
    control.post("/destinations/monday-rank/release")


# --- when things go wrong ---

def test_a_store_that_is_lost_is_a_problem_and_routing_goes_on(site, control):
    assert control.get("/jobs")["jobs"] == []
    for name in ("shunt.db", "shunt.db-wal", "shunt.db-shm"):
        if (site.data / name).exists():
            (site.data / name).unlink()
    for method, target, body in (("GET", "/jobs", None), ("GET", "/jobs/x", None), ("POST", "/retry", {"all": True})):
        assert control.problem(method, target, body)[0] == 503
    status = control.get("/status")
    assert status["totals"] is None and "store" in status["degraded"][0]
    site.drop("RANK", "x.json")
    site.finish()


def test_a_store_that_is_damaged_is_a_problem_and_routing_goes_on(site, control):
    for i in range(50):
        add_job(site, "failed", "RANK", "t%d.json" % i)
    assert len(control.get("/jobs")["jobs"]) == 50
    (site.data / "new").write_bytes(os.urandom(65536))
    os.rename(site.data / "new", site.data / "shunt.db")
    for name in ("shunt.db-wal", "shunt.db-shm"):
        if (site.data / name).exists():
            (site.data / name).unlink()
    assert control.problem("GET", "/jobs")[0] == 503
    assert control.get("/status")["degraded"]
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    site.others.append("shunt.db.damaged-1")
    site.finish()


def test_many_clients_at_once_while_tickets_flow(site, control):
    for i in range(200):
        add_job(site, "failed", "RANK", "old%d.json" % i, site.failed / "RANK" / "gone", error="why")
    stop, answers, faults = threading.Event(), [0] * 24, []
    targets = ["/status", "/jobs?limit=100", "/jobs?error=why&status=failed", "/destinations", "/jobs/old7.json", "/jobs/nothing"]

    def client(number):
        try:
            while not stop.is_set():
                target = targets[(number + answers[number]) % len(targets)]
                reply = ask(control.path, "GET", "/api/v1" + target)
                wanted = 404 if target == "/jobs/nothing" else 200
                assert reply.status in (wanted, 503) and reply.json, reply
                answers[number] += 1
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(len(answers))]
    for thread in threads:
        thread.start()
    for i in range(300):
        site.drop("RANK", "t%d.json" % i)
    site.wait_ended(300, 60)
    wait_for(lambda: all(answers), "every client was answered", 30)
    stop.set()
    for thread in threads:
        thread.join(30 * SCALE)
    assert not faults, faults
    site.finish(300)


def test_a_client_that_says_nothing_does_not_hold_up_a_stop(site, control):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(control.path))
        silent.send(b"POST /api/v1/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        site.stop(seconds=5)
