// app.js: the frame of the page: which view is shown, who is here, what is wrong.
import { get, h, Problem } from "./ui.js";
import * as feed from "./feed.js";
import * as upload from "./upload.js";
import { overview } from "./overview.js";
import { jobs, job } from "./jobs.js";
import { routes } from "./routes.js";
import { system } from "./system.js";
import { reports } from "./reports.js";

const views = { "": overview, jobs, job, routes, reports, system };
const titles = { "": "Overview", jobs: "Jobs", job: "Job", routes: "Routes", reports: "Reports", system: "System" };
const main = document.getElementById("main");
let leave = () => {};
let turn = 0;

/** "#/jobs?status=failed" -> view "jobs", rest "", parameters */
function where() {
    const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
    const [view, ...rest] = path.split("/");
    return { view: Object.hasOwn(views, view) ? view : "", rest: rest.join("/"), parameters: new URLSearchParams(parameters || "") };
}

async function show() {
    const mine = ++turn;
    const { view, rest, parameters } = where();
    leave();
    leave = () => {};
    for (const a of document.querySelectorAll("nav a")) {
        const its = a.hash.replace(/^#\/?/, "");
        if (its === (view === "job" ? "jobs" : view)) a.setAttribute("aria-current", "page");
        else a.removeAttribute("aria-current");
    }
    document.title = `${titles[view]} – ${document.getElementById("brand").textContent}`;
    try {
        const made = await views[view](rest, parameters);
        if (mine !== turn) return made.leave?.();
        leave = made.leave || leave;
        main.replaceChildren(...made.elements);
    } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        if (mine === turn && problem.status !== 401)
            main.replaceChildren(h("section", { class: "card" }, h("h1", {}, "This cannot be shown"), h("p", {}, problem.message), h("button", { type: "button", onclick: show }, "Try again")));
    }
}

function showDegraded(kind, status) {
    if (kind !== "status") return;
    const box = document.getElementById("degraded");
    const texts = status.health === "running" ? status.degraded : [`The service is ${status.health}.`, ...status.degraded];
    if (JSON.stringify(texts) !== box.dataset.shown) {
        box.dataset.shown = JSON.stringify(texts);
        box.replaceChildren(...texts.map((text) => h("p", {}, text)));
    }
}

async function begin() {
    const me = await get("/api/v1/me");
    document.body.dataset.role = me.role;
    const brand = document.getElementById("brand");
    brand.textContent = me.brand;
    document.getElementById("logout").hidden = !me.session;
    if (me.role !== "read") upload.start(document.getElementById("upload"));
    feed.listen(showDegraded);
    feed.start();
    document.getElementById("skip").addEventListener("click", (event) => { // what stands behind # is the view
        event.preventDefault();
        main.focus();
    });
    window.addEventListener("hashchange", async () => {
        await show();
        main.focus({ preventScroll: true });
        scrollTo(0, 0);
    });
    await show();
}

begin().catch((problem) => {
    if (problem.status !== 401) main.replaceChildren(h("p", { class: "empty" }, problem.message));
});
