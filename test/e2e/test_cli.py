"""The commands beside `run`."""
import json
import os
import re

import pytest

from shunt import CELTRA_FOLDER, CLIENTS, ELIGIBLE, OWN_FOLDER, expected_places, ticket, wait_for


def test_version_and_help(make_site):
    site = make_site()
    assert re.fullmatch(rb"shunt \d+\.\d+\.\d+\S*\n", site.cli("--version").stdout)
    text = site.cli("--help").stdout.decode()
    for word in ("run", "once", "check", "explain", "status", "--config", "exit codes"):
        assert word in text
    assert site.cli("--help").returncode == 0
    for wrong in ([], ["nonsense"], ["run", "--nonsense"], ["run", "extra"]):
        result = site.cli(*wrong)
        assert result.returncode == 2 and result.stderr and not result.stdout, wrong


# --- once ---

def test_once_takes_a_ticket_of_a_hot_folder(make_site):
    site = make_site()
    site.drop("RANK", "x.json", "CELTRA")
    result = site.command("once", site.hot / "RANK" / "x.json")
    assert result.returncode == 0 and b"x.json: delivered to" in result.stdout and b"Monday Rank" in result.stdout
    site.conserve()


def test_once_leaves_a_file_from_elsewhere_where_it_is(make_site):
    site = make_site()
    path = site.base / "y.json"
    data = ticket("RANK", "CELTRA")
    path.write_bytes(data)
    site.expect("RANK", "y.json", data, "CELTRA")
    result = site.command("once", "--json", path)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["delivered"] is True and told["client"] == "RANK" and {d["destination"] for d in told["deliveries"]} == {"archive", "monday-rank", "celtra"}
    assert path.read_bytes() == data
    site.conserve()


def test_once_fails_with_1_and_says_why(make_site):
    site = make_site()
    site.drop_bad("RANK", "bad.json", b"{]", "invalid JSON")
    result = site.command("once", "--json", site.hot / "RANK" / "bad.json")
    told = json.loads(result.stdout)
    assert result.returncode == 1 and told["delivered"] is False and "invalid JSON" in told["error"] and os.path.exists(told["failed_as"])
    site.drop_bad("RANK", "half.json", b'{"a":', "")
    assert site.command("once", site.hot / "RANK" / "half.json").returncode == 1
    site.conserve()


def test_once_several_files(make_site):
    site = make_site()
    for i in range(20):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]", "invalid JSON")
    result = site.command("once", "--json", *sorted((site.hot / "RANK").iterdir()))
    assert result.returncode == 1 and len(result.stdout.splitlines()) == 21
    site.conserve()


def test_once_with_a_destination_that_is_away(make_site):
    site = make_site(routes="[destination d]\npath = OUT\ncreate = no\n[route r]\nclient = *\nto = d\n")
    site.put("RANK", "x.json", ticket("RANK"))
    result = site.command("once", site.hot / "RANK" / "x.json")
    assert result.returncode == 1 and b"after 3 attempts" in result.stdout


def test_once_usage_and_configuration_are_2(make_site):
    site = make_site()
    assert site.command("once").returncode == 2
    assert site.command("once", site.base / "nothing.json").returncode == 2
    assert site.cli("once", "-c", site.base / "nothing.ini", "x").returncode == 2


def test_once_beside_a_running_service(site):
    path = site.base / "z.json"
    data = ticket("RANK")
    path.write_bytes(data)
    site.expect("RANK", "z.json", data)
    assert site.command("once", path).returncode == 0
    site.drop("RANK", "x.json")
    site.finish(1)


# --- check ---

def test_check_prints_the_matrix(make_site):
    site = make_site()
    result = site.command("check")
    text = result.stdout.decode()
    assert result.returncode == 0
    for client in CLIENTS:
        (line,) = [line for line in text.splitlines() if re.match(r"\s*%s\b" % client, line)]
        labels = {"BISSELL": "BISSELL-WRIKE", "LOREAL": "LOREAL", "RECKITTBENCKISER": "Monday RB", "RANK": "Monday Rank", "CELTRA": "Celtra"}
        assert re.match(r"\s*%s\s+%s\b" % (client, labels.get(client, "archive only")), line), line
        if client in ELIGIBLE:
            assert re.search(r"\b(yes|Celtra)", line), line
        elif client != "CELTRA":
            assert not re.search(r"yes|Celtra", line), line
    assert "6 routes, 5 destinations: valid" in text


def test_check_warns_of_destinations_that_are_missing_or_not_writable(make_site):
    site = make_site(routes="[destination a]\npath = OUT/a\ncreate = no\n[destination b]\npath = OUT/b\n[route r]\nclient = X\nto = a, b\n")
    (site.data / "OUT").mkdir()
    (site.data / "OUT" / "b").mkdir()
    before = sorted(str(p) for p in site.data.rglob("*"))
    text = site.command("check").stdout.decode()
    assert re.search(r"warning: destination a ", text) and not re.search(r"warning: destination b ", text)
    assert sorted(str(p) for p in site.data.rglob("*")) == before, "check changed something"


def test_check_names_file_and_line_of_every_fault(make_site):
    site = make_site(routes="[destination a]\npath = ../out\nmdoe = 0777\n[route r]\nclient = X\nto = b\n[route r]\nto = a\n[route empty]\n")
    site.config.write_text("[service]\ndata = .\nworkers = many\n[intake]\nsettle = 3 parsecs\nsettle = 2s\nsetle = 2s\n[nonsense]\na = b\nno equals sign\n")
    result = site.command("check")
    text = (result.stdout + result.stderr).decode()
    assert result.returncode == 1
    for line in (3, 5, 7, 8):
        assert re.search(r"shunt\.ini:%d: " % line, text), (line, text)
    for line in (3, 6, 7):
        assert re.search(r"routes\.ini:%d: " % line, text), (line, text)
    assert "settle" in text  # the misspelt key's neighbour is suggested


@pytest.mark.parametrize("name", ["shunt.ini", "routes.ini"])
def test_check_refuses_what_is_no_text_file(make_site, name):
    for content in (b"\0\0\0", b"[service]\ndata = .\n" + b"x = " + b"y" * 3000000):
        site = make_site()
        (site.data / name).write_bytes(content)
        assert site.command("check").returncode == 1
    site = make_site()
    (site.data / name).unlink()
    assert site.command("check").returncode == 1
    (site.data / name).mkdir()
    assert site.command("check").returncode == 1


def test_the_printed_configuration_is_one_and_says_the_same(make_site):
    site = make_site({"intake.tickets": "*.json, *.jsn", "log.file": "", "delivery.mode": "0640", "intake.max_ticket_size": "3MiB", "retry.factor": "2.5"})
    first = site.command("check", "--print-config")
    assert first.returncode == 0
    site.config.write_bytes(first.stdout)
    second = site.command("check", "--print-config")
    assert second.returncode == 0 and second.stdout == first.stdout
    assert b"tickets = *.json, *.jsn" in first.stdout and b"mode = 0640" in first.stdout


def test_run_refuses_a_faulty_configuration_and_touches_nothing(make_site):
    site = make_site()
    site.drop("RANK", "x.json")
    for file, text in ((site.routes, "[route r]\nto = nowhere\n"), (site.config, "[service]\ndta = .\n")):
        good = file.read_text()
        file.write_text(text)
        result = site.command("run")
        assert result.returncode == 2 and file.name.encode() + b":" in result.stderr + result.stdout
        assert (site.hot / "RANK" / "x.json").exists()
        file.write_text(good)


def test_long_lines_and_semicolons_are_read_as_they_stand(make_site):
    long = ", ".join("CLIENT-%04d" % i for i in range(1000))
    site = make_site(routes="[destination semi]\npath = OUT/a;b #c:d=e\n[route r]\nclient = %s\nto = semi\n" % long)
    site.start()
    site.drop("CLIENT-0999", "x.json", to=["OUT/a;b #c:d=e"])
    site.drop("CLIENT-1000", "y.json", to=[])
    site.finish()


def test_hot_and_underprocess_on_two_file_systems_are_refused(make_site, mounts):
    site = make_site()
    mounts(site.under, "-t", "tmpfs", "tmpfs")
    result = site.command("run")
    assert result.returncode == 2 and b"same file system" in result.stderr + result.stdout


# --- explain, status ---

def test_explain_says_for_every_route_why(make_site):
    site = make_site()
    site.put("RANK", "x.json", ticket("RANK", "CELTRA"))
    path = site.hot / "RANK" / "x.json"
    text = site.command("explain", path).stdout.decode()
    assert "route rank" in text and "route celtra " in text and "Monday Rank" in text and CELTRA_FOLDER in text
    assert re.search(r"route loreal .*does not match\n\s+FAILS\s+client = LOREAL\s+\(but it is RANK\)", text), text
    told = json.loads(site.command("explain", "--json", path).stdout)
    assert told["valid"] and {d["name"] for d in told["destinations"]} == {"monday-rank", "celtra"} and len(told["routes"]) == 6
    assert path.exists() and not list(site.archive.rglob("*.json") if site.archive.exists() else [])


def test_explain_agrees_with_what_happens(make_site):
    site = make_site()
    for client in CLIENTS:
        for category in ("CELTRA", "X"):
            path = site.base / ("%s-%s.json" % (client, category))
            path.write_bytes(ticket(client, category))
            told = json.loads(site.command("explain", "--json", path).stdout)
            assert sorted(d["path"] for d in told["destinations"]) == sorted(expected_places(client, category))


def test_explain_of_what_would_fail(make_site):
    site = make_site()
    site.put("RANK", "x.json", ticket("RB"))
    site.put("RANK", "y.json", b"{]")
    for name, why in (("x.json", 'ClientCode "RB" does not match folder RANK'), ("y.json", "invalid JSON at line 1")):
        result = site.command("explain", "--json", site.hot / "RANK" / name)
        assert result.returncode == 1 and why in json.loads(result.stdout)["error"]
        assert why in site.command("explain", site.hot / "RANK" / name).stdout.decode()
    assert site.command("explain", site.base / "none").returncode == 2


def test_status(make_site):
    site = make_site()
    assert site.command("status").returncode == 1
    site.start()
    site.drop("RANK", "x.json", "CELTRA")
    site.wait_ended(1)
    wait_for(lambda: site.command("status", "--quiet").returncode == 0, "it is running")
    text = site.command("status").stdout.decode()
    assert "shunt is running" in text and "Monday Rank" in text
    assert json.loads(site.command("status", "--json").stdout)["health"] == "running"
    site.stop()
    result = site.command("status", "--json")
    told = json.loads(result.stdout)
    assert result.returncode == 1 and told["health"] == "not running" and told["snapshot"]["ledger"]["taken"] == 1
    assert "Today: 1 processed" in site.command("status").stdout.decode()
    site.conserve()


# --- the environment ---

def test_every_setting_can_be_given_in_the_environment(make_site):
    site = make_site()
    env = {"SHUNT_INTAKE_SETTLE": "7s", "SHUNT_DELIVERY_MODE": "0600", "SHUNT_LOG_FORMAT": "text", "SHUNT_FOLDERS_HOT": "IN"}
    text = site.command("check", "--print-config", env=env).stdout.decode()
    for wanted in ("settle = 7s", "mode = 0600", "format = text", "hot = IN"):
        assert wanted in text
    result = site.command("check", env={"SHUNT_INTAKE_SETTLE": "7 parsecs"})
    assert result.returncode == 1 and b"SHUNT_INTAKE_SETTLE" in result.stdout + result.stderr
    site.env = {"SHUNT_FOLDERS_HOT": "IN"}
    site.hot = site.data / "IN"
    site.start()
    site.put("RANK", "x.json", ticket("RANK"))
    site.wait_ended(1)
    site.stop()


def test_the_sample_configuration_is_valid_and_says_the_defaults(make_site):
    from shunt import TOP
    site = make_site()
    site.config.write_text((TOP / "etc" / "shunt.ini").read_text())
    result = site.command("check", env={"SHUNT_SERVICE_DATA": str(site.data)})
    assert result.returncode == 0, result.stderr


def test_check_says_of_a_folder_that_is_a_file_that_the_service_will_not_start(make_site):
    site = make_site()
    site.archive.write_text("in the way")
    told = site.command("check")
    assert told.returncode == 0 and "warning: [folders] archive: %s is not a folder: the service will not start\n" % site.archive in told.stdout.decode()
    refused = site.command("run")
    assert refused.returncode == 2 and "%s is not a folder" % site.archive in refused.stdout.decode(), refused


def test_check_says_which_variable_is_no_setting(make_site):
    site = make_site()
    told = site.command("check", env={"SHUNT_LOG_LEVLE": "debug", "SHUNT_LOG_LEVEL": "debug"})
    assert told.returncode == 0 and "warning: SHUNT_LOG_LEVLE is no setting of shunt\n" in told.stdout.decode()
    assert told.stdout.count(b"no setting of shunt") == 1


def test_a_hot_folder_that_had_to_be_made_is_told(make_site):
    """Where a share is not mounted, say, nothing else would show it."""
    site = make_site()
    site.start()
    assert not site.events("folder_made")
    site.stop()
    site.hot.rmdir()
    site.start()
    assert str(site.hot) in site.events("folder_made")[0]["msg"]


def test_check_says_that_underprocess_lies_on_another_file_system(make_site, mounts):
    site = make_site()
    assert b"file system" not in site.command("check").stdout
    mounts(site.under, "-t", "tmpfs", "tmpfs")
    told = site.command("check").stdout.decode()
    assert re.search(r"^warning: \[folders\] underprocess .* must lie on the same file system as hot .*: the service will not start$", told, re.M), told
    assert site.command("run").returncode == 2


def test_files_that_are_not_there_are_told_with_the_setting_that_names_them(make_site):
    site = make_site({"http.access": "nobody"})
    told = site.command("check").stderr.decode()
    assert told == "%s: [http] access: cannot open %s: No such file or directory\n" % (site.config, site.data / "nobody")
    site.routes.unlink()
    told = site.command("check").stderr.decode()
    assert told == "%s: [folders] routes: cannot open %s: No such file or directory\n" % (site.config, site.routes)
    site.config.unlink()
    told = site.command("check").stderr.decode()
    assert told == "settings: cannot open %s: No such file or directory\nSettings elsewhere are named by --config FILE.\n" % site.config


@pytest.mark.parametrize("policy, folder, expected", [
    ("fail", "OUT", None), ("folder", "OUT", "archive only"), ("ticket", "OUT", "Monday Rank"),
    ("fail", "", None), ("folder", "", None), ("ticket", "", "Monday Rank"),
])
def test_explain_says_what_the_service_does_with_a_client_that_differs(make_site, policy, folder, expected):
    site = make_site({"intake.client_mismatch": policy})
    site.put(folder, "x.json", ticket("RANK"))
    said = site.command("explain", site.folder(folder) / "x.json")
    assert said.returncode == (0 if expected else 1), said.stdout
    assert (expected or "would fail: ") in said.stdout.decode()
    done = site.command("once", "--json", site.folder(folder) / "x.json")
    result = json.loads(done.stdout)
    assert result["delivered"] == bool(expected)
    if not expected:
        assert result["error"] in said.stdout.decode()
    else:
        destinations = [d["destination"] for d in result["deliveries"]]
        assert destinations == (["archive"] if expected == "archive only" else ["archive", "monday-rank"])


def test_explain_knows_files_that_are_not_parsed(make_site):
    site = make_site({"intake.files": "*.pdf"})
    site.put("RANK", "x.pdf", b"%PDF")
    said = site.command("explain", site.hot / "RANK" / "x.pdf")
    assert said.returncode == 0 and "Monday Rank" in said.stdout.decode()
