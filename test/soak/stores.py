"""What can befall the store: pages that rot while nobody looks or under the running service, another process that locks it for half a minute,
a database that an older version left. Tickets go on, and afterwards the store says what the folders say: all of it, where it was not set aside."""
import contextlib
import random
import re
import sqlite3
import time

from common import Report, Writers, agree, backlog, conserve, drain, kill, left, shunt, wait_for, world
from control import locked

SETTINGS = {"intake.settle": "5s", "retry.attempts": "1000"}
PAGE = 4096
MIGRATIONS = shunt.TOP / "src/store/migrations"
LOCKED_S = 30
ASIDE = re.compile(r"shunt\.db\.damaged-\d+(-wal|-shm)?|shunt\.db\.suspect")


def rot(rng, path):
    """Some pages hold what nobody wrote there; not the first, which says whose it is. -> how many"""
    db = sqlite3.connect(path, timeout=20)
    with contextlib.suppress(sqlite3.DatabaseError):  # damaged before
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # or most pages are in the log alone
    db.close()
    pages = path.stat().st_size // PAGE
    chosen = rng.sample(range(1, pages), min(pages - 1, rng.randrange(1, 6))) if pages > 1 else []
    with open(path, "r+b") as f:
        for page in chosen:
            f.seek(page * PAGE)
            f.write(rng.randbytes(PAGE))
    return len(chosen)


def some_done(site, count):
    wait_for(lambda: len(site.events("processed")) > count or left(site) == 0, "some are through", 30)


def settle_damage(site):
    """The store that is there now is sound: a page that nobody read yet is found at the next start at the latest."""
    drain(site)
    site.stop(seconds=60)
    site.start()
    drain(site)
    site.stop(seconds=60)


def clear_aside(site):
    found = [p for p in site.data.iterdir() if ASIDE.fullmatch(p.name)]
    for path in found:
        path.unlink()
    return sum(bool(re.fullmatch(r"shunt\.db\.damaged-\d+", p.name)) for p in found)


def judge_damaged(site, said, what):
    settle_damage(site)
    aside = clear_aside(site)
    conserve(site)
    agree(site, whole=aside == 0)
    said += [what, "%d set aside" % aside, "%d tickets" % len(site.manifest.entries)]


def rot_while_stopped(rng, tickets, said):
    with world(SETTINGS) as site:
        backlog(site, tickets, rng)
        site.start(wait=False)
        some_done(site, tickets // 2)
        if rng.random() < 0.5:
            kill(site.process)
        else:
            site.stop(seconds=60)
        count = rot(rng, site.data / "shunt.db")
        site.start()
        with Writers(site, rng.random()):
            time.sleep(1)
        judge_damaged(site, said, "%d pages" % count)


def rot_while_running(rng, tickets, said):
    with world(SETTINGS) as site:
        backlog(site, tickets, rng)
        site.start(wait=False)
        count = 0
        with Writers(site, rng.random()):
            for part in (0.2, 0.5, 0.7):
                some_done(site, int(tickets * part))
                count += rot(rng, site.data / "shunt.db")
        judge_damaged(site, said, "%d pages" % count)


def locked_by_another(rng, tickets, said, seconds=LOCKED_S):
    with world(SETTINGS) as site:
        backlog(site, tickets, rng)
        site.start(wait=False)
        some_done(site, tickets // 10)
        with Writers(site, rng.random(), pause=0.1), locked(site):
            end = time.monotonic() + seconds
            before = len(site.events("processed"))
            shunt.holds_for(site.process.alive, lambda: site.process.stderr(), seconds / 2)
            drain(site, seconds / 2)  # it does not wait for the store
            meanwhile = len(site.events("processed")) - before
            time.sleep(max(0, end - time.monotonic()))
        assert site.events("store_failed"), "it did not notice"
        wait_for(lambda: site.events("store_back"), "the store is written again", 60)
        drain(site)
        site.stop(seconds=60)
        conserve(site)
        agree(site)
        said += ["%d tickets" % len(site.manifest.entries), "%d processed while it was locked" % meanwhile]


def back_to_version_1(path):
    """The same jobs, in a database as version 1 made it. -> how many"""
    late = path.with_suffix(".late")
    path.rename(late)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("ATTACH ? AS late", (str(late),))
    db.execute("PRAGMA application_id = %d" % db.execute("PRAGMA late.application_id").fetchone()[0])
    db.executescript(MIGRATIONS.joinpath("0001_jobs.sql").read_text() + "DELETE FROM totals;")
    for (table,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall():
        columns = ", ".join(c[1] for c in db.execute("PRAGMA main.table_info(%s)" % table))
        db.execute("INSERT INTO main.%s (%s) SELECT %s FROM late.%s" % (table, columns, columns, table))
    db.execute("PRAGMA user_version = 1")
    count = db.execute("SELECT count(*) FROM main.processing_jobs").fetchone()[0]
    db.close()
    for left_over in path.parent.glob(late.name + "*"):
        left_over.unlink()
    return count


def of_an_older_version(rng, tickets, said):
    """Version 1 had jobs and nothing else."""
    with world(SETTINGS) as site:
        backlog(site, tickets, rng)
        site.start(wait=False)
        some_done(site, tickets // 2)
        site.stop(seconds=60)
        before = back_to_version_1(site.data / "shunt.db")
        refused = site.command("list")
        assert refused.returncode == 2 and b"version 1" in refused.stderr, refused
        site.start()
        drain(site)
        site.stop(seconds=60)
        conserve(site)
        agree(site, statistics=False)  # that version kept none: the day begins anew
        said += ["%d jobs taken over" % before, "%d tickets" % len(site.manifest.entries)]


ROUNDS = {"pages rot while stopped": rot_while_stopped, "pages rot while it runs": rot_while_running, "locked by another process": locked_by_another,
          "left by an older version": of_an_older_version}


def soak(args):
    report = Report("store")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for again in range(args.rounds or 5):
        for name, one_round in ROUNDS.items():
            text = "%s, --seed %d" % (name, seed + again)
            if args.only not in text:
                continue
            with report.round(text) as said:
                one_round(random.Random("store-%s-%d" % (name, seed + again)), args.tickets or 1500, said)
    return report
