#!/usr/bin/python3
"""Measures shunt beside others, and prints one table.

    bench.py [CASE...]     backlog store steady http burst waiting idle large: all of them by default
    bench.py calls         instead: system calls a ticket, shunt's beside the floor's

BENCH_RUNS=5 rounds; BENCH_QUICK=1 smaller and 2 rounds; BENCH_MILLION=1 also a million waiting; BENCH_DIR=build/bench
where it works: the file system that is measured; BENCH_KEEP=1 leaves the folders there. SHUNT_BIN is the program.
Results: results.json and results.md in build/bench. A missed target is no error; a ticket that is not where it belongs
after a run is: exit 1.

What would spoil figures on ext4 and is avoided: an inode that was just freed is not used again for minutes, and looking
past such ones makes creating files several times slower. So every run has new folders, spread over the disk (chattr +T
above them), and nothing is removed before the last one has been measured. Contenders take turns, and ratios are taken
round by round."""
import contextlib
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import calls  # noqa: E402
import report  # noqa: E402
from cases import CASES  # noqa: E402
from contenders import HERE, TOP, Broken  # noqa: E402

CHOKIDAR = "chokidar@4.0.3"
BYTES_A_TICKET = 30000  # waiting and in its places, with blocks half used
FILES_A_TICKET = 3


class Run:
    def __init__(self, path):
        self.path, self.data = path, path / "data"


class Bench:
    def __init__(self, build):
        self.build = build
        self.quick = os.environ.get("BENCH_QUICK", "") not in ("", "0")
        self.million = os.environ.get("BENCH_MILLION", "") not in ("", "0")
        self.runs = int(os.environ.get("BENCH_RUNS", "2" if self.quick else "5"))
        self.base = pathlib.Path(os.environ.get("BENCH_DIR", build)).resolve() / time.strftime("%Y%m%d-%H%M%S")
        self.base.mkdir(parents=True)
        self.number, self.notes, self.broken = 0, [], False
        self.shunt = self.base / "shunt"  # a copy: a build meanwhile must not change what is measured
        shutil.copy(os.environ.get("SHUNT_BIN", TOP / "build/release/shunt"), self.shunt)
        self.spread = subprocess.run(["chattr", "+T", self.base], capture_output=True).returncode == 0
        self.node_modules = None

    def size(self, usual, quick):
        return quick if self.quick else usual

    def tool(self, name):
        return self.build / "bin" / name

    def tell(self, text):
        print(text, file=sys.stderr, flush=True)

    def note(self, text):
        self.notes.append(text)
        self.tell("  note: " + text)

    def has_room(self, tickets):
        room = os.statvfs(self.base)
        fits = (room.f_bavail * room.f_frsize > tickets * BYTES_A_TICKET * self.runs
                and (room.f_files == 0 or room.f_favail > tickets * FILES_A_TICKET * self.runs))
        if not fits:
            self.note("%d waiting: left out, the disk has not the room" % tickets)
        return fits

    @contextlib.contextmanager
    def run(self, label):
        self.number += 1
        run = Run(self.base / ("%03d-%s" % (self.number, label)))
        run.data.mkdir(parents=True)
        yield run

    def prepare(self, verb, run, number=0):
        done = subprocess.run([self.tool("prepare"), verb, run.data, str(number)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken("%s: %s" % (run.path.name, done.stderr.strip()))

    def cool(self):
        """No file is in memory any more but most of the program's own: so it is with tickets that have waited, and with most of a million."""
        os.sync()
        try:
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        except OSError as error:
            text = "waiting: small backlogs began in memory, of a million most is not: %s" % error
            if text not in self.notes:
                self.note(text)
        subprocess.run([self.shunt, "--version"], stdout=subprocess.DEVNULL, check=True)

    def check(self, run, count):
        done = subprocess.run([self.tool("prepare"), "check", run.data, str(count)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Broken("%s: %s" % (run.path.name, done.stdout.strip() or done.stderr.strip()))

    def make_tools(self):
        (self.build / "bin").mkdir(exist_ok=True)
        for name in ("prepare", "floor", "drop", "ask"):
            compiler = [os.environ.get("CC", "cc"), "-std=c17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra"]
            sources = [HERE / (name + ".c"), HERE / "tickets.c"]
            subprocess.run([*compiler, "-o", self.tool(name), *sources, "-lm", "-pthread"], check=True)

    def get_chokidar(self):
        place = self.build / "node"
        if not (place / "node_modules/chokidar").exists():
            try:
                place.mkdir(exist_ok=True)
                install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, CHOKIDAR]
                subprocess.run(install, check=True, capture_output=True, timeout=180)
            except (OSError, subprocess.SubprocessError) as error:
                self.note("no chokidar to compare with: %s" % error)
                return
        self.node_modules = place / "node_modules"


def mount_of(path):
    """Type and options of the file system that holds path, and whether an ext4 keeps a journal."""
    best = ("", "", "?", "")
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        device, where, kind, options = line.split()[:4]
        where = where.replace("\\040", " ")
        if (str(path) + "/").startswith(where.rstrip("/") + "/") and len(where) >= len(best[0]):
            best = (where, device, kind, options)
    _, device, kind, options = best
    journal = pathlib.Path("/sys/fs/ext4/%s/journal_task" % pathlib.Path(device).name)
    if journal.exists() and "none" in journal.read_text():
        kind += " without a journal"
    return kind, options


def machine(path):
    models = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(open("/proc/meminfo").readline().split()[1]) / 1048576
    hardware = "%d cores (%s), %.0f GiB" % (os.cpu_count(), models[0] if models else platform.machine(), memory)
    return "%s, %s (%s), Linux %s, %s, load %.1f at the start" % (
        hardware, *mount_of(path), platform.release(), time.strftime("%Y-%m-%d"), os.getloadavg()[0])


def measure(bench, names):
    rows = []
    for name in names:
        bench.tell("%s (%s)" % (name, time.strftime("%H:%M:%S")))
        try:
            rows += CASES[name](bench)
        except Broken as error:
            rows.append(report.Row(name, "broken", met=False, raw={"error": str(error)}))
            bench.note("%s: %s" % (name, error))
            bench.broken = True
    return rows


def standing_notes(bench):
    quick = "; BENCH_QUICK: smaller and fewer than the targets are meant for" if bench.quick else ""
    unspread = "" if bench.spread else " Folders could not be spread over the disk (chattr +T)."
    return [
        "Medians of %d rounds, least and most in brackets; contenders take turns; ratios are taken round by round,"
        " more than 1 is in shunt's favour%s." % (bench.runs, quick),
        "shunt has its defaults, and its log at level info, as JSON, to a file. Half of the tickets are archived only,"
        " 30% go to one destination, 20% to two; sizes log-normal around 4 KiB, at most 1 MiB. After every run all"
        " copies are compared byte by byte.",
        "Time runs from the start of the program (backlog, waiting), from the rename or close of the producer"
        " (latencies), from the rename (large ticket)." + unspread,
    ]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped and removed
    names = sys.argv[1:] or list(CASES)
    if names != ["calls"] and any(name not in CASES for name in names):
        sys.exit(__doc__.split("\n\n")[1])
    build = TOP / "build/bench"
    build.mkdir(parents=True, exist_ok=True)
    bench = Bench(build)
    try:
        about = machine(bench.base)
        bench.make_tools()
        if names == ["calls"]:
            print(calls.table(bench))
            return 0
        if os.getloadavg()[0] > 0.5:
            bench.note("something else kept this machine busy: these figures are rough")
        if "steady" in names:
            bench.get_chokidar()
        rows = measure(bench, names)
        notes = standing_notes(bench) + bench.notes
        print(report.text_table(rows))
        print("\n" + about)
        for note in notes:
            print("- " + note)
        settings = {"runs": bench.runs, "quick": bench.quick, "cases": names}
        (build / "results.json").write_text(report.as_json(rows, about, notes, settings))
        (build / "results.md").write_text(report.markdown(rows, about, notes))
        return 1 if bench.broken else 0
    finally:
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(bench.base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
