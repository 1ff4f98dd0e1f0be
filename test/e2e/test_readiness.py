"""Nothing is taken before its writer is done, and nothing that is done waits."""
import json
import os
import random
import shutil
import subprocess
import threading
import time

import pytest

import producers
from conftest import root_only
from shunt import BIN, SCALE, expected_places, holds_for, ticket, wait_for

RANK = "SYNC/MAKE/Monday Rank"


@pytest.mark.parametrize("producer", producers.ALL, ids=lambda p: p.__name__)
def test_every_kind_of_producer(make_site, producer):
    site = make_site({"intake.settle": "1s"})
    folder = site.folder("RANK")
    site.start()
    for i in range(5):
        data = ticket("RANK", "CELTRA", title="%s %d" % (producer.__name__, i), Description="y" * (1 << (2 * i + 4)))
        site.expect("RANK", "t%d.json" % i, data, "CELTRA")
        producer(str(folder / ("t%d.json" % i)), data)
    site.finish()
    assert not site.events("failed")


def test_a_late_newline_of_a_slow_writer_belongs_to_the_ticket(site):
    folder, data = site.folder("RANK"), ticket("RANK")
    site.expect("RANK", "x.json", data + b"\n")
    producers.slow_chunks(str(folder / "x.json"), data, late=b"\n", wait=1.5)
    site.finish()


def test_a_complete_document_that_is_still_open_is_not_taken(site):
    data = ticket("RANK")
    site.expect("RANK", "x.json", data)
    with open(site.folder("RANK") / "x.json", "wb", buffering=0) as f:
        f.write(data)
        holds_for(lambda: not site.events("processing"), "taken while its writer had it open", 3 * 0.5)
        assert not (site.data / RANK / "x.json").exists()
    began = time.monotonic()
    site.wait_ended(1)
    assert time.monotonic() - began < 2 * SCALE
    site.finish()


def test_an_incomplete_document_without_a_writer_fails_after_the_settle_time(make_site):
    site = make_site({"intake.settle": "700ms"})
    site.start()
    began = time.monotonic()
    site.drop_bad("RANK", "half.json", ticket("RANK")[:60], "Why .*(ends too early|incomplete|end)")
    site.wait_ended(1)
    assert time.monotonic() - began >= 0.7
    site.finish()


def test_an_empty_file_fails_after_the_settle_time(site):
    site.drop_bad("RANK", "empty.json", b"", "Why")
    site.finish()


def test_broken_json_repaired_within_the_settle_time_is_delivered(make_site):
    site = make_site({"intake.settle": "3s"})
    site.start()
    good = ticket("RANK")
    site.put("RANK", "x.json", good.replace(b":", b"=", 1))
    site.put("RANK", "y.json", good[:40])
    holds_for(lambda: not site.events("processing"), "taken while it was broken", 0.3)
    for name in ("x.json", "y.json"):
        site.expect("RANK", name, good)
        (site.hot / "RANK" / name).write_bytes(good)
    site.finish()


def test_a_file_that_grows_again_and_again_is_not_given_up(make_site):
    """Every part comes well within the settle time of the one before, and the whole takes longer than it."""
    site = make_site({"intake.settle": "600ms"})
    site.start()
    data, path = ticket("RANK", Description="z" * 500), site.folder("RANK") / "x.json"
    site.expect("RANK", "x.json", data)
    for at in range(0, len(data), 100):
        with open(path, "ab") as f:
            f.write(data[at:at + 100])
        producers.pause(0.2)
    site.finish()


def test_a_ticket_renamed_over_while_it_waits_is_read_anew(make_site):
    site = make_site({"intake.settle": "5s"})
    site.start()
    site.put("RANK", "x.json", b'{"half": ')
    wait_for(lambda: (site.hot / "RANK" / "x.json").exists(), "it lies there")
    site.drop("RANK", "x.json")
    site.finish(1)


def test_rewritten_in_place_just_as_it_is_taken_nothing_is_torn(make_site):
    """Rewriting a ticket that lies ready races with its being taken: each version that is delivered must be a whole one."""
    site = make_site({"intake.settle": "2s"})
    site.start()
    folder = site.folder("RANK")
    versions = {}
    for i in range(60):
        name = "r%d.json" % i
        versions[name] = [ticket("RANK", title="%d %d" % (i, v), Description=chr(97 + v) * 3000) for v in range(3)]
        for data in versions[name]:
            with open(folder / name, "wb") as f:
                f.write(data)
    wait_for(lambda: not any(folder.iterdir()) and not [p for p in site.under.rglob("*") if p.is_file()], "all are taken", 20)
    for name, whole in versions.items():
        assert (site.data / RANK / name).read_bytes() in whole, name
        for path in (site.archive / "RANK").glob(name[:-5] + ".*"):
            assert path.read_bytes() in whole, path
    assert not site.events("failed")
    site.stop()


def run_as_stranger(site, base):
    """The program as a user who does not own the producer's files, so that it gets no lease."""
    copy = base / "shunt-copy"
    shutil.copy(BIN, copy)
    copy.chmod(0o755)
    site.bin = copy
    for path in [site.data, *site.data.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    site.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


@root_only
def test_without_leases_a_complete_document_is_taken_when_it_has_kept_still(make_site, base):
    site = make_site({"intake.settle": "1s", "intake.settle_complete": "600ms"})
    site.folder("RANK")
    run_as_stranger(site, base)
    site.start()
    data, path = ticket("RANK"), site.hot / "RANK" / "x.json"
    site.expect("RANK", "x.json", data + b"\n\n")
    with open(path, "wb", buffering=0) as f:
        f.write(data)
        producers.pause(0.2)
        f.write(b"\n")
        producers.pause(0.3)
        f.write(b"\n")
        last = time.monotonic()
    site.wait_ended(1)
    assert time.monotonic() - last >= 0.55
    site.finish()


@root_only
def test_without_leases_producers_are_served_too(make_site, base):
    site = make_site({"intake.settle": "1s", "intake.settle_complete": "300ms"})
    folder = site.folder("RANK")
    run_as_stranger(site, base)
    site.start()
    for i, producer in enumerate(producers.ALL):
        data = ticket("RANK", title=producer.__name__)
        site.expect("RANK", "t%d.json" % i, data)
        producer(str(folder / ("t%d.json" % i)), data)
    site.finish()


class Observer(threading.Thread):
    """A consumer: reads whatever it sees in the destinations, all the time, and remembers what was not whole."""

    def __init__(self, folders):
        super().__init__(daemon=True)
        self.folders, self.torn, self.stop_it, self.reads = folders, [], threading.Event(), 0

    def look(self, path):
        try:
            with open(path, "rb") as f:
                data = f.read()
        except FileNotFoundError:
            return
        self.reads += 1
        try:
            json.loads(data.decode("utf-8-sig"))
        except ValueError:
            self.torn.append((path, data[:200]))

    def run(self):
        while not self.stop_it.is_set():
            for folder in self.folders:
                try:
                    names = os.listdir(folder)
                except FileNotFoundError:
                    continue
                fresh = [n for n in names if not n.startswith(".")]
                for name in random.sample(fresh, min(len(fresh), 30)):
                    self.look(os.path.join(folder, name))
            self.stop_it.wait(0.001)


BAD = [(b"{]", "invalid JSON"), (b'{"JobSpecification": {}}', "ClientCode is missing"), (b"not json at all", "invalid JSON"),
       (ticket("BAYER"), "does not match folder")]


def test_all_producers_at_once_nothing_good_fails_and_nothing_is_torn(make_site):
    """400 tickets at 100 a second by all kinds of producers, one in twenty really invalid."""
    site = make_site({"intake.settle": "1s"})
    folders = {client: str(site.folder(client)) for client in ("RANK", "RECKITTBENCKISER", "LOREAL")}
    site.start()
    observer = Observer([str(site.data / p) for p in {*expected_places("RANK", "CELTRA"), *expected_places("LOREAL", ""),
                                                      *expected_places("RECKITTBENCKISER", ""), "JSON_STORE/RANK", "JSON_STORE/LOREAL"}])
    observer.start()
    rng, threads, began = random.Random(7), [], time.monotonic()
    for i in range(400):
        client, category = rng.choice(sorted(folders)), rng.choice(["CELTRA", "PRODUCTION"])
        name = "p%d.json" % i
        if i % 20 == 3:
            data, why = BAD[i // 20 % len(BAD)]
            data += b" " * i if data.endswith(b"}") else b""
            site.expect_failed(client, name, data, why)
            producer = producers.atomic_rename if i % 40 == 3 else producers.plain_write
        else:
            data = ticket(client, category, title=name, Description="d" * int(min(200000, rng.lognormvariate(8, 1.5))))
            producer = producers.ALL[i % len(producers.ALL)]
            late = b"\n" if producer is producers.slow_chunks else b""
            site.expect(client, name, data + late, category)
            if late:
                producer = lambda path, data: producers.slow_chunks(path, data, b"\n", 1.5)  # noqa: E731
        thread = threading.Thread(target=producer, args=(os.path.join(folders[client], name), data))
        producers.pause(max(0, began + i / 100 - time.monotonic()))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    site.wait_ended(seconds=30)
    observer.stop_it.set()
    observer.join()
    assert not observer.torn, observer.torn[:3]
    assert observer.reads > 100
    good = {e["name"] for e in site.manifest.entries if "failed" not in e}
    assert not [e for e in site.events("failed") if e["file"] in good]
    site.finish()


@root_only
def test_what_a_program_of_another_machine_holds_with_a_lease_is_not_taken(site):
    """A write lease, as Samba takes one for its client: opening fails with EAGAIN until it is given up."""
    data = ticket("RANK")
    site.expect("RANK", "x.json", data)
    script = ("import fcntl,os,sys,signal\nsignal.signal(signal.SIGIO, signal.SIG_IGN)\n"
              "t=sys.argv[1]+'.tmp'\nf=os.open(t, os.O_RDWR|os.O_CREAT)\nos.write(f, sys.stdin.buffer.read())\n"
              "fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)\nos.rename(t, sys.argv[1])\nprint('held', flush=True)\n"
              "import time; time.sleep(0.5)\nos.close(f)\n")
    holder = subprocess.Popen(["/usr/bin/python3", "-c", script, str(site.folder("RANK") / "x.json")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = holder.communicate(data)
    assert out == b"held\n"
    site.finish()
