// feed.js: what the service tells by itself. One stream of events for the whole page; the browser takes it up again where it broke off
// (Last-Event-ID). Where streams are blocked on the way, the page is refreshed now and then instead, and says so. A page that is not seen
// has no stream: a browser keeps six connections to one address, for all its tabs.
import { get } from "./ui.js";

const listeners = new Set();
const state = { status: null, source: null, patience: 0, again: 0, refresher: 0, failures: 0, missed: true, changes: 0, shown: "" };
const REFRESH_MS = 15000;
const AGAIN_MS = 2000;
const PATIENCE_MS = 8000;
const FAILURES_MAX = 3;

function tell(kind, data) {
    if (kind !== "status") state.changes++;
    for (const listener of listeners) listener(kind, data);
}

/** How much was told so far: to be asked before what is shown is fetched, for listen(). */
export const changes = () => state.changes;

/** listener(kind, data): "status", "job", "reset" (all may have changed; also what was told since `since`). Returns what ends it. */
export function listen(listener, since = state.changes) {
    listeners.add(listener);
    if (state.status) listener("status", state.status);
    if (since !== state.changes) listener("reset", null);
    return () => listeners.delete(listener);
}

function show(text, mark) {
    const live = document.getElementById("live");
    live.textContent = state.shown = text;
    live.className = "live " + mark;
}

function take(status) {
    state.status = status;
    tell("status", status);
}

/** The plain status in the form of the stream's; what it does not know is null, or left out. */
function ofStream({ health, snapshot, totals, degraded }) {
    const { processed, errors } = snapshot.stats.totals, oldest = totals?.oldest_pending_at;
    return { health, degraded, queue: snapshot.queue, ledger: snapshot.ledger, destinations: snapshot.destinations, today: { processed, failed: errors },
        per_minute: null, memory_bytes: null, loop_ms: null, oldest_waiting_ms: oldest ? Date.now() - new Date(oldest) : 0 };
}

async function refresh() {
    try {
        const status = await get("/api/v1/status");
        if (!state.refresher) return; // the page is not seen any more
        take(ofStream(status));
        tell("reset", null);
        show("live events are blocked: refreshed every 15 s", "");
        open(); // perhaps they are let through again
    } catch {
        show("the service does not answer", "off");
    }
}

function refreshInstead() {
    if (state.refresher) return;
    state.refresher = setInterval(refresh, REFRESH_MS);
    refresh();
}

function live() {
    clearInterval(state.refresher);
    if (state.missed) tell("reset", null);
    state.missed = false;
    state.refresher = state.failures = 0;
    show("live", "on");
}

function open() {
    const source = new EventSource("/api/v1/events");
    let heard = false;
    const giveUp = () => {
        source.close();
        clearTimeout(state.patience);
        refreshInstead();
    };
    state.source = source;
    state.patience = setTimeout(() => { // a status comes at once, unless something on the way keeps it back
        state.missed = true;
        giveUp();
    }, PATIENCE_MS);
    source.addEventListener("status", (event) => {
        clearTimeout(state.patience);
        heard = true;
        take(JSON.parse(event.data));
        if (state.missed || state.shown !== "live") live();
    });
    source.addEventListener("job", (event) => tell("job", JSON.parse(event.data)));
    source.addEventListener("reset", () => tell("reset", null));
    source.addEventListener("error", () => {
        state.failures++;
        state.missed = true;
        if (!state.refresher) show("connecting again …", "off");
        if (!heard && (state.refresher || state.failures >= FAILURES_MAX)) {
            giveUp();
        } else if (source.readyState === EventSource.CLOSED) {
            clearTimeout(state.patience);
            state.again = setTimeout(open, AGAIN_MS); // a 503, or the login ran out: the next answer tells
            get("/api/v1/status").catch(() => {});
        }
    });
}

function stop() {
    state.source?.close();
    clearTimeout(state.patience);
    clearTimeout(state.again);
    clearInterval(state.refresher);
    state.refresher = 0;
    state.missed = true;
}

export function start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : open()));
    if (!document.hidden) open();
}
