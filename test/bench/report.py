"""The rows of the table, and the table: for a terminal, as Markdown, as JSON."""
import json
import statistics


def number(x):
    if x is None or x == float("inf"):
        return "never"
    if abs(x) >= 1000:
        return format(round(x), ",")
    return "%.3g" % x if abs(x) < 100 else "%.0f" % x


def median(values):
    return statistics.median(float("inf") if v is None else v for v in values)


def middle(*series):
    """Their medians: 0.4 / 3.6"""
    return " / ".join(number(median(values)) for values in series)


def spread(values):
    """Median, and in brackets the least and the most."""
    if len(values) == 1:
        return number(values[0])
    return "%s (%s–%s)" % (number(median(values)), number(min(values)), number(max(values)))


def ratios(ours, theirs, less_is_better):
    """Round by round, so that what slows the machine for a while slows both. More than 1: we are better."""
    pairs = [(float("inf") if a is None else a, float("inf") if b is None else b) for a, b in zip(ours, theirs)]
    if less_is_better:
        pairs = [(b, a) for a, b in pairs]
    return [float("inf") if a == float("inf") != b else a / b if b else float("inf") for a, b in pairs]


class Row:
    """One line of the table. `met`: True, False, or None where there is nothing to meet."""

    def __init__(self, case, ours, against="", theirs="", ratio="", target="", met=None, raw=None):
        self.case, self.ours, self.against, self.theirs = case, ours, against, theirs
        self.ratio, self.target, self.met, self.raw = ratio, target, met, raw or {}

    def cells(self):
        verdict = {True: "ok", False: "MISS", None: ""}[self.met]
        return [self.case, self.ours, self.against, self.theirs, self.ratio, self.target, verdict]


HEAD = ["case", "shunt", "against", "does", "ratio (spread)", "target", ""]


def text_table(rows):
    lines = [HEAD] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([shown[0], "-" * max(map(len, shown))] + shown[1:])


def markdown(rows, machine, notes):
    def line(cells):
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [line(HEAD), "|" + "---|" * len(HEAD)] + [line(row.cells()) for row in rows]
    return "\n".join(lines + ["", machine] + ["", *("- " + note for note in notes)]) + "\n"


def as_json(rows, machine, notes, settings):
    keys = ["case", "shunt", "against", "does", "ratio", "target"]
    table = [dict(zip(keys, row.cells()), met=row.met, raw=row.raw) for row in rows]
    return json.dumps({"machine": machine, "settings": settings, "notes": notes, "rows": table}, indent=1) + "\n"
