"""kill -9 at random points of a backlog, with producers going on, started again until all is done."""
import random
import subprocess

from common import Report, Writers, agree, backlog, conserve, end, kill, left, wait_for, world

SETTINGS = {"intake.settle": "5s", "retry.attempts": "1000"}  # a producer that this machine is slow to run is not a broken one


def survive(process, rng):
    """Until the moment of the kill: by time, or after so many lines of work, whichever the dice say."""
    if rng.random() < 0.5:
        wait_quietly(process, rng.choice([0.005, 0.05, 0.3, 1.0]) * rng.random())
        return
    goal = int(10 ** (3 * rng.random()))
    try:
        wait_for(lambda: len(process.read()) >= goal, "", 0.7)
    except AssertionError:
        pass  # then it is killed idle


def wait_quietly(process, seconds):
    """Some time, or less where it ends by itself (which it must not)."""
    try:
        process.popen.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise AssertionError("it ended by itself, %s: %s" % (process.popen.returncode, process.stderr()))


def one_round(seed, tickets, memory=True, kills=(4, 14), said=None):
    rng = random.Random("kill-%s" % seed)
    with world(SETTINGS, memory=memory) as site:
        backlog(site, tickets, rng)
        done = 0
        with Writers(site, seed) as writers:
            for _ in range(rng.randrange(*kills)):
                process = site.start(wait=False)
                survive(process, rng)
                kill(process)
                done += 1
                if left(site) == 0:
                    break
        conserve(site, unfinished_ok=True)  # nobody writes now
        site.start()
        end(site)
        if said is not None:
            said += ["%d kills" % done, "%d tickets" % len(site.manifest.entries),
                     "%d of them written meanwhile, %d newer versions" % (writers.written, writers.versions)]


def two_instances(seed, tickets, memory=True, said=None):
    """Two at work; again and again one of them dies and comes back, the other one goes on."""
    rng = random.Random("twins-%s" % seed)
    with world(dict(SETTINGS, **{"intake.scan_interval": "300ms"}), memory=memory) as site:
        backlog(site, tickets, rng)
        pair = [site.start(wait=False), site.start(wait=False)]
        done = 0
        with Writers(site, seed, unordered=True):
            for _ in range(rng.randrange(2, 6)):
                victim = rng.randrange(2)
                wait_quietly(pair[victim], rng.random() * 0.5)
                assert pair[1 - victim].alive(), "the other one ended: " + pair[1 - victim].stderr()
                kill(pair[victim])
                done += 1
                pair[victim] = site.start(wait=False)
        victim = rng.randrange(2)
        wait_quietly(pair[victim], rng.random() * 0.3)
        kill(pair[victim])
        wait_for(lambda: left(site) == 0, lambda: "%d are left\n%s" % (left(site), site.tail()), 120)
        pair[1 - victim].stop(seconds=60)
        conserve(site)
        agree(site)
        if said is not None:
            said += ["%d kills" % (done + 1), "%d tickets" % len(site.manifest.entries)]


def soak(args):
    report = Report("kill")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for i in range(args.rounds or 100):
        number, memory = seed + i, i % 5 != 4
        where = "memory" if memory else "disk"
        if i % 4 == 3:
            with report.round("two instances, --seed %d, %s" % (number, where)) as said:
                two_instances(number, args.tickets or 5000, memory, said)
        else:
            with report.round("one instance, --seed %d, %s" % (number, where)) as said:
                one_round(number, args.tickets or 5000, memory, said=said)
    return report
