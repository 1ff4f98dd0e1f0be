"""Errors that strace puts into system calls: of one kind, on one folder, at one call, for some calls, or for a while; and several at once.
When they are over everything ends clean by itself. The trace shows that no copy whose flush failed was flushed again and used."""
import collections
import random
import re
import time

from common import Faults, Report, agree, conserve, drain, left, needs, shunt, ticket, wait_for, world

# Faster pauses than an operator would want, and a periodic scan: an error may have cost the event.
SETTINGS = {"retry.attempts": "1000", "intake.scan_interval": "300ms", "delivery.breaker_pause": "50ms", "delivery.breaker_max": "200ms"}
FLUSH = "fsync,syncfs,fdatasync"
RENAME = "renameat2,renameat,rename"
KINDS = [("write", "EIO"), ("write", "ENOSPC"), ("write", "EINTR"), (FLUSH, "EIO"), (FLUSH, "ENOSPC"), (FLUSH, "EINTR"), (FLUSH, "delay"),
         (RENAME, "EIO"), (RENAME, "ENOSPC"), (RENAME, "EINTR"), ("openat", "EMFILE"), ("openat", "EINTR"), ("openat", "EIO"), ("linkat", "EIO"), ("linkat", "ENOSPC"), ("linkat", "EMLINK")]
# strace counts the calls of each thread for itself.
WHEN = {"at 1": ":when=1", "at 2": ":when=2", "at 5": ":when=5", "2 to 20": ":when=2..20", "every 3rd": ":when=1+3", "all the while": ""}
PLACES = ("hot", "archive", "destination", "failed", "log", "store", "together", "everywhere")
CLIENTS = ("RANK", "BAYER")
COPIED = "BAYER"
TEMPORARY = re.compile(r'openat\(\d+<([^>]*)>, "(\.shunt-[0-9a-f]+\.tmp)"')


def what_of(error):
    return "delay_enter=500000" if error == "delay" else "error=" + error


def drop_all(site, turn, names):
    """A pair for single flushes, then many at once for shared ones; and a bad one for each client."""
    for i in range(names):
        client = CLIENTS[i % 2]
        site.drop(client, "t%d.json" % i, "CELTRA", data=ticket(client, "CELTRA", title="%s %d" % (turn, i), Description="x" * (i * 900)))
        if i == 1:
            time.sleep(0.05)
    for client in CLIENTS:
        site.drop_bad(client, "bad.json", ('{"turn": "%s %s"]' % (turn, client)).encode(), "invalid JSON")


def learn_temporaries(site, names):
    """The names of temporaries are the same for the same ticket: seen once, they can be aimed at."""
    with Faults(site, [], also="openat", folder=site.base / "learn") as faults:
        drop_all(site, "learn", names)
        drain(site)
    found = collections.defaultdict(set)
    for _, _, line in faults.lines():
        match = TEMPORARY.search(line)
        if match:
            found[match.group(1)].add(match.group(1) + "/" + match.group(2))
    return found


def paths_of(site, place, temporaries):
    data = site.data
    folders = {
        "hot": [site.hot] + [site.hot / c for c in CLIENTS] + [site.under / "0"] + [site.under / "0" / c for c in CLIENTS],
        "archive": [site.archive] + [site.archive / c for c in CLIENTS],
        "destination": [data / shunt.CELTRA_FOLDER],
        "failed": [site.failed] + [site.failed / c for c in CLIENTS],
        "log": [site.logs / "shunt.log"],
        "store": [data / name for name in ("shunt.db", "shunt.db-wal", "shunt.db-shm")],
    }
    if place == "everywhere":
        return []
    chosen = [f for one in folders.values() for f in one] if place == "together" else folders[place]
    files = [t for folder in chosen for t in sorted(temporaries.get(str(folder), ()))]
    if place in ("hot", "together"):  # the tickets themselves
        files += [folder / ("t%d.json" % i) for folder in folders["hot"] for i in range(0, 16, 5)]
    return [p for p in chosen + files if p != data]


CREATED = re.compile(r'openat\(\d+<([^>]*)>, "(\.shunt-[^"]*)", [^)]*O_EXCL[^)]*\)\s+= \d')
SYNCED = re.compile(r"f(?:data)?sync\(\d+<([^>]*)>\)\s+= (-?\d+)")
SYNCED_ALL = re.compile(r"syncfs\(\d+<([^>]*)>\)\s+= (-?\d+)")
RENAMED = re.compile(r'renameat2?\(\d+<([^>]*)>, "(\.shunt-[^"]*)", [^)]*\)\s+= 0')


def believed_flushes(lines):
    """(failed flushes, copies that were flushed again or renamed after their flush had failed)."""
    maker, bad, wrong, failed = {}, set(), [], 0
    for _, thread, line in lines:
        if line.endswith("-1 EINTR (Interrupted system call) (INJECTED)"):
            continue  # nothing was tried: to call again is right
        match = CREATED.match(line)
        if match:
            path = "%s/%s" % match.groups()
            maker[path] = thread
            bad.discard(path)
            continue
        match = SYNCED.match(line)
        if match:
            path, ok = match.group(1), match.group(2) == "0"
            failed += not ok
            if ok and path in bad:
                wrong.append("flushed again: " + line)
            elif not ok and (path in maker or path.endswith(".json")):  # a copy, or the claimed file itself
                bad.add(path)
            continue
        match = SYNCED_ALL.match(line)
        if match and match.group(2) != "0":
            failed += 1
            bad.update(path for path, thread_of in maker.items() if thread_of == thread)
            continue
        match = RENAMED.match(line)
        if match:
            path = "%s/%s" % match.groups()
            if path in bad:
                wrong.append("used: " + line)
            maker.pop(path, None)
            bad.discard(path)
    return failed, wrong


def until_quiet(site, seconds):
    """The errors have had their time, or everything ended in spite of them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and left(site) > 0:
        assert site.process.alive(), "it ended by itself: %s\n%s" % (site.process.stderr(), site.tail())
        time.sleep(0.02)


class Aim:
    """A site that lives for many cases: each drops newer tickets of the same names, while something fails, and must end clean."""

    def __init__(self, site, names=12):
        self.site, self.names, self.turn = site, names, 0
        site.start()
        for folder in CLIENTS:
            site.folder(folder)
        # What is made in such a folder gets its group, so a ticket is copied there; the others' are linked.
        (site.archive / COPIED).mkdir(parents=True)
        (site.archive / COPIED).chmod(0o2775)
        self.temporaries = learn_temporaries(site, names)

    def case(self, injections, place, seconds=0.7, linger=0):
        site, folder = self.site, self.site.base / "trace"
        for old in folder.glob("*"):
            old.unlink()
        self.turn += 1
        paths = paths_of(site, place, self.temporaries)
        injections = [(calls, what_of(error) + when) for calls, error, when in injections]
        with Faults(site, injections, paths, also="openat,%s,%s" % (FLUSH, RENAME), folder=folder) as faults:
            drop_all(site, self.turn, self.names)
            until_quiet(site, seconds)
            time.sleep(linger)
        try:
            drain(site, 30)
        except AssertionError as error:
            raise AssertionError("after the errors were over: %s" % error)
        assert not site.events("ledger"), site.events("ledger")
        wait_for(lambda: not list(site.data.rglob(".shunt-*.tmp")), lambda: "temporaries stay: %s" % list(site.data.rglob(".shunt-*.tmp"))[:5], 5)
        conserve(site)
        lines = faults.lines()
        failed, wrong = believed_flushes(lines)
        assert not wrong, "a flush that had failed was believed:\n" + "\n".join(wrong[:5])
        return sum("(INJECTED)" in line or "(DELAYED)" in line for _, _, line in lines), failed


STORE_SECONDS = 11  # it is written every ten


def sensible(calls, error, place):
    if place == "everywhere":
        return calls == "openat" or calls == FLUSH  # a failed write to libuv's own eventfd ends any program
    if place == "log":
        return calls == "write"
    if place == "hot":
        return calls in (RENAME, "openat", FLUSH)  # it does not write there
    if calls == "linkat":
        return place in ("archive", "together")
    if place == "store":
        return calls in ("write", FLUSH, RENAME) and error in ("EIO", "ENOSPC")
    return True


def cases():
    for place in PLACES:
        for calls, error in KINDS:
            if not sensible(calls, error, place):
                continue
            for when, text in WHEN.items():
                if error == "EINTR" and when in ("all the while", "every 3rd"):
                    continue  # no signal comes for ever: a program that tries again for ever is right
                if place == "store" and when != "all the while":
                    continue
                yield "%s %s, %s, %s" % (calls.split(",")[0], error, place, when), [(calls, error, text)], place
    for when, text in WHEN.items():
        if when != "all the while":
            yield "all errors at once, together, " + when, [("write", "ENOSPC", text), (FLUSH, "EIO", text), (RENAME, "EIO", text)], "together"


def soak(args):
    needs("strace", root=False)
    report = Report("faults")
    wanted = [case for case in cases() if args.only in case[0]]
    seed = args.seed if args.seed is not None else 1
    random.Random(seed).shuffle(wanted)
    if args.rounds:
        wanted = wanted[:args.rounds]
    put, flushes = 0, 0
    for at in range(0, len(wanted), 25):  # a new site for every so many
        rest = wanted[at:at + 25]
        while rest:
            name, injections, place = rest[0]
            try:
                with world(SETTINGS) as site:
                    aim = Aim(site)
                    while rest:
                        name, injections, place = rest[0]
                        begun = time.monotonic()
                        hit, failed = aim.case(injections, place, linger=STORE_SECONDS if place == "store" else 0)
                        rest.pop(0)
                        put, flushes = put + hit, flushes + failed
                        report.ok("%s: %d errors or delays, %d failed flushes, %.1f s" % (name, hit, failed, time.monotonic() - begun))
                    name = "the store after %d cases" % aim.turn
                    site.stop(seconds=60)
                    agree(site)
            except AssertionError as error:
                report.fail(name, error)
                rest = rest[1:]
    report.note("%d errors and delays put in, %d failed flushes, none believed" % (put, flushes) if not report.bad else "see above")
    return report
