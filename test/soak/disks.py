"""Disks that are full for real: a small tmpfs, or one without inodes, under each folder in turn. It fills up, work waits; space comes back,
work goes on by itself, and nothing was lost. No restart, no signal."""
import os
import random
import signal
import time

from common import CLIENTS, Mount, Report, agree, conservation, conserve, drain, left, needs, random_ticket, shunt, ticket, wait_for, world

# Pauses that fit a round of some seconds.
SETTINGS = {"retry.attempts": "1000", "intake.scan_interval": "500ms", "delivery.breaker_pause": "50ms", "delivery.breaker_max": "300ms",
            "intake.settle": "3s"}
MANY = "10000000"


class TogetherLayout(conservation.Layout):
    hot, under = "fs/JSON", "fs/underprocess"


def place_of(site, name):
    return {"archive": site.archive, "destination": site.data / shunt.CELTRA_FOLDER, "failed": site.failed, "logs": site.logs,
            "hot": site.data / "fs"}[name]


def options(resource, amount):
    """How much there is, and enough of the other resource."""
    return "size=%s,nr_inodes=%s" % ((amount, MANY) if resource == "space" else ("1g", amount))


def use_up(folder, resource):
    """Everything that is left, as another program would."""
    made = []
    if resource == "space":
        path = folder / ".filler"
        with open(path, "wb", buffering=0) as f:
            for size in (1 << 20, 1 << 12):
                try:
                    while f.write(b"\0" * size) == size:
                        pass
                except OSError:
                    pass
        return [path]
    try:
        while True:
            path = folder / (".filler%d" % len(made))
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL))
            made.append(path)
    except OSError:
        return made


def drop_until_full(site, rng, count, failing):
    """Tickets, as far as the producer itself has room for them."""
    dropped = 0
    for i in range(count):
        client, name = rng.choice(CLIENTS), "d%d.json" % i
        path = site.hot / client / name
        if failing and i % 3 == 0:
            data = b'{"number": %d]' % i + b" " * rng.randrange(5000)
            entry = {"failed": "invalid JSON"}
        else:
            data, to = random_ticket(rng, client, name)
            entry = {"to": to}
        temp = site.hot / client / (".%s.tmp" % name)
        try:
            temp.write_bytes(data)
            os.rename(temp, path)
        except OSError:
            temp.unlink(missing_ok=True)
            time.sleep(0.01)
            continue
        site.manifest.add(client, name, data, **entry)
        dropped += 1
    return dropped


def one_round(seed, name, resource, tight, said=None):
    """tight: used up before the first ticket; else the tickets themselves fill it."""
    needs("mount")
    rng = random.Random("disks-%s" % seed)
    settings, layout = dict(SETTINGS), conservation.Layout
    if name == "hot":
        settings.update({"folders.hot": "fs/JSON", "folders.underprocess": "fs/underprocess"})
        layout = TogetherLayout
    with world(settings) as site:
        if name == "hot":
            os.rmdir(site.hot)
            site.hot, site.under = site.data / "fs/JSON", site.data / "fs/underprocess"
        folder = place_of(site, name)
        amounts = ("256k", "1m") if resource == "space" else ("12", "40") if name != "hot" else ("30", "60")
        small = options(resource, rng.choice(amounts))
        disk = Mount(folder, "-t", "tmpfs", "-o", small, "tmpfs")
        site.cleanup.append(disk.unmount)
        for client in CLIENTS:
            site.folder(client)
        process = site.start()
        if name == "hot":
            process.send(signal.SIGSTOP)  # or it would never be full
        filler = use_up(folder, resource) if tight and name != "hot" else []
        dropped = drop_until_full(site, rng, 300, name == "failed")
        if tight and name == "hot":  # full behind the producer's back
            filler = use_up(folder, resource)
        process.send(signal.SIGCONT)
        shunt.holds_for(site.process.alive, lambda: site.process.stderr(), 1.0 + rng.random())
        waiting = left(site)
        if rng.random() < 0.5:
            disk.remount(options(resource, "200m" if resource == "space" else MANY))
        for path in filler:
            path.unlink()
        disk.remount(options(resource, "200m" if resource == "space" else MANY))
        data = ticket("RANK", "CELTRA", title="late")
        site.expect("RANK", "late.json", data, "CELTRA")
        (site.hot / "RANK" / ".late.tmp").write_bytes(data)
        os.rename(site.hot / "RANK" / ".late.tmp", site.hot / "RANK" / "late.json")
        drain(site, 60)
        wait_for(lambda: not list(site.data.rglob(".shunt-*.tmp")), "temporaries stay", 5)
        logged = site.logs / "shunt.log"
        wait_for(lambda: logged.exists() and logged.read_bytes().endswith(b"\n"), "the log is written again", 5)
        site.stop(seconds=60)
        conserve(site, layout)
        agree(site)
        if said is not None:
            said += ["%d tickets" % dropped, "%d waited" % waiting]


ROUNDS = [(name, resource, tight) for name in ("hot", "archive", "destination", "failed", "logs") for resource in ("space", "inodes")
          for tight in (False, True)]


def soak(args):
    report = Report("disks")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for again in range(args.rounds or 3):
        for name, resource, tight in ROUNDS:
            text = "%s, no %s, %s, --seed %d" % (name, resource, "used up before" if tight else "filled by tickets", seed + again)
            if args.only not in text:
                continue
            with report.round(text) as said:
                one_round(seed + again, name, resource, tight, said)
    return report
