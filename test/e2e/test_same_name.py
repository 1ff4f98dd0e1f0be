"""The same name again: nothing is lost by it."""
import pytest

from shunt import CELTRA_FOLDER, expected_places, ticket

RANK = "SYNC/MAKE/Monday Rank"


def test_a_newer_ticket_replaces_its_older_one_and_the_archive_keeps_both(site):
    versions = []
    for i in range(3):
        versions.append(site.drop("RANK", "x.json", "CELTRA", data=ticket("RANK", "CELTRA", title="version %d" % i)))
        site.wait_ended(i + 1)
        assert (site.data / RANK / "x.json").read_bytes() == versions[-1]
        assert (site.archive / "RANK" / "x.json").read_bytes() == versions[-1]
    assert len(site.files("JSON_STORE/RANK")) == 3
    assert site.files(RANK) == ["x.json"] and site.files(CELTRA_FOLDER) == ["x.json"]
    site.finish()


def test_identical_bytes_are_kept_once(site):
    data = ticket("RANK")
    for i in range(3):
        site.drop("RANK", "x.json", data=data)
        site.wait_ended(i + 1)
    assert site.files("JSON_STORE/RANK") == ["x.json"] and site.files(RANK) == ["x.json"]
    site.finish()


def test_going_back_to_an_older_version_is_the_newest_again(site):
    a, b = ticket("RANK", title="a"), ticket("RANK", title="b")
    for i, data in enumerate((a, b, a)):
        site.drop("RANK", "x.json", data=data)
        site.wait_ended(i + 1)
    assert (site.data / RANK / "x.json").read_bytes() == a
    assert (site.archive / "RANK" / "x.json").read_bytes() == a
    assert len(site.files("JSON_STORE/RANK")) == 2
    site.finish()


def test_two_clients_with_one_name_in_one_folder_are_both_kept(site):
    rank = site.drop("RANK", "x.json", "CELTRA")
    site.wait_ended(1)
    bayer = site.drop("BAYER", "x.json", "CELTRA")
    site.wait_ended(2)
    assert (site.data / CELTRA_FOLDER / "x.json").read_bytes() == rank
    assert (site.data / CELTRA_FOLDER / "x (BAYER).json").read_bytes() == bayer
    told = [e for e in site.events("routed", level="warn", client="BAYER")]
    assert len(told) == 1 and "x (BAYER).json" in told[0]["msg"] and "taken" in told[0]["msg"]
    site.drop("BAYER", "x.json", "CELTRA")  # its newer one replaces its own
    site.wait_ended(3)
    site.drop("RANK", "x.json", "CELTRA")
    site.wait_ended(4)
    assert site.files(CELTRA_FOLDER) == ["x (BAYER).json", "x.json"]
    site.finish()


def test_many_clients_at_the_same_moment_with_one_name(site):
    clients = ["CIBC", "OLIVER", "ADIDAS", "PAYPAL", "BAYER", "3M", "RANK", "RECKITTBENCKISER", "CELTRA"]
    for i in range(10):
        for client in clients:
            site.drop(client, "same%d.json" % i, "CELTRA")
    site.wait_ended()
    assert len(site.files(CELTRA_FOLDER)) == 90
    site.finish()


def test_identical_bytes_of_two_clients_cannot_be_told_apart_but_are_there(make_site):
    site = make_site({"intake.client_mismatch": "folder"})
    site.start()
    data = ticket("RANK", "CELTRA")
    for i, client in enumerate(("RANK", "BAYER")):
        site.drop(client, "x.json", data=data, to=expected_places(client, "CELTRA"))
        site.wait_ended(i + 1)
    assert (site.data / CELTRA_FOLDER / "x.json").read_bytes() == data
    site.stop()


def test_two_folders_whose_tickets_name_one_client_share_nothing_but_their_name(make_site):
    """Two jobs at once with one client and one name: each content is archived, none is mixed with another's."""
    site = make_site({"intake.client_mismatch": "ticket"})
    site.start()
    dropped = []
    for i in range(150):
        for folder in ("RANK", "BAYER"):
            dropped.append(ticket("RANK", title="%s %d" % (folder, i)))
            site.put(folder, "same%d.json" % i, dropped[-1])
    site.wait_ended(len(dropped))
    site.stop()
    kept = [p.read_bytes() for p in (site.archive / "RANK").iterdir()]
    assert sorted(kept) == sorted(dropped)
    delivered = site.files(RANK)
    assert delivered == sorted("same%d.json" % i for i in range(150))
    assert all((site.data / RANK / name).read_bytes() in dropped for name in delivered)


SHARED = "[destination d]\npath = OUT\nconflict = %s\n[route r]\nclient = *\nto = d\n"


def test_conflict_keep(make_site):
    site = make_site(routes=SHARED % "keep")
    site.start()
    for i in range(3):
        site.drop("RANK", "x.json", to=["OUT"], keep=["OUT"])
        site.wait_ended(i + 1)
    first = site.files("OUT")
    assert first == ["x (RANK 2).json", "x (RANK).json", "x.json"]
    site.drop("BAYER", "x.json", to=["OUT"], keep=["OUT"])
    site.finish()


def test_conflict_fail(make_site):
    site = make_site(routes=SHARED % "fail")
    site.start()
    data = site.drop("RANK", "x.json", to=["OUT"])
    site.wait_ended(1)
    second = ticket("RANK", title="second")
    site.put("RANK", "x.json", second)
    site.wait_ended(2)
    assert (site.data / "OUT" / "x.json").read_bytes() == data
    text = site.reason_text("RANK")
    assert "taken" in text and "archive: delivered" in text
    assert [p.read_bytes() for p in site.failed.glob("RANK/*.json")] == [second]
    site.stop()


def test_a_burst_of_versions_of_one_name_loses_none(site):
    """Dropped as fast as one can: each that was taken is archived; the newest lies at the destination."""
    for i in range(50):
        data = ticket("RANK", title="version %d" % i)
        site.expect("RANK", "x.json", data)
        before = site.hot / "RANK" / "x.json"
        while before.exists():  # a producer that does not overwrite what is not yet taken
            pass
        site.put("RANK", "x.json", data)
    site.finish()


def test_long_names_beside_each_other(site):
    for i, name in enumerate(["a" * 250 + ".json", "ü" * 125 + ".json"]):
        for client in ("RANK", "BAYER", "3M"):
            site.drop(client, name, "CELTRA")
            site.wait_ended()
        site.drop("RANK", name, "CELTRA")
        site.wait_ended()
    assert len(site.files(CELTRA_FOLDER)) == 6
    site.finish()
