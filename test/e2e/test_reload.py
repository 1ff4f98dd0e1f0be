"""routes.ini changes while tickets flow."""
import os
import random
import signal

from shunt import ROUTES, expected_places, holds_for, ticket, wait_for

ACME = ROUTES + "\n[destination acme]\npath = CLIENT-STORES/ACME/IN\n\n[route acme]\nclient = ACME\nto = acme\n"
BAD = ROUTES + "\n[route broken]\nclinet = ACME\nto = nowhere\nto = celtra\n[nonsense\n"


def test_a_new_client_by_an_edit_a_folder_and_a_hup(site):
    site.drop("ACME", "before.json", to=[])
    site.wait_ended(1)
    site.routes.write_text(ACME)
    site.folder("ACME")
    site.reload()
    site.drop("ACME", "after.json", to=["CLIENT-STORES/ACME/IN"])
    site.drop("RANK", "other.json", "CELTRA")
    site.finish()


def test_what_changed_is_logged(site):
    text = ACME.replace("path = SYNC/MAKE/Monday RB", "path = SYNC/MAKE/Monday RB2")
    text = text.replace("[route loreal]\nclient = LOREAL\nto = loreal\n", "").replace("client = BISSELL\n", "client = BISSELL, BISSELL2\n")
    site.routes.write_text(text)
    site.reload()
    changes = [e["msg"] for e in site.events("reload_change")]
    for word in ("acme", "monday-rb", "loreal", "bissell"):
        assert [c for c in changes if word in c], (word, changes)
    assert not [c for c in changes if "celtra-client" in c or "monday-rank" in c], changes
    site.reload()
    assert len(site.events("reload_change")) == len(changes), "nothing changed"


def test_an_invalid_table_keeps_the_old_one_and_every_fault_is_logged_with_its_line(site):
    site.routes.write_text(BAD)
    site.reload("reload_refused")
    lines = BAD.split("\n")
    faults = [e["msg"] for e in site.events("reload_fault")]
    for text in ("clinet = ACME", "to = nowhere", "to = celtra", "[nonsense"):
        number = max(i for i, line in enumerate(lines) if line == text) + 1
        assert [f for f in faults if "routes.ini:%d:" % number in f], (text, number, faults)
    site.drop("RANK", "x.json", "CELTRA")
    site.wait_ended()
    os.unlink(site.routes)
    site.reload("reload_refused")
    site.routes.write_text("")
    site.reload("reload_refused")
    site.drop("RANK", "y.json", "CELTRA")
    site.finish()


def test_commands_answer_while_the_edited_routes_are_refused(site):
    site.drop("RANK", "x.json", "CELTRA")
    site.wait_ended()
    site.routes.write_text(BAD)
    for args, says in ((("status",), b"shunt is running"), (("list",), b"x.json"), (("show", "x.json"), b"JSON_STORE/RANK/x.json"),
                       (("hold", "celtra"), b"celtra"), (("release", "celtra"), b"celtra"), (("failed",), b"Failed: none")):
        result = site.command(*args)
        assert result.returncode == 0 and says in result.stdout, (args, result)
        assert b"routes.ini:%d: " % (BAD.count("\n") - 2) in result.stderr and b"goes by the one from before" in result.stderr, (args, result)
    for code, args in ((1, ("check",)), (2, ("verify",)), (2, ("once", "x.json"))):
        result = site.command(*args)
        assert result.returncode == code and not result.stdout and b"routes.ini:" in result.stderr, (args, result)
    site.finish()


def test_a_storm_of_reloads_loses_and_misroutes_nothing(make_site):
    site = make_site()
    site.routes.write_text(ACME)
    for client in ("RANK", "RECKITTBENCKISER", "ACME", "BAYER", "LOREAL"):
        site.folder(client)
    site.start()
    rng = random.Random(11)
    for i in range(300):
        client, category = rng.choice(["RANK", "RECKITTBENCKISER", "ACME", "BAYER", "LOREAL"]), rng.choice(["CELTRA", "X"])
        to = ["CLIENT-STORES/ACME/IN"] if client == "ACME" else expected_places(client, category)
        site.drop(client, "t%d.json" % i, category, to=to)
        if i % 5 == 0:
            text = (ACME, BAD, ACME + "\n# a comment\n", ACME.replace("label = Celtra", "label = Celtra %d" % i))[i // 5 % 4]
            temp = site.data / "routes.ini.new"
            temp.write_text(text)
            os.rename(temp, site.routes)
            site.process.send(signal.SIGHUP)
    site.routes.write_text(ACME)
    site.reload()
    site.others = []
    site.finish()


def test_tickets_in_flight_finish_under_the_table_that_routed_them(make_site):
    routes = "[destination old]\npath = OLD\ncreate = no\n[route r]\nclient = *\nto = old\n"
    site = make_site({"retry.attempts": "1000"}, routes=routes)
    site.start()
    for i in range(8):
        site.drop("RANK", "old%d.json" % i, to=["OLD"])
    site.wait_event("destination_down")
    site.routes.write_text("[destination new]\npath = NEW\n[route r]\nclient = *\nto = new\n")
    site.reload()
    for i in range(5):
        site.drop("RANK", "new%d.json" % i, to=["NEW"])
    wait_for(lambda: len(site.files("NEW")) == 5, "the new table is in force")
    (site.data / "OLD").mkdir()
    site.finish()


def test_a_rotated_log_file_is_opened_anew(site):
    log = site.logs / "shunt.log"
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    os.rename(log, site.logs / "shunt.log.1")
    site.drop("RANK", "b.json")
    site.wait_ended(2)
    site.reload()
    site.drop("RANK", "c.json")
    site.wait_ended(3)
    wait_for(lambda: log.exists() and "c.json" in log.read_text(), "it logs into the new file")
    old = (site.logs / "shunt.log.1").read_text()
    assert "b.json" in old and "c.json" not in old and "b.json" not in log.read_text()
    site.finish()
