"""The cases: each measures its contenders turn about, in new folders, and returns rows for the table."""
import json
import re
import subprocess
import time

from contenders import Broken, Chokidar, Floor, LoopProbe, Shunt, Watchdog
from report import Row, median, middle, number, ratios, spread

WATCHDOG = "Python watchdog, no flush"
BURST_WAIT = 100  # seconds; the hand-written ones have a scan every 60


def turn_about(bench, measures):
    """measures: [(name, function)]; one after the other in each round, every other round backwards. {name: [result]}"""
    results = {name: [] for name, _ in measures}
    for number_ in range(bench.runs):
        for name, measure in measures if number_ % 2 == 0 else measures[::-1]:
            results[name].append(measure())
            bench.tell("  round %d/%d %-14s %s" % (number_ + 1, bench.runs, name, brief(results[name][-1])))
    return results


def brief(result):
    if isinstance(result, dict):
        return " ".join("%s %s" % (k, number(v) if not isinstance(v, bool) else v) for k, v in result.items())
    return number(result)


def of(results, key):
    return [float("inf") if r[key] is None else r[key] for r in results]


# --- backlog ---

def backlog_once(bench, contender, count):
    """{"rate": tickets/s, "cpu": µs of processor time a ticket}"""
    with bench.run("backlog-" + contender.name) as run:
        bench.prepare("backlog", run, count)
        if isinstance(contender, Floor):
            result = contender.backlog(run)
        else:
            try:
                began = contender.start(run)
                end = contender.wait_processed(count)
                result = {"rate": count / (end - began), "cpu": contender.cpu_seconds() / count * 1e6}
            finally:
                contender.stop()
        bench.check(run, count)
        return result


def best_floor(bench, durability, count):
    """The thread count with the best median, each tried in turn."""
    rates = {threads: [] for threads in (1, 2, 4, 8, 16)}
    for _ in range(1 if bench.quick else 3):
        for threads in rates:
            rates[threads].append(backlog_once(bench, Floor(bench, durability, threads), count)["rate"])
    best = max(rates, key=lambda threads: median(rates[threads]))
    bench.tell("  floor, durability %s, tickets/s by threads: %s; best: %d" %
               (durability, ", ".join("%d: %s" % (t, number(median(r))) for t, r in rates.items()), best))
    return Floor(bench, durability, best)


def backlog_row(words, ours, against, theirs, least):
    ratio = ratios(of(ours, "rate"), of(theirs, "rate"), False)
    return Row(words + ", tickets/s", middle(of(ours, "rate")), against, middle(of(theirs, "rate")), spread(ratio),
               "≥ %g" % least, median(ratio) >= least, {"shunt": ours, "other": theirs, "ratio": ratio})


def cpu_row(words, ours, against, theirs):
    return Row(words + ", µs of CPU a ticket", middle(of(ours, "cpu")), against, middle(of(theirs, "cpu")),
               spread(ratios(of(ours, "cpu"), of(theirs, "cpu"), True)))


def backlog(bench):
    count = bench.size(10000, 2000)
    floors = {durability: best_floor(bench, durability, count) for durability in ("none", "full")}
    contenders = [("shunt none", Shunt(bench, "none")), ("floor none", floors["none"]),
                  ("shunt full", Shunt(bench, "full")), ("floor full", floors["full"]), ("watchdog", Watchdog(bench))]
    r = turn_about(bench, [(name, lambda c=c: backlog_once(bench, c, count)) for name, c in contenders])
    rows = []
    for durability in ("none", "full"):
        words = "backlog of %s, durability %s" % (format(count, ","), durability)
        against = "floor, %d threads" % floors[durability].threads
        ours, theirs = r["shunt " + durability], r["floor " + durability]
        rows += [backlog_row(words, ours, against, theirs, 0.85), cpu_row(words, ours, against, theirs)]
    for durability, least in (("none", 7), ("full", 5)):
        ours = r["shunt " + durability]
        rows.append(backlog_row("same, durability " + durability, ours, WATCHDOG, r["watchdog"], least))
    return rows


def store(bench):
    """What it costs that jobs are recorded: beside a store that is away, which nobody waits for."""
    count, rows = bench.size(10000, 2000), []
    for durability in ("none", "full"):
        r = turn_about(bench, [(words, lambda c=Shunt(bench, durability, words == "on"): backlog_once(bench, c, count))
                               for words in ("on", "off")])
        words = "backlog of %s, durability %s, store on" % (format(count, ","), durability)
        rows += [backlog_row(words, r["on"], "itself, store off", r["off"], 0.9),
                 cpu_row(words, r["on"], "itself, store off", r["off"])]
    return rows


# --- latency ---

def drop(bench, contender, run, count, rate, style, wait, by=()):
    command = [*by, bench.tool("drop"), run.data, str(count), str(rate), style, str(wait), contender.NAMES]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken("drop: " + done.stderr.strip())
    return json.loads(done.stdout)


def drop_once(bench, contender, label, count, rate, style, wait):
    """What `drop` found, with how many tickets only a periodic scan had found."""
    with bench.run("%s-%s" % (label, contender.name)) as run:
        bench.prepare("tree", run)
        try:
            contender.start(run)
            contender.wait_ready()
            time.sleep(1)
            result = drop(bench, contender, run, count, rate, style, wait)
            result["scanned"] = contender.log(run).read_bytes().count(b'"event":"processing","phase":"PERIODIC"')
        finally:
            contender.stop()
        if result["missing"] == 0 and not result["lost_events"]:
            bench.check(run, count)
        elif result["lost_events"]:
            raise Broken("the consumer's own event queue overflowed: nothing can be said of %s" % label)
        return {key: result[key] for key in ("p50", "p99", "max", "missing", "scanned")}


def both(results):
    return middle(of(results, "p50"), of(results, "p99"))


def steady(bench):
    rows = []
    contenders = [("shunt none", Shunt(bench, "none")), ("shunt full", Shunt(bench, "full"))]
    if bench.node_modules:
        contenders.insert(1, ("chokidar", Chokidar(bench)))
    for rate in (100, 1000):
        count = rate * bench.size(10, 3)
        label = "steady%d" % rate
        r = turn_about(bench, [(name, lambda c=c: drop_once(bench, c, label, count, rate, "rename", 20))
                               for name, c in contenders])
        for durability, p50, p99 in (("none", 1, 5), ("full", 8, 30)):
            ours, theirs = r["shunt " + durability], r.get("chokidar")
            ratio = ""
            if theirs:
                ratio = "%s / %s" % tuple(spread(ratios(of(ours, k), of(theirs, k), True)) for k in ("p50", "p99"))
            words = "%s/s, drop to all places, durability %s, p50 / p99 ms" % (format(rate, ","), durability)
            met = median(of(ours, "p50")) <= p50 and median(of(ours, "p99")) <= p99
            rows.append(Row(words, both(ours), "Node chokidar, no flush" if theirs else "(no npm)",
                            both(theirs) if theirs else "", ratio, "≤ %d / ≤ %d" % (p50, p99), met,
                            {"shunt": ours, "chokidar": theirs}))
    return rows


# --- asked meanwhile ---

HEALTHZ, METRICS = 10000, 100  # a second
ASKER = 1  # the processor of those who drop and ask; the service may use all


def asked_once(bench, label, count, rate, scrapes, another):
    """p50 and p99 of routing, and how the questions fared. scrapes None: nobody asks; another: a second service is asked,
    which has no tickets: what the asking takes of the machine, but not of the loop that routes."""
    shunt, second = Shunt(bench, "full", listen="127.0.0.1:0"), Shunt(bench, "full", listen="127.0.0.1:0")
    with bench.run(label) as run, bench.run(label + "-asked") as run_asked:
        bench.prepare("tree", run)
        asker = None
        try:
            shunt.start(run)
            shunt.wait_ready()
            asked = (shunt, run)
            if another:
                bench.prepare("tree", run_asked)
                second.start(run_asked)
                second.wait_ready()
                asked = (second, run_asked)
            time.sleep(1)
            if scrapes:
                asker = subprocess.Popen(["taskset", "-c", str(ASKER), bench.tool("ask"), asked[0].port(asked[1]), str(count // rate + 2),
                                          "/healthz", str(HEALTHZ), "16", "/metrics", str(scrapes), "4"], stdout=subprocess.PIPE, text=True)
                time.sleep(1)
            result = drop(bench, shunt, run, count, rate, "rename", 20, ["taskset", "-c", str(ASKER)])
            said = json.loads(asker.communicate(timeout=60)[0]) if asker else {}
        finally:
            if asker and asker.poll() is None:
                asker.kill()
                asker.wait()
            shunt.stop()
            second.stop()
        bench.check(run, count)
        result = {key: result[key] for key in ("p50", "p99", "max")}
        for path, answers in said.items():
            result.update({path + " asked": answers["asked"], path + " failed": answers["failed"], path + " p99": answers["p99"]})
        return result


def http(bench):
    """Routing while the service is asked all the time, beside itself when nobody asks, and when another is asked."""
    rate, seconds = 1000, bench.size(10, 3)
    measures = [("nobody", None, False)]
    for words, scrapes in (("100 scrapes", METRICS), ("1,000 scrapes", 1000)):
        measures += [(words, scrapes, False), ("another, " + words, scrapes, True)]
    r = turn_about(bench, [(name, lambda n=name, s=s, a=a: asked_once(bench, "http-" + re.sub("[, ]+", "-", n), rate * seconds, rate, s, a))
                           for name, s, a in measures])
    rows = []
    for name, scrapes, another in measures[1:]:
        ours = r[name]
        bench.note("%s a second: %s of /healthz a second, %s of /metrics, p99 %s / %s ms, %d failed" % (
            name, number(median(of(ours, "/healthz asked")) / (seconds + 2)), number(median(of(ours, "/metrics asked")) / (seconds + 2)),
            number(median(of(ours, "/healthz p99"))), number(median(of(ours, "/metrics p99"))),
            sum(of(ours, "/healthz failed") + of(ours, "/metrics failed"))))
        if another:
            continue
        words = "%s/s while asked 10,000 × /healthz and %s a second, durability full, p50 / p99 ms" % (format(rate, ","), name)
        for beside, theirs in (("itself, nobody asks", r["nobody"]), ("itself, another service is asked", r["another, " + name])):
            growth = ratios(of(ours, "p99"), of(theirs, "p99"), False)
            rows.append(Row(words, both(ours), beside, both(theirs), spread(growth), "≤ 1.2", median(growth) <= 1.2,
                            {"asked": ours, "beside": theirs}))
    bench.note("http: who drops and asks is kept to one processor (taskset), which the service may use too; ratio: with to without")
    return rows


def burst(bench):
    rows = []
    count = bench.size(5000, 1000)
    for style, words in (("rename", "renamed in"), ("write", "written in place")):
        contenders = [("shunt full", Shunt(bench, "full")), ("watchdog", Watchdog(bench))]
        label = "burst-" + style
        r = turn_about(bench, [(name, lambda c=c: drop_once(bench, c, label, count, 0, style, BURST_WAIT))
                               for name, c in contenders])
        ours, theirs = r["shunt full"], r["watchdog"]
        scanned = max(of(ours, "scanned"))
        rows.append(Row("burst of %s %s, durability full, p99 ms" % (format(count, ","), words),
                        middle(of(ours, "p99")), WATCHDOG, middle(of(theirs, "p99")),
                        spread(ratios(of(ours, "p99"), of(theirs, "p99"), True)),
                        "≤ 1,000, all ≤ 5,000", median(of(ours, "p99")) <= 1000 and max(of(ours, "max")) <= 5000,
                        {"shunt": ours, "watchdog": theirs}))
        if scanned:
            bench.note("burst, %s: up to %d tickets of a run were found by a scan" % (words, scanned))
    return rows


# --- many waiting ---

def waiting_once(bench, count):
    shunt = Shunt(bench, "full")
    with bench.run("waiting-%d" % count) as run:
        bench.prepare("backlog", run, count)
        bench.cool()
        try:
            began = shunt.start(run)
            probe = LoopProbe(shunt, run)
            end = probe.wait_processed(count)
            peak = shunt.status("VmHWM") / 1024
        finally:
            shunt.stop()
        bench.check(run, count)
        return {"us": (end - began) / count * 1e6, "rss": peak, "loop": probe.worst}


def waiting(bench):
    small = bench.size(10000, 2000)
    sizes = [bench.size(100000, 20000)] + ([1000000] if bench.million else [])
    counts = [small] + [n for n in sizes if bench.has_room(n)]
    r = turn_about(bench, [(str(n), lambda n=n: waiting_once(bench, n)) for n in counts])
    rows = []
    for n in counts[1:]:
        ours, base = r[str(n)], r[str(small)]

        def row(words, key, target, met, ratio=""):
            return Row("%s waiting, %s" % (format(n, ","), words), middle(of(ours, key)),
                       "itself at " + format(small, ","), middle(of(base, key)), ratio, target, met,
                       {"large": of(ours, key), "small": of(base, key)})

        growth = ratios(of(ours, "us"), of(base, "us"), False)
        rows += [row("µs a ticket (ratio: large to small)", "us", "≤ 1.2", median(growth) <= 1.2, spread(growth)),
                 row("peak RSS MiB", "rss", "≤ 16", median(of(ours, "rss")) <= 16),
                 row("longest wait for the loop, ms", "loop", "≤ 50", median(of(ours, "loop")) <= 50)]
    return rows


# --- idle, large ---

def idle(bench):
    """One process, one window after the other, so that the scan every minute falls into one of them."""
    seconds, shunt = bench.size(20, 5), Shunt(bench, "full")
    shares, sizes = [], []
    with bench.run("idle") as run:
        bench.prepare("tree", run)
        for i in range(1000):
            (run.data / "JSON" / ("CLIENT%04d" % i)).mkdir()
        try:
            shunt.start(run)
            shunt.wait_ready()
            time.sleep(3)
            for _ in range(bench.runs):
                before, began = shunt.cpu_seconds(), time.monotonic()
                time.sleep(seconds)
                shares.append(100 * (shunt.cpu_seconds() - before) / (time.monotonic() - began))
                sizes.append(shunt.status("VmRSS") / 1024)
                bench.tell("  %.3f%% CPU, %.1f MiB" % (shares[-1], sizes[-1]))
        finally:
            shunt.stop()
    words = "idle, 1,000 folders watched, "
    return [Row(words + "CPU %% over %d s" % seconds, spread(shares), target="≤ 0.2", met=median(shares) <= 0.2,
                raw={"cpu": shares}),
            Row(words + "RSS MiB", spread(sizes), target="≤ 12", met=median(sizes) <= 12, raw={"rss": sizes})]


LARGE_PLACES = ("JSON_STORE/RANK", "SYNC/MAKE/Monday Rank", "SYNC/MAKE/Celtra - Create_Rename - Project_Design File")


def compare_large(run, source):
    for place in LARGE_PLACES:
        if subprocess.run(["cmp", "-s", source, run.data / place / "large.json"]).returncode != 0:
            raise Broken("the large ticket in %s is not the one that was dropped" % place)


def large_shunt(bench, mib):
    shunt = Shunt(bench, "full")
    with bench.run("large-shunt") as run:
        bench.prepare("large", run, mib)
        source = run.data / "incoming/large.json"
        keep = run.path / "large.json"
        keep.hardlink_to(source)  # to compare with afterwards; its bytes are the same
        try:
            shunt.start(run)
            shunt.wait_ready()
            # First what any ticket needs, so that only what this one's size needs is counted.
            drop(bench, shunt, run, 100, 0, "rename", 20)
            before = shunt.status("VmRSS")
            shunt.forget_peak()
            began = time.time()
            source.rename(run.data / "JSON/RANK/large.json")
            speed = mib / (shunt.wait_processed(101, every=0.005) - began)
            grown = (shunt.status("VmHWM") - before) / 1024
        finally:
            shunt.stop()
        compare_large(run, keep)
        return {"MiB/s": speed, "grown": grown}


def large_cp(bench, mib):
    with bench.run("large-cp") as run:
        bench.prepare("large", run, mib)
        source = run.data / "incoming/large.json"
        targets = [run.data / place / "large.json" for place in LARGE_PLACES]
        began = time.time()
        for target in targets:
            subprocess.run(["cp", source, target], check=True)
        subprocess.run(["sync", *targets, *(target.parent for target in targets)], check=True)
        speed = mib / (time.time() - began)
        compare_large(run, source)
        return {"MiB/s": speed}


def large(bench):
    mib = bench.size(500, 100)
    r = turn_about(bench, [("shunt", lambda: large_shunt(bench, mib)), ("cp", lambda: large_cp(bench, mib))])
    ours, theirs, grown = of(r["shunt"], "MiB/s"), of(r["cp"], "MiB/s"), of(r["shunt"], "grown")
    ratio = ratios(ours, theirs, False)
    return [Row("ticket of %d MiB to 3 places, durability full, MiB/s" % mib, middle(ours), "cp to each, sync",
                middle(theirs), spread(ratio), "≥ 0.7", median(ratio) >= 0.7,
                {"shunt": ours, "cp": theirs, "ratio": ratio}),
            Row("same, RSS grows by MiB", spread(grown), target="≤ 2", met=median(grown) <= 2, raw={"grown": grown})]


CASES = {"backlog": backlog, "store": store, "steady": steady, "http": http, "burst": burst, "waiting": waiting, "idle": idle, "large": large}
