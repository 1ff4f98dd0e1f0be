// actions.js: what an operator does. Each is confirmed, told, and undone where that is possible; where not, the question says so.
import { attempt, confirm, get, h, number, operates, post, toast } from "./ui.js";

const UNDONE_AT_ONCE = 100;
const files = (n) => `${number(n)} ticket${n === 1 ? "" : "s"}`;

/** Of what was sent just now the name alone is known, which others may have too: by its folder it is told from theirs. */
async function idOf({ id, folder, file }) {
    if (id) return id;
    const { jobs } = await get(`/api/v1/jobs?text=${encodeURIComponent(file)}`);
    const job = jobs.find((j) => j.folder === folder && j.file === file);
    if (!job) throw new Error(`${file} is not known yet; look for it below Jobs`);
    return job.id;
}

/** Undo of what put tickets on their way: takes back those that still wait. tickets: {id}, or {folder, file} of what was sent. */
async function takeBack(tickets) {
    let done = 0, why = "";
    for (const ticket of tickets) {
        try {
            await post(`/api/v1/jobs/${encodeURIComponent(await idOf(ticket))}/cancel`);
            done++;
        } catch (problem) {
            if (problem.status === 401) return;
            why = problem.message;
        }
    }
    const late = tickets.length - done;
    toast((done ? `${files(done)} taken back, in the failed folder now.` : "") + (late ? ` ${files(late)} cannot be taken back any more: ${why}` : ""), { bad: late > 0 });
}

/** For a toast: only who may take back is offered it. */
export const undoBy = (tickets) => (operates() && tickets.length > 0 && tickets.length <= UNDONE_AT_ONCE ? { label: "Undo: take back what still waits", run: () => takeBack(tickets) } : null);

function tellRetried(result) {
    const refused = result.refused.map((r) => `${r.file}: ${r.why}`).join("\n");
    toast(`${files(result.retried.length)} put back into the hot folders.` + (result.more ? " There are more." : "") + (refused ? `\nRefused: ${refused}` : ""),
        { bad: result.refused.length > 0, undo: undoBy(result.retried) });
    return result;
}

/** what: {ids} or {filter} or {all}. Looks first what it would do. */
export async function retry(what) {
    return attempt(async () => {
        const found = await post("/api/v1/retry", { ...what, dry_run: true });
        if (found.retried.length === 0) {
            toast(found.refused.length ? `Nothing can be put back: ${found.refused[0].file}: ${found.refused[0].why}` : "Nothing failed that fits.", { bad: true });
            return null;
        }
        const some = found.retried.slice(0, 5).map((r) => r.file).join(", ") + (found.retried.length > 5 || found.more ? ", …" : "");
        const answer = await confirm(`Put back ${files(found.retried.length)}${found.more ? " (of more)" : ""}?`,
            `${some}. Each goes back into its hot folder; what was delivered is not delivered again. It can be taken back only while it waits.`, "Put back",
            { fields: [h("label", {}, h("span", {}, h("input", { type: "checkbox", name: "reroute" }), " deliver everywhere again, by today's routes"))] });
        return answer && tellRetried(await post("/api/v1/retry", { ...what, reroute: answer.get("reroute") === "on" }));
    });
}

export async function cancel(job) {
    return attempt(async () => {
        if (!(await confirm("Take this ticket back?", `${job.file} is not delivered any further and is set aside in the failed folder.`, "Take it back", { danger: true }))) return null;
        const result = await post(`/api/v1/jobs/${encodeURIComponent(job.id)}/cancel`);
        toast(`${job.file} is cancelled.`, { undo: { label: "Undo: put it back", run: () => retry({ ids: [job.id] }) } });
        return result;
    });
}

export async function hold(destination, held) {
    const call = (to) => post(`/api/v1/destinations/${encodeURIComponent(destination.name)}/${to ? "hold" : "release"}`);
    const question = held ? ["Nothing is delivered there until you release it, also after a restart. Its tickets wait and use up no attempts.", "Hold"]
        : [`${files(destination.in_hand)} waiting for it ${destination.in_hand === 1 ? "is" : "are"} delivered at once. What is delivered then is not taken back by holding it again.`, "Release"];
    return attempt(async () => {
        if (!(await confirm(`${question[1]} ${destination.label}?`, question[0], question[1], { danger: held }))) return null;
        const result = await call(held);
        toast(held ? `${destination.label} is held.` : `${destination.label} is released.`, { undo: { label: held ? "Undo: release it" : "Undo: hold it", run: () => attempt(() => call(!held)) } });
        return result;
    });
}

export async function scan() {
    return attempt(async () => {
        if (!(await confirm("Scan the hot folders now?", "Tickets that no event told of are found at once instead of at the next scan. There is nothing to undo: what is found is taken up anyway.", "Scan"))) return null;
        await post("/api/v1/scan");
        toast("The hot folders are scanned now.");
        return true;
    });
}
