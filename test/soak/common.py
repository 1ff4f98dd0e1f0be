"""What the rounds share: sites that are kept when something is wrong, the report, feeders, file systems, errors from the system."""
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(TOP / "test" / "e2e"))

import agreement  # noqa: E402
import conservation  # noqa: E402
import producers  # noqa: E402
import shunt  # noqa: E402
from shunt import expected_places, ticket, wait_for  # noqa: E402

CLIENTS = ["RANK", "RECKITTBENCKISER", "BAYER", "LOREAL", "NOBODY"]
BAD = [b'{"a": 1]', b"{", b"", b"[1, 2", b"nonsense", b'{"JobSpecification": {"JobDetails": {"ClientCode": "RANK"}}}']


class CannotHere(Exception):
    """This machine does not allow it; the text says why."""


class Report:
    """Counts rounds, prints each, remembers what went wrong."""

    def __init__(self, verb):
        self.verb, self.rounds, self.bad, self.notes = verb, 0, [], []
        self.start = time.monotonic()

    def say(self, text):
        print("%s: %s" % (self.verb, text), flush=True)

    def ok(self, text):
        self.rounds += 1
        self.say("ok   " + text)

    def fail(self, text, error):
        self.rounds += 1
        self.bad.append(text)
        self.say("FAIL %s\n%s" % (text, error))

    def note(self, text):
        self.notes.append(text)
        self.say(text)

    def line(self):
        state = "%d FAILED" % len(self.bad) if self.bad else "all clean"
        return "%-9s %4d rounds, %s, %.0f s%s" % (self.verb, self.rounds, state, time.monotonic() - self.start,
                                                  "".join("; " + n for n in self.notes))

    @contextlib.contextmanager
    def round(self, text):
        """One round: an AssertionError in it is counted and printed, and the next round goes on."""
        begun = time.monotonic()
        more = []
        try:
            yield more
        except CannotHere:
            raise
        except Exception as error:
            self.fail(text, "%s: %s" % (type(error).__name__, error))
        else:
            self.ok("%s: %s%.1f s" % (text, "".join(m + ", " for m in more), time.monotonic() - begun))


def folder_for(memory):
    place = os.environ.get("SHUNT_E2E_DIR", "/var/tmp")
    if memory and os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30:
        place = "/dev/shm"
    path = pathlib.Path(tempfile.mkdtemp(prefix="shunt-soak-", dir=place))
    path.chmod(0o755)
    return path


@contextlib.contextmanager
def world(settings=None, routes=shunt.ROUTES, memory=True, base=None):
    """A site that is removed again; where something went wrong it is stopped and kept, and the error says where."""
    base = base or folder_for(memory)
    site = shunt.Site(base, settings, routes)
    try:
        yield site
        close(site)
    except BaseException as error:
        for process in site.processes:
            process.kill()
        for step in reversed(site.cleanup):
            step()
        if isinstance(error, (CannotHere, KeyboardInterrupt)):
            shutil.rmtree(base, ignore_errors=True)
            raise
        raise AssertionError("%s: %s\nkept: %s" % (type(error).__name__, error, base)) from error


def close(site):
    for process in site.processes:
        if process.alive() and not process.ended:
            process.stop(seconds=30)
        process.check_output()
    for step in reversed(site.cleanup):
        step()
    shutil.rmtree(site.base, ignore_errors=True)


def kill(process):
    process.kill()
    process.expected_exit = process.popen.returncode


def left(site):
    """Tickets that wait or are in work."""
    count = 0
    for root in (site.hot, site.under):
        for _, _, names in os.walk(root):
            count += sum(name.endswith(".json") and not name.startswith(".") for name in names)
    return count


def drain(site, seconds=120):
    wait_for(lambda: left(site) == 0 or not site.process.alive(), lambda: "%d are left\n%s" % (left(site), site.tail()), seconds)
    assert site.process.alive(), "it ended by itself: %s" % site.process.stderr()


def end(site, seconds=120, layout=conservation.Layout):
    drain(site, seconds)
    site.stop(seconds=60)
    conserve(site, layout)
    agree(site)


def conserve(site, layout=conservation.Layout, unfinished_ok=False):
    entries = site.manifest.entries
    if unfinished_ok:  # the newest version may still wait, and an older one stand in its place
        entries = [dict(e, unordered=True) for e in entries]
    check = conservation.Check(site.data, entries, True, unfinished_ok, layout).run()
    assert check.clean, check.text()


def agree(site, whole=True, statistics=True):
    """The store of the stopped service says what the manifest and the folders say."""
    check = agreement.Agreement(site, whole, statistics).run()
    assert check.clean, "the store: " + check.text()


def random_ticket(rng, client, name):
    category = rng.choice(["CELTRA", "PRODUCTION"])
    size = min(200000, int(rng.lognormvariate(7, 1.5)))
    return ticket(client, category, title=name, Description="x" * size), expected_places(client, category)


def backlog(site, count, rng, prefix="t", clients=CLIENTS):
    for i in range(count):
        client, name = rng.choice(clients), "%s%d.json" % (prefix, i)
        if i % 25 == 7:
            site.drop_bad(client, name, b'{"number": %d]' % i, "invalid JSON")
        else:
            data, to = random_ticket(rng, client, name)
            site.drop(client, name, data=data, to=to)


class Writers:
    """Producers of every manner, at work until told to stop. Now and then one drops a newer version of a name of its own."""

    def __init__(self, site, seed, threads=3, pause=0.01, unordered=False):
        self.site, self.stopping, self.pause, self.unordered = site, threading.Event(), pause, unordered
        self.threads = [threading.Thread(target=self.work, args=(i, random.Random("%s-%d" % (seed, i))), daemon=True) for i in range(threads)]
        self.written = self.versions = 0
        self.error = None

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
        if self.error:
            raise AssertionError("a producer failed: %r" % self.error)

    def again(self, number, rng, names):
        """A newer version, where the older one is no longer in the hot folder: it must not be written over."""
        (client, name), temp = rng.choice(names), self.site.staging / ("again%d" % number)
        data, to = random_ticket(rng, client, name)
        temp.write_bytes(data)
        with self.site.manifest.lock:  # no other entry may come in between
            try:
                os.link(temp, self.site.hot / client / name)
            except FileExistsError:
                return
            finally:
                temp.unlink()
            self.site.manifest.entries.append({"client": client, "name": name, "sha256": hashlib.sha256(data).hexdigest(), "to": to,
                                               "unordered": self.unordered})
        self.versions += 1

    def work(self, number, rng):
        names = []
        try:
            while not self.stopping.is_set():
                if names and rng.random() < 0.3:
                    self.again(number, rng, names)
                client, name = rng.choice(CLIENTS), "w%d-%d.json" % (number, len(names))
                data, to = random_ticket(rng, client, name)
                path = str(self.site.folder(client) / name)
                self.site.expect(client, name, data, to=to, unordered=self.unordered)
                rng.choice(producers.ALL)(path, data)
                names.append((client, name))
                self.written += 1
                self.stopping.wait(rng.random() * 2 * self.pause)
        except Exception as error:
            self.error = error


# --- file systems ---


def run(*command):
    result = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return result.returncode, result.stdout.decode(errors="replace").strip()


def must(*command):
    code, text = run(*command)
    if code != 0:
        raise CannotHere("%s: %s" % (" ".join(map(str, command)), text))
    return text


def needs(*programs, root=True):
    if root and os.geteuid() != 0:
        raise CannotHere("needs root")
    for program in programs:
        if not shutil.which(program):
            raise CannotHere("%s is not installed" % program)


class Mount:
    """Something mounted, and unmounted at the end."""

    def __init__(self, at, *args):
        self.at, self.args = pathlib.Path(at), args
        self.at.mkdir(parents=True, exist_ok=True)
        self.mounted = False
        self.mount()

    def mount(self):
        must("mount", *self.args, self.at)
        self.mounted = True

    def remount(self, options):
        must("mount", "-o", "remount," + options, self.at)

    def unmount(self):
        if not self.mounted:
            return
        end_at = time.monotonic() + 20
        while run("umount", self.at)[0] != 0:
            if time.monotonic() > end_at:
                run("umount", "-l", self.at)
                break
            time.sleep(0.05)
        self.mounted = False


# --- errors from the system ---


class Faults:
    """strace on a running process: while this holds, the named calls fail on the named paths (none: everywhere). The trace of each
    thread is in `folder`, with times."""

    def __init__(self, site, injections, paths=(), also="", folder=None):
        self.site, self.folder = site, folder
        traced = ",".join(sorted({c for calls, _ in injections for c in calls.split(",")} | {c for c in also.split(",") if c}))
        self.command = ["strace", "-f", "-y", "-qq", "-e", "signal=none", "-e", "trace=" + traced]
        for calls, what in injections:
            self.command += ["-e", "inject=%s:%s" % (calls, what)]
        for path in paths:
            self.command += ["-P", str(path)]
        if folder:
            folder.mkdir(exist_ok=True)
            self.command += ["-ff", "-ttt", "-o", str(folder / "trace")]
        else:
            self.command += ["-o", "/dev/null"]

    def __enter__(self):
        pid = self.site.process.pid
        self.err = self.site.base / "strace.err"
        with open(self.err, "wb") as err:
            self.popen = subprocess.Popen(self.command + ["-p", str(pid)], stdin=subprocess.DEVNULL, stdout=err, stderr=err)
        wait_for(lambda: self.attached(pid) or self.popen.poll() is not None, "strace attaches")
        if self.popen.poll() is not None:
            raise CannotHere("strace: " + self.err.read_text())
        return self

    def attached(self, pid):
        """All threads, and the tracer is no longer busy with attaching: -qq keeps it from saying so."""
        tracers = set()
        for task in os.listdir("/proc/%d/task" % pid):
            try:
                text = pathlib.Path("/proc/%d/task/%s/status" % (pid, task)).read_text()
            except OSError:
                continue
            tracers.add(int(re.search(r"TracerPid:\s+(\d+)", text).group(1)))
        return tracers == {self.popen.pid}

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)  # it lets go of the process
        self.popen.wait(60)

    def lines(self):
        """(time, thread, line), in the order in which they happened."""
        found = []
        for path in self.folder.glob("trace.*"):
            for line in path.read_text(errors="surrogateescape").splitlines():
                at, _, rest = line.partition(" ")
                if re.fullmatch(r"\d+\.\d+", at):
                    found.append((float(at), path.suffix, rest))
        return sorted(found, key=lambda one: one[0])


def memory_of(pid):
    """RSS in KiB, threads, descriptors."""
    text = pathlib.Path("/proc/%d/status" % pid).read_text()
    rss = int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
    threads = int(re.search(r"Threads:\s+(\d+)", text).group(1))
    return rss, threads, len(os.listdir("/proc/%d/fd" % pid))


def save_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")
