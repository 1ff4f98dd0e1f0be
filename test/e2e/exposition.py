"""A strict reader of Prometheus' text format 0.0.4: what `promtool check metrics` and a scrape refuse, this refuses too, and the conventions
for names besides."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\n]|\\[\\\"n])*)\"(,|\Z)")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)\Z")
TYPES = {"counter", "gauge", "histogram"}
ESCAPED = {"\\\\": "\\", "\\\"": "\"", "\\n": "\n"}


def labels_of(text):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found, "bad labels: %r" % text
        name, value, end = found.groups()
        assert name not in labels, "a label twice: %r" % text
        labels[name] = re.sub(r"\\.", lambda m: ESCAPED[m.group()], value)
        at = found.end()
        assert (end == ",") == (at < len(text)), "bad labels: %r" % text
    return labels


class Metrics:
    """What was scraped: value(name, label=...), total(name, label=...)."""

    def __init__(self, body):
        self.types, self.helps, self.samples = {}, {}, {}
        text = body.decode("utf-8")
        assert text.endswith("\n") and "\r" not in text
        family = None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                family, help = line[7:].split(" ", 1)
                assert NAME.match(family) and help and family not in self.helps, line
                self.helps[family] = help
            elif line.startswith("# TYPE "):
                name, type = line[7:].split(" ")
                assert name == family and name not in self.types and type in TYPES, line
                self.types[name] = type
            else:
                self.sample(line, family)
        for name, type in self.types.items():
            self.check_name(name, type)
            if type == "histogram":
                self.check_histogram(name)

    def sample(self, line, family):
        found = SAMPLE.match(line)
        assert found, "no sample: %r" % line
        name, labels, value = found.groups()
        allowed = [family + end for end in ("_bucket", "_sum", "_count")] if self.types[family] == "histogram" else [family]
        assert name in allowed, "%s stands in the family %s" % (name, family)
        key = (name, tuple(sorted(labels_of(labels or "").items())))
        assert key not in self.samples, "twice: %s" % line
        self.samples[key] = float(value)
        assert self.types[family] == "gauge" or self.samples[key] >= 0, line

    def check_name(self, name, type):
        assert name == name.lower() and name.startswith(("shunt_", "process_")), name
        assert (type == "counter") == name.endswith("_total"), name
        assert type != "histogram" or name.endswith("_seconds"), name
        assert not re.search(r"_(ms|milliseconds|kb|mb|percent|count|sum|bucket|info_total)\Z", name), name

    def check_histogram(self, name):
        series = {}
        for (sample, labels), value in self.samples.items():
            if sample == name + "_bucket":
                rest = tuple(l for l in labels if l[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for rest, buckets in series.items():
            assert buckets == sorted(buckets) and buckets[-1][0] == float("inf"), (name, rest)
            assert [v for _, v in buckets] == sorted(v for _, v in buckets), (name, rest)
            assert self.samples[name + "_count", rest] == buckets[-1][1] and (name + "_sum", rest) in self.samples, (name, rest)

    def value(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def total(self, name, **labels):
        """Of all that have these labels."""
        return sum(value for (sample, has), value in self.samples.items() if sample == name and set(labels.items()) <= set(has))

    def values_of(self, name, label):
        return {dict(labels)[label] for sample, labels in self.samples if sample == name}
