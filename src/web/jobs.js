// jobs.js: the search over all jobs, and one job with all that is known of it.
import { attempt, bytes, duration, get, h, jobLink, number, operates, put, query, redraw, state, table, time, trouble } from "./ui.js";
import * as feed from "./feed.js";
import { cancel, hold, retry } from "./actions.js";

const PAGE = 50;
const AGAIN_MS = 2500; // what an event tells stands in the store a little later
const STATES = ["", "pending", "processing", "completed", "failed", "cancelled"];
const FILTERS = ["text", "status", "client", "destination", "since"];

const columns = [
    { name: "Ticket", cell: jobLink },
    { name: "Client", short: true, cell: (j) => j.client || j.folder || "–" },
    { name: "State", cell: (j) => state(j.status) },
    { name: "Taken", cell: (j) => time(j.created_at) },
    { name: "Title", short: true, cell: (j) => (j.title ? h("span", { class: "long" }, j.title) : "") },
    { name: "Goes to", short: true, cell: (j) => j.destinations.filter((d) => d.name !== "archive").map((d) => d.label).join(", ") },
    { name: "Why", cell: (j) => (j.error_message ? h("span", { class: "why" }, j.error_message) : "") },
];

function form(parameters) {
    const value = (name) => parameters.get(name) || "";
    const field = (name, label, extra) => h("label", {}, label, h("input", { name, value: value(name), autocomplete: "off", ...extra }));
    return h("form", { role: "search", class: "row", onsubmit: (event) => {
        event.preventDefault();
        location.hash = "#/jobs" + query(Object.fromEntries(new FormData(event.target)));
    } },
        field("text", "Name, title, id or error", { type: "search" }),
        h("label", {}, "State", h("select", { name: "status" }, STATES.map((s) => h("option", { value: s, selected: s === value("status") }, s || "any")))),
        field("client", "Client"), field("destination", "Destination"), field("since", "Since", { placeholder: "2h, 3d, 2026-02-06" }),
        h("button", { type: "submit", class: "primary" }, "Search"));
}

const retryable = (j) => j.status === "failed" || j.status === "cancelled";

/** picked: ids, also of rows that are not shown any more. */
function pick(j, picked, changed) {
    return retryable(j) && h("input", { type: "checkbox", "aria-label": `Select ${j.file}`, "data-of": "pick " + j.id, checked: picked.has(j.id), onchange: (event) => {
        if (event.target.checked) picked.add(j.id);
        else picked.delete(j.id);
        changed();
    } });
}

/** The filter that a retry takes: the state is failed anyway. */
function retryOf(filter) {
    const { status, ...rest } = filter;
    return Object.keys(rest).length ? { filter: rest } : { all: true };
}

export async function jobs(_, parameters) {
    const filter = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name)]).filter(([, value]) => value));
    const list = h("div"), older = h("button", { type: "button" }, "Older");
    const picked = new Set(), several = h("button", { type: "button", onclick: async () => {
        if (!(await retry({ ids: [...picked] }))) return;
        picked.clear();
        for (const box of list.querySelectorAll("input:checked")) box.checked = false;
        tellPicked();
    } });
    const again = h("div", { class: "row" }, several, h("button", { type: "button", onclick: () => retry(retryOf(filter)) }, "Put back all that failed and fit …"));
    let shown = [], next = null;
    const all = operates() ? [{ name: "Select", cell: (j) => pick(j, picked, tellPicked) }, ...columns] : columns;

    function tellPicked() {
        put(several, `Put back the ${number(picked.size)} selected …`);
        several.disabled = picked.size === 0;
    }

    function draw() {
        older.hidden = !next;
        again.hidden = !shown.some(retryable);
        tellPicked();
        redraw(list, table(null, shown.some(retryable) ? all : columns, shown, Object.keys(filter).length ? "No job fits. Take a condition away, or look further back." : "No job yet. Drop a ticket into a client's hot folder."));
    }
    async function more(from) {
        let page;
        const found = [];
        do { // a page may be empty where a search goes through many
            page = await get("/api/v1/jobs" + query({ ...filter, limit: PAGE, before: from }));
            found.push(...page.jobs);
            from = page.next;
        } while (page.next && found.length === 0);
        next = page.next;
        return found;
    }
    async function first() {
        shown = await more(null);
        draw();
    }
    const since = feed.changes();
    await first();
    older.addEventListener("click", () => attempt(async () => {
        shown = shown.concat(await more(next));
        draw();
    }));
    let timer = 0;
    const end = feed.listen((kind) => {
        if (kind === "status" || timer || shown.length > PAGE) return; // who looks at older ones is not disturbed
        timer = setTimeout(() => {
            timer = 0;
            if (shown.length <= PAGE) first().catch(() => {});
        }, 1500);
    }, since);
    const offered = operates() && (!filter.status || filter.status === "failed");
    return {
        leave() {
            end();
            clearTimeout(timer);
        },
        elements: [
            h("section", { class: "card" }, h("h1", {}, "Jobs"), form(parameters)),
            h("section", { class: "card" },
                offered && again,
                list, older),
        ],
    };
}

// --- one job ---

function facts(j) {
    const list = [
        ["File", h("span", {}, j.file, j.size !== null && ` (${bytes(j.size)})`)], ["Client", j.client], ["Category", j.category], ["Studio", j.studio], ["Title", j.title],
        ["Taken", h("span", {}, time(j.created_at), ` by ${j.phase}`)], ["Ended", j.completed_at && h("span", {}, time(j.completed_at), ` after ${duration(new Date(j.completed_at) - new Date(j.created_at))}`)],
        ["Is now", j.path && h("code", {}, j.path)], ["SHA-256", j.sha256 && h("code", {}, j.sha256)], ["Job", h("code", {}, j.id)],
        ["Crashes", j.crashes ? `in work in ${j.crashes}` : null],
    ];
    return h("dl", { class: "facts" }, list.filter(([, v]) => v).map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

const good = new Set(["delivered", "completed", "retried", "claimed"]);
const bad = new Set(["failed", "attempt_failed"]);

function timeline(events) {
    if (events.length === 0) return h("p", { class: "empty" }, "The store knows no more of it yet.");
    return h("ol", { class: "timeline" }, events.map((e) => h("li", { class: good.has(e.event) ? "good" : bad.has(e.event) ? "bad" : "" },
        time(e.at), " ", h("strong", {}, e.event.replaceAll("_", " ")), e.destination && ` ${e.destination}`, e.text && h("div", { class: bad.has(e.event) ? "why" : "soft" }, e.text))));
}

function deliveries(j) {
    const live = new Map((j.live?.deliveries || []).map((d) => [d.name, d]));
    return table("Deliveries", [
        { name: "Destination", cell: (d) => d.label },
        { name: "State", cell: (d) => state(d.state) },
        { name: "Attempts failed", num: true, cell: (d) => number(d.attempts) },
        { name: "Delivered", cell: (d) => time(d.done_at) },
        { name: "As", cell: (d) => d.final_name || (d.done_at ? j.file : "") },
        { name: "Next try", cell: (d) => (live.get(d.name)?.next_in_ms ? `in ${duration(live.get(d.name).next_in_ms)}` : time(d.next_at)) },
        { name: "Why", cell: (d) => (d.error ? h("span", { class: "why" }, d.error) : "") },
    ], (j.deliveries || []).map((d) => ({ ...d, ...(live.get(d.name) || {}) })), "It got no deliveries: it was not valid.");
}

/** Why it does not go on: where it still is to be delivered, and what keeps that from taking it. */
function waitsFor(j, destinations) {
    const open = new Set((j.live?.deliveries || []).filter((d) => d.state === "waiting" || d.state === "queued").map((d) => d.name));
    return destinations.filter((d) => open.has(d.name) && trouble(d)).map((d) => h("div", { class: "row between notice" },
        h("p", {}, "It waits for ", h("strong", {}, d.label), ": ", trouble(d)[2], ". ",
            d.held ? "It goes on when the destination is released." : ["It goes on by itself; look at ", h("code", {}, d.path), ": is it there, is there room?"]),
        d.held && operates() && h("button", { type: "button", "data-of": "release " + d.name, onclick: () => hold(d, false) }, `Release ${d.label}`)));
}

export async function job(id) {
    const box = h("div", { class: "columns" });
    const since = feed.changes();
    let destinations = [];
    let shown = await get("/api/v1/jobs/" + id); // as it stands in the address: encoded already
    function draw() {
        const j = shown, word = j.live ? j.live.state : j.status;
        redraw(box,
            h("section", { class: "card wide" },
                h("div", { class: "row between" }, h("h1", {}, j.file, " ", state(word)),
                    operates() && h("div", { class: "row" },
                        retryable(j) && h("button", { type: "button", class: "primary", "data-of": "retry", onclick: () => retry({ ids: [j.id] }) }, "Put back"),
                        (j.status === "pending" || j.live?.state === "waiting") && h("button", { type: "button", class: "danger", "data-of": "cancel", onclick: () => cancel(j) }, "Take back"))),
                j.error_message && h("p", { class: "why" }, j.error_message), waitsFor(j, destinations), facts(j)),
            h("section", { class: "card wide" }, deliveries(j)),
            h("section", { class: "card wide" }, h("h2", {}, "What happened"), timeline(j.events)));
    }
    draw();
    const why = (list) => JSON.stringify(list.map((d) => [d.name, d.held, d.hanging, d.breaker, d.next_try]));
    let later = 0;
    async function again() {
        shown = await get("/api/v1/jobs/" + encodeURIComponent(shown.id)).catch(() => shown);
        draw();
    }
    const end = feed.listen((kind, data) => {
        const turned = kind === "status" && why(data.destinations) !== why(destinations);
        if (kind === "status") destinations = data.destinations;
        if (turned) draw();
        if (kind !== "reset" && !(kind === "job" && data.id === shown.id) && !(turned && shown.live)) return;
        again();
        clearTimeout(later);
        later = setTimeout(again, AGAIN_MS);
    }, since);
    return {
        leave() {
            end();
            clearTimeout(later);
        },
        elements: [box],
    };
}
