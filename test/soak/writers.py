"""Fifty thousand tickets at once, while the service cannot read its events: the kernel's queue (fs.inotify.max_queued_events) overflows for
certain. None is lost, and none waits for the periodic scan, which is an hour away."""
import os
import pathlib
import signal
import time

from common import CLIENTS, Report, agree, conserve, left, wait_for, world

QUEUE = pathlib.Path("/proc/sys/fs/inotify/max_queued_events")


def queue_length():
    return int(QUEUE.read_text()) if QUEUE.exists() else 16384


def drop_fast(site, count):
    for client in CLIENTS:
        site.folder(client)
    for i in range(count):
        client, name = CLIENTS[i % len(CLIENTS)], "m%d.json" % i
        data = b'{"JobSpecification":{"JobDetails":{"ClientCode":"%s","JobCategory":"CELTRA","Title":"%d"}}}' % (client.encode(), i)
        site.expect(client, name, data, "CELTRA")
        path = str(site.hot / client / name)
        with open(path + ".tmp", "wb") as f:
            f.write(data)
        os.rename(path + ".tmp", path)


def one_round(count, stopped, durability="full", said=None):
    with world({"intake.scan_interval": "1h", "delivery.durability": durability}) as site:
        for client in CLIENTS:
            site.folder(client)
        process = site.start()
        if stopped:
            process.send(signal.SIGSTOP)
        begun = time.monotonic()
        drop_fast(site, count)
        dropped = time.monotonic()
        process.send(signal.SIGCONT)
        wait_for(lambda: left(site) == 0 or not process.alive(), lambda: "%d are left\n%s" % (left(site), site.tail()), 60 + count / 200)
        ended = time.monotonic()
        wait_for(lambda: process.parse() is not None and process.counts["processed"] >= count, "all are logged", 20)
        site.stop(seconds=60)
        conserve(site)
        agree(site)
        if said is not None:
            said += ["%d tickets dropped in %.1f s" % (count, dropped - begun), "done %.1f s later" % (ended - dropped),
                     "%d times events were lost" % process.counts["events_lost"]]


def soak(args):
    report = Report("writers")
    count = args.tickets or 50000
    report.say("the kernel's queue holds %d events" % queue_length())
    for stopped in (True, False):
        for durability in ("full", "none"):
            with report.round("%s, durability %s" % ("service stopped meanwhile" if stopped else "service at work", durability)) as said:
                one_round(count, stopped, durability, said)
    return report
