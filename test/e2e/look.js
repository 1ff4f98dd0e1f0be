// What an eye, a keyboard or a screen reader would stumble over. Each rule returns a list of what breaks it.
const describe = (e) => `${e.tagName.toLowerCase()}${e.id && "#" + e.id}${e.className && "." + String(e.className.baseVal ?? e.className).replaceAll(" ", ".")} "${(e.innerText ?? e.value ?? "").trim().slice(0, 60)}"`;
const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().right > 0 && e.getBoundingClientRect().bottom > 0;
const ownText = (e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
const elements = (selector) => [...document.querySelectorAll(selector)].filter(seen);

function rgba(text) {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a];
}
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
function background(e) {
    if (!e) return [255, 255, 255];
    const own = rgba(getComputedStyle(e).backgroundColor);
    return own[3] === 1 ? own.slice(0, 3) : over(own, background(e.parentElement));
}
function luminance(colour) {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ratio(a, b) {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
}

/** As far as it is really shown: what overflow cuts off counts no more. */
function boxes(e) {
    const range = document.createRange();
    range.selectNodeContents(e);
    const whole = e.matches("button, input, select, textarea") ? [e.getBoundingClientRect()] : [...range.getClientRects()];
    return whole.filter((r) => r.width > 1 && r.height > 1);
}

const look = {
    wider() {
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width) return [];
        return ["the page scrolls sideways", ...elements("body *").filter((e) => e.getBoundingClientRect().right > width + 1).map(describe).slice(0, 5)];
    },
    cut() {
        return elements("main, main *").filter((e) => getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1 && !e.matches("input, textarea, [role=region][tabindex='0']")).map(describe);
    },
    overlaps() {
        const list = elements("header *, main *").filter((e) => e.matches("button, input, select, textarea") || (ownText(e) && !e.closest("button, select, option"))).map((e) => [e, boxes(e)]);
        const bad = [];
        for (const [i, [a, as]] of list.entries())
            for (const [b, bs] of list.slice(i + 1))
                if (!a.contains(b) && !b.contains(a) && as.some((x) => bs.some((y) => Math.min(x.right, y.right) - Math.max(x.left, y.left) > 2 && Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top) > 4)))
                    bad.push(`${describe(a)} and ${describe(b)}`);
        return bad;
    },
    contrast() {
        return elements("body *").filter((e) => !e.disabled && (ownText(e) || e.matches("input, textarea, select"))).map((e) => {
            const style = getComputedStyle(e), size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700), below = background(e);
            const colour = e.placeholder && !e.value ? getComputedStyle(e, "::placeholder").color : style.color, found = ratio(over(rgba(colour), below), below);
            return found < (large ? 3 : 4.5) && `${describe(e)} ${found.toFixed(2)}: ${colour} on ${below}`;
        }).filter(Boolean);
    },
    structure() {
        const bad = [], ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
        if (!document.documentElement.lang) bad.push("no language");
        if (!document.title) bad.push("no title");
        if (document.querySelectorAll("h1").length !== 1) bad.push(`${document.querySelectorAll("h1").length} h1`);
        if (document.querySelectorAll("main").length !== 1) bad.push("not one main");
        bad.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => "twice: #" + id));
        const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((e) => Number(e.tagName[1]));
        if (levels.some((level, i) => level > (levels[i - 1] ?? 0) + 1)) bad.push("levels of headings: " + levels);
        bad.push(...[...document.querySelectorAll("img:not([alt]), svg:not([aria-label]):not([aria-hidden]), [tabindex]:not([tabindex='0']):not([tabindex='-1'])")].map(describe));
        bad.push(...[...document.querySelectorAll("table")].filter((t) => !t.querySelector("th[scope]") || [...t.querySelectorAll("th")].some((th) => !th.textContent)).map(describe));
        return bad;
    },
    targets() {
        return elements("button, select, input:not([type=checkbox])").filter((e) => e.getBoundingClientRect().height < 24).map(describe);
    },
};
