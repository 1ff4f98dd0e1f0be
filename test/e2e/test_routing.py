"""Who gets what: the whole matrix, byte for byte."""
import os
import stat

import pytest

from shunt import CELTRA_FOLDER, CLIENTS, ELIGIBLE, expected_places, ticket


def test_every_client_and_category_ends_in_exactly_its_places(site):
    for client in CLIENTS + ["NOBODY", "ACME-EU"]:
        for category in ("PRODUCTION", "CELTRA", "celtra", "CELTRA2", " CELTRA"):
            site.drop(client, "%s %s.json" % (client, category), category)
    site.finish()


def test_a_celtra_ticket_of_rank_ends_in_three_places(site):
    data = site.drop("RANK", "5903771.json", "CELTRA")
    site.wait_ended(1)
    for place in ("JSON_STORE/RANK", "SYNC/MAKE/Monday Rank", CELTRA_FOLDER):
        assert (site.data / place / "5903771.json").read_bytes() == data
    assert not (site.hot / "RANK" / "5903771.json").exists()
    routed = [e["destination"] for e in site.events("routed")]
    assert sorted(routed) == ["celtra", "monday-rank"]
    assert "Monday Rank" in " ".join(e["msg"] for e in site.events("routed"))
    site.finish(1)


def test_a_ticket_of_a_client_without_a_route_is_archived_only(site):
    site.drop("NOBODY", "x.json", to=[])
    site.wait_ended(1)
    assert site.files("JSON_STORE/NOBODY") == ["x.json"]
    assert not (site.data / "SYNC").exists() or not [p for p in (site.data / "SYNC").rglob("*") if p.is_file()]
    site.finish(1)


ODD_BYTES = {
    "bom": b"\xef\xbb\xbf" + ticket("RANK"),
    "late newlines": ticket("RANK") + b"\n\n\n",
    "crlf": ticket("RANK").replace(b"\n", b"\r\n") + b"\r\n",
    "odd whitespace": b"\n\t \r\n" + ticket("RANK").replace(b": ", b"\t\t:\r\n ") + b" \t ",
    "escapes": ticket("RANK", title="TITLE").replace(b"TITLE", rb"\u0000 \u001f \ud83d\ude00 \u2028 \/ t\u0069tle"),
    "big numbers": ticket("RANK")[:-1] + b',"n": 12345678901234567890123, "e": 1e400, "z": -0, "f": 1.10E+02}',
    "deep": ticket("RANK")[:-1] + b',"d": ' + b"[" * 400 + b"]" * 400 + b"}",
    "long text": ticket("RANK", Description="x" * 300000),
    "unicode": ticket("RANK", title="Größe 漢字 🎉 עברית"),
    "escaped keys": b'{"\\u004aobSpecification":{"JobDetails":{"Client\\u0043ode":"RANK","JobCategory":"CELTR\\u0041"}}}',
}


def test_what_is_delivered_is_the_producers_bytes(site):
    for name, data in ODD_BYTES.items():
        site.expect("RANK", name + ".json", data, "CELTRA" if name == "escaped keys" else "PRODUCTION")
        site.put("RANK", name + ".json", data)
    site.finish()


GLOBS = """
[destination all]
path = OUT/all
[destination acme]
path = OUT/acme
[destination odd]
path = OUT/odd
[route all]
client = *
to = all
[route acme]
client = ACME, ACME-*
category = *PROD*
to = acme, all
[route odd]
client = ACME-EU
/JobSpecification/JobDetails/Title = Spring*
studio = *_STUDIO
to = odd
[route nested]
client = ACME
/extra/0/deep~1key = 42, yes*
to = odd
"""


def test_globs_lists_and_json_pointers_decide_and_each_destination_gets_it_once(make_site):
    site = make_site(routes=GLOBS)
    site.start()
    site.drop("OTHER", "a.json", to=["OUT/all"])
    site.drop("ACME", "b.json", "PRODUCTION", to=["OUT/all", "OUT/acme"])
    site.drop("ACME-EU", "c.json", "X", data=ticket("ACME-EU", "X", title="Spring 26"), to=["OUT/all", "OUT/odd"])
    site.drop("ACME-EU", "d.json", "X", data=ticket("ACME-EU", "PREPRODX", title="Autumn"), to=["OUT/all", "OUT/acme"])
    nested = b'{"extra": [{"deep/key": "yes sir"}], "JobSpecification": {"JobDetails": {"ClientCode": "ACME", "JobCategory": "Z"}}}'
    site.drop("ACME", "e.json", data=nested, to=["OUT/all", "OUT/odd"])
    site.drop("ACMEX", "f.json", "PRODUCTION", to=["OUT/all"])
    site.finish()


@pytest.mark.parametrize("umask", ["000", "022", "077", "777"])
def test_files_get_the_configured_mode_under_any_umask(make_site, umask):
    site = make_site({"delivery.mode": "0777", "delivery.folder_mode": "0775"})
    site.start(umask=umask)
    site.drop("RANK", "x.json", "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]", "invalid JSON")
    site.wait_ended()
    for place in ["JSON_STORE/RANK", *expected_places("RANK", "CELTRA")]:
        assert stat.S_IMODE((site.data / place / "x.json").stat().st_mode) == 0o777, place
        assert stat.S_IMODE((site.data / place).stat().st_mode) == 0o775, place
    site.finish()


def test_a_destination_may_have_its_own_mode_owner_and_group(make_site):
    site = make_site(routes="[destination a]\npath = OUT\nmode = 0640\nowner = 65534\ngroup = 65533\n[route a]\nclient = RANK\nto = a\n")
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    site.start()
    site.drop("RANK", "x.json", to=["OUT"])
    site.wait_ended()
    found = (site.data / "OUT" / "x.json").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, 65534, 65533)
    site.finish()


def test_other_files_named_by_a_setting_are_delivered_unparsed(make_site):
    site = make_site({"intake.files": "*.pdf, *.Xml"})
    site.start()
    for name, data in (("a.pdf", b"%PDF-1.7\n\x00\xff" * 1000), ("b.XML", b"<a/>"), ("empty.pdf", b"")):
        site.expect("RANK", name, data)
        site.put("RANK", name, data)
    site.put("RANK", "c.txt", b"nobody's")
    site.manifest.entries.append({"left": "JSON/RANK/c.txt"})
    site.finish(3)


def test_absolute_destinations_and_a_data_root_elsewhere(make_site, base):
    out = base / "elsewhere"
    site = make_site(routes="[destination a]\npath = %s/deep/er\n[route a]\nclient = %s\nto = a\n" % (out, ", ".join(sorted(ELIGIBLE))))
    site.start()
    data = site.drop("RANK", "x.json", to=[])
    site.wait_ended()
    assert (out / "deep" / "er" / "x.json").read_bytes() == data
    site.finish()
