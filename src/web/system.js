// system.js: the service itself: what it uses, its settings.
import { bytes, duration, get, h, number, put, table, time } from "./ui.js";
import * as feed from "./feed.js";

const AGAIN_MS = 2000;

function settings(list) {
    return table("Settings in force", [
        { name: "Setting", cell: (s) => h("code", { title: s.help }, `[${s.section}] ${s.key}`) },
        { name: "Value", cell: (s) => h("code", {}, s.value) },
        { name: "Default", cell: (s) => (s.set ? h("code", { class: "soft" }, s.default) : "") },
        { name: "Taken up", cell: (s) => (s.reloadable ? "by a reload" : "by a restart") },
    ], list, "None.");
}

function scans(stats) {
    const s = stats.scans;
    return h("dl", { class: "facts" }, [["Scans ended", s.completed], ["Skipped", s.skipped], ["Slow", s.slow], ["Timed out", s.timed_out], ["Found by a scan only", s.found_by_scan_only]].map(([k, v]) => [h("dt", {}, k), h("dd", {}, number(v))]));
}

export async function system() {
    const [status, list, stats, workers] = await Promise.all([get("/api/v1/status"), get("/api/v1/settings"), get("/api/v1/stats"), get("/worker-stats")]);
    const memory = h("dd"), loop = h("dd"), queue = h("dd"), work = h("dd"), busy = h("dd");
    const showWorkers = ({ workers: w }) => put(busy, `${number(w.intake_busy)} of ${number(w.intake)} read and check tickets, ${number(w.delivering)} of at most ${number(w.delivering_limit)} deliver`);
    showWorkers(workers);
    let timer = 0;
    const end = feed.listen((kind, s) => {
        if (kind !== "status") return;
        put(memory, s.memory_bytes === null ? "–" : bytes(s.memory_bytes));
        put(loop, s.loop_ms === null ? "–" : `${s.loop_ms.toFixed(1)} ms`);
        put(queue, `${number(s.queue.known)} names known, ${number(s.queue.queued)} queued, ${number(s.queue.looking)} looked at`);
        put(work, `${number(s.ledger.in_work)} in work, ${number(s.ledger.waiting)} waiting for a destination`);
        timer = timer || setTimeout(() => { // with what changes, and no oftener
            timer = 0;
            get("/worker-stats").then(showWorkers, () => {});
        }, AGAIN_MS);
    });
    const l = status.snapshot.ledger;
    return {
        leave() {
            end();
            clearTimeout(timer);
        },
        elements: [
            h("h1", { class: "skip" }, "System"),
            h("div", { class: "columns" },
                h("section", { class: "card" }, h("h2", {}, "Service"), h("dl", { class: "facts" },
                    h("dt", {}, "Started"), h("dd", {}, time(status.snapshot.started)), h("dt", {}, "Instance"), h("dd", {}, `${status.snapshot.instance}, process ${status.snapshot.pid}`),
                    h("dt", {}, "Memory"), memory, h("dt", {}, "Longest turn of the loop"), loop, h("dt", {}, "Intake"), queue, h("dt", {}, "Jobs"), work, h("dt", {}, "Workers"), busy)),
                h("section", { class: "card" }, h("h2", {}, "Scans today"), scans(stats)),
                h("section", { class: "card" }, h("h2", {}, "Ledger since start"), h("dl", { class: "facts" },
                    [["Taken", l.taken], ["Delivered", l.delivered], ["Archived only", l.archived_only], ["Failed", l.failed], ["Returned", l.returned], ["Waiting", l.waiting], ["In work", l.in_work]].map(([k, v]) => [h("dt", {}, k), h("dd", {}, number(v))])))),
            h("section", { class: "card" }, settings(list), h("p", {}, h("a", { href: "/docs" }, "The API, for programs"))),
        ],
    };
}
