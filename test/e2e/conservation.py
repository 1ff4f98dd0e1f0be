#!/usr/bin/python3
"""Is every ticket that was dropped where it belongs, whole, and nowhere else?

    conservation.py --data ROOT --manifest FILE [--no-reasons] [--unfinished-ok]

The manifest holds one JSON object a line, in the order of the drops:

    {"client": "RANK", "name": "x.json", "sha256": "...", "to": ["SYNC/MAKE/Monday Rank"]}   valid: archive and exactly these folders
    {"client": "RANK", "name": "y.json", "sha256": "...", "failed": "regular expression"}    invalid: failed, the reason matches
    {"left": "JSON/RANK/link.json"}                                                          something that must lie there untouched

More keys: "archive" (client folder in the archive, if it is not "client"), "keep" (folders of "to" in which a taken name is kept: all
versions must be there), "unordered" (versions of this name were dropped at the same time: any of them may be the newest).
Versions of one name of one client: the archive must hold all, a destination the newest. Names of several clients: a destination must hold
all. Prints lost, corrupt, duplicated, misplaced, ... and ends with 1 where any of them is not 0.
"""
import argparse
import collections
import hashlib
import json
import os
import re
import stat
import sys

KINDS = ("lost", "corrupt", "duplicated", "misplaced", "unfinished", "temporary", "reasonless", "extra")
FAILED_NAME = re.compile(r"^\d{8}_\d{6}_")
REASON = ".reason.txt"


class Layout:
    hot, archive, failed, under, logs = "JSON", "JSON_STORE", "JSON_FAILED", "underprocess", "JSON_PARSER_LOGS"
    others = ("shunt.ini", "routes.ini", "shunt.db", "shunt.db-wal", "shunt.db-shm", "shunt.sock", "shunt.sock.1")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for chunk in iter(lambda: f.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def split_name(name):
    stem, ending = os.path.splitext(name)
    return stem, ending


def is_name_of(found, name, client):
    """Is this the plain name, an older version's, or the one beside a taken name?"""
    stem, ending = split_name(name)
    if found == name:
        return True
    if not found.endswith(ending):
        return False
    middle = found[len(stem):len(found) - len(ending)] if found.startswith(stem) else None
    if middle is None:  # a long name is cut to make room
        return len(os.fsencode(name)) > 200 and stem.startswith(found[:100])
    return bool(re.fullmatch(r"\.v-[0-9a-f]{12}", middle)) or bool(re.fullmatch(r" \(%s( \d+)?\)" % re.escape(client), middle))


class Check:
    def __init__(self, data, entries, reasons=True, unfinished_ok=False, layout=Layout):
        self.data, self.layout, self.reasons, self.unfinished_ok = os.fspath(data), layout, reasons, unfinished_ok
        self.tickets = [e for e in entries if "left" not in e]
        self.left = {e["left"] for e in entries if "left" in e}
        self.found = {kind: [] for kind in KINDS}
        self.known = {e["sha256"] for e in self.tickets}
        self.names = {e["name"] for e in self.tickets}
        self.clients_of = collections.defaultdict(set)
        for e in self.tickets:
            self.clients_of[e["sha256"]].add(e["client"])
        self.files = {}  # relative path -> sha256
        self.by_sha = collections.defaultdict(list)
        self.used = set()

    def say(self, kind, text):
        self.found[kind].append(text)

    def walk(self):
        for folder, folders, names in os.walk(self.data):
            for name in names:
                path = os.path.join(folder, name)
                rel = os.path.relpath(path, self.data)
                if rel in self.left or rel in self.layout.others or re.fullmatch(r"shunt\.state\.json\.\d+", rel) or rel.startswith(self.layout.logs + "/"):
                    continue
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    self.say("extra", rel + " (not a regular file)")
                    continue
                if name.startswith(".shunt-") or name.endswith(".tmp"):
                    if not self.unfinished_ok:  # the delivery that was cut short is done again, and uses it up
                        self.say("temporary", rel)
                    continue
                sha = sha256_of(path)
                self.files[rel] = sha
                self.by_sha[sha].append(rel)
        for rel in self.left:
            if not os.path.lexists(os.path.join(self.data, rel)):
                self.say("lost", rel + " should have been left alone")

    def pending(self, sha):
        roots = (self.layout.hot + "/", self.layout.under + "/")
        return any(rel.startswith(roots) for rel in self.by_sha[sha])

    def missing(self, e, place, wanted_path):
        where = "%s/%s in %s" % (e["client"], e["name"], place)
        if self.unfinished_ok and (self.pending(e["sha256"]) or self.failed_copy(e)):
            return
        there = self.files.get(wanted_path)
        if there is not None and there not in self.known:
            self.used.add(wanted_path)
            self.say("corrupt", where)
        else:
            self.say("lost", where)

    def failed_copy(self, e):
        return any(rel.startswith(self.layout.failed + "/") for rel in self.by_sha[e["sha256"]])

    def want(self, e, place):
        """One copy of e's bytes in that folder under a name of e's."""
        hits = [rel for rel in self.by_sha[e["sha256"]]
                if os.path.dirname(rel) == place and is_name_of(os.path.basename(rel), e["name"], e["client"])]
        plain = os.path.join(place, e["name"])
        if not hits:
            self.missing(e, place, plain)
            return
        best = plain if plain in hits else hits[0]
        self.used.add(best)
        for rel in hits:
            if rel != best and rel not in self.used:
                self.used.add(rel)
                if len(self.clients_of[e["sha256"]]) == 1:
                    self.say("duplicated", rel)

    def want_newest_plain(self, e, place):
        plain = os.path.join(place, e["name"])
        there = self.files.get(plain)
        if there in self.known and there != e["sha256"] and not e.get("unordered"):
            self.say("misplaced", "%s is not the newest version" % plain)

    def check_delivered(self):
        groups = collections.OrderedDict()
        for e in self.tickets:
            if "failed" not in e:
                groups.setdefault((e["client"], e["name"]), []).append(e)
        for (client, name), versions in groups.items():
            archive = os.path.join(self.layout.archive, versions[-1].get("archive", client))
            for e in {v["sha256"]: v for v in versions}.values():
                self.want(e, archive)
            self.want_newest_plain(versions[-1], archive)
            self.check_destinations(versions)

    def check_destinations(self, versions):
        newest = {}
        for e in versions:
            for place in e.get("to", []):
                if place in e.get("keep", []):
                    self.want(e, place)
                else:
                    newest[place] = e
        for place, e in newest.items():
            if e.get("unordered"):
                e = self.any_version(versions, place) or e
            self.want(e, place)

    def any_version(self, versions, place):
        for e in versions:
            if any(os.path.dirname(rel) == place for rel in self.by_sha[e["sha256"]]):
                return e
        return None

    def check_failed(self):
        for e in self.tickets:
            if "failed" not in e:
                continue
            folder = os.path.join(self.layout.failed, e["client"]).rstrip("/")
            hits = [rel for rel in self.by_sha[e["sha256"]] if os.path.dirname(rel) == folder and FAILED_NAME.match(os.path.basename(rel))]
            free = [rel for rel in hits if rel not in self.used]
            if not hits:
                self.missing(e, folder, "")
            elif free:
                self.used.add(free[0])
                self.check_reason(e, free[0])

    def check_reason(self, e, rel):
        path = os.path.join(self.data, rel) + REASON
        if not self.reasons:
            return
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as f:
                text = f.read()
        except FileNotFoundError:
            self.say("reasonless", rel)
            return
        self.used.add(rel + REASON)
        if not re.search(e["failed"], text):
            self.say("reasonless", "%s: %r is not in its reason: %s" % (rel, e["failed"], text))

    def check_rest(self):
        for rel, sha in self.files.items():
            if rel in self.used:
                continue
            if rel.startswith((self.layout.hot + "/", self.layout.under + "/")):
                if not self.unfinished_ok:
                    self.say("unfinished", rel)
            elif self.unfinished_ok and self.pending(sha):
                continue
            elif sha in self.known:
                kind = "duplicated" if any(u in self.used for u in self.by_sha[sha] if os.path.dirname(u) == os.path.dirname(rel)) else "misplaced"
                self.say(kind, rel)
            elif rel.endswith(REASON) and rel.startswith(self.layout.failed + "/"):
                if self.reasons:
                    self.say("extra", rel + " (reason without its ticket)")
            else:
                self.say("corrupt" if self.looks_torn(rel) else "extra", rel)

    def looks_torn(self, rel):
        return os.path.basename(rel) in self.names

    def run(self):
        self.walk()
        self.check_delivered()
        self.check_failed()
        self.check_rest()
        return self

    @property
    def clean(self):
        return not any(self.found.values())

    def text(self, most=20):
        counts = ", ".join("%s %d" % (kind, len(self.found[kind])) for kind in KINDS)
        lines = ["%d tickets, %d files: %s" % (len(self.tickets), len(self.files), counts)]
        for kind in KINDS:
            for what in self.found[kind][:most]:
                lines.append("  %s: %s" % (kind, what.encode("utf-8", "backslashreplace").decode()))
            if len(self.found[kind]) > most:
                lines.append("  %s: and %d more" % (kind, len(self.found[kind]) - most))
        return "\n".join(lines)


def read_manifest(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return [json.loads(line) for line in f if line.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="the data root")
    parser.add_argument("--manifest", required=True, help="what was dropped, a JSON object a line")
    parser.add_argument("--no-reasons", action="store_true", help="reason_files = no")
    parser.add_argument("--unfinished-ok", action="store_true", help="a moment in the middle: tickets may still lie in hot and underprocess, and temporaries in their places")
    parser.add_argument("--others", nargs="*", default=[], help="files in the data root that are none of its business")
    args = parser.parse_args()
    layout = type("Given", (Layout,), {"others": Layout.others + tuple(args.others)})
    check = Check(args.data, read_manifest(args.manifest), not args.no_reasons, args.unfinished_ok, layout).run()
    print(check.text())
    return 0 if check.clean else 1


if __name__ == "__main__":
    sys.exit(main())
