"""However a ticket comes to lie in a hot folder, it is found."""
import concurrent.futures
import ctypes
import os
import pathlib
import shutil
import signal
import time

import pytest

from conftest import root_only
from test_readiness import run_as_stranger
from shunt import SCALE, ticket, wait_for


def phases(site):
    return {e["file"]: e["phase"] for e in site.events("processing")}


def test_what_lay_there_before_the_start_is_taken_at_the_start(make_site):
    site = make_site()
    for i in range(300):
        site.drop("RANK" if i % 2 else "BAYER", "t%d.json" % i, "CELTRA")
    site.start()
    site.wait_ended()
    assert set(phases(site).values()) == {"STARTUP"}
    site.finish()


def test_a_drop_is_taken_in_real_time_and_at_once(site):
    site.folder("RANK")
    site.drop("RANK", "first.json")
    site.wait_ended(1)
    for i in range(20):
        began = time.monotonic()
        site.drop("RANK", "t%d.json" % i)
        wait_for(lambda: (site.data / "SYNC/MAKE/Monday Rank" / ("t%d.json" % i)).exists(), "it is delivered")
        assert time.monotonic() - began < 2 * SCALE
    assert set(phases(site).values()) == {"REALTIME"}
    site.finish()


def test_what_the_watch_cannot_see_is_found_by_the_periodic_scan(make_site, mounts, base):
    """What is written into the layer below an overlay appears in it without any event, as on a network share."""
    site = make_site({"intake.scan_interval": "300ms"})
    upper, work = base / "upper", base / "work"
    upper.mkdir(), work.mkdir()
    (upper / "JSON" / "RANK").mkdir(parents=True)
    (upper / "JSON" / "BAYER").mkdir(parents=True)
    for name in ("shunt.ini", "routes.ini"):
        shutil.copy(site.data / name, upper / name)
    mounts(site.data, "-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,workdir=%s" % (site.staging, upper, work))
    site.start()
    for i in range(20):
        client = ("RANK", "BAYER")[i % 2]
        data = ticket(client, title=str(i))
        site.expect(client, "t%d.json" % i, data)
        (upper / "JSON" / client / ("t%d.json" % i)).write_bytes(data)
    site.wait_ended()
    assert set(phases(site).values()) == {"PERIODIC"}
    site.process.send(signal.SIGUSR1)
    site.wait_event("state")
    wait_for(lambda: any("20 tickets that only a scan found" in e["msg"] for e in site.events("state")), "it counts them")
    site.finish()


@root_only
def test_without_any_watch_the_scan_finds_everything_and_says_so_once(make_site, inotify_eater):
    site = make_site({"intake.scan_interval": "200ms"})
    for client in ("RANK", "BAYER", "LOREAL"):
        site.folder(client)
    inotify_eater()
    site.start()
    for i in range(30):
        site.drop(("RANK", "BAYER", "LOREAL")[i % 3], "t%d.json" % i)
    site.drop("NEWCOMER", "n.json")
    site.wait_ended()
    assert set(phases(site).values()) <= {"PERIODIC"}, phases(site)
    assert len(site.events("not_watched")) == 1
    assert "max_user_instances" in site.events("not_watched")[0]["msg"]
    site.finish()


@root_only
def test_exhausted_watches_leave_the_rest_to_the_scan(make_site, sysctl):
    site = make_site({"intake.scan_interval": "200ms"})
    site.start()
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    sysctl("fs/inotify/max_user_watches", "1")
    for i in range(10):
        site.drop("CLIENT%d" % i, "t.json")
    site.wait_ended()
    assert len(site.events("not_watched")) == 1
    assert "max_user_watches" in site.events("not_watched")[0]["error"]
    degraded = site.command("status").stdout.decode()
    assert "max_user_watches" in degraded and "wait for the next scan" in degraded
    site.finish()


@root_only
def test_a_folder_that_may_not_be_read_is_told_as_that(make_site, base):
    """The limits of inotify have nothing to do with it, and nobody is sent to raise them."""
    site = make_site()
    site.folder("SHUT")
    run_as_stranger(site, base)
    (site.hot / "SHUT").chmod(0o300)
    site.start()
    told = site.wait_event("not_watched")[0]
    assert told["error"].endswith("JSON/SHUT: Permission denied") and "inotify" not in told["msg"]
    degraded = site.command("status").stdout.decode()
    assert "1 folder is not watched" in degraded and "JSON/SHUT: Permission denied" in degraded and "inotify" not in degraded, degraded
    (site.hot / "SHUT").chmod(0o777)
    site.drop("SHUT", "x.json")
    site.wait_ended(1)
    wait_for(lambda: "not watched" not in site.command("status").stdout.decode(), "it is watched now")
    site.finish()


def test_a_new_client_folder_is_watched_without_a_reload(site):
    for i in range(20):
        site.drop("NEW%d" % i, "first.json")
    site.wait_ended()
    for i in range(20):
        site.drop("NEW%d" % i, "second.json")
    site.finish()


def test_a_folder_moved_in_with_its_tickets_is_taken(site):
    ready = site.staging / "ACME"
    ready.mkdir()
    for i in range(50):
        data = ticket("ACME", title=str(i))
        (ready / ("t%d.json" % i)).write_bytes(data)
        site.expect("ACME", "t%d.json" % i, data)
    os.rename(ready, site.hot / "ACME")
    site.wait_ended()
    site.drop("ACME", "later.json")
    site.finish()


def test_a_client_folder_deleted_and_made_again_is_watched_again(site):
    for round in range(5):
        site.drop("RANK", "t%d.json" % round)
        site.wait_ended(round + 1)
        os.rmdir(site.hot / "RANK")
    site.drop("RANK", "last.json")
    site.finish()


def test_folders_that_come_and_go_all_the_time_are_watched_each_time(site):
    """Made, filled at once, moved away or removed, and made again: no ticket waits for a scan."""
    def churn(client):
        for i in range(30):
            (site.hot / client).mkdir()
            site.drop(client, "t%d.json" % i)
            wait_for(lambda: not list((site.hot / client).iterdir()), "%s/t%d.json is taken" % (client, i))
            if i % 2:
                os.rename(site.hot / client, site.base / ("%s-%d" % (client, i)))
            else:
                os.rmdir(site.hot / client)

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(churn, ["COMER%d" % i for i in range(6)]))
    site.drop("COMER0", "last.json")
    site.finish(181)
    assert {e["phase"] for e in site.events("processing")} == {"REALTIME"}


def test_the_hot_root_deleted_and_made_again_is_watched_again(site):
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    shutil.rmtree(site.hot)
    site.wait_event("hot_missing")
    site.folder("RANK")
    site.drop("RANK", "b.json")
    site.wait_ended(2)
    wait_for(lambda: site.events("hot_back"), "it says that the hot folder is back")
    site.drop("RANK", "c.json")
    site.drop("OTHER", "d.json")
    site.wait_ended(4, seconds=5)
    assert len(site.events("hot_missing")) == 1
    site.finish()


def test_the_hot_root_swapped_for_another_is_noticed(make_site):
    site = make_site({"intake.scan_interval": "300ms"})
    site.start()
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    os.rename(site.hot, site.base / "away")
    (site.hot / "RANK").mkdir(parents=True)
    site.drop("RANK", "b.json")
    site.wait_ended(2)
    site.finish()


def burst(site, count, clients):
    body = ticket("@@@@", title="burst ########")
    for c in clients:
        site.folder(c)
    fd = {c: os.open(site.hot / c, os.O_DIRECTORY) for c in clients}
    for i in range(count):
        c = clients[i % len(clients)]
        data = body.replace(b"@@@@", c.encode()).replace(b"########", b"%08d" % i)
        name = "b%05d.json" % i
        site.expect(c, name, data)
        f = os.open(name, os.O_WRONLY | os.O_CREAT, 0o666, dir_fd=fd[c])
        os.write(f, data)
        os.close(f)
    for f in fd.values():
        os.close(f)


def test_a_folder_made_anew_while_events_are_lost_is_watched_again(site):
    """Also where its inode has the old one's number, as on ext4."""
    limit = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    site.drop("RANK", "a.json")
    site.wait_ended(1)
    site.process.send(signal.SIGSTOP)
    for i in range(min(limit, 100000) // 2 + 1):
        site.hot.chmod(0o755)
        (site.hot / "RANK").chmod(0o755)
    old = (site.hot / "RANK").stat().st_ino
    for _ in range(100):  # the kernel gives the number back a moment later
        os.rmdir(site.hot / "RANK")
        time.sleep(0.005)
        site.folder("RANK")
        if (site.hot / "RANK").stat().st_ino == old:
            break
    site.process.send(signal.SIGCONT)
    site.wait_event("events_lost")
    wait_for(lambda: len(site.events("scan_end")) == 2, "the folders are scanned")
    site.drop("RANK", "b.json")
    site.wait_ended(2)
    site.finish()


@pytest.mark.slow
def test_a_burst_larger_than_the_kernels_queue_is_routed_without_waiting_for_a_scan(make_site, memory_base):
    limit = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    count = min(max(20000, limit + 1000), 40000)
    site = make_site({"log.level": "info", "delivery.durability": "none", "delivery.concurrency": "4"}, at=memory_base)
    site.folder("BAYER"), site.folder("RANK")
    site.start()
    site.process.send(signal.SIGSTOP)  # the kernel's queue overflows while nobody reads it
    burst(site, count, ["BAYER", "RANK"])
    began = time.monotonic()
    site.process.send(signal.SIGCONT)
    site.wait_ended(count, seconds=90)
    print("%d tickets in %.1f s" % (count, time.monotonic() - began))
    site.finish(count)


def test_a_large_folder_does_not_hold_up_a_small_one(make_site, memory_base):
    """Fairness in the small: a ticket dropped behind a backlog is delivered while the backlog is worked at, not lost in it."""
    site = make_site({"delivery.durability": "none", "intake.queue_limit": "64", "intake.batch_size": "10"}, at=memory_base)
    burst(site, 3000, ["BAYER"])
    site.start(wait=False)
    site.drop("RANK", "x.json")
    site.finish(seconds=60)


def test_scans_are_numbered_timed_and_counted(make_site):
    site = make_site({"intake.scan_interval": "150ms"})
    site.start()
    site.drop("RANK", "x.json")
    wait_for(lambda: len(site.events("scan_end")) >= 4, "four scans")
    numbers = [int(e["msg"].split("#")[1].split()[0]) for e in site.events("scan_end")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert site.events("scan_end")[0]["phase"] == "STARTUP" and site.events("scan_end")[1]["phase"] == "PERIODIC"
    site.finish(1)


def test_a_scan_that_takes_too_long_stops_and_the_next_goes_on(make_site, memory_base):
    site = make_site({"intake.scan_interval": "100ms", "intake.scan_timeout": "100ms", "intake.slow_scan": "1ms", "delivery.durability": "none"}, at=memory_base)
    burst(site, 6000, ["BAYER", "RANK", "LOREAL"])
    site.start(wait=False)
    site.finish(seconds=60)


def test_two_thousand_clients(make_site, memory_base):
    site = make_site({"delivery.durability": "none"}, at=memory_base)
    for i in range(2000):
        site.folder("C%d" % i)
    site.start()
    for i in range(0, 2000, 20):
        site.drop("C%d" % i, "x.json")
    site.finish()


@pytest.fixture
def sysctl():
    before = {}

    def set_to(name, value):
        path = pathlib.Path("/proc/sys") / name
        before.setdefault(path, path.read_text())
        path.write_text(value)

    yield set_to
    for path, value in before.items():
        path.write_text(value)


@pytest.fixture
def inotify_eater(sysctl):
    """Nobody gets a new inotify instance (the limit counts those of this user that exist)."""
    libc = ctypes.CDLL(None, use_errno=True)
    held = []

    def eat():
        sysctl("fs/inotify/max_user_instances", "0")
        while True:
            fd = libc.inotify_init1(os.O_CLOEXEC)
            if fd < 0:
                return
            held.append(fd)

    yield eat
    for fd in held:
        os.close(fd)
