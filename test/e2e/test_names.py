"""Names and trees that were made to hurt: each has a defined outcome, and nothing leaves its root."""
import os
import socket

import pytest

from shunt import expected_places, ticket, wait_for, holds_for

RANK = "SYNC/MAKE/Monday Rank"

GOOD_NAMES = ["with space.json", "größe 漢字 🎉.json", "%s%n%x%1$s.json", "-rf.json", "--help.json", "a'b\"c`d$e.json", "x;rm -rf.json", "{}[]*?.json",
              "\\back\\slash.json", "UPPER.JSON", "two.dots.json", "&amp;<b>.json", "a" * 250 + ".json", "ü" * 125 + ".json", "x.v-0123456789ab.json",
              "nul\u200b\u202ertl.json", "CON.json", "~x.json", "20260206_153046_x.json"]


def test_any_sensible_name_is_delivered_under_that_name(site):
    for name in GOOD_NAMES:
        site.drop("RANK", name, "CELTRA")
    site.wait_ended()
    for name in GOOD_NAMES:
        for place in ["JSON_STORE/RANK", *expected_places("RANK", "CELTRA")]:
            assert (site.data / place / name).exists(), (place, name)
    site.finish()


BAD_NAMES = [b"new\nline.json", b"tab\t.json", b"\x1b[31mred.json", b"bell\x07.json", b"del\x7f.json", b"inval\xff\xfeid.json", b"cut\xc3.json", b"c1\xc2\x9b31m.json",
             b"\r\n{\"event\":\"fake\"}.json"]


def test_names_with_control_characters_or_without_utf8_fail_and_the_log_stays_whole(site):
    for i, raw in enumerate(BAD_NAMES):
        site.drop_bad("RANK", os.fsdecode(raw), ticket("RANK", title=str(i)), "name")
    site.wait_ended()
    assert not site.events("fake")
    for path in site.failed.rglob("*"):
        assert path.name.isprintable(), path  # and it is UTF-8
    for path in site.failed.rglob("*.reason.txt"):
        text = path.read_bytes()
        assert not [c for c in text if c < 32 and c != 10 or c == 127], text
    site.finish()


EVIL = ["../x", "..", ".", "/etc", "a/b", "RANK/../../x", "a\nb", "\x1b[2J", "a\u0000b", "", " ", "RANK ", "rank", "x" * 5000, "%s%n", "\u009b31m", "RANK\u202e"]


@pytest.mark.parametrize("policy", ["fail", "folder", "ticket"])
def test_client_codes_that_differ_or_try_to_leave_the_root(make_site, policy):
    site = make_site({"intake.client_mismatch": policy})
    site.start()
    before = {p for p in site.base.iterdir()}
    for i, code in enumerate(EVIL):
        data, name = ticket(code, title="evil %d" % i), "e%d.json" % i
        usable = code in (" ", "RANK ", "rank", "%s%n", "RANK\u202e")  # as a folder's name
        if policy == "folder" and usable:
            site.drop("RANK", name, data=data, to=[RANK])
        elif policy == "ticket" and usable:
            site.drop("RANK", name, data=data, to=[], archive=code)
        else:
            site.drop_bad("RANK", name, data, "ClientCode")
    site.drop("RANK", "fine.json", "CELTRA")
    site.wait_ended()
    assert {p for p in site.base.iterdir()} == before
    assert not [p for p in site.base.rglob("e*.json") if site.data not in p.parents]
    site.finish()


def test_the_text_of_a_mismatch_names_both(site):
    site.drop_bad("RECKITTBENCKISER", "x.json", ticket("RB"), 'ClientCode "RB" does not match folder RECKITTBENCKISER')
    site.wait_ended()
    assert site.events("failed")[0]["error"] == 'ClientCode "RB" does not match folder RECKITTBENCKISER'
    site.finish()


def test_a_mismatch_with_policy_ticket_goes_where_the_ticket_says(make_site):
    site = make_site({"intake.client_mismatch": "ticket"})
    site.start()
    site.drop("BAYER", "x.json", data=ticket("RANK", "CELTRA"), to=expected_places("RANK", "CELTRA"), archive="RANK")
    site.finish()


def test_a_ticket_right_in_the_hot_root_fails_with_a_hint(site):
    site.drop_bad("", "stray.json", ticket("RANK"), "(?s)not in a client's folder.*mv ")
    site.wait_ended()
    assert [p.name[16:] for p in site.failed.glob("*.json")] == ["stray.json"]
    site.finish()


def test_a_ticket_right_in_the_hot_root_with_policy_ticket_is_routed(make_site):
    site = make_site({"intake.client_mismatch": "ticket"})
    site.start()
    site.drop("", "stray.json", data=ticket("RANK", "CELTRA"), to=expected_places("RANK", "CELTRA"), archive="RANK")
    site.finish()


def test_what_is_no_regular_file_is_left_alone(site):
    folder = site.folder("RANK")
    secret = site.base / "secret"
    secret.write_bytes(ticket("RANK", title="secret"))
    os.symlink(secret, folder / "link.json")
    os.symlink(site.base / "nothing", folder / "dangling.json")
    os.symlink("/dev/zero", folder / "zero.json")
    os.symlink("loop.json", folder / "loop.json")
    os.mkfifo(folder / "fifo.json")
    (folder / "folder.json").mkdir()
    (folder / "folder.json" / "inner.json").write_bytes(ticket("RANK"))
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(folder)
    server.bind("socket.json")
    os.chdir(here)
    os.symlink(site.base, site.hot / "LINKED")
    (site.base / "behind.json").write_bytes(ticket("LINKED"))
    os.mkfifo(site.hot / "FIFO")
    for left in ("link", "dangling", "zero", "loop", "fifo", "folder.json/inner", "socket"):
        site.manifest.entries.append({"left": "JSON/RANK/%s.json" % left})
    site.manifest.entries.append({"left": "JSON/FIFO"})
    site.drop("RANK", "good.json")
    site.wait_ended(1)
    server.close()
    assert secret.exists() and (site.base / "behind.json").exists()
    os.unlink(site.hot / "LINKED")  # the check does not follow it, but it walks
    site.finish(1)


def test_writers_temporary_names_and_hidden_files_are_left_alone(site):
    names = [".hidden.json", "x.json.tmp", "x.json.part", "x.json.partial", "x.json.filepart", "x.json.crdownload", "x.json~", "#x.json#", "readme.txt",
             ".nfs000001", "x.json.swp"]
    for name in names:
        site.put("RANK", name, ticket("RANK"))
        site.manifest.entries.append({"left": "JSON/RANK/" + name})
    site.drop("RANK", "x.json")
    site.wait_ended(1)
    holds_for(lambda: len(site.events("processing")) == 1, "something else was taken", 0.5)
    site.finish(1)


def test_hard_links_of_one_file_are_tickets_of_their_own(site):
    data = ticket("RANK")
    folder = site.folder("RANK")
    outside = site.base / "outside.json"
    outside.write_bytes(data)
    for name in ("a.json", "b.json"):
        site.expect("RANK", name, data)
        os.link(outside, folder / name)
    site.wait_ended(2)
    with open(outside, "wb") as f:  # what its other name is used for later does not change what was delivered
        f.write(b"changed afterwards")
    site.finish(2)


def test_an_unreadable_ticket_fails_with_its_reason(make_site, base):
    if os.geteuid() != 0:
        pytest.skip("needs root to run the program as another user")
    from test_readiness import run_as_stranger
    site = make_site()
    folder = site.folder("RANK")
    run_as_stranger(site, base)
    site.start()
    data = ticket("RANK", title="unreadable")
    site.expect_failed("RANK", "x.json", data, "may not be read")
    temp = site.staging / "t"
    temp.write_bytes(data)
    temp.chmod(0)
    os.rename(temp, folder / "x.json")
    site.drop("RANK", "y.json")
    site.finish()


def test_a_link_where_a_destination_has_its_name_is_replaced_not_followed(site):
    victim = site.base / "victim"
    victim.write_bytes(b"precious")
    for place in ("JSON_STORE/RANK", RANK):
        (site.data / place).mkdir(parents=True)
        os.symlink(victim, site.data / place / "x.json")
    site.drop("RANK", "x.json")
    site.wait_ended()
    assert victim.read_bytes() == b"precious"
    site.finish()


def test_a_folder_that_has_the_tickets_name_at_a_destination(site):
    (site.data / RANK / "x.json").mkdir(parents=True)
    data = site.drop("RANK", "x.json", to=[RANK])
    site.wait_ended()
    assert (site.data / RANK / "x (RANK).json").read_bytes() == data
    site.finish()


def test_links_in_the_way_of_archive_and_failed_folders_are_not_followed(site):
    outside = site.base / "outside"
    outside.mkdir()
    site.archive.mkdir(exist_ok=True)
    os.symlink(outside, site.archive / "RANK")
    os.symlink(outside, site.failed / "BAYER")
    site.put("RANK", "x.json", ticket("RANK"))
    site.put("BAYER", "y.json", b"{]")
    wait_for(lambda: site.events("delivery_failed") + site.events("settle_failed") + site.events("destination_down"), "it says so")
    assert list(outside.iterdir()) == []
    os.unlink(site.archive / "RANK")
    os.unlink(site.failed / "BAYER")
    site.expect("RANK", "x.json", ticket("RANK"))
    site.expect_failed("BAYER", "y.json", b"{]", "invalid JSON")
    site.finish()


def test_titles_and_categories_cannot_break_the_log_or_the_reason(site):
    for i, text in enumerate(["a\nb", "\x1b[31mred\x07", "\r\n2026-02-06 15:30:46 - INFO - fake", "\"}\n{\"event\":\"fake\"}", "\u2028\u0085\u009b", "x" * 100000, "\\u0000"]):
        site.drop("RANK", "t%d.json" % i, data=ticket("RANK", title=text), to=[RANK])
        if any(c < " " or "\x7f" <= c < "\xa0" for c in text):
            site.drop_bad("RANK", "c%d.json" % i, ticket("RANK", text), "JobCategory holds a control character")
        elif len(text) > 50000:
            site.drop_bad("RANK", "c%d.json" % i, ticket("RANK", text), "JobCategory is longer than")
        else:
            site.drop("RANK", "c%d.json" % i, data=ticket("RANK", text), to=[RANK])
        site.drop_bad("RANK", "m%d.json" % i, ticket("R" + text, text, title=text), "ClientCode")
    site.wait_ended()
    assert not site.events("fake")
    for path in site.failed.rglob("*.reason.txt"):
        assert not [c for c in path.read_bytes() if c < 32 and c != 10 or c == 127], path
    site.finish()
