// reports.js: the daily reports: today's so far, and those that were made. Each opens as the page that is mailed.
import { attempt, confirm, get, h, operates, post, table, toast } from "./ui.js";

const address = (date, format) => `/api/v1/report?${date ? `date=${date}&` : ""}format=${format}`;
const page = (date, text, format = "html") => h("a", { href: address(date, format), target: "_blank", rel: "noopener" }, text);

async function mail(date) {
    if (!await confirm(`Mail the report of ${date} again?`, "It goes to whom the settings name.", "Mail it")) return;
    if (await attempt(() => post(`/api/v1/report/send?date=${date}`))) toast(`The report of ${date} is handed to the mail`);
}

export async function reports() {
    const { reports: dates } = await get("/api/v1/reports");
    const columns = [
        { name: "Day", cell: (date) => page(date, date) },
        { name: "As text", cell: (date) => page(date, "text", "text") },
        { name: "As JSON", cell: (date) => page(date, "JSON", "json") },
    ];
    if (operates()) columns.push({ name: "Mail", cell: (date) => h("button", { type: "button", class: "quiet", "aria-label": `Mail the report of ${date}`, onclick: () => mail(date) }, "Mail again") });
    return {
        elements: [
            h("h1", { class: "skip" }, "Reports"),
            h("section", { class: "card" }, h("p", {}, page("", "Today so far")), table("Daily reports", columns, dates, "None was made yet: the first is made when this day is over.")),
        ],
    };
}
