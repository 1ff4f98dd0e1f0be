// docs.js: the API to be read: /openapi.json, drawn. Nothing here knows a single call.
import { get, h } from "./ui.js";

/** "#/components/schemas/Day/properties/hours" -> Day.hours */
const nameOf = (schema) => schema?.$ref?.split("/").slice(3).filter((part) => part !== "properties").join(".");
const schemaLink = (name) => h("a", { href: "#schema-" + name.split(".")[0] }, name);
const code = (text) => h("code", {}, text);
const word = (text) => h("span", { class: "nowrap" }, text);
const block = (text) => h("pre", { class: "card", tabindex: "0" }, code(text));
const firstOf = (content) => Object.entries(content || {})[0] || [null, null];

function typeOf(schema) {
    if (schema.$ref) return schemaLink(nameOf(schema));
    if (schema.enum) return schema.enum.join(" | ");
    if ("const" in schema) return String(schema.const);
    if (schema.oneOf) return schema.oneOf.flatMap((one, i) => (i ? [" | ", typeOf(one)] : [typeOf(one)]));
    const type = [schema.type ?? "any"].flat().join(" | ");
    return [schema.format ? `${type} (${schema.format})` : type, schema.items ? [" of ", typeOf(schema.items)] : []].flat(2);
}

/** Members, those of nested objects and lists too, by their whole names. */
function members(schema, before = "") {
    const rows = [];
    for (const [name, of] of Object.entries(schema.properties || {})) {
        rows.push({ name: before + name, of, always: (schema.required || []).includes(name) }, ...members(of, `${before}${name}.`));
    }
    if (schema.items) rows.push(...members(schema.items, before ? before.replace(/\.$/, "[].") : "[]."));
    const any = schema.additionalProperties;
    if (any && typeof any === "object") rows.push({ name: before + "*", of: any, always: false }, ...members(any, before + "*."));
    return rows;
}

function list(caption, head, rows) {
    return h("div", { class: "scroll" }, h("table", { class: "cards" }, h("caption", {}, caption),
        h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col", class: "nowrap" }, name)))),
        h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, i) => h("td", { "data-label": head[i] }, h("span", {}, cell))))))));
}

const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

/** What one would type; every parameter with its example. */
function command(method, path, operation, schemas) {
    const values = operation.parameters.map((p) => [p.name, p.example, p.in]);
    const target = values.filter((v) => v[2] === "path").reduce((t, [name, value]) => t.replace(`{${name}}`, encodeURIComponent(value)), path);
    const query = new URLSearchParams(values.filter((v) => v[2] === "query").map((v) => v.slice(0, 2))).toString();
    const words = ["curl"];
    if (!operation.security) words.push('-H "Authorization: Bearer $TOKEN"');
    for (const [name, value, where] of values) if (where === "header") words.push("-H", quoted(`${name}: ${value}`));
    const [type, body] = firstOf(operation.requestBody?.content);
    const example = body && schemas[nameOf(body.schema)]?.examples?.[0];
    if (method !== "get" && !example) words.push("-X", method.toUpperCase());
    words.push(quoted(location.origin + target + (query && "?" + query)));
    if (example && type === "application/json") words.push("-H", quoted("Content-Type: " + type), "-d", quoted(JSON.stringify(example)));
    else if (example) for (const [name, value] of Object.entries(example)) words.push("--data-urlencode", quoted(`${name}=${value}`));
    return words.join(" ");
}

function call(path, method, operation, schemas) {
    const statuses = Object.entries(operation.responses).filter(([name]) => name !== "default"), answer = statuses[0][1];
    const [type, media] = firstOf(answer.content), [bodyType, body] = firstOf(operation.requestBody?.content);
    const answered = nameOf(media?.schema), wanted = nameOf(body?.schema), example = schemas[answered]?.examples?.[0];
    return h("section", { class: "card apart", id: operation.operationId },
        h("div", { class: "row between" }, h("h2", {}, code(`${method.toUpperCase()} ${path}`)), h("span", { class: "state calm" }, operation["x-role"])),
        h("p", {}, operation.summary + "."),
        operation.parameters.length > 0 && list("Parameters", ["Name", "In", "What", "Example"],
            operation.parameters.map((p) => [word(code(p.name)), word(p.in), p.description, code(p.example)])),
        h("dl", { class: "facts" },
            wanted && [h("dt", {}, "Body"), h("dd", {}, schemaLink(wanted), ` (${bodyType})`)],
            h("dt", {}, "Answer"), h("dd", {}, statuses.map(([name, of]) => (statuses.length > 1 ? `${name} (${of.description})` : name)).join(", ") + " ", answered && schemaLink(answered), type && ` (${type})`)),
        block(command(method, path, operation, schemas)),
        example && block(typeof example === "string" ? example : JSON.stringify(example, null, 2)));
}

function schema(name, of) {
    const rows = members(of);
    return h("section", { class: "card apart", id: "schema-" + name }, h("h2", {}, name),
        of.description && h("p", {}, of.description),
        rows.length > 0 ? list("Members", ["Name", "Type", "What"], rows.map((m) => [[code(m.name), !m.always && h("span", { class: "soft" }, " (may be missing)")], typeOf(m.of), m.of.description || ""]))
            : h("p", {}, typeOf(of)));
}

async function begin() {
    const api = await get("/openapi.json");
    const schemas = api.components.schemas, calls = [];
    for (const [path, methods] of Object.entries(api.paths))
        for (const [method, operation] of Object.entries(methods)) calls.push({ path, method, operation });
    document.title = `${api.info.title} API`;
    document.getElementById("main").replaceChildren(
        h("div", {}, h("h1", {}, `${api.info.title} ${api.info.version}: the API`), h("p", {}, api.info.description)),
        h("section", { class: "card apart", id: "calls" }, list("Calls", ["Call", "What", "Role"],
            calls.map((c) => [h("a", { href: "#" + c.operation.operationId }, `${c.method.toUpperCase()} ${c.path}`), c.operation.summary, word(c.operation["x-role"])]))),
        ...calls.map((c) => call(c.path, c.method, c.operation, schemas)),
        h("h2", { class: "apart", id: "schemas" }, "Schemas"),
        ...Object.entries(schemas).map(([name, of]) => schema(name, of)));
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

begin().catch((problem) => document.getElementById("main").replaceChildren(h("p", { class: "empty" }, problem.message)));
