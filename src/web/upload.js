// upload.js: files into a hot folder, by a dialog or by dropping them on the page.
import { undoBy } from "./actions.js";
import { ask, attempt, confirm, get, h, toast } from "./ui.js";

async function send(client, files) {
    for (const file of files) {
        const path = `/upload/${encodeURIComponent(client)}?name=${encodeURIComponent(file.name)}`;
        const done = await attempt(() => ask("POST", path, file, "application/octet-stream"));
        if (done) toast(`${file.name} lies in the hot folder of ${client}.`, { undo: undoBy([{ folder: client, file: file.name }]) });
    }
}

export async function upload(dropped) {
    const clients = await attempt(() => get("/api/v1/clients"));
    if (!clients) return;
    if (clients.clients.length === 0) {
        toast("There is no client's hot folder yet: make one below the hot root first.", { bad: true });
        return;
    }
    const choice = h("select", { name: "client", required: true }, clients.clients.map((c) => h("option", {}, c.client)));
    const chosen = h("input", { type: "file", name: "files", multiple: true, required: true });
    const fields = [h("label", {}, "Client", choice)];
    if (!dropped) fields.push(h("label", {}, "Tickets", chosen));
    const names = dropped ? [...dropped].map((f) => f.name).join(", ") + ". " : "";
    const answer = await confirm("Upload tickets", names + "They are taken up and delivered at once, and can be taken back only while they wait.", "Upload", { fields });
    if (answer) await send(answer.get("client"), dropped || answer.getAll("files"));
}

export function start(button) {
    const body = document.body;
    button.hidden = false;
    button.addEventListener("click", () => upload(null));
    document.addEventListener("dragover", (event) => {
        if (!event.dataTransfer.types.includes("Files")) return;
        event.preventDefault();
        body.classList.add("dropping");
    });
    document.addEventListener("dragleave", (event) => {
        if (!event.relatedTarget) body.classList.remove("dropping");
    });
    document.addEventListener("drop", (event) => {
        event.preventDefault();
        body.classList.remove("dropping");
        const files = [...event.dataTransfer.files];
        if (files.length) upload(files);
    });
}
