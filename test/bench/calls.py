"""System calls a ticket: what shunt does beside what the floor does. strace counts them; nothing is timed."""
import re
import subprocess
import time

from contenders import Shunt

COUNT = 2000


def counted(path):
    calls, until = {}, time.time() + 10
    while " total" not in path.read_text() and time.time() < until:  # written a moment after the program's end
        time.sleep(0.05)
    for line in path.read_text().splitlines():
        found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", line)
        if found and found.group(2) != "total":
            calls[found.group(2)] = int(found.group(1))
    return calls


def calls_of_shunt(bench, durability):
    shunt = Shunt(bench, durability)
    with bench.run("calls-" + shunt.name) as run:
        bench.prepare("backlog", run, COUNT)
        plain = shunt.command
        # -D: the program is our child, not strace
        shunt.command = lambda run: ["strace", "-D", "-f", "-c", "-o", run.path / "calls", *plain(run)]
        try:
            shunt.start(run)
            shunt.wait_processed(COUNT)
        finally:
            shunt.stop()
        bench.check(run, COUNT)
        return counted(run.path / "calls")


def calls_of_floor(bench, durability):
    with bench.run("calls-floor-" + durability) as run:
        bench.prepare("backlog", run, COUNT)
        floor = [bench.tool("floor"), run.data, "4", durability]
        subprocess.run(["strace", "-f", "-c", "-o", run.path / "calls", *floor], check=True, capture_output=True)
        return counted(run.path / "calls")


def table(bench):
    columns = [calls_of(bench, d) for d in ("none", "full") for calls_of in (calls_of_shunt, calls_of_floor)]
    names = sorted(set().union(*columns), key=lambda name: -columns[0].get(name, 0) - columns[2].get(name, 0))
    lines = ["%-18s %10s %10s %12s %10s" % ("calls a ticket", "shunt none", "floor none", "shunt full", "floor full")]
    for name in names + ["all"]:
        values = [column.get(name, 0) if name != "all" else sum(column.values()) for column in columns]
        if max(values) >= COUNT / 200:
            lines.append("%-18s %10.3f %10.3f %12.3f %10.3f" % (name, *(v / COUNT for v in values)))
    return "\n".join(lines)
