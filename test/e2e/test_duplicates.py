"""The same ticket again: delivered, skipped or failed, by what was delivered last and how long ago."""
import os
import sqlite3
import subprocess

from conftest import root_only
from control import locked
from shunt import ticket, wait_for
from test_retry import NO_BREAKER
from test_store import CANCELLED, COMPLETED, DONE, FAILED, rows

ONE = "[destination out]\npath = OUT\n[route all]\nclient = RANK\nto = out\n"
A, B = ticket("RANK", title="A"), ticket("RANK", title="B")


def make(make_site, action, window="1h", **more):
    site = make_site({"intake.duplicate_window": window, "intake.duplicate": action, **more}, routes=ONE)
    site.folder("RANK")
    site.start()
    return site


def send(site, data, name="x.json"):
    """Drops it, waits until it has ended, and says whether it was delivered: its consumer takes it."""
    ended = site.count_ended()
    site.put("RANK", name, data)
    site.wait_ended(ended + 1)
    out = site.data / "OUT" / name
    if not out.exists():
        return False
    assert out.read_bytes() == data
    out.unlink()
    return True


def ledger(site):
    return site.command("status", "--json").stdout.decode()


def long_ago(site):
    """Two hours pass for what was delivered."""
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    with db:
        db.execute("UPDATE processing_jobs SET completed_at = completed_at - 7200000 WHERE status = 2 AND error_message IS NULL")
    db.close()


def test_without_a_window_all_is_delivered(make_site):
    site = make(make_site, "skip", window="0")
    assert [send(site, A), send(site, A)] == [True, True]
    assert not site.events("duplicate")


def test_by_default_a_duplicate_is_delivered_and_told(make_site):
    site = make(make_site, "deliver")
    assert [send(site, A), send(site, A)] == [True, True]
    first, second = rows(site)
    told, = site.events("duplicate")
    assert told["level"] == "info" and told["job"] == second["id"] and first["id"] in told["msg"]
    assert "duplicate" in second["story"] and "duplicate" not in first["story"]
    assert second["status"] == COMPLETED and second["error_message"] is None


def test_a_skipped_duplicate_is_archived_only(make_site):
    site = make(make_site, "skip")
    assert [send(site, A), send(site, A), send(site, A)] == [True, False, False]
    first, second, third = rows(site)
    assert [r["status"] for r in (second, third)] == [COMPLETED] * 2
    for job in (second, third):
        assert first["id"] in job["error_message"] and "skipped" in job["story"]
        assert {name: d["state"] for name, d in job["deliveries"].items()} == {"archive": DONE}
    assert [e["job"] for e in site.events("duplicate")] == [second["id"], third["id"]]
    assert site.files("JSON_STORE/RANK") == ["x.json"] and (site.archive / "RANK/x.json").read_bytes() == A
    assert not list(site.under.glob("*/RANK/*")) and not list((site.hot / "RANK").iterdir())
    status = site.command("status").stdout.decode()
    assert "3 taken up = 1 delivered + 2 archived only" in " ".join(status.split()) or '"archived_only": 2' in ledger(site), status
    listed = site.command("list", "--error", "duplicate").stdout.decode()
    assert second["id"][:8] in listed


def test_other_bytes_another_name_and_another_folder_are_no_duplicates(make_site):
    site = make(make_site, "skip")
    assert send(site, A) and send(site, B) and send(site, B, "y.json")
    site.put("OTHER", "x.json", ticket("OTHER"))
    site.wait_ended(4)
    assert not site.events("duplicate")


def test_an_older_version_is_delivered_again(make_site):
    site = make(make_site, "skip")
    assert [send(site, data) for data in (A, B, A, A, B)] == [True, True, True, False, True]
    assert (site.archive / "RANK/x.json").read_bytes() == B


def test_once_the_window_has_passed_it_is_delivered_and_what_was_skipped_does_not_count(make_site):
    site = make(make_site, "skip")
    assert [send(site, A), send(site, A)] == [True, False]
    long_ago(site)
    assert [send(site, A), send(site, A)] == [True, False]


def test_a_failed_duplicate_says_why_and_is_delivered_by_retry(make_site):
    site = make(make_site, "fail")
    assert [send(site, A), send(site, A)] == [True, False]
    first, second = wait_for(lambda: len(rows(site, "status >= 2")) == 2 and rows(site), "the store knows")
    assert second["status"] == FAILED
    text = site.reason_text("RANK")
    assert "duplicate" in text and first["id"] in text and "shunt retry " + second["id"] in text
    ended = site.count_ended()
    assert site.command("retry", second["id"]).returncode == 0
    site.wait_ended(ended + 1)
    out = site.data / "OUT/x.json"
    assert out.read_bytes() == A and not list(site.failed.glob("RANK/*"))
    wait_for(lambda: rows(site)[1]["status"] == COMPLETED, "the store knows")
    assert rows(site)[1]["error_message"] is None
    out.unlink()
    assert send(site, A) is False, "a third one is a duplicate again"


def test_a_failed_duplicate_that_is_moved_back_by_hand_is_delivered(make_site):
    site = make(make_site, "fail")
    assert [send(site, A), send(site, A)] == [True, False]
    site.stop()  # nothing but the store remembers
    command = [line.strip() for line in site.reason_text("RANK").splitlines() if line.startswith("  mv ")]
    subprocess.run(["sh", "-c", command[0]], check=True)
    site.start()
    wait_for(lambda: (site.data / "OUT/x.json").exists(), "it is delivered")


def test_hup_takes_over_window_and_action(make_site):
    site = make(make_site, "deliver", window="0")
    assert [send(site, A), send(site, A)] == [True, True]
    site.write_settings(intake__duplicate_window="1h", intake__duplicate="skip", intake__settle="500ms")
    site.reload()
    changes = [e["msg"] for e in site.events("reload_change")]
    assert any("duplicate_window = 1h" in c for c in changes) and any("duplicate = skip" in c for c in changes)
    later, = site.events("reload_later")
    assert "settle = 500ms" in later["msg"]
    assert send(site, A) is False
    site.write_settings(intake__duplicate="no such word")
    site.reload("reload_refused")
    assert send(site, A) is False, "what was there stays in force"
    site.write_settings(intake__duplicate="skip", intake__duplicate_window="1ms")
    site.reload()
    assert send(site, A) is True
    assert len(site.events("reload_later")) == 1


def test_a_window_longer_than_what_the_store_keeps_is_refused(make_site):
    site = make_site({"intake.duplicate_window": "7d", "store.keep_jobs": "1d"})
    result = site.command("check")
    assert result.returncode != 0 and b"duplicate_window" in result.stdout + result.stderr


def test_kills_make_no_duplicate_of_what_is_delivered_once(make_site):
    """Each name is delivered once, and then sent again and again."""
    site = make(make_site, "skip", **{"retry.attempts": "1000"})
    names = ["k%d.json" % i for i in range(120)]
    data = {name: ticket("RANK", title=name) for name in names}
    for name in names:
        site.put("RANK", name, data[name])
    wait_for(lambda: len(rows(site, "status = 2")) == len(names), "all are delivered", 30)
    for name in names:
        assert (site.data / "OUT" / name).read_bytes() == data[name]
        (site.data / "OUT" / name).unlink()
    for round_ in range(5):
        for name in names:
            site.put("RANK", name, data[name])
        wait_for(lambda: len(site.events("duplicate")) > 10, "some are through")
        site.kill()
        site.start()
    wait_for(lambda: not list(site.hot.glob("*/*")) and not list(site.under.glob("*/*/*.json")), "all are through", 30)
    site.stop()
    assert not list((site.data / "OUT").iterdir()), "delivered again"
    assert {r["status"] for r in rows(site)} <= {COMPLETED, CANCELLED}
    for name in names:
        assert (site.archive / "RANK" / name).read_bytes() == data[name]


def test_what_was_skipped_stays_so_where_a_kill_kept_its_original(make_site):
    site = make(make_site, "skip")
    assert send(site, A) is True
    kept = site.staging / "kept"
    kept.write_bytes(A)
    os.link(kept, site.staging / "again")
    os.rename(site.staging / "again", site.hot / "RANK/x.json")
    site.wait_ended(2)
    site.kill()
    os.link(kept, site.under / "0/RANK/x.json")  # as if the kill had come between its record and its removal
    long_ago(site)
    site.start()
    site.wait_ended(3)
    assert not (site.data / "OUT/x.json").exists() and [r["status"] for r in rows(site)] == [COMPLETED] * 2


def test_while_the_store_is_locked_duplicates_are_delivered(make_site):
    site = make(make_site, "skip")
    assert [send(site, A), send(site, A)] == [True, False]
    with locked(site):
        site.put("RANK", "other.json", B)
        site.wait_event("store_failed", seconds=30)
        site.wait_ended(3)
        assert [send(site, A), send(site, A)] == [True, True]
        assert len(site.events("duplicate_unknown")) == 1
    site.wait_event("store_back", seconds=60)
    assert send(site, A) is False


def test_a_version_that_the_store_never_heard_of_is_not_overlooked(make_site):
    site = make(make_site, "skip")
    assert [send(site, A), send(site, B)] == [True, True]
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    with db:  # as if it had been away, and we had crashed
        db.execute("UPDATE processing_jobs SET status = 4 WHERE row = 2")
    db.close()
    assert send(site, A) is True, "the archive says that B was the last"


@root_only
def test_a_duplicate_waits_for_the_archive_and_is_skipped_after_a_restart(make_site, mounts):
    site = make_site({**NO_BREAKER, "intake.duplicate_window": "1h", "intake.duplicate": "skip"}, routes=ONE)
    site.folder("RANK")
    site.start()
    assert send(site, A) is True
    (site.archive / "RANK").rename(site.archive / "away")
    (site.archive / "RANK").write_text("in the way")
    site.put("RANK", "x.json", A)
    wait_for(lambda: [r["status"] for r in rows(site)] == [COMPLETED, 0], "it waits")
    assert '"waiting": 1' in ledger(site) or '"waiting":1' in ledger(site), ledger(site)
    site.stop()
    (site.archive / "RANK").unlink()
    (site.archive / "away").rename(site.archive / "RANK")
    site.start()
    site.wait_ended(2)
    assert not (site.data / "OUT/x.json").exists() and len(site.events("duplicate")) == 1


def test_once_says_that_it_skipped(make_site):
    site = make_site({"intake.duplicate_window": "1h", "intake.duplicate": "skip"}, routes=ONE)
    path = site.staging / "x.json"
    path.write_bytes(A)
    first = site.command("once", "--client", "RANK", path)
    assert first.returncode == 0 and b"delivered to" in first.stdout, first
    second = site.command("once", "--client", "RANK", path)
    assert second.returncode == 0 and b"duplicate" in second.stdout, second
