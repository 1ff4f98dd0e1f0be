"""A data root, the real program on it, and what a user can see of both. Nothing here waits for time: it waits for conditions, with a
deadline that fails loudly. Deadlines are stretched by SHUNT_E2E_SCALE, by itself under sanitizers."""
import collections
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import conservation
import web

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent


def find_binary():
    if os.environ.get("SHUNT_BIN"):
        return pathlib.Path(os.environ["SHUNT_BIN"]).resolve()
    return TOP / "build" / "release" / "shunt"


BIN = find_binary()


def sanitized():
    try:
        data = BIN.read_bytes()
    except OSError:
        return False
    return b"__asan_init" in data or b"__tsan_init" in data


SANITIZED = sanitized()
SCALE = float(os.environ.get("SHUNT_E2E_SCALE", "6" if SANITIZED else "1"))
SANITIZER_WORDS = re.compile(r"(Sanitizer|runtime error:|WARNING: ThreadSanitizer|assertion|Assertion)")

CELTRA_FOLDER = "SYNC/MAKE/Celtra - Create_Rename - Project_Design File"
OWN_FOLDER = {
    "BISSELL": "CLIENT-STORES/BISSELL-WRIKE/IN",
    "LOREAL": "CLIENT-STORES/LOREAL/IN",
    "RECKITTBENCKISER": "SYNC/MAKE/Monday RB",
    "RANK": "SYNC/MAKE/Monday Rank",
    "CELTRA": CELTRA_FOLDER,
}
ELIGIBLE = {"CIBC", "OLIVER", "ADIDAS", "PAYPAL", "RECKITTBENCKISER", "BAYER", "3M", "RANK"}
CLIENTS = sorted(set(OWN_FOLDER) | ELIGIBLE)

ROUTES = (TOP / "etc" / "routes.ini").read_text()

SETTINGS = {
    "service.data": ".",
    "service.workers": "4",
    "service.drain_timeout": "20s",
    "intake.scan_interval": "1h",  # what is found in a test that does not speak of scans is found by events
    "intake.settle": "400ms",
    "intake.poison": "retry",  # who is killed at random is not killed by a ticket
    "intake.settle_complete": "150ms",
    "delivery.mode": "0777",
    "delivery.breaker_pause": "200ms",
    "delivery.breaker_max": "400ms",
    "retry.first": "50ms",
    "retry.factor": "2",
    "retry.max": "200ms",
    "log.level": "info",
    "http.listen": "no",  # a test that wants it says 127.0.0.1:0 and asks site.http()
}


def expected_places(client, category):
    """The routing matrix, written down a second time."""
    places = []
    if client in OWN_FOLDER:
        places.append(OWN_FOLDER[client])
    if category == "CELTRA" and client in ELIGIBLE:
        places.append(CELTRA_FOLDER)
    return places


def ticket(client, category="PRODUCTION", title="A title", **more):
    details = {"ClientCode": client, "JobCategory": category, "StudioCode": client + "_STUDIO", "Title": title}
    details.update(more)
    details = {key: value for key, value in details.items() if value is not None}
    return json.dumps({"JobSpecification": {"JobDetails": details}}, indent=2, ensure_ascii=False).encode()


def wait_for(condition, what, seconds=10.0):
    end = time.monotonic() + seconds * SCALE
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %.1f s: %s" % (seconds * SCALE, what() if callable(what) else what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def holds_for(condition, what, seconds):
    """The condition must hold all the time: the one place where a test has to let time pass."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what
        time.sleep(0.01)


class Manifest:
    """What was dropped, and where it must end."""

    def __init__(self):
        self.entries = []
        self.lock = threading.Lock()

    def add(self, client, name, data, **more):
        entry = {"client": client, "name": name, "sha256": hashlib.sha256(data).hexdigest()}
        entry.update(more)
        with self.lock:
            self.entries.append(entry)
        return entry

    def save(self, path):
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            for entry in self.entries:
                f.write(json.dumps(entry) + "\n")


class Process:
    """One run of `shunt run`."""

    def __init__(self, site, number, command, env, cwd=None):
        self.out_path = site.base / ("stdout-%d.log" % number)
        self.err_path = site.base / ("stderr-%d.log" % number)
        self.lines, self.at, self.rest = [], 0, b""
        self.parsed, self.counts = [], collections.Counter()
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd)
        self.pid = self.popen.pid
        self.expected_exit = 0
        self.ended = False
        self.json = True

    def read(self):
        with open(self.out_path, "rb") as f:
            f.seek(self.at)
            data = f.read()
        self.at += len(data)
        parts = (self.rest + data).split(b"\n")
        self.rest = parts.pop()
        self.lines.extend(parts)
        return self.lines

    def parse(self):
        lines = self.read()
        while self.json and len(self.parsed) < len(lines):
            entry = json.loads(lines[len(self.parsed)])  # a line that is not JSON is a fault of the program: let it show
            self.parsed.append(entry)
            self.counts[entry["event"]] += 1
        return self.parsed

    def events(self, event=None, **wanted):
        return [entry for entry in self.parse() if (event is None or entry["event"] == event) and all(entry.get(key) == value for key, value in wanted.items())]

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        os.kill(self.pid, number)

    def stderr(self):
        return self.err_path.read_text(errors="replace")

    def wait_exit(self, seconds=20):
        try:
            code = self.popen.wait(seconds * SCALE)
        except subprocess.TimeoutExpired:
            raise AssertionError("the process did not end within %.1f s" % (seconds * SCALE))
        self.ended = True
        return code

    def stop(self, number=signal.SIGTERM, seconds=20):
        if self.alive():
            self.send(number)
        code = self.wait_exit(seconds)
        assert code == self.expected_exit, "exit code %s, not %s; stderr: %s" % (code, self.expected_exit, self.stderr())
        return code

    def kill(self):
        """kill -9"""
        if self.alive():
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()
        self.ended = True

    def check_output(self):
        text = self.stderr()
        assert not SANITIZER_WORDS.search(text), "stderr: " + text
        if self.json:
            for line, entry in zip(self.read(), self.parse()):
                assert {"ts", "level", "event", "msg"} <= set(entry), line
                assert not re.search(rb"[\x00-\x1f\x7f]", line), "a control character in %r" % line
                assert entry["event"] != "ledger", entry


class Site:
    """A data root with its settings, and the processes on it."""

    counter = itertools.count()

    def __init__(self, base, settings=None, routes=ROUTES):
        self.base = pathlib.Path(base)
        self.data = self.base / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.staging = self.base / "staging"  # same file system, so that a producer can rename from here
        self.staging.mkdir(exist_ok=True)
        self.config = self.data / "shunt.ini"
        self.routes = self.data / "routes.ini"
        self.settings = dict(SETTINGS)
        self.settings.update(settings or {})
        self.write_settings()
        self.routes.write_text(routes)
        self.hot, self.archive, self.failed = self.data / "JSON", self.data / "JSON_STORE", self.data / "JSON_FAILED"
        self.under, self.logs = self.data / "underprocess", self.data / "JSON_PARSER_LOGS"
        self.hot.mkdir(exist_ok=True)
        self.manifest = Manifest()
        self.processes = []
        self.env = {}
        self.hour = time.gmtime().tm_hour
        self.prefix = []
        self.bin = BIN
        self.reasons = True
        self.others = []
        self.cleanup = []

    def write_settings(self, **more):
        self.settings.update({key.replace("__", "."): value for key, value in more.items()})
        sections = {}
        for key, value in self.settings.items():
            section, name = key.split(".", 1)
            sections.setdefault(section, []).append("%s = %s" % (name, value))
        self.config.write_text("\n\n".join("[%s]\n%s" % (name, "\n".join(keys)) for name, keys in sections.items()) + "\n")

    # --- the program ---

    @property
    def process(self):
        return self.processes[-1]

    def environment(self):
        env = {key: value for key, value in os.environ.items() if not key.startswith("SHUNT_")}
        env["TZ"] = "<noon>%+d" % (self.hour - 12)  # no midnight falls into a test, unless it says so
        env.update(self.env)
        return env

    def start(self, wait=True, prefix=None, umask=None, args=()):
        command = list(self.prefix if prefix is None else prefix) + [str(self.bin), "run", "-c", str(self.config)] + list(args)
        if umask is not None:
            command = ["sh", "-c", 'umask %s; exec "$@"' % umask, "sh"] + command
        process = Process(self, next(Site.counter), command, self.environment())
        process.json = self.settings.get("log.format", "json") == "json"
        self.processes.append(process)
        if wait and process.json:
            wait_for(lambda: process.events("started") or not process.alive(), "the service starts", 15)
            assert process.alive(), "it did not start: %s%s" % (process.out_path.read_text(errors="replace"), process.stderr())
            wait_for(lambda: process.events("scan_end", phase="STARTUP") or not process.alive(), "the start-up scan ends", 60)
        return process

    def cli(self, *args, env=None, input=None, timeout=60):
        environment = self.environment()
        environment.update(env or {})
        result = subprocess.run([str(self.bin)] + [str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                                input=input, timeout=timeout * SCALE)
        assert not SANITIZER_WORDS.search(result.stderr.decode(errors="replace")), result.stderr.decode(errors="replace")
        return result

    def command(self, name, *args, **more):
        return self.cli(name, "-c", self.config, *args, **more)

    def http(self, token=None):
        """A client of the address that the newest process listens on."""
        said = self.wait_event("http")[-1]["msg"]
        return web.Client(*re.search(r"http://\[?([0-9a-f.:]+?)\]?:(\d+)/$", said).groups(), token=token)

    def events(self, event=None, **wanted):
        return self.process.events(event, **wanted)

    def all_events(self, event=None, **wanted):
        return [e for process in self.processes for e in process.events(event, **wanted)]

    def wait_event(self, event, seconds=10, count=1, **wanted):
        return wait_for(lambda: len(self.events(event, **wanted)) >= count and self.events(event, **wanted),
                        lambda: "%d × event %s %s; the last lines are\n%s" % (count, event, wanted, self.tail()), seconds)

    def tail(self, n=12):
        return "\n".join(line.decode(errors="replace") for line in self.process.read()[-n:])

    def stop(self, **more):
        return self.process.stop(**more)

    def kill(self):
        self.process.kill()

    def reload(self, expect="reloaded"):
        before = len(self.events(expect))
        self.process.send(signal.SIGHUP)
        return self.wait_event(expect, count=before + 1)[-1]

    # --- dropping ---

    def folder(self, client):
        path = self.hot / client if client else self.hot
        path.mkdir(parents=True, exist_ok=True)
        return path

    def in_the_way(self, place):
        """A file where the folder of a destination should be: nothing can be delivered there."""
        path = self.data / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("in the way")

    def put(self, client, name, data):
        """As a careful producer does: written elsewhere, renamed into the hot folder."""
        temp = self.staging / ("t%d" % next(Site.counter))
        temp.write_bytes(data)
        os.chmod(temp, 0o666)
        os.rename(temp, os.path.join(os.fsencode(self.folder(client)), os.fsencode(name)))

    def expect(self, client, name, data, category="PRODUCTION", to=None, **more):
        return self.manifest.add(client, name, data, to=expected_places(client, category) if to is None else to, **more)

    def expect_failed(self, client, name, data, reason="", **more):
        return self.manifest.add(client, name, data, failed=reason, **more)

    def drop(self, client, name, category="PRODUCTION", data=None, to=None, **more):
        """A valid ticket, and the word of where it must go."""
        if data is None:
            data = ticket(client, category, title="%s %s" % (name, next(Site.counter)))
        self.expect(client, name, data, category, to, **more)
        self.put(client, name, data)
        return data

    def drop_bad(self, client, name, data, reason=""):
        self.expect_failed(client, name, data, reason)
        self.put(client, name, data)
        return data

    # --- what is there ---

    def count_ended(self):
        for process in self.processes:
            process.parse()
        return sum(process.counts["processed"] + process.counts["failed"] for process in self.processes)

    def wait_ended(self, count=None, seconds=20):
        if count is None:
            count = len(self.manifest.entries)
        wait_for(lambda: self.count_ended() >= count, lambda: "%d tickets end, %d did\n%s" % (count, self.count_ended(), self.tail()), seconds)

    def reason_text(self, client, pattern="*"):
        found = sorted((self.failed / client).glob(pattern + ".reason.txt"))
        assert len(found) == 1, found
        return found[0].read_text(errors="surrogateescape")

    def files(self, folder, pattern="*"):
        return sorted(p.name for p in (self.data / folder).glob(pattern) if p.is_file() and not p.name.startswith(".") and not p.name.endswith(".reason.txt"))

    def conserve(self, unfinished_ok=False):
        path = self.base / "manifest.jsonl"
        self.manifest.save(path)
        command = ["/usr/bin/python3", str(HERE / "conservation.py"), "--data", str(self.data), "--manifest", str(path)]
        command += [] if self.reasons else ["--no-reasons"]
        command += ["--unfinished-ok"] if unfinished_ok else []
        command += ["--others"] + self.others if self.others else []
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        text = result.stdout.decode(errors="replace")
        print(text, end="")
        assert result.returncode == 0, text

    def finish(self, count=None, seconds=20):
        """All have ended, the service stops as it should, and everything is where it belongs."""
        self.wait_ended(count, seconds)
        self.stop()
        self.conserve()

    def close(self):
        try:
            for process in self.processes:
                if process.alive():
                    process.send(signal.SIGCONT)
                    process.send(signal.SIGTERM)
                    try:
                        code = process.wait_exit(20)
                    except AssertionError:
                        process.kill()
                        raise
                    assert code == process.expected_exit, "exit code %s; stderr: %s" % (code, process.stderr())
            for process in self.processes:
                process.check_output()
        finally:
            for process in self.processes:
                if process.alive():
                    process.kill()
            for step in reversed(self.cleanup):
                step()
            shutil.rmtree(self.base, ignore_errors=True)
