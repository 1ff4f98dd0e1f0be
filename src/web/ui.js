// ui.js: how things are drawn and asked. Everything that comes from outside goes into text nodes and attributes, never into markup.

/** Makes an element: h("td", {class: "num", onclick: f}, "text", child, ...). Falsy children and attributes are left out. */
export function h(tag, attributes, ...children) {
    const e = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
        if (value === false || value === null || value === undefined) continue;
        if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
        else if (name in e && typeof value === "boolean") e[name] = value;
        else e.setAttribute(name, value);
    }
    e.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
    return e;
}

/** Only what differs is touched, so that numbers do not jump and what is selected stays so. */
export function put(element, text) {
    if (element.textContent !== String(text)) element.textContent = text;
}

const keyOf = (element) => element?.dataset.of || element?.getAttribute("href");

/** What was drawn anew has the focus that it had; key: data-of, or where a link leads. */
function focusAgain(key) {
    if (key && document.activeElement === document.body) [...document.querySelectorAll("a, button, input")].find((e) => keyOf(e) === key)?.focus({ preventScroll: true });
}

/** Draws a box anew, if what is in it differs: a click that has begun, a selection and the focus are not lost to an event. */
export function redraw(box, ...children) {
    const made = box.cloneNode(false), key = box.contains(document.activeElement) && keyOf(document.activeElement);
    made.append(...children.flat(Infinity).filter(Boolean));
    if (made.isEqualNode(box)) return;
    box.replaceChildren(...made.childNodes);
    focusAgain(key);
}

// --- asking the service ---

export class Problem extends Error {
    constructor(status, text) {
        super(text);
        this.status = status;
    }
}

const ANSWER_MS = 30000; // a connection that died may tell nobody for minutes

export async function ask(method, path, body, type) {
    let answer;
    try {
        answer = await fetch(path, { method, body, signal: method === "GET" ? AbortSignal.timeout(ANSWER_MS) : null, headers: { Accept: "application/json", ...(type ? { "Content-Type": type } : {}) } });
    } catch {
        throw new Problem(0, "The service does not answer. Is it running? Look at `shunt status` on its machine.");
    }
    if (answer.status === 401) {
        location.assign("/login");
        throw new Problem(401, "Log in first.");
    }
    const json = await answer.json().catch(() => null);
    if (!answer.ok) throw new Problem(answer.status, json?.detail || `The service answered ${answer.status}.`);
    return json;
}
export const get = (path) => ask("GET", path);
export const post = (path, json) => ask("POST", path, json === undefined ? undefined : JSON.stringify(json), json === undefined ? undefined : "application/json");

export function query(parameters) {
    const q = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) if (value) q.set(name, value);
    return q.toString() ? "?" + q : "";
}

// --- words and numbers ---

const whole = new Intl.NumberFormat();
export const number = (n) => whole.format(n);

export function bytes(n) {
    if (n < 1024) return `${n} B`;
    for (const unit of ["KiB", "MiB", "GiB"]) {
        n /= 1024;
        if (n < 1024 || unit === "GiB") return `${n.toFixed(n < 10 ? 1 : 0)} ${unit}`;
    }
}

export function duration(ms) {
    if (ms === null || ms === undefined) return "–";
    if (ms < 1000) return `${Math.round(ms)} ms`;
    const s = Math.round(ms / 1000);
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} days`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "2-digit", day: "2-digit" });

/** Local time; the day too where it is not today. The whole of it is in the title. */
export function time(iso) {
    if (!iso) return "–";
    const t = new Date(iso);
    const today = day.format(t) === day.format(new Date());
    return h("time", { datetime: iso, title: t.toString(), class: "nowrap" }, today ? clock.format(t) : `${day.format(t)} ${clock.format(t)}`);
}

/** What keeps a destination from taking deliveries, for people: null: nothing. */
export function trouble(d) {
    if (d.held) return ["held", "warn", ["held", d.held_by && ` by ${d.held_by}`, d.held_since && [" since ", time(d.held_since)]]];
    if (d.hanging) return ["hangs", "bad", ["it does not answer; nothing else is sent there until it does"]];
    if (d.breaker === "closed") return null;
    return [d.breaker === "open" ? "down" : "tried now", "bad", [d.down_since && ["down since ", time(d.down_since)], d.next_try && [", next try ", time(d.next_try)]]];
}

const looks = { completed: "good", done: "good", delivered: "good", failed: "bad", cancelled: "calm", pending: "warn", waiting: "warn" };
export const state = (word) => h("span", { class: "state " + (looks[word] || "calm") }, word);
export const jobLink = (job) => h("a", { href: "#/job/" + encodeURIComponent(job.id) }, job.file);

// --- tables ---

/** columns: [{name, cell(row), num, short}]. On a phone each row becomes a card whose lines have the columns' names; the roles keep it a table.
 *  narrow: it fits a phone as it is. wide: it may scroll sideways, by the keyboard too, while the first column stays. */
export function table(caption, columns, rows, empty, { narrow = false, wide = false } = {}) {
    if (rows.length === 0) return h("div", {}, caption && h("h2", {}, caption), h("p", { class: "empty" }, empty));
    const look = (c) => (c.num ? "num" : c.short && "short");
    return h("div", { class: wide ? "scroll wide-table" : "scroll", ...(wide ? { tabindex: "0", role: "region", "aria-label": caption } : {}) },
        h("table", { class: narrow ? "narrow" : "cards", role: "table" },
            caption && h("caption", {}, caption),
            h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((c) => h("th", { scope: "col", role: "columnheader", class: look(c) }, c.name)))),
            h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, columns.map((c) => h("td", { role: "cell", class: look(c), "data-label": c.name }, c.cell(row))))))));
}

// --- telling and confirming ---

/** undo: {label, run} */
export function toast(text, { bad = false, undo = null } = {}) {
    const box = h("div", { class: bad && "bad" }, text);
    if (undo) box.append(h("br"), h("button", { type: "button", onclick: () => { box.remove(); undo.run(); } }, undo.label));
    document.getElementById("toasts").append(box);
    const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : box.remove()); // not from under a hand
    setTimeout(leave, undo || bad ? 12000 : 5000);
}

/** Asks first. Resolves to true, or to the form's data where fields are given; false: not wanted. */
export function confirm(title, text, action, { danger = false, fields = [] } = {}) {
    return new Promise((resolve) => {
        const opener = keyOf(document.activeElement);
        const form = h("form", { method: "dialog" },
            h("h2", {}, title), text && h("p", {}, text), fields,
            h("div", { class: "row" },
                h("button", { type: "submit", value: "no", formnovalidate: true, class: "quiet" }, "Leave it"),
                h("button", { type: "submit", value: "yes", class: danger ? "danger" : "primary" }, action)));
        const box = h("dialog", { "aria-label": title }, form);
        box.addEventListener("close", () => {
            box.remove();
            focusAgain(opener);
            resolve(box.returnValue === "yes" && (fields.length ? new FormData(form) : true));
        });
        document.body.append(box);
        box.showModal();
    });
}

/** Does it, tells what came of it; what goes wrong is told too. */
export async function attempt(action) {
    try {
        return await action();
    } catch (problem) {
        if (problem.status !== 401) toast(problem.message, { bad: true });
        return null;
    }
}

// --- small pictures ---

export function line(values, label) {
    const top = Math.max(1, ...values), step = values.length > 1 ? 600 / (values.length - 1) : 0;
    const points = values.map((v, i) => `${(i * step).toFixed(1)},${(98 - (v / top) * 94).toFixed(1)}`).join(" L");
    return h("svg:svg", { class: "line", viewBox: "0 0 600 100", preserveAspectRatio: "none", role: "img", "aria-label": label },
        h("svg:path", { class: "area", d: `M0,98 L${points} L600,98 Z` }), h("svg:path", { d: `M${points}` }));
}

export function hours(list) {
    const top = Math.max(1, ...list.map((x) => x.processed + x.errors));
    const bars = h("div", { class: "bars", role: "img", "aria-label": "Tickets of each hour: " + list.map((x, i) => (x.processed || x.errors ? `${i}:00 ${x.processed} done, ${x.errors} failed` : "")).filter(Boolean).join("; ") });
    for (const [i, x] of list.entries()) {
        const failed = h("i", { class: "failed" }), done = h("i", {});
        failed.style.height = `${(100 * x.errors) / top}%`;
        done.style.height = `${(100 * x.processed) / top}%`;
        bars.append(h("div", { title: `${i}:00–${i}:59: ${number(x.processed)} done, ${number(x.errors)} failed` }, failed, done));
    }
    return h("div", {}, bars, h("div", { class: "hours", "aria-hidden": "true" }, list.map((x, i) => h("span", {}, i))));
}

export const operates = () => document.body.dataset.role === "operate";
