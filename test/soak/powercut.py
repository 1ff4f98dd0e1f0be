"""A power cut: the file system is shut down without flushing its journal while tickets come in and go out, then mounted again.

The service's log is on another file system. What it called processed or failed before the cut must be there, whole; what a producer had
flushed and was not told of must still be there, whole, somewhere a person can find it. Then the service goes on from there."""
import collections
import os
import random
import shutil
import threading
import time

from common import CLIENTS, CannotHere, Mount, Report, agree, conservation, conserve, drain, folder_for, kill, left, must, needs, random_ticket, run, world

SIZES = {"ext4": "512M", "xfs": "512M"}


def flush(path, flags=os.O_RDONLY):
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Feeder(threading.Thread):
    """Drops tickets as a careful producer does: written, flushed, named, folder flushed. `accepted` holds those for which all of it came
    back well; `known` all that it ever began."""

    def __init__(self, site, number, seed, pause):
        super().__init__(daemon=True)
        self.site, self.number, self.pause = site, number, pause
        self.rng = random.Random("%s-%d" % (seed, number))
        self.known, self.accepted = [], []
        self.stopping = threading.Event()

    def write(self, client, data):
        temp = self.site.hot / client / (".f%d.tmp" % self.number)
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        return temp

    def drop(self, entry, data):
        path = self.site.hot / entry["client"] / entry["name"]
        temp = self.write(entry["client"], data)
        self.known.append(entry)
        os.link(temp, path)  # never over an older one that still waits
        os.unlink(temp)
        flush(path.parent)
        flush(self.site.data / "routes.ini")  # on XFS a folder's fsync may tell success where the power is gone already, a file's never
        self.accepted.append(entry)

    def newer(self):
        """A newer version of a ticket of one's own, where the older one is no longer in the hot folder."""
        old = self.rng.choice(self.accepted)
        if "failed" in old or (self.site.hot / old["client"] / old["name"]).exists():
            return
        data, to = random_ticket(self.rng, old["client"], old["name"])
        self.drop(self.site.expect(old["client"], old["name"], data, to=to), data)

    def new(self, i):
        client, name = self.rng.choice(CLIENTS), "p%d-%d.json" % (self.number, i)
        if i % 20 == 11:
            data = b'{"number": %d %d]' % (self.number, i)
            entry = self.site.expect_failed(client, name, data, "invalid JSON")
        else:
            data, to = random_ticket(self.rng, client, name)
            entry = self.site.expect(client, name, data, to=to)
        self.drop(entry, data)

    def run(self):
        i = 0
        try:
            while not self.stopping.is_set():
                if self.accepted and self.rng.random() < 0.2:
                    self.newer()
                self.new(i)
                i += 1
                self.stopping.wait(self.rng.random() * 2 * self.pause)
        except OSError:
            return  # the power is gone


def folders_of(entry):
    if "failed" in entry:
        return []
    return ["JSON_STORE/" + entry["client"]] + entry["to"]


def is_safe(e, newer, places, told):
    """Whole where it must be. A destination may hold a newer version in its stead."""
    there = places[e["sha256"]]
    folders = folders_of(e)
    everywhere = bool(folders) and folders[0] in there and all(any(place in places[n["sha256"]] for n in newer) for place in folders[1:])
    failed = "JSON_FAILED/" + e["client"] in there
    if told:
        return failed if "failed" in told else everywhere
    return everywhere or failed or any(place.startswith(("JSON/", "underprocess/")) for place in there)


def look(site, feeders, told, durable):
    """What lies there after the cut. Returns the entries that are there or were promised to be."""
    places = collections.defaultdict(set)
    known = {e["sha256"] for f in feeders for e in f.known}
    torn = []
    for folder, _, names in os.walk(site.data):
        for name in names:
            path = os.path.join(folder, name)
            rel = os.path.relpath(path, site.data)
            if name.startswith(".") or name.endswith(".reason.txt") or rel in conservation.Layout.others:
                continue
            sha = conservation.sha256_of(path)
            places[sha].add(os.path.dirname(rel))
            if sha not in known:
                torn.append(rel)
    lost = []
    for feeder in feeders:
        versions = collections.defaultdict(list)
        for e in feeder.known:
            versions[e["client"], e["name"]].append(e)
        for e in feeder.accepted:
            same = versions[e["client"], e["name"]]
            number = next(i for i, one in enumerate(same) if one is e)
            if not is_safe(e, same[number:], places, [what for what, n in told[e["client"], e["name"]].items() if n > number]):
                lost.append("%s/%s, version %d of %d, told %s, is in %s" %
                            (e["client"], e["name"], number + 1, len(same), dict(told[e["client"], e["name"]]), sorted(places[e["sha256"]])))
    if durable:
        assert not torn, "not whole: %s" % torn[:10]
        assert not lost, "%d lost: %s" % (len(lost), lost[:10])
    return places, len(torn), len(lost)


def told_before(processes):
    """How often each name was said to be processed or failed, in the log that is on another file system: its versions go one by one."""
    told = collections.defaultdict(collections.Counter)
    for process in processes:
        for e in process.parse():
            if e["event"] in ("processed", "failed") and "file" in e:
                told[e["client"], e["file"]][e["event"]] += 1
    return told


def make_image(base, kind):
    image = base / "disk.img"
    with open(image, "wb") as f:
        f.truncate(int(SIZES[kind][:-1]) << 20)
    must("mkfs." + kind, *(["-q", "-F"] if kind == "ext4" else ["-q"]), image)
    return image


def check_file_system(kind, image):
    code, text = run("e2fsck", "-f", "-n", image) if kind == "ext4" else run("xfs_repair", "-n", image)
    assert code == 0, "the file system itself is damaged: " + text[-500:]


def mend(site, feeders, places, durable):
    """The feeders' own litter goes; what was never accepted and is not there was never dropped."""
    for path in site.hot.rglob(".f*.tmp"):
        path.unlink()
    accepted = {id(e) for f in feeders for e in f.accepted}
    site.manifest.entries = [e for e in site.manifest.entries if (durable and id(e) in accepted) or places.get(e["sha256"])]


def one_round(seed, kind, seconds, durable=True, threads=3, pause=0.004, said=None):
    needs("xfs_io", "mkfs." + kind, "losetup")
    rng = random.Random("cut-%s" % seed)
    base = folder_for(False)
    (base / "data").mkdir()
    try:
        image = make_image(base, kind)
        disk = Mount(base / "data", "-o", "loop", image)
    except CannotHere:
        shutil.rmtree(base, ignore_errors=True)
        raise
    settings = {"folders.logs": str(base / "logs"), "retry.attempts": "1000", "intake.settle": "3s",
                "delivery.durability": "full" if durable else "none"}
    with world(settings, base=base) as site:
        site.cleanup.append(disk.unmount)
        for client in CLIENTS:
            flush(site.folder(client))
        run("sync", "-f", site.data)
        process = site.start()
        feeders = [Feeder(site, i, seed, pause) for i in range(threads)]
        for feeder in feeders:
            feeder.start()
        seconds *= 0.7 + 0.6 * rng.random()
        if rng.random() < 0.5:  # a crash of the program before that of the machine
            time.sleep(seconds / 2)
            kill(process)
            process = site.start(wait=False)
            seconds /= 2
        time.sleep(seconds)
        must("xfs_io", "-x", "-c", "shutdown", site.data)
        for feeder in feeders:
            feeder.join(10)
            feeder.stopping.set()
        time.sleep(0.3)  # time to believe something that is not so
        assert process.alive(), "it ended by itself: %s\n%s" % (process.stderr(), site.tail())
        told = told_before(site.processes)
        kill(process)
        disk.unmount()
        disk.mount()  # the journal is replayed
        disk.unmount()
        check_file_system(kind, image)
        disk.mount()
        places, torn, lost = look(site, feeders, told, durable)
        waiting = left(site)
        mend(site, feeders, places, durable)
        site.start()
        drain(site)
        site.stop(seconds=60)
        if durable:
            conserve(site)
            agree(site)
        if said is not None:
            said += ["%d accepted" % sum(len(f.accepted) for f in feeders), "%d told processed" % sum(c["processed"] for c in told.values()),
                     "%d taken up again" % waiting] + (["after a kill -9"] if len(site.processes) > 2 else [])
            if not durable:
                said += ["%d damaged, %d lost, as none allows" % (torn, lost)]


def soak(args):
    report = Report("powercut")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for i in range(args.rounds or 20):
        number = seed + i
        kind = ("ext4", "xfs")[number % 2]
        seconds = (1, 5, 2.5, 5, 8, 11)[number % 6]  # some straddle the journal's commit every 5 s
        durable = number % 7 != 6
        pause = (0.004, 0.05, 0.3)[number % 3]
        text = "%s, about %g s, %s, --seed %d" % (kind, seconds, "full" if durable else "durability none", number)
        with report.round(text) as said:
            one_round(number, kind, seconds, durable, pause=pause, said=said)
    return report
