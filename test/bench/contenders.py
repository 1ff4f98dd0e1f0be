"""Those who do the work that is measured: shunt, the floor, and what people write by hand instead. Each is started on
the data root of a run, tells by its log how many tickets it has processed and when the last one was, and is stopped."""
import calendar
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
NO_STORE = "sqlite:/proc/shunt.db"  # cannot be made there: nobody waits for it. (memory: looks through all for each job)
DEADLINE = 600  # seconds without a processed ticket


class Broken(Exception):
    """A run that went wrong: its figures would mean nothing."""


class LogTail:
    """Follows a log by its lines; lines(wanted) are those since the last call that hold the wanted bytes."""

    def __init__(self, path):
        self.path, self.file, self.rest = path, None, b""

    def lines(self, wanted):
        if not self.file:
            if not self.path.exists():
                return []
            self.file = open(self.path, "rb")
        text = self.rest + self.file.read()
        end = text.rfind(b"\n") + 1
        self.rest = text[end:]
        found, at = [], text.find(wanted, 0, end)
        while at >= 0:
            stop = text.index(b"\n", at)
            found.append(text[text.rfind(b"\n", 0, at) + 1:stop])
            at = text.find(wanted, stop, end)
        return found

    def close(self):
        if self.file:
            self.file.close()


class Contender:
    """Subclasses say: name, command(run), log(run), READY and PROCESSED (in log lines), when(line): wall clock, and
    NAMES: whether a file is whole as soon as its name is there, or only when it is closed."""
    NAMES = "closed"

    def __init__(self, bench):
        self.bench = bench
        self.process = self.tail = None

    def start(self, run):
        self.tail = LogTail(self.log(run))
        command, environment = self.command(run), dict(os.environ, TZ="UTC", **self.environment())
        with open(run.path / "output", "wb") as output:
            began = time.time()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env=environment)
        return began

    def environment(self):
        return {}

    def must_live(self):
        if self.process.poll() is not None:
            raise Broken("%s ended by itself with %d" % (self.name, self.process.returncode))

    def wait_ready(self, seconds=60):
        until = time.time() + seconds
        while not self.tail.lines(self.READY):
            self.must_live()
            if time.time() > until:
                raise Broken("%s does not get ready" % self.name)
            time.sleep(0.02)

    def wait_processed(self, count, every=0.05):
        """Wall clock of the last of so many tickets, from the contender's own log, which tells milliseconds."""
        done, last, moved = 0, None, time.time()
        while True:
            lines = self.tail.lines(self.PROCESSED)
            if lines:
                done, last, moved = done + len(lines), lines[-1], time.time()
            if done >= count:
                return self.when(last)
            self.must_live()
            if time.time() > moved + DEADLINE:
                raise Broken("%s stopped at %d of %d tickets" % (self.name, done, count))
            time.sleep(every)

    def cpu_seconds(self):
        total = 0
        for task in pathlib.Path("/proc/%d/task" % self.process.pid).iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def stop(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.tail.close()
        self.process = None


class Shunt(Contender):
    NAMES = "whole"
    READY, PROCESSED = b'"event":"scan_end"', b'"event":"processed"'

    def __init__(self, bench, durability, store=True, listen="no"):
        super().__init__(bench)
        self.listen = listen
        self.durability, self.store = durability, store
        self.name = "shunt-" + durability + ("" if store else "-without-store")

    def command(self, run):
        ini = run.path / "shunt.ini"
        ini.write_text("[service]\ndata = %s\n[folders]\nroutes = %s\n[delivery]\ndurability = %s\n[log]\nstdout = no\n[http]\nlisten = %s\n%s"
                       % (run.data, TOP / "etc/routes.ini", self.durability, self.listen, "" if self.store else "[store]\nurl = %s\n" % NO_STORE))
        return [self.bench.shunt, "run", "-c", ini]

    def log(self, run):
        return run.data / "JSON_PARSER_LOGS/shunt.log"

    @staticmethod
    def when(line):
        date, ms = re.search(rb'"ts":"([^".]*)\.(\d+)Z"', line).groups()
        return calendar.timegm(time.strptime(date.decode(), "%Y-%m-%dT%H:%M:%S")) + int(ms) / 1000

    def port(self, run):
        """Where it listens; after wait_ready."""
        return re.search(rb"http://127\.0\.0\.1:(\d+)/", self.log(run).read_bytes()).group(1).decode()

    def status(self, key):
        """A figure of /proc/PID/status in KiB: VmRSS, VmHWM (the peak)."""
        text = pathlib.Path("/proc/%d/status" % self.process.pid).read_text()
        return int(re.search(r"^%s:\s+(\d+)" % key, text, re.M).group(1))

    def forget_peak(self):
        pathlib.Path("/proc/%d/clear_refs" % self.process.pid).write_text("5")


class LoopProbe:
    """How late the loop answers: USR1 makes it log its state; the line's own time less that of the signal, in ms."""

    def __init__(self, shunt, run, every=0.05):
        self.shunt, self.every = shunt, every
        self.tail = LogTail(shunt.log(run))
        self.began, self.sent, self.next, self.worst = False, None, 0, 0.0

    def turn(self):
        now = time.time()
        if not self.began:  # before that the signal would end it
            self.began = bool(self.tail.lines(b'"event":"started"'))
            return
        lines = self.tail.lines(b"Ledger since start")
        if self.sent and lines:
            self.worst = max(self.worst, (Shunt.when(lines[-1]) - self.sent) * 1000)
            self.sent, self.next = None, now + self.every
        elif not self.sent and now >= self.next:
            self.sent = time.time()
            self.shunt.process.send_signal(signal.SIGUSR1)

    def wait_processed(self, count):
        """As that of the contender, with questions all the time."""
        done, moved = 0, time.time()
        while True:
            lines = self.shunt.tail.lines(Shunt.PROCESSED)
            if lines:
                done, last, moved = done + len(lines), lines[-1], time.time()
            if done >= count:
                return Shunt.when(last)
            self.shunt.must_live()
            if time.time() > moved + DEADLINE:
                raise Broken("shunt stopped at %d of %d tickets" % (done, count))
            self.turn()
            time.sleep(0.005)


class Watchdog(Contender):
    name, READY, PROCESSED = "watchdog", b"Watching ", b"Successfully processed"

    def command(self, run):
        return ["/usr/bin/python3", HERE / "watchdog_processor.py", run.data]

    def log(self, run):
        return run.data / "JSON_PARSER_LOGS/processor.log"

    @staticmethod
    def when(line):
        date, ms = re.match(rb"([^,]*),(\d+)", line).groups()
        return calendar.timegm(time.strptime(date.decode(), "%Y-%m-%d %H:%M:%S")) + int(ms) / 1000


class Chokidar(Contender):
    name, READY, PROCESSED = "chokidar", b"Watching ", b"Successfully processed"

    def command(self, run):
        return ["node", HERE / "chokidar_processor.mjs", run.data]

    def environment(self):
        return {"NODE_PATH": str(self.bench.node_modules)}

    def log(self, run):
        return run.data / "JSON_PARSER_LOGS/processor.log"


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Floor:
    """Not a service: it works off the backlog and ends."""

    def __init__(self, bench, durability, threads):
        self.bench, self.durability, self.threads = bench, durability, threads
        self.name = "floor-%s-%d" % (durability, threads)

    def backlog(self, run):
        used, began = children_cpu(), time.time()
        command = [self.bench.tool("floor"), run.data, str(self.threads), self.durability]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken("floor: " + done.stderr.strip())
        result = json.loads(done.stdout)
        count = result["tickets"]
        return {"rate": count / (result["end"] - began), "cpu": (children_cpu() - used) / count * 1e6}
