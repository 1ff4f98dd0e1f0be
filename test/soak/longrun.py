"""A working day in an hour: 200 tickets a second, one in thirty invalid, routes.ini reloaded (now and then with faults) and the log rotated
every ten seconds, one destination that comes and goes. Every ticket is looked at when the log says that it is done, and then taken away, as
its consumer would. Memory, descriptors, threads and latency must stay flat."""
import csv
import datetime
import errno
import hashlib
import json
import os
import random
import signal
import threading
import time

from common import TOP, Mount, Report, conserve, expected_places, left, memory_of, needs, run, shunt, ticket, wait_for, world
import plot

OUT = TOP / "build" / "soak"
RATE = 200
SAMPLE_S = RELOAD_S = 10
SETTINGS = {"service.workers": "10", "log.stdout": "no", "retry.attempts": "1000", "intake.scan_interval": "60s",
            "delivery.breaker_pause": "500ms", "delivery.breaker_max": "2s"}
FLAPPING = "FLAP/IN"
FLAP_ROUTE = "\n[destination flapping]\npath = %s\n\n[route flapping]\nclient = FLAPPER\nto = flapping\n" % FLAPPING
EXTRAS = ["", "\n[destination extra]\npath = EXTRA\n\n[route extra]\nclient = NOBODY-YET\nto = extra\n", "\n[route broken]\nclint = X\n", "\n# a comment\n"]
CLIENTS = ["RANK", "RECKITTBENCKISER", "BAYER", "LOREAL", "BISSELL", "NOBODY", "CIBC", "OLIVER", "ADIDAS", "FLAPPER"]


class Load:
    """Drops at an even rate, follows the log, looks at what is done and takes it away."""

    def __init__(self, site, seed, seconds):
        self.site, self.rng, self.seconds = site, random.Random(seed), seconds
        self.pending, self.lock = {}, threading.Lock()
        self.dropped = self.done = self.failed = 0
        self.latencies, self.behind, self.wrong = [], 0.0, []
        self.later = []  # looked at, and to be taken away when the destination that went away is back
        self.feeding = threading.Event()
        self.feeding.set()

    def drop(self, number):
        client, name = self.rng.choice(CLIENTS), "l%d.json" % number
        category = self.rng.choice(["CELTRA", "PRODUCTION"])
        invalid = self.rng.random() < 0.03
        size = min(100000, int(self.rng.lognormvariate(6.5, 1.3)))
        data = ticket(client, category, title=name, Description="x" * size)
        if invalid:
            data = data[:-1] + b"]"
        to = [FLAPPING] if client == "FLAPPER" else expected_places(client, category)
        entry = {"client": client, "name": name, "sha256": hashlib.sha256(data).hexdigest()}
        entry.update({"failed": "invalid JSON"} if invalid else {"to": to})
        path = str(self.site.hot / client / name)
        with open(path + ".tmp", "wb") as f:
            f.write(data)
        with self.lock:
            self.pending[client, name] = (entry, time.time())
        os.rename(path + ".tmp", path)
        self.dropped += 1

    def feed(self):
        begun = time.monotonic()
        for number in range(int(self.seconds * RATE)):
            wait = begun + number / RATE - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.behind = max(self.behind, -wait)
            self.drop(number)
        self.feeding.clear()

    def look_at(self, event):
        with self.lock:
            found = self.pending.pop((event["client"], event["file"]), None)
        if found is None:
            self.wrong.append("%s a second time: %s" % (event["event"], event))
            return
        entry, at = found
        ended = datetime.datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()
        if event["event"] == "failed":
            self.failed += 1
            self.take_failed(entry)
            return
        self.done += 1
        if entry["client"] != "FLAPPER":
            # The clock of the log's time is read once for many lines; how long it was in work is exact.
            self.latencies.append(max((ended - at) * 1000 + 0.5, event["ms"]))
        if "failed" in entry:
            self.wrong.append("processed, but it is not valid: %s" % entry)
            return
        for place in ["JSON_STORE/" + entry["client"]] + entry["to"]:
            self.take(self.site.data / place / entry["name"], entry)

    def take(self, path, entry):
        try:
            data = path.read_bytes()
        except OSError as error:
            self.wrong.append("told processed, but %s" % error)
            return
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            self.wrong.append("%s is not what was dropped" % path)
            return
        self.later.append(path)
        self.take_away()

    def take_away(self):
        waiting, self.later = self.later, []
        for path in waiting:
            try:
                path.unlink()
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                self.later.append(path)

    def take_failed(self, entry):
        if "failed" not in entry:
            self.wrong.append("failed, but it is valid: %s" % entry)
            return
        found = list((self.site.failed / entry["client"]).glob("*_" + entry["name"]))
        if len(found) != 1:
            self.wrong.append("told failed, but there are %s" % found)
            return
        reason = found[0].with_name(found[0].name + ".reason.txt")
        if "invalid JSON" not in reason.read_text():
            self.wrong.append("%s does not say why" % reason)
        self.take(found[0], entry)
        reason.unlink()

    def line(self, raw):
        event = json.loads(raw)
        if event["event"] in ("processed", "failed"):
            self.look_at(event)
        elif event["event"] in ("ledger", "drain_timeout"):
            self.wrong.append(raw.decode())

    def leftover(self):
        with self.lock:
            return [entry for entry, _ in self.pending.values()]


class Tail(threading.Thread):
    """Follows the log through its rotations; an old file is read to its end and removed."""

    def __init__(self, log, load):
        super().__init__(daemon=True)
        self.log, self.load, self.stopping, self.rest, self.error = log, load, threading.Event(), b"", None

    def read(self, f):
        data = f.read(1 << 20)
        parts = (self.rest + data).split(b"\n")
        self.rest = parts.pop()
        for part in parts:
            self.load.line(part)
        return bool(data)

    def run(self):
        try:
            while not self.stopping.is_set():
                with open(self.log, "rb") as f:
                    self.follow(f, os.fstat(f.fileno()).st_ino)
        except Exception as error:
            self.error = error

    def follow(self, f, inode):
        while True:
            if self.read(f):
                continue
            stopping = self.stopping.is_set()
            try:
                moved = os.stat(self.log).st_ino != inode
            except FileNotFoundError:
                moved = False
            if moved or stopping:
                time.sleep(0.3)  # what was in hand when the new one was opened
                while self.read(f):
                    pass
                if moved:
                    old = str(self.log) + ".1"
                    os.unlink(old)
                return
            time.sleep(0.01)


def rotate_and_reload(site, turn):
    old = str(site.logs / "shunt.log") + ".1"
    if not os.path.exists(old):
        os.rename(site.logs / "shunt.log", old)
    site.routes.write_text(shunt.ROUTES + FLAP_ROUTE + EXTRAS[turn % len(EXTRAS)])
    site.process.send(signal.SIGHUP)


class Flapping:
    """The destination that comes and goes: full, read-only; without root: forbidden."""

    def __init__(self, site):
        self.site, self.path, self.turn, self.away = site, site.data / FLAPPING, 0, False
        self.disk = None
        self.path.mkdir(parents=True)
        if os.geteuid() == 0 and run("mount", "--version")[0] == 0:
            self.disk = Mount(self.path, "-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs")
            site.cleanup.append(self.disk.unmount)

    def flip(self):
        self.away = not self.away
        self.turn += self.away
        if not self.disk:
            self.path.chmod(0 if self.away else 0o777)
        elif self.turn % 2:
            self.disk.remount("ro" if self.away else "rw")
        elif self.away:
            filler = self.path / ".filler"
            try:
                with open(filler, "wb", buffering=0) as f:
                    while f.write(b"\0" * 65536):
                        pass
            except OSError:
                pass
        else:
            (self.path / ".filler").unlink()

    def back(self):
        if self.away:
            self.flip()


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def sample(site, load, begun):
    taken, load.latencies = load.latencies, []
    rss, threads, descriptors = memory_of(site.process.pid)
    return {"s": round(time.monotonic() - begun, 1), "rss_kib": rss, "threads": threads, "descriptors": descriptors,
            "p50_ms": round(percentile(taken, 0.5), 2), "p99_ms": round(percentile(taken, 0.99), 2), "max_ms": round(max(taken, default=0), 1),
            "dropped": load.dropped, "processed": load.done, "failed": load.failed, "waiting": len(load.pending)}


# What may be gained over the whole run, by the line through the samples: a part of the mean, or this much.
FLAT = {"rss_kib": (0.1, 1024), "threads": (0, 1.5), "descriptors": (0.1, 4), "p50_ms": (0.5, 3), "p99_ms": (1.0, 40)}


def check_flat(samples):
    rest = samples[max(1, len(samples) // 5):]  # after warming up
    lines = []
    bad = []
    for key, (part, amount) in FLAT.items():
        points = [(s["s"], s[key]) for s in rest]
        first, last = plot.trend(points)
        mean = sum(y for _, y in points) / len(points)
        flat = last - first <= max(part * mean, amount)
        lines.append("%-12s mean %10.2f, from %10.2f to %10.2f, highest %10.2f: %s" %
                     (key, mean, first, last, max(y for _, y in points), "flat" if flat else "RISES"))
        bad += [] if flat else [lines[-1]]
    return lines, bad


def write_out(samples):
    OUT.mkdir(parents=True, exist_ok=True)
    with open(OUT / "long.csv", "w", newline="") as f:
        writer = csv.DictWriter(f, samples[0].keys())
        writer.writeheader()
        writer.writerows(samples)

    def points(key, scale=1.0):
        return [(s["s"], s[key] * scale) for s in samples]

    panels = [("memory (RSS)", "MiB", [("RSS", "#1f77b4", points("rss_kib", 1 / 1024))]),
              ("descriptors and threads", "", [("descriptors", "#2ca02c", points("descriptors")), ("threads", "#9467bd", points("threads"))]),
              ("from drop to processed", "ms", [("p99", "#d62728", points("p99_ms")), ("p50", "#ff7f0e", points("p50_ms"))]),
              ("not yet done (one destination comes and goes)", "", [("tickets", "#555555", points("waiting"))])]
    title = "%d tickets/s for %.0f minutes" % (RATE, samples[-1]["s"] / 60)
    (OUT / "long.svg").write_text(plot.svg(title, panels))
    for key in ("rss_kib", "p99_ms"):
        print(plot.text(key, points(key)), flush=True)


def watch_over(site, load, flapping, tail, report, seconds):
    """The middle of the run: samples, reloads, the destination's comings and goings."""
    begun, samples, turn = time.monotonic(), [], 0
    next_sample, next_reload, next_flip = begun + SAMPLE_S, begun + RELOAD_S / 2, begun + 7
    while load.feeding.is_set():
        now = time.monotonic()
        assert site.process.alive(), "it ended by itself: " + site.process.stderr()
        assert not load.wrong and not tail.error, "%s %s" % (load.wrong[:5], tail.error)
        if now >= next_reload:
            next_reload, turn = next_reload + RELOAD_S, turn + 1
            rotate_and_reload(site, turn)
        if now >= next_flip:
            next_flip += 13
            flapping.flip()
        if now >= next_sample:
            next_sample += SAMPLE_S
            samples.append(sample(site, load, begun))
            if len(samples) % 30 == 1 or seconds < 300:
                report.say(", ".join("%s %s" % pair for pair in samples[-1].items()))
        time.sleep(0.05)
    return samples, turn


def one_run(seconds, seed, memory, report):
    with world(SETTINGS, routes=shunt.ROUTES + FLAP_ROUTE, memory=memory) as site:
        for client in CLIENTS:
            site.folder(client)
        flapping = Flapping(site)
        site.start(wait=False)
        log = site.logs / "shunt.log"
        wait_for(lambda: log.exists() and b'"scan_end"' in log.read_bytes(), "it starts", 15)
        load = Load(site, seed, seconds)
        tail = Tail(log, load)
        tail.start()
        feeder = threading.Thread(target=load.feed, daemon=True)
        feeder.start()
        samples, reloads = watch_over(site, load, flapping, tail, report, seconds)
        feeder.join()
        flapping.back()
        wait_for(lambda: left(site) == 0 and not load.leftover(), lambda: "%d are left, %d not told of" % (left(site), len(load.leftover())), 60)
        site.stop(seconds=60)
        tail.stopping.set()
        tail.join(10)
        assert not tail.error, tail.error
        assert not load.wrong, "%d: %s" % (len(load.wrong), load.wrong[:5])
        load.take_away()
        conserve(site)  # the manifest is empty, all was taken away: whatever lies there is too much
        write_out(samples)
        lines, bad = check_flat(samples)
        print("\n".join(lines), flush=True)
        assert not bad, "\n".join(bad)
        return ["%d dropped" % load.dropped, "%d processed" % load.done, "%d failed" % load.failed, "%d reloads" % reloads,
                "%d outages" % flapping.turn, "the feeder was behind by at most %.2f s" % load.behind]


def soak(args):
    needs(root=False)
    report = Report("long")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    with report.round("%g minutes at %d/s, --seed %d" % (args.minutes, RATE, seed)) as said:
        said += one_run(args.minutes * 60, seed, not args.disk, report)
    report.note("%s and %s" % (OUT / "long.csv", OUT / "long.svg"))
    return report
