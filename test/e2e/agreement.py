"""Does the store of a stopped service say what the manifest and the folders say?

Each valid ticket of the manifest is one completed job, delivered where it belongs; each bad one is one failed job. No job waits or is in work.
Where a job says that its ticket lies, it lies, with the bytes that the job tells of. Totals are the sum of the jobs; ledger and statistics count no
more than there is. A store that was lost or set aside meanwhile (whole=False) may miss jobs: what it has must be true all the same.
"""
import collections
import configparser
import json
import os
import re

from conservation import sha256_of, split_name

KINDS = ("unrecorded", "twice", "stranger", "unfinished", "misdirected", "pathless", "differing", "miscounted")
ENDED = ("completed", "failed", "cancelled")
STATUSES = ("pending", "processing") + ENDED
PAGE = "1000"
RETURNED = "it changed while it was processed"  # that job is over, another one took the ticket up where it lay


def listed(site):
    """All jobs that `shunt list` tells of, page by page, newest first."""
    jobs, more = [], []
    while True:
        done = site.command("list", "--json", "--limit", PAGE, *more)
        assert done.returncode == 0 and b"not running" in done.stderr, done
        page = json.loads(done.stdout)
        jobs += page["jobs"]
        if page["next"] is None:
            return jobs
        more = ["--before", page["next"]]


def as_told(name):
    """Bytes that are no UTF-8 are told as U+FFFD: how many does not matter."""
    return re.sub("\ufffd+", "\ufffd", os.fsencode(name).decode("utf-8", "replace"))


def folders_of_destinations(routes):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(routes)
    return {s.split(" ", 1)[1]: parser[s]["path"] for s in parser.sections() if s.startswith("destination ")}


class Agreement:
    def __init__(self, site, whole=True, statistics=True):
        self.site, self.whole, self.statistics = site, whole, whole and statistics
        self.entries = [e for e in site.manifest.entries if "left" not in e]
        self.found = {kind: [] for kind in KINDS}
        self.places = folders_of_destinations(site.routes.read_text())
        self.hashes = {}

    def say(self, kind, job, text):
        self.found[kind].append("%s/%s: %s" % (job["folder"], job["file"], text))

    def sha(self, path):
        if path not in self.hashes:
            self.hashes[path] = sha256_of(path) if os.path.lexists(path) else None
        return self.hashes[path]

    # --- the manifest ---

    def check_entries(self):
        free = collections.defaultdict(list)
        for job in self.jobs:
            if job["status"] in ENDED:
                free[as_told(job["folder"]), as_told(job["file"]), job["status"]].append(job)
        for e in self.entries:
            status = "failed" if "failed" in e else "completed"
            same = free[as_told(e["client"]), as_told(e["name"]), status]
            job = next((j for j in same if j["sha256"] == e["sha256"] or (status == "failed" and j["sha256"] is None)), None)
            if job:
                same.remove(job)
                self.check_destinations(e, job)
            elif self.whole:
                self.say("unrecorded", {"folder": e["client"], "file": as_told(e["name"])}, "no %s job of its bytes %s" % (status, e["sha256"][:12]))
        known = {e["sha256"] for e in self.entries}
        for jobs in free.values():
            for job in jobs:
                self.check_rest(job, known)

    def check_destinations(self, e, job):
        if "failed" in e:
            return
        states = {d["name"]: d["state"] for d in job["destinations"]}
        got = {self.places.get(name, name) for name in states if name != "archive"}
        if got != set(e["to"]) or "archive" not in states or set(states.values()) != {"done"}:
            self.say("misdirected", job, "%s, not to %s" % (states, sorted(e["to"])))

    def check_rest(self, job, known):
        if job["status"] == "cancelled" and (job["error_message"] or "").startswith(RETURNED):
            return
        kind = "twice" if job["status"] == "completed" and job["sha256"] in known else "stranger"
        self.say(kind, job, "%s, created %s, %s, id %s" % (job["status"], job["created_at"], job["error_message"] or "no error", job["id"]))

    # --- the folders ---

    def check_path(self, job):
        path, told = job["path"], job["sha256"]
        if job["status"] == "cancelled":
            return
        if path is None:
            self.say("pathless", job, "%s, and no path" % job["status"])
        elif "\ufffd" in path:
            names = [as_told(n) for n in os.listdir(os.path.dirname(path))] if "\ufffd" not in os.path.dirname(path) else [os.path.basename(path)]
            if re.sub("\ufffd+", "\ufffd", os.path.basename(path)) not in names:
                self.say("pathless", job, path)
        elif not os.path.lexists(path):
            self.say("pathless", job, "%s, but there is no %s" % (job["status"], path))
        elif told and self.sha(path) != told and not self.is_older_version(path, told):
            self.say("differing", job, "%s, but %s holds other bytes than %s" % (job["status"], path, told[:12]))

    def is_older_version(self, path, told):
        """A newer ticket of that name has the plain name in the archive now."""
        stem, ending = split_name(path)
        return self.sha("%s.v-%s%s" % (stem, told[:12], ending)) == told

    # --- the numbers ---

    def check_numbers(self):
        done = self.site.command("status", "--json")
        status = json.loads(done.stdout)
        counted = collections.Counter(job["status"] for job in self.jobs)
        for word in STATUSES:
            if status["totals"][word] != counted[word]:
                self.found["miscounted"].append("totals say %d %s, there are %d" % (status["totals"][word], word, counted[word]))
        if self.statistics and status["snapshot"]:
            self.check_statistics(status["snapshot"], counted)

    def check_statistics(self, snapshot, counted):
        """The day counts each job that ended in it, also after a kill; the ledger is of the last process only."""
        stats, ledger = snapshot["stats"]["totals"], snapshot["ledger"]
        returned = sum(job["status"] == "cancelled" and (job["error_message"] or "").startswith(RETURNED) for job in self.jobs)
        ended = counted["completed"], counted["failed"] + counted["cancelled"] - returned
        one_day = len({job["completed_at"][:10] for job in self.jobs if job["status"] in ENDED}) == 1
        alone = len(list(self.site.under.iterdir())) == 1  # each instance has a day of its own
        day = stats["processed"], stats["errors"]
        if day != ended if one_day and alone else any(a > b for a, b in zip(day, ended)):
            self.found["miscounted"].append("the statistics say %d processed, %d failed; jobs are %d and %d" % (*day, *ended))
        last = ledger["delivered"] + ledger["archived_only"], ledger["failed"]
        if any(a > b for a, b in zip(last, ended)):
            self.found["miscounted"].append("the ledger says %d processed, %d failed; jobs are %d and %d" % (*last, *ended))

    def run(self):
        self.jobs = listed(self.site)
        ids = collections.Counter(job["id"] for job in self.jobs)
        for job in self.jobs:
            if ids[job["id"]] > 1:
                self.say("twice", job, "listed %d times under id %s" % (ids[job["id"]], job["id"]))
            if job["status"] not in ENDED:
                self.say("unfinished", job, "still %s, %s" % (job["status"], job["path"]))
            else:
                self.check_path(job)
        self.check_entries()
        self.check_numbers()
        return self

    @property
    def clean(self):
        return not any(self.found.values())

    def text(self, most=20):
        lines = ["%d tickets, %d jobs: %s" % (len(self.entries), len(self.jobs), ", ".join("%s %d" % (k, len(self.found[k])) for k in KINDS))]
        for kind in KINDS:
            lines += ["  %s: %s" % (kind, what) for what in self.found[kind][:most]]
            if len(self.found[kind]) > most:
                lines.append("  %s: and %d more" % (kind, len(self.found[kind]) - most))
        return "\n".join(lines)
