"""Samples over time: a small plot for a terminal, an SVG, and a straight line through them."""


def trend(points):
    """Least squares: (value at the first point, value at the last point)."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mx) ** 2 for x, _ in points)
    slope = sum((x - mx) * (y - my) for x, y in points) / spread if spread else 0.0
    return my + slope * (points[0][0] - mx), my + slope * (points[-1][0] - mx)


def text(title, points, width=72, height=8):
    """Each column the mean of its part."""
    width = min(width, len(points))
    columns = [[] for _ in range(width)]
    first, last = points[0][0], points[-1][0]
    for x, y in points:
        columns[min(width - 1, int((x - first) / ((last - first) or 1) * width))].append(y)
    values = [sum(c) / len(c) if c else None for c in columns]
    top = max(v for v in values if v is not None) or 1
    lines = ["%s (0 to %g)" % (title, top)]
    for row in range(height, 0, -1):
        lines.append("|" + "".join("#" if v is not None and v > top * (row - 1) / height else " " for v in values))
    return "\n".join(lines + ["+" + "-" * width, " %g to %g s" % (first, last)])


def svg(title, panels, width=900, panel=150):
    """panels: [(label, unit, [(name, colour, points)])], all over the same seconds."""
    left, right, gap, head = 70, 20, 46, 40
    inner, height = width - left - right, head + len(panels) * (panel + gap)
    size = 'width="%d" height="%d" viewBox="0 0 %d %d"' % (width, height, width, height)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" %s font-family="sans-serif" font-size="12">' % size,
           '<rect width="100%" height="100%" fill="white"/>', '<text x="%d" y="22" font-size="15">%s</text>' % (left, title)]
    for i, (label, unit, lines) in enumerate(panels):
        top = head + i * (panel + gap) + 14
        highest = nice(max(y for _, _, points in lines for _, y in points))
        last = max(x for _, _, points in lines for x, _ in points) or 1
        out.append('<text x="%d" y="%d" fill="#333">%s</text>' % (left, top - 4, label))
        for k in range(5):
            y = top + panel - panel * k / 4
            out.append('<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>' % (left, y, left + inner, y))
            out.append('<text x="%d" y="%.1f" text-anchor="end" fill="#555">%g %s</text>' % (left - 6, y + 4, highest * k / 4, unit))
        for k in range(5):
            x = left + inner * k / 4
            out.append('<text x="%.1f" y="%d" text-anchor="%s" fill="#555">%g min</text>' %
                       (x, top + panel + 15, ("start", "middle", "middle", "middle", "end")[k], round(last * k / 4 / 60, 1)))
        for n, (name, colour, points) in enumerate(lines):
            path = " ".join("%.1f,%.1f" % (left + inner * x / last, top + panel - panel * min(y, highest) / highest) for x, y in points)
            out.append('<polyline fill="none" stroke="%s" stroke-width="1.3" points="%s"/>' % (colour, path))
            out.append('<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>' % (left + inner - 90 * n, top - 4, colour, name))
    return "\n".join(out + ["</svg>"]) + "\n"


def nice(value):
    """The next round number."""
    if value <= 0:
        return 1
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    while power > value:
        power /= 10
    for factor in (1, 2, 4, 5, 8, 10):
        if factor * power >= value:
            return factor * power
    return 10 * power
