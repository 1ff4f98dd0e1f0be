// routes.js: the routing table as a matrix, and where a ticket would go.
import { ask, attempt, get, h, query, table } from "./ui.js";

const clientsOf = (rule) => rule.conditions.client || ["*"];
const others = (rule) => Object.entries(rule.conditions).filter(([key]) => key !== "client").map(([key, values]) => `${key} ${values.join(" or ")}`).join(", ");

function matrix(r) {
    const clients = [...new Set([...r.rules.flatMap(clientsOf), "*"])].sort((a, b) => (a === "*") - (b === "*") || a.localeCompare(b));
    const destinations = r.destinations.filter((d) => d.name !== "archive");
    const cell = (client, d) => {
        const rules = r.rules.filter((rule) => rule.destinations.includes(d.name) && (clientsOf(rule).includes(client) || clientsOf(rule).includes("*")));
        if (rules.some((rule) => !others(rule))) return h("span", { class: "state good", title: rules.map((x) => `route ${x.name}, line ${x.line}`).join("; ") }, "always");
        return rules.map((rule) => h("div", { class: "soft", title: `route ${rule.name}, line ${rule.line}` }, others(rule)));
    };
    return table("Which client goes where (all of them to the archive)",
        [{ name: "Client", cell: (c) => (c === "*" ? "any other" : c) }, ...destinations.map((d) => ({ name: d.label, cell: (c) => cell(c, d) }))], r.rules.length ? clients : [], "routes.ini has no routes: everything goes to the archive only.", { wide: true });
}

function verdicts(list) {
    return table("Why", [
        { name: "Route", cell: (v) => `${v.route} (line ${v.line})` },
        { name: "Matches", cell: (v) => h("span", { class: "state " + (v.matched ? "good" : "calm") }, v.matched ? "yes" : "no") },
        { name: "Conditions", cell: (v) => v.conditions.map((c) => h("div", { class: c.held ? "" : "soft" }, `${c.held ? "✓" : "✗"} ${c.key} is ${c.values.join(" or ")}` + (c.is === null ? " (the ticket has none)" : ` (the ticket has ${c.is})`))) },
    ], [...list].sort((a, b) => b.matched - a.matched), "There are no routes.");
}

function explained(r) {
    if (!r.valid) return h("p", { class: "why" }, "It would fail: ", r.error);
    const to = r.destinations.map((d) => h("li", {}, h("strong", {}, d.label), " ", h("code", {}, d.path)));
    return h("div", {}, h("p", {}, `It would go to the archive of ${r.client}`, to.length ? " and to:" : " only."), to.length > 0 && h("ul", {}, to), r.routes && verdicts(r.routes));
}

function explainForm(clients) {
    const answer = h("div", { role: "status" });
    const sample = JSON.stringify({ JobSpecification: { JobDetails: { ClientCode: "RANK", JobCategory: "PRODUCTION", Title: "A title" } } }, null, 2);
    const form = h("form", { class: "stack", onsubmit: (event) => {
        event.preventDefault();
        const data = new FormData(form);
        attempt(async () => {
            const path = "/api/v1/explain" + query({ client: data.get("client"), name: data.get("name") });
            answer.replaceChildren(explained(await ask("POST", path, data.get("ticket"), "application/json")));
        });
    } },
        h("div", { class: "row" },
            h("label", {}, "Hot folder", h("input", { name: "client", list: "hot-folders", placeholder: "the ticket's ClientCode" }), h("datalist", { id: "hot-folders" }, clients.map((c) => h("option", { value: c.client })))),
            h("label", {}, "File name", h("input", { name: "name", placeholder: "x.json" }))),
        h("label", {}, "Ticket", h("textarea", { name: "ticket", required: true, spellcheck: "false" }, sample)),
        h("p", {}, h("button", { type: "submit", class: "primary" }, "Explain")));
    return h("section", { class: "card" }, h("h2", {}, "Where would a ticket go?"), form, answer);
}

export async function routes() {
    const [r, c] = await Promise.all([get("/api/v1/routes"), get("/api/v1/clients")]);
    return { elements: [h("h1", { class: "skip" }, "Routes"), h("section", { class: "card" }, matrix(r)), explainForm(c.clients)] };
}
