"""The judge of the store is judged: each kind of disagreement must be seen."""
import json
import os
import sqlite3

import pytest

from agreement import Agreement
from shunt import ticket, wait_for
from control import rows


@pytest.fixture
def site(make_site):
    """Stopped, with two versions of a ticket delivered, one archived only and one failed."""
    site = make_site()
    site.start()
    for number, (client, category) in enumerate([("RANK", "CELTRA"), ("RANK", "CELTRA"), ("NOBODY", "PRODUCTION")]):
        site.drop(client, "x.json", category)
        site.wait_ended(number + 1)
    site.drop_bad("RANK", "bad.json", b"{]")
    site.wait_ended()
    wait_for(lambda: len(rows(site)) == 4, "the store knows")
    site.stop()
    return site


def change(site, statement):
    with sqlite3.connect(site.data / "shunt.db") as db:
        assert db.execute(statement).rowcount != 0
    db.close()


def found(site):
    check = Agreement(site).run()
    assert check.clean == (not any(check.found.values()))
    return {kind: len(what) for kind, what in check.found.items() if what}


def test_a_whole_store_agrees(site):
    assert found(site) == {}


def add(site, client, name, body, **more):
    site.manifest.add(client, name, body, **more)


DISAGREEMENTS = [
    (lambda s: change(s, "DELETE FROM processing_jobs WHERE name = 'bad.json'"), {"unrecorded": 1, "miscounted": 3}),
    (lambda s: add(s, "RANK", "z.json", b"z", to=[]), {"unrecorded": 1}),
    (lambda s: s.manifest.entries.pop(0), {"stranger": 1}),
    (lambda s: s.manifest.entries.append(s.manifest.entries.pop(0)), {}),
    (lambda s: add(s, "NOBODY", "x.json", ticket("NOBODY"), to=[]), {"unrecorded": 1}),
    (lambda s: change(s, "UPDATE processing_jobs SET status = 0 WHERE folder = 'NOBODY'"), {"unrecorded": 1, "unfinished": 1, "miscounted": 4}),
    (lambda s: change(s, "UPDATE processing_jobs SET status = 4 WHERE folder = 'NOBODY'"), {"unrecorded": 1, "stranger": 1, "miscounted": 4}),
    (lambda s: change(s, "UPDATE processing_jobs SET sha256 = randomblob(32) WHERE folder = 'NOBODY'"), {"unrecorded": 1, "stranger": 1, "differing": 1}),
    (lambda s: change(s, "DELETE FROM deliveries WHERE destination = 'celtra' AND job = 1"), {"misdirected": 1}),
    (lambda s: change(s, "UPDATE deliveries SET state = 2 WHERE destination = 'celtra' AND job = 1"), {"misdirected": 1}),
    (lambda s: os.unlink(s.archive / "NOBODY/x.json"), {"pathless": 1}),
    (lambda s: os.unlink(next((s.archive / "RANK").glob("x.v-*"))), {"differing": 1}),
    (lambda s: next((s.failed / "RANK").glob("*bad.json")).write_bytes(b"{"), {"differing": 1}),
    (lambda s: os.unlink(next((s.failed / "RANK").glob("*bad.json"))), {"pathless": 1}),
    (lambda s: change(s, "UPDATE totals SET cancelled = 7"), {"miscounted": 1}),
]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(DISAGREEMENTS)))
def test_a_disagreement_is_seen(site, number):
    disagree, expected = DISAGREEMENTS[number]
    disagree(site)
    assert found(site) == expected


@pytest.mark.slow
def test_statistics_that_count_too_much_are_seen(site):
    with sqlite3.connect(site.data / "shunt.db") as db:
        document = json.loads(db.execute("SELECT document FROM snapshots").fetchone()[0])
        document["stats"]["totals"]["processed"] += 1
        document["ledger"]["failed"] += 1
        db.execute("UPDATE snapshots SET document = ?", (json.dumps(document),))
    db.close()
    assert found(site) == {"miscounted": 2}
