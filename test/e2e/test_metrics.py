"""What monitoring sees: /metrics equals what was dropped, /healthz answers while the loop turns, /readyz says whether work moves and why not."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import root_only
from control import Control, ask, locked
from exposition import Metrics
from shunt import SANITIZED, SCALE, TOP, ticket, wait_for
from test_access import Guarded
from test_retry import TWO, freeze, frozen_disk

OTHERS = "(others)"


def scrape(site, timeout=60):
    reply = ask(site.data / "shunt.sock", "GET", "/metrics", timeout=timeout)
    assert reply.status == 200 and reply.type == "text/plain; version=0.0.4; charset=utf-8", reply
    return Metrics(reply.body)


def readyz(site):
    reply = ask(site.data / "shunt.sock", "GET", "/readyz")
    assert reply.type == "application/json" and set(reply.json) == {"ready", "checks"}, reply
    checks = {check["name"]: check for check in reply.json["checks"]}
    assert all(set(check) == {"name", "ok", "required", "text"} for check in reply.json["checks"]), reply
    ready = all(check["ok"] for check in reply.json["checks"] if check["required"])
    assert reply.json["ready"] == ready and reply.status == (200 if ready else 503), reply
    assert str(site.base) not in reply.body.decode(), "a path is told to whoever asks"
    return ready, {name for name, check in checks.items() if not check["ok"]}, checks


def not_ready(site, name):
    ready, bad, _ = readyz(site)
    return not ready and name in bad


# --- /metrics ---

def test_counters_equal_what_was_dropped(site):
    for i in range(20):
        site.drop("RANK", "r%d.json" % i, "CELTRA" if i < 5 else "PRODUCTION")
    for i in range(7):
        site.drop("PAYPAL", "p%d.json" % i)
    for i in range(3):
        site.drop_bad("LOREAL", "bad%d.json" % i, b'{"x": 1}')
    site.wait_ended()
    wait_for(lambda: scrape(site).value("shunt_tickets_in_work") == 0, "nothing is in work")
    m = scrape(site)
    assert {c: m.value("shunt_tickets_taken_total", client=c) for c in ("RANK", "PAYPAL", "LOREAL")} == {"RANK": 20, "PAYPAL": 7, "LOREAL": 3}
    assert m.value("shunt_tickets_total", client="RANK", outcome="delivered") == 20
    assert m.value("shunt_tickets_total", client="PAYPAL", outcome="archived") == 7
    assert m.value("shunt_tickets_total", client="LOREAL", outcome="failed") == 3
    assert m.total("shunt_tickets_total") == m.total("shunt_tickets_taken_total") == 30
    assert m.value("shunt_deliveries_total", destination="archive", outcome="delivered") == 27
    assert m.value("shunt_deliveries_total", destination="monday-rank", outcome="delivered") == 20
    assert m.value("shunt_deliveries_total", destination="celtra", outcome="delivered") == 5
    assert m.total("shunt_deliveries_total", outcome="failed") == 0
    assert m.total("shunt_delivery_attempts_total", outcome="delivered") == 52
    for name, count in (("ticket_wait", 30), ("ticket_take", 30), ("ticket", 30), ("ticket_settle", 30), ("delivery", 52), ("delivery_attempt", 52)):
        assert m.total("shunt_%s_duration_seconds_count" % name) == count, name
        assert 0 < m.total("shunt_%s_duration_seconds_sum" % name) < 30 * 20 * SCALE, name
    ledger = Control(site).get("/status")["snapshot"]["ledger"]
    assert ledger["taken"] == 30 and ledger["failed"] == 3
    assert m.value("shunt_store_records_total") >= 30 and m.value("shunt_store_degraded") == 0
    assert m.value("shunt_scans_total", outcome="completed") >= 1
    assert m.value("shunt_oldest_waiting_seconds") == 0 and m.value("shunt_ready") == 1


def test_the_process_and_its_folders_are_told(site):
    wait_for(lambda: scrape(site).value("shunt_folder_up", folder="data") == 1, "the folders were asked")
    m = scrape(site)
    pid = site.process.pid
    assert {dict(labels)["folder"] for name, labels in m.samples if name == "shunt_folder_up"} == {"hot", "archive", "failed", "underprocess", "logs", "data"}
    disk = os.statvfs(site.hot)
    assert m.value("shunt_folder_size_bytes", folder="hot") == disk.f_blocks * disk.f_frsize
    assert 0 < m.value("shunt_folder_free_bytes", folder="hot") <= disk.f_blocks * disk.f_frsize
    version = site.cli("--version").stdout.split()[-1].decode()
    assert m.value("shunt_build_info", version=version) == 1
    resident = int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert abs(m.value("process_resident_memory_bytes") - resident) < 64 << 20
    assert abs(m.value("process_open_fds") - len(os.listdir("/proc/%d/fd" % pid))) < 20
    assert 0 < m.value("process_cpu_seconds_total") < 60 and m.value("process_max_fds") > m.value("process_open_fds")
    assert abs(m.value("process_start_time_seconds") - time.time()) < 60 * SCALE
    assert m.value("shunt_loop_longest_turn_seconds") > 0 and m.value("shunt_loop_turn_duration_seconds_count") > 0


HOSTILE = ["quote\"s", "back\\slash\\", "x\"} 1", "{a=\"b\"}", "größe 漢字 🎉", "# HELP x", "%s%n", "a,b=\"c\"", "\\n", OTHERS, "le=\"1\""]


def test_whatever_clients_are_called_the_text_stays_whole(site):
    for name in HOSTILE:
        site.drop(name, "x.json", to=[])
    site.drop("x" * 64, "x.json", to=[])
    site.wait_ended()
    m = scrape(site)
    for name in HOSTILE + ["x" * 64]:
        assert m.value("shunt_tickets_total", client=name, outcome="archived") == 1, name
        assert m.value("shunt_ticket_duration_seconds_bucket", client=name, le="+Inf") == 1, name
    site.finish()


def test_a_folder_whose_name_is_no_utf8_does_not_break_the_text(site):
    folder = os.path.join(os.fsencode(site.hot), b"not\xffutf8")
    os.mkdir(folder)
    temp = site.staging / "t"
    temp.write_bytes(ticket("RANK"))
    os.rename(temp, os.path.join(folder, b"x.json"))
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    assert scrape(site).value("shunt_tickets_total", client="RANK", outcome="delivered") == 1
    site.others.append("JSON")


def test_clients_beyond_the_bound_are_the_others(make_site):
    site = make_site({"delivery.durability": "none"})
    for i in range(230):
        site.drop("C%03d" % i, "x.json", to=[])
    site.start()
    site.wait_ended(seconds=60)
    m = scrape(site)
    assert len(m.values_of("shunt_tickets_taken_total", "client")) == 201
    assert m.value("shunt_tickets_taken_total", client=OTHERS) == 30
    assert m.total("shunt_tickets_taken_total") == 230 and m.value("shunt_tickets_total", client=OTHERS, outcome="archived") == 30
    site.finish(230, 60)


def test_a_destination_that_is_down_is_seen_and_what_was_tried(make_site):
    site = make_site({"retry.attempts": "1000", "delivery.breaker_failures": "2"}, routes=TWO % "create = no")
    site.start()
    for i in range(10):
        site.drop("RANK", "x%d.json" % i, to=["OUT/sick", "OUT/fine"])
    site.wait_event("destination_down", destination="sick")
    wait_for(lambda: scrape(site).value("shunt_tickets_waiting") == 10, "all wait")
    m = scrape(site)
    assert m.value("shunt_destination_up", destination="sick") == 0 and m.value("shunt_destination_breaker_open", destination="sick") == 1
    assert m.value("shunt_destination_up", destination="fine") == 1
    assert m.value("shunt_destination_deliveries", destination="sick") == 10
    assert m.value("shunt_delivery_attempts_total", destination="sick", outcome="failed") >= 2
    assert m.value("shunt_deliveries_total", destination="sick", outcome="delivered") == 0
    assert m.value("shunt_oldest_waiting_seconds") > 0
    ready, bad, checks = readyz(site)
    assert ready and bad == {"sick"} and "down" in checks["sick"]["text"], (bad, checks)
    assert any("down" in text for text in Control(site).get("/status")["degraded"])
    (site.data / "OUT" / "sick").mkdir()
    site.wait_ended(10)
    wait_for(lambda: scrape(site).value("shunt_destination_up", destination="sick") == 1, "it is up again")
    m = scrape(site)
    assert m.value("shunt_deliveries_total", destination="sick", outcome="delivered") == 10 and m.value("shunt_tickets_waiting") == 0
    assert readyz(site)[:2] == (True, set())
    site.finish(10)


def test_deliveries_that_fail_for_good_and_tickets_taken_back_are_told_apart(make_site):
    site = make_site({"retry.attempts": "2", "delivery.breaker_failures": "1000"}, routes=TWO % "create = no")
    site.start()
    control = Control(site)
    site.put("RANK", "fails.json", ticket("RANK"))
    site.wait_ended(1)
    control.post("/destinations/sick/hold")
    site.put("RANK", "taken-back.json", ticket("RANK"))
    job = site.wait_event("processing", file="taken-back.json")[-1]["job"]
    wait_for(lambda: control.get("/jobs/" + job)["live"]["state"] == "waiting", "it waits")
    assert scrape(site).value("shunt_destination_held", destination="sick") == 1
    control.post("/jobs/%s/cancel" % job)
    site.wait_ended(2)
    wait_for(lambda: scrape(site).value("shunt_tickets_total", client="RANK", outcome="cancelled") == 1, "it is counted")
    m = scrape(site)
    assert m.value("shunt_tickets_total", client="RANK", outcome="failed") == 1
    assert m.value("shunt_tickets_total", client="RANK", outcome="cancelled") == 1
    assert m.value("shunt_deliveries_total", destination="sick", outcome="failed") == 1
    assert m.value("shunt_deliveries_total", destination="sick", outcome="cancelled") == 1
    assert m.value("shunt_delivery_attempts_total", destination="sick", outcome="failed") == 2
    control.post("/destinations/sick/release")


def test_what_an_earlier_run_delivered_is_not_counted_again(make_site):
    site = make_site({"retry.attempts": "1000"}, routes=TWO % "create = no")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: scrape(site).value("shunt_deliveries_total", destination="fine", outcome="delivered") == 1, "one is delivered")
    site.stop()
    (site.data / "OUT" / "sick").mkdir()
    site.start(wait=False)
    site.wait_event("processed", seconds=20)
    m = scrape(site)
    assert m.value("shunt_deliveries_total", destination="fine", outcome="delivered") in (0, None)
    assert m.value("shunt_deliveries_total", destination="sick", outcome="delivered") == 1
    assert m.value("shunt_tickets_total", client="RANK", outcome="delivered") == 1
    site.finish(1)


def test_a_reload_that_alters_a_destination_leaves_one_series_of_its_name(make_site):
    site = make_site({"retry.attempts": "1000"}, routes=TWO % "create = no")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    site.wait_event("delivery_failed", destination="sick")
    site.routes.write_text(TWO % "create = no\nmode = 0640")
    site.reload()
    m = scrape(site)  # a series that is there twice is refused
    assert m.value("shunt_destination_deliveries", destination="sick") == 1
    (site.data / "OUT" / "sick").mkdir()
    site.finish(1)


def test_a_thousand_scrapes_while_tickets_flow(site):
    for i in range(200):
        site.drop("RANK", "t%d.json" % i)
    seen = 0
    for _ in range(1000):
        m = scrape(site)
        now = m.total("shunt_tickets_total")
        assert now >= seen, "a counter went back"
        seen = now
    site.wait_ended(200, 60)
    wait_for(lambda: scrape(site).total("shunt_tickets_total") == 200, "all are counted")
    site.finish(200)


# --- /healthz, /readyz ---

def test_a_service_at_rest_is_alive_and_ready(site):
    reply = ask(site.data / "shunt.sock", "GET", "/healthz")
    assert reply.status == 200 and reply.body == b"ok\n"
    ready, bad, checks = readyz(site)
    assert ready and not bad
    assert {"running", "started", "scans", "watches", "hot", "underprocess", "failed", "store", "archive", "destinations", "oldest"} == set(checks)
    for path in ("/healthz", "/readyz", "/metrics"):
        assert ask(site.data / "shunt.sock", "POST", path).status == 405
        assert ask(site.data / "shunt.sock", "HEAD", path).status == 200


def test_no_destination_that_takes_deliveries_is_not_ready(make_site):
    site = make_site({"retry.attempts": "1000", "delivery.breaker_failures": "1"},
                     routes="[destination one]\npath = OUT/one\ncreate = no\n[route all]\nclient = *\nto = one\n")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/one"])
    wait_for(lambda: not_ready(site, "destinations"), "nothing can be delivered")
    (site.data / "OUT" / "one").mkdir(parents=True)
    wait_for(lambda: readyz(site)[0], "it is ready again")
    site.finish(1)


def test_an_archive_that_is_down_is_not_ready(make_site):
    site = make_site({"delivery.breaker_failures": "1"})
    site.start()
    shutil.rmtree(site.archive)
    site.archive.write_text("in the way")
    site.drop("RANK", "x.json")
    wait_for(lambda: not_ready(site, "archive"), "nothing can be archived")
    assert ask(site.data / "shunt.sock", "GET", "/healthz").status == 200
    site.archive.unlink()
    wait_for(lambda: readyz(site)[0], "it is ready again")
    site.finish(1)


def test_a_ticket_that_waits_too_long_is_not_ready_but_one_that_a_person_holds_is(make_site):
    site = make_site({"retry.attempts": "1000", "http.ready_oldest": "300ms"}, routes=TWO % "create = no")
    site.start()
    site.drop("RANK", "x.json", to=["OUT/sick", "OUT/fine"])
    wait_for(lambda: not_ready(site, "oldest"), "it has waited too long")
    m = scrape(site)
    assert m.value("shunt_ready") == 0 and m.value("shunt_oldest_waiting_seconds") > 0.3
    control = Control(site)
    control.post("/destinations/sick/hold")
    wait_for(lambda: readyz(site)[0], "that it is held is a person's decision")
    wait_for(lambda: scrape(site).value("shunt_oldest_waiting_seconds") == 0, "the answer is shared for 50 ms, no longer")
    (site.data / "OUT" / "sick").mkdir()
    control.post("/destinations/sick/release")
    site.finish(1)


def test_a_store_that_cannot_be_written_is_not_ready_and_counted(site):
    with locked(site):
        for i in range(5):
            site.drop("RANK", "t%d.json" % i)
        site.wait_event("store_failed", seconds=30)
        site.wait_ended()
        assert not_ready(site, "store")
        m = scrape(site)
        assert m.value("shunt_store_degraded") == 1 and m.value("shunt_store_queued") >= 1
        wait_for(lambda: scrape(site).value("shunt_store_failures_total") >= 1, "a write has failed", 30)
    site.wait_event("store_back", seconds=60)
    wait_for(lambda: readyz(site)[0], "it is ready again")
    wait_for(lambda: scrape(site).value("shunt_store_queued") == 0, "all is written")
    site.finish()


def test_a_hot_folder_that_is_gone_is_not_ready(make_site):
    site = make_site({"intake.scan_interval": "200ms"})
    site.start()
    os.rename(site.hot, site.base / "away")
    wait_for(lambda: not_ready(site, "hot"), "the hot folder cannot be listed")
    os.rename(site.base / "away", site.hot)
    wait_for(lambda: readyz(site)[0], "it is ready again")
    site.drop("RANK", "x.json")
    site.finish(1)


@root_only
@pytest.mark.parametrize("name", ["failed", "archive"])
def test_a_folder_that_cannot_be_written_is_not_ready(make_site, mounts, name):
    site = make_site()
    folder = getattr(site, name)
    folder.mkdir()
    mounts(folder, "-t", "tmpfs", "-o", "ro", "tmpfs")
    site.start()
    wait_for(lambda: not_ready(site, name), "nothing can be put there")
    assert scrape(site).value("shunt_folder_up", folder=name) == 0
    assert any(str(folder) in text for text in Control(site).get("/status")["degraded"]), "who may ask more is told where"
    os.system("mount -o remount,rw '%s'" % folder)
    wait_for(lambda: readyz(site)[0], "it is ready again", 20)
    site.drop("RANK", "x.json")
    site.finish(1)


@root_only
def test_while_it_drains_it_is_alive_and_not_ready(make_site, mounts, base):
    site = make_site({"delivery.hang": "1h", "service.drain_timeout": "2m"}, routes=TWO % "")
    sick = frozen_disk(base, site.data / "OUT" / "sick", mounts)
    (sick / "lost+found").rmdir()
    site.start()
    freeze(sick)
    try:
        site.drop("SICK", "s.json", to=["OUT/sick"])
        wait_for(lambda: scrape(site).value("shunt_destination_requests", destination="sick") == 1, "it is in work")
        site.process.send(signal.SIGTERM)
        site.wait_event("stopping")
        assert not_ready(site, "running") and ask(site.data / "shunt.sock", "GET", "/healthz").status == 200
    finally:
        freeze(sick, thaw=True)
    assert site.process.wait_exit() == 0
    site.conserve()


HANGS = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

int fstatvfs(int fd, struct statvfs *out)
{
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    (void)!readlink(link, path, sizeof path - 1);
    while (strcmp(path, getenv("HANGING_FOLDER")) == 0)
        pause();
    return ((int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs"))(fd, out);
}
"""


@pytest.mark.slow
@pytest.mark.skipif(SANITIZED, reason="a sanitizer must be loaded first")
def test_a_folder_that_hangs_holds_up_no_scrape_and_no_stop(make_site):
    site = make_site()
    library = site.base / "hangs.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"], input=HANGS.encode(), check=True)
    site.env = {"LD_PRELOAD": str(library), "HANGING_FOLDER": str(site.failed)}
    site.start()
    wait_for(lambda: not_ready(site, "failed"), "it is seen to hang", 20)
    began = time.monotonic()
    m = scrape(site, timeout=5)
    assert time.monotonic() - began < 1
    assert m.value("shunt_folder_up", folder="failed") == 0 and m.value("shunt_folder_free_bytes", folder="failed") is None
    assert m.value("shunt_folder_up", folder="hot") == 1
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 5
    site.conserve()


# --- who may ask ---

def test_metrics_are_for_readers_and_health_for_everybody(make_site):
    guarded = Guarded(make_site)
    site = guarded.site
    before = scrape(site)
    for path, nobody in (("/metrics", 401), ("/healthz", 200), ("/readyz", 200)):
        assert site.http().get(path).status == nobody, path
        assert site.http(token=guarded.tokens["read"]).get(path).status == 200, path
    assert site.http(token=guarded.tokens["submit"]).get("/metrics").status == 403
    assert site.http().get("/nothing-here").status in (401, 404)
    wait_for(lambda: scrape(site).value("shunt_http_requests_total", code="4xx") == before.value("shunt_http_requests_total", code="4xx") + 3,
             "refused requests are counted")
    assert scrape(site).value("shunt_http_requests_total", code="2xx") >= before.value("shunt_http_requests_total", code="2xx") + 5


# --- promtool, of Debian's package prometheus ---

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


def is_content(command, data=None):
    said = subprocess.run(["promtool", "check"] + command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert said.returncode == 0, said.stdout.decode()
    return said.stdout.decode()


@promtool
def test_promtool_has_nothing_to_say_of_the_metrics(site):
    for name in HOSTILE:
        site.drop(name, "x.json", to=[])
    site.drop_bad("RANK", "bad.json", b"{]")
    site.drop("RANK", "x.json")
    site.wait_ended()
    assert is_content(["metrics"], ask(site.data / "shunt.sock", "GET", "/metrics").body) == ""
    site.finish()


@promtool
def test_promtool_understands_what_the_dashboard_and_the_alerts_ask(tmp_path):
    alerts, = [block for block in (TOP / "doc" / "operating.md").read_text().split("```") if block.startswith("\nshunt_")]
    asked = [line.split("  #")[0] for line in alerts.strip().splitlines()]
    for panel in json.loads((TOP / "etc" / "grafana" / "shunt.json").read_text())["panels"]:
        asked += [re.sub(r"\$__\w+", "5m", target["expr"]) for target in panel.get("targets", [])]
    rules = [{"record": "rule_%d" % n, "expr": expr} for n, expr in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "shunt", "rules": rules}]}))
    assert "%d rules found" % len(rules) in is_content(["rules", str(tmp_path / "rules.yml")])


# --- the dashboard ---

def test_the_dashboard_asks_for_metrics_that_there_are(site):
    site.drop("RANK", "x.json")
    site.wait_ended()
    m = scrape(site)
    known = set(m.types) | {name + end for name, type in m.types.items() if type == "histogram" for end in ("_bucket", "_sum", "_count")}
    board = json.loads((TOP / "etc" / "grafana" / "shunt.json").read_text())
    asked = set()
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            asked |= set(re.findall(r"\b(?:shunt|process)_[a-z_]+", target["expr"]))
            assert set(re.findall(r"[({, ](client|destination|outcome|folder|le|instance|job|code)\b", target["expr"])) <= {
                "client", "destination", "outcome", "folder", "le", "instance", "job", "code"}
    asked |= set(re.findall(r"\b(?:shunt|process)_[a-z_]+", json.dumps(board["templating"])))
    assert asked and asked <= known, asked - known


def test_the_dashboard_has_what_an_import_needs():
    board = json.loads((TOP / "etc" / "grafana" / "shunt.json").read_text())
    assert board["title"] and board["uid"] and len(board["uid"]) <= 40
    assert isinstance(board["schemaVersion"], int) and board["schemaVersion"] >= 36
    assert "id" not in board or board["id"] is None, "an id of another Grafana"
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) and all(isinstance(panel["id"], int) for panel in panels)
    variables = {v["name"]: v for v in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    for v in variables.values():
        assert v["type"] == "datasource" or v["datasource"]["uid"] == "${datasource}"
    taken = set()
    for panel in panels:
        at = panel["gridPos"]
        assert panel["type"] and panel["title"] and at["x"] + at["w"] <= 24 and min(at["x"], at["y"]) >= 0 < min(at["w"], at["h"]), panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, "%s lies over another" % panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        targets = panel["targets"]
        assert targets and len({t["refId"] for t in targets}) == len(targets), panel["title"]
        for target in targets:
            assert target.get("datasource", panel["datasource"]) == panel["datasource"] and target["expr"].count("(") == target["expr"].count(")")
            assert set(re.findall(r"\$\{?(\w+)", target["expr"])) <= set(variables) | {"__rate_interval", "__interval", "__range"}, target["expr"]
