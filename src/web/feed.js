// feed.js: what the service tells by itself. One stream of events for the whole page; the browser takes it up again where it broke off
// (Last-Event-ID). Where streams are blocked on the way, the page is refreshed now and then instead, and says so.
import { get } from "./ui.js";

const listeners = new Set();
const state = { status: null, refresher: 0, failures: 0 };
const REFRESH_MS = 15000;
const FAILURES_MAX = 4;

function tell(kind, data) {
    for (const listener of listeners) listener(kind, data);
}

/** listener(kind, data): "status", "job", "reset" (all may have changed). Returns what ends it. */
export function listen(listener) {
    listeners.add(listener);
    if (state.status) listener("status", state.status);
    return () => listeners.delete(listener);
}

function show(text, mark) {
    const live = document.getElementById("live");
    live.textContent = text;
    live.className = "live " + mark;
}

function refreshInstead() {
    show("live events are blocked: refreshed every 15 s", "");
    state.refresher = setInterval(async () => {
        try {
            await get("/api/v1/status");
            tell("reset", null);
        } catch {
            show("the service does not answer", "off");
        }
    }, REFRESH_MS);
}

export function start() {
    const source = new EventSource("/api/v1/events");
    let opened = false;
    source.addEventListener("open", () => {
        if (state.failures > 0) tell("reset", null);
        opened = true;
        state.failures = 0;
        show("live", "on");
    });
    source.addEventListener("status", (event) => {
        state.status = JSON.parse(event.data);
        tell("status", state.status);
    });
    source.addEventListener("job", (event) => tell("job", JSON.parse(event.data)));
    source.addEventListener("reset", () => tell("reset", null));
    source.addEventListener("error", () => {
        state.failures++;
        show("connecting again …", "off");
        if (!opened && state.failures >= FAILURES_MAX) {
            source.close();
            refreshInstead();
        } else if (source.readyState === EventSource.CLOSED) {
            setTimeout(start, 3000); // a 503, or the login ran out: the next answer tells
            get("/api/v1/status").catch(() => {});
        }
    });
}
