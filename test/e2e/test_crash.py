"""kill -9 at any moment, and two instances on one hot folder."""
import os
import random
import signal

import pytest

from shunt import CELTRA_FOLDER, expected_places, ticket, wait_for

CLIENTS = ["RANK", "RECKITTBENCKISER", "BAYER", "LOREAL", "NOBODY"]


def backlog(site, count, rng):
    for i in range(count):
        client, category, name = rng.choice(CLIENTS), rng.choice(["CELTRA", "PRODUCTION"]), "t%d.json" % i
        if i % 25 == 7:
            site.drop_bad(client, name, b'{"number": %d]' % i, "invalid JSON")
        else:
            size = min(300000, int(rng.lognormvariate(7, 1.5)))
            site.drop(client, name, data=ticket(client, category, title=name, Description="x" * size), to=expected_places(client, category))


def left(site):
    return sum(p.is_file() for root in (site.hot, site.under) for p in root.rglob("*.json"))


@pytest.mark.slow
def test_killed_at_random_points_nothing_is_lost_or_twice(make_site, memory_base):
    seed = int(os.environ.get("SHUNT_E2E_SEED", random.SystemRandom().randrange(10 ** 6)))
    print("SHUNT_E2E_SEED=%d" % seed)
    rng = random.Random(seed)
    site = make_site(at=memory_base)
    backlog(site, 2000, rng)
    for i in range(int(os.environ.get("SHUNT_E2E_ROUNDS", "5"))):
        process = site.start(wait=False)
        goal = rng.randrange(1, 350)
        wait_for(lambda: process.parse() is None or sum(process.counts[k] for k in ("stored", "routed", "processed", "failed")) >= goal
                 or left(site) == 0, "some are at work", 30)
        process.kill()
        process.expected_exit = process.popen.returncode
        site.conserve(unfinished_ok=True)
    site.start()
    wait_for(lambda: left(site) == 0, lambda: "%d are left\n%s" % (left(site), site.tail()), 60)
    site.stop()
    site.conserve()


def test_what_a_crash_left_in_underprocess_is_taken_up_first(make_site):
    site = make_site({"service.workers": "1"})
    for i in range(10):
        data = ticket("RANK", "CELTRA", title=str(i))
        site.expect("RANK", "u%d.json" % i, data, "CELTRA")
        folder = site.under / "0" / "RANK"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ("u%d.json" % i)).write_bytes(data)
    site.drop("RANK", "h.json")
    site.start()
    site.wait_ended()
    assert site.events("processing")[0]["file"].startswith("u")
    site.finish()


def test_leftover_temporaries_of_a_crash_do_not_stay(make_site):
    """A crash in the middle of writing leaves a temporary; the delivery that follows uses that same name up."""
    site = make_site()
    data = ticket("RANK", Description="x" * 2000000)
    site.expect("RANK", "big.json", data)
    site.put("RANK", "big.json", data)
    for i in range(20):
        process = site.start(wait=False)
        wait_for(lambda: list(site.data.rglob(".shunt-*")) or process.events("processed"), "it writes")
        process.kill()
        process.expected_exit = -9
        if process.events("processed"):
            break
    site.start()
    wait_for(lambda: left(site) == 0, "it is delivered")
    site.stop()
    site.conserve()


def test_a_file_of_the_same_name_arrives_while_its_elder_lies_in_underprocess(make_site):
    site = make_site()
    old, new = ticket("RANK", title="old"), ticket("RANK", title="new")
    (site.under / "0" / "RANK").mkdir(parents=True)
    (site.under / "0" / "RANK" / "x.json").write_bytes(old)
    site.expect("RANK", "x.json", old)
    site.drop("RANK", "x.json", data=new)
    site.start()
    site.finish(2)


def twin(site):
    """A second process on the same data root."""
    return site.start()


@pytest.mark.slow
def test_two_instances_never_process_a_ticket_twice(make_site, memory_base):
    site = make_site(at=memory_base)
    for client in CLIENTS:
        site.folder(client)
    first = site.start()
    second = twin(site)
    for i in range(600):
        site.drop(CLIENTS[i % 5], "t%d.json" % i, "CELTRA")
    site.wait_ended(600, seconds=40)
    done = [e["file"] for e in site.all_events("processed")]
    assert len(done) == len(set(done)) == 600
    assert first.counts["processed"] > 0 and second.counts["processed"] > 0
    first.stop()
    second.stop()
    site.conserve()


@pytest.mark.slow
def test_the_tickets_of_a_killed_instance_are_adopted(make_site, memory_base):
    site = make_site({"intake.scan_interval": "300ms"}, at=memory_base)
    first, second = site.start(), twin(site)
    for i in range(800):
        site.drop(CLIENTS[i % 5], "t%d.json" % i, "CELTRA")
    wait_for(lambda: first.events("processing"), "the first one is at work")
    first.kill()
    first.expected_exit = -9
    wait_for(lambda: left(site) == 0, lambda: "%d are left\n%s" % (left(site), site.tail()), 40)
    second.stop()
    site.conserve()


def test_a_stopped_instance_keeps_its_tickets_until_it_goes_on(make_site):
    """SIGSTOP is no death: its lock holds, nobody adopts what it has in hand."""
    site = make_site({"intake.scan_interval": "200ms"})
    first = site.start()
    for i in range(50):
        site.drop("RANK", "t%d.json" % i, "CELTRA")
    first.send(signal.SIGSTOP)
    second = twin(site)
    wait_for(lambda: len(second.events("scan_end")) > 3, "the other one scans")
    first.send(signal.SIGCONT)
    site.wait_ended(50)
    first.stop()
    second.stop()
    site.conserve()


def test_what_a_crash_left_of_a_copy_goes_though_the_ticket_is_linked_this_time(make_site):
    site = make_site()
    ours, theirs = site.under / "0/RANK/x.json", site.staging / "x.json"
    ours.parent.mkdir(parents=True)
    data = ticket("RANK")
    site.expect("RANK", "x.json", data)
    ours.write_bytes(data)
    os.link(ours, theirs)  # as long as its producer has another name for it, it is copied
    archive = site.archive / "RANK"
    archive.mkdir(parents=True)
    site.start(wait=False, prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(archive), "-e", "trace=renameat2,linkat",
                                   "-e", "inject=renameat2,linkat:signal=KILL"])
    site.process.popen.wait(60)
    site.process.ended = True
    assert [p.name for p in archive.iterdir() if p.name.endswith(".tmp")], "the crash left nothing"
    theirs.unlink()
    site.start()
    site.finish(1)
