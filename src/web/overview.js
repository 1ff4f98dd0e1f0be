// overview.js: the page that stays open all day. Numbers come with the events; what is counted by client and hour is fetched anew when
// something ended, at most every few seconds.
import { duration, get, h, hours, jobLink, line, number, operates, put, redraw, state, table, time, trouble } from "./ui.js";
import * as feed from "./feed.js";
import { hold, retry, scan } from "./actions.js";

const AGAIN_MS = 4000;
const FAILED_SHOWN = 10;

function tiles() {
    const dd = {};
    const tile = (key, name, href) => {
        const id = "tile-" + key;
        dd[key] = h(href ? "a" : "span", { id, href, "aria-labelledby": href && `${id}-name ${id}` }, "–");
        return h("div", { class: "tile" }, h("dt", { id: id + "-name" }, name), h("dd", {}, dd[key]));
    };
    const element = h("dl", { class: "tiles", "aria-label": "Now" }, tile("waiting", "Waiting", "#/jobs?status=pending"), tile("work", "In work"), tile("done", "Done today"), tile("failed", "Failed today", "#/jobs?status=failed"), tile("minute", "In the last minute"), tile("oldest", "Oldest waiting"));
    return {
        element,
        fill(s) {
            put(dd.waiting, number(s.queue.queued + s.ledger.waiting));
            put(dd.work, number(s.ledger.in_work));
            put(dd.done, number(s.today.processed));
            put(dd.failed, number(s.today.failed));
            dd.failed.className = s.today.failed > 0 ? "bad-number" : "";
            put(dd.minute, s.per_minute === null ? "–" : number(s.per_minute));
            put(dd.oldest, s.oldest_waiting_ms ? duration(s.oldest_waiting_ms) : "–");
        },
    };
}

function health(d) {
    const [word, look, more] = trouble(d) || ["fine", "good", null];
    return h("div", {}, h("span", { class: "state " + look }, word), more && h("div", { class: "soft small" }, more));
}

function destinations(list, stats) {
    const row = (d) => ({ ...d, day: stats.destinations[d.label] });
    const columns = [
        { name: "Destination", cell: (d) => h("span", { title: d.path }, d.label) },
        { name: "Is", cell: health },
        { name: "Today", num: true, cell: (d) => number(d.name === "archive" ? d.delivered : d.day?.delivered || 0) },
        { name: "Waiting", num: true, cell: (d) => (d.in_hand ? h("a", { href: "#/jobs?status=pending&destination=" + encodeURIComponent(d.name) }, number(d.in_hand)) : "0") },
    ];
    if (operates()) columns.push({ name: "Action", num: true, cell: (d) => h("button", { type: "button", class: "quiet", "data-of": "hold " + d.name, "aria-label": `${d.held ? "Release" : "Hold"} ${d.label}`, onclick: () => hold(d, !d.held) }, d.held ? "Release" : "Hold") });
    return table("Destinations", columns, list.map(row), "routes.ini names no destination.");
}

function clients(stats) {
    const rows = Object.entries(stats.clients).map(([name, c]) => ({ name, ...c })).filter((c) => c.processed || c.errors).sort((a, b) => b.processed + b.errors - a.processed - a.errors);
    return table("Clients today", [
        { name: "Client", short: true, cell: (c) => h("a", { href: "#/jobs?client=" + encodeURIComponent(c.name) }, c.name) },
        { name: "Done", num: true, cell: (c) => number(c.processed) },
        { name: "Routed", num: true, cell: (c) => number(c.routed) },
        { name: "Failed", num: true, cell: (c) => (c.errors ? h("a", { href: "#/jobs?status=failed&client=" + encodeURIComponent(c.name) }, number(c.errors)) : "0") },
    ], rows, "Nothing today yet. A ticket dropped into a client's hot folder appears here at once.", { narrow: true });
}

function failed(page) {
    const columns = [
        { name: "Ticket", cell: jobLink },
        { name: "Client", short: true, cell: (j) => j.client || j.folder },
        { name: "When", cell: (j) => time(j.completed_at) },
        { name: "Why", cell: (j) => h("span", { class: "why" }, j.error_message || "–") },
    ];
    if (operates()) columns.push({ name: "Action", num: true, cell: (j) => h("button", { type: "button", class: "quiet", "data-of": "retry " + j.id, "aria-label": `Put back ${j.file}`, onclick: () => retry({ ids: [j.id] }) }, "Put back") });
    return h("div", {}, table("Failed last", columns, page.jobs, "No ticket has failed."), page.next && h("p", {}, h("a", { href: "#/jobs?status=failed" }, "All that failed")));
}

function last(s) {
    if (s.last === undefined) return "";
    if (s.last === null) return "No ticket since the service started.";
    return ["Last: ", jobLink(s.last), ` of ${s.last.client || "–"}, `, time(s.last.at), " ", state(s.last.status)];
}

export async function overview() {
    const now = tiles();
    const at = { minutes: h("div"), last: h("p", { class: "soft" }), destinations: h("section", { class: "card" }), clients: h("section", { class: "card" }), hours: h("div"), failed: h("section", { class: "card" }) };
    let stats = null, status = null, timer = 0, due = 0, drawing = false, left = false;

    const drawDestinations = () => status && stats && redraw(at.destinations, destinations(status.destinations, stats));
    async function draw() {
        const [s, f] = await Promise.all([get("/api/v1/stats"), get(`/api/v1/jobs?status=failed&limit=${FAILED_SHOWN}`)]);
        stats = s;
        const sum = s.minutes.reduce((a, b) => a + b, 0);
        const busiest = number(Math.max(...s.minutes));
        redraw(at.minutes, line(s.minutes, `Tickets of each of the last 60 minutes, ${number(sum)} in all, ${busiest} in the busiest`),
            h("p", { class: "soft small row between", "aria-hidden": "true" }, h("span", {}, "an hour ago"), h("span", {}, `${number(sum)} in all, ${busiest} in the busiest minute`), h("span", {}, "now")));
        redraw(at.clients, clients(s));
        redraw(at.hours, hours(s.hours));
        redraw(at.failed, failed(f));
        drawDestinations();
    }
    async function again() {
        due = 2; // the store learns of a job's end a moment after it is told
        if (drawing) return;
        drawing = true;
        while (due > 0 && !left) {
            due--;
            await draw().catch(() => {});
            await new Promise((go) => (timer = setTimeout(go, AGAIN_MS)));
        }
        drawing = false;
    }
    const since = feed.changes();
    await draw();
    const end = feed.listen((kind, data) => {
        if (kind === "status") {
            status = data;
            now.fill(data);
            redraw(at.last, last(data));
            drawDestinations();
        } else {
            again();
        }
    }, since);
    const minute = setInterval(again, 60000); // the line moves on
    return {
        leave() {
            left = true;
            end();
            clearInterval(minute);
            clearTimeout(timer);
        },
        elements: [
            h("h1", { class: "skip" }, "Overview"),
            now.element,
            h("div", { class: "columns" },
                h("section", { class: "card" }, h("div", { class: "row between" }, h("h2", {}, "Tickets a minute"), operates() && h("button", { type: "button", class: "quiet", onclick: scan }, "Scan now")), at.minutes, at.last),
                h("section", { class: "card" }, h("h2", {}, "By hour"), at.hours)),
            h("div", { class: "columns" }, at.destinations, at.clients),
            at.failed,
        ],
    };
}
